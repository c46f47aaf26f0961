//! From facts to states: what an endpoint or a service was, at every instant of a window.
//!
//! Observations of one vantage become a track ([`Track::observed`]), the tracks of an endpoint's
//! vantages become the endpoint's timeline ([`quorum`]), the endpoints' timelines become the
//! service's ([`compose`]), and runs of Down that are too short to count are taken out of it
//! ([`forgive_short_outages`]).
//!
//! Every step is monotone: an observation that turns from failed to answered never lowers what
//! comes out, and time that turns from Unknown to anything known never moves a bound outwards.
//! A clause that forgives short outages brings one exception of its own: a short silence stays
//! Unknown, while the same time proven Down is forgiven, so there the proof of a failure can
//! raise the lower bound.

use std::borrow::Cow;

use super::catalog::EndpointId;
use super::commitment::{Confirmation, Degraded, Quorum, Rule};
use super::observation::{Outcome, Sequence};
use super::window::{Timestamp, Window, Windows};

/// What it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It answered as expected.
    Up,
    /// It answered, slowly or in part.
    Degraded,
    /// It did not answer, or not as expected.
    Down,
    /// Silence, a void observation, or votes that cannot decide.
    #[default]
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Up, Self::Degraded, Self::Down, Self::Unknown];

    /// Its stable name in files and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// A window with one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When.
    pub window: Window,
    /// What it was.
    pub state: State,
}

/// Segments that cover a window exactly: in order, no gap, no overlap, neighbours of different
/// state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    window: Window,
    segments: Vec<Segment>,
}

impl Timeline {
    /// One state throughout.
    pub fn constant(window: Window, state: State) -> Self {
        Self {
            window,
            segments: vec![Segment { window, state }],
        }
    }

    /// What the segments say, Unknown elsewhere. Where two overlap, the later in order of start
    /// holds; segments that may overlap are refused where they come in.
    pub fn from_segments(window: Window, segments: &[Segment]) -> Self {
        let mut sorted = Cow::Borrowed(segments);
        if !segments.is_sorted_by_key(|segment| segment.window.start()) {
            sorted
                .to_mut()
                .sort_by_key(|segment| segment.window.start());
        }
        let mut builder = Builder::new(window);
        for segment in sorted.iter() {
            builder.say(segment.window.start(), segment.window.end(), segment.state);
        }
        builder.finish()
    }

    /// What it covers.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What it was at `at`; Unknown outside the window.
    pub fn state_at(&self, at: Timestamp) -> State {
        let after = self
            .segments
            .partition_point(|segment| segment.window.start() <= at);
        after
            .checked_sub(1)
            .and_then(|before| self.segments.get(before))
            .filter(|segment| segment.window.contains(at))
            .map_or(State::Unknown, |segment| segment.state)
    }

    /// The same over `window`: cut where this one is longer, Unknown where it is shorter.
    pub fn over(&self, window: Window) -> Self {
        Self::from_segments(window, &self.segments)
    }

    /// When it was in `state`.
    pub fn when(&self, state: State) -> Windows {
        self.segments
            .iter()
            .filter(|segment| segment.state == state)
            .map(|segment| segment.window)
            .collect()
    }

    /// The longest runs in which `member` holds for the state, in order.
    pub fn runs(&self, member: impl Fn(State) -> bool) -> Windows {
        self.segments
            .iter()
            .filter(|segment| member(segment.state))
            .map(|segment| segment.window)
            .collect()
    }
}

/// Writes a timeline from left to right; what nobody says is Unknown.
struct Builder {
    window: Window,
    segments: Vec<Segment>,
    /// The state said last, and until when it holds at most.
    said: Option<(State, Timestamp)>,
    /// Everything before is written.
    written: Timestamp,
}

impl Builder {
    fn new(window: Window) -> Self {
        Self {
            window,
            segments: Vec::new(),
            said: None,
            written: window.start(),
        }
    }

    /// From `at` on it was `state`, until `end` or until said otherwise. Calls come in order of
    /// time.
    fn say(&mut self, at: Timestamp, end: Timestamp, state: State) {
        match &mut self.said {
            // What goes on needs no writing: most observations say what the one before said.
            Some((said, until)) if *said == state && at <= *until => *until = end,
            _ => {
                self.write_until(at);
                self.said = Some((state, end));
            }
        }
    }

    fn write_until(&mut self, at: Timestamp) {
        let at = at.min(self.window.end());
        if let Some((state, end)) = self.said {
            self.push(end.min(at), state);
        }
        self.push(at, State::Unknown);
    }

    fn push(&mut self, until: Timestamp, state: State) {
        let Some(window) = Window::between(self.written, until) else {
            return;
        };
        self.written = until;
        match self.segments.last_mut() {
            Some(last) if last.state == state => last.window = last.window.hull(&window),
            _ => self.segments.push(Segment { window, state }),
        }
    }

    fn finish(mut self) -> Timeline {
        self.write_until(self.window.end());
        Timeline {
            window: self.window,
            segments: self.segments,
        }
    }
}

/// How the observations of one vantage are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How long one observation speaks, in milliseconds.
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
    /// Whether Degraded counts as a failure.
    pub degraded: Degraded,
    /// How many failures make it Down.
    pub confirmation: Confirmation,
}

impl Reading {
    /// What one observation says, before confirmation.
    pub fn state(&self, outcome: Outcome) -> State {
        match outcome {
            Outcome::Answered {
                latency_us,
                partial,
            } => {
                let slow = self.latency_objective_ms.is_some_and(|objective_ms| {
                    u64::from(latency_us) > u64::from(objective_ms) * 1_000
                });
                match (slow || partial, self.degraded) {
                    (false, _) => State::Up,
                    (true, Degraded::Up) => State::Degraded,
                    (true, Degraded::Down) => State::Down,
                }
            }
            Outcome::Failed(_) => State::Down,
            Outcome::Void(_) => State::Unknown,
        }
    }
}

/// What one vantage saw of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// The states.
    pub timeline: Timeline,
    /// Failures that a success refuted before they were confirmed; the timeline says Up there.
    pub transient: Windows,
}

impl Track {
    /// What the observations of one vantage say about `window`.
    ///
    /// An observation speaks from its instant until the next one, at most its validity; beyond
    /// that is silence, which is Unknown. Of several at one instant the worst counts.
    ///
    /// A run of failures is confirmed when [`Confirmation::failures`] of them in a row lie within
    /// [`Confirmation::within_ms`]; it is then Down from its first failure. A run that is not
    /// confirmed is refuted, and Up, when a known good answer stands on both sides of it, the one
    /// behind it within the same time of the first failure. Any other run is Unknown: silence
    /// beside it may hide the missing failures as well as the missing success.
    pub fn observed(window: Window, sequence: &Sequence<'_>, reading: &Reading) -> Self {
        let mut builder = Builder::new(window);
        let mut transient = Vec::new();
        let mut run: Option<Run> = None;
        // Whether the observation before still spoke, and said that it worked.
        let mut good_until: Option<Timestamp> = None;

        let mut rest = sequence.as_slice().iter().peekable();
        let mut unbroken = sequence.unbroken().iter().peekable();
        while let Some(observation) = rest.next() {
            let at = observation.at;
            let mut state = reading.state(observation.outcome);
            while let Some(twin) = rest.next_if(|next| next.at == at) {
                state = worse(state, reading.state(twin.outcome));
            }
            let mut speaks_until = at.plus_ms(reading.validity_ms);
            if let Some(stretch) = unbroken.next_if(|stretch| stretch.first <= at) {
                // Those between the first and the last go on where it ends.
                speaks_until = speaks_until.max(stretch.last);
            }

            // Silence since the last observation ends a run without deciding it.
            if let Some(open) = run.take_if(|open| open.speaks_until < at) {
                let end = open.speaks_until;
                open.close(end, None, reading, &mut builder, &mut transient);
            }
            match state {
                State::Down => {
                    let open = run.get_or_insert_with(|| {
                        Run::new(at, good_until.is_some_and(|until| at <= until))
                    });
                    open.add(at, speaks_until, reading.confirmation);
                    good_until = None;
                }
                State::Up | State::Degraded | State::Unknown => {
                    let good = state != State::Unknown;
                    if let Some(open) = run.take() {
                        let success = good.then_some(at);
                        open.close(at, success, reading, &mut builder, &mut transient);
                    }
                    builder.say(at, speaks_until, state);
                    good_until = good.then_some(speaks_until);
                }
            }
        }
        if let Some(open) = run {
            let end = open.speaks_until;
            open.close(end, None, reading, &mut builder, &mut transient);
        }
        Self {
            timeline: builder.finish(),
            transient: transient.into_iter().collect(),
        }
    }

    /// What is known already; confirmation does not apply to it.
    pub fn known(window: Window, segments: &[Segment], degraded: Degraded) -> Self {
        let judged: Vec<Segment> = segments
            .iter()
            .map(|segment| Segment {
                state: match (segment.state, degraded) {
                    (State::Degraded, Degraded::Down) => State::Down,
                    (state, _) => state,
                },
                ..*segment
            })
            .collect();
        Self {
            timeline: Timeline::from_segments(window, &judged),
            transient: Windows::none(),
        }
    }
}

/// Of two observations at one instant, the one that counts.
fn worse(left: State, right: State) -> State {
    match (left, right) {
        (State::Unknown, known) | (known, State::Unknown) => known,
        (left, right) => left.max(right),
    }
}

/// Failures in a row, with no silence between them.
struct Run {
    first: Timestamp,
    /// Whether a good answer still spoke when it began.
    good_before: bool,
    /// The instants of the last failures, as many as confirmation asks for.
    last: std::collections::VecDeque<Timestamp>,
    confirmed: bool,
    speaks_until: Timestamp,
}

impl Run {
    fn new(first: Timestamp, good_before: bool) -> Self {
        Self {
            first,
            good_before,
            last: std::collections::VecDeque::new(),
            confirmed: false,
            speaks_until: first,
        }
    }

    fn add(&mut self, at: Timestamp, speaks_until: Timestamp, confirmation: Confirmation) {
        self.speaks_until = speaks_until;
        if self.confirmed {
            return;
        }
        self.last.push_back(at);
        let failures = usize::try_from(confirmation.failures.get()).unwrap_or(usize::MAX);
        if self.last.len() > failures {
            self.last.pop_front();
        }
        self.confirmed = self.last.len() == failures
            && self
                .last
                .front()
                .is_some_and(|first| at.since(*first) <= confirmation.within_ms);
        if self.confirmed {
            self.last.clear();
        }
    }

    /// Ends the run at `end`, because of `success` if there was one.
    fn close(
        self,
        end: Timestamp,
        success: Option<Timestamp>,
        reading: &Reading,
        builder: &mut Builder,
        transient: &mut Vec<Window>,
    ) {
        let refuted = self.good_before
            && success.is_some_and(|at| at.since(self.first) <= reading.confirmation.within_ms);
        let state = if self.confirmed {
            State::Down
        } else if refuted {
            transient.extend(
                Window::between(self.first, end)
                    .and_then(|window| window.intersection(&builder.window)),
            );
            State::Up
        } else {
            State::Unknown
        };
        builder.say(self.first, end, state);
    }
}

/// How many say what, at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Votes {
    up: usize,
    degraded: usize,
    down: usize,
    unknown: usize,
}

impl Votes {
    fn count(&mut self, state: State) -> &mut usize {
        match state {
            State::Up => &mut self.up,
            State::Degraded => &mut self.degraded,
            State::Down => &mut self.down,
            State::Unknown => &mut self.unknown,
        }
    }

    fn with_silent(self, n_more: usize) -> Self {
        Self {
            unknown: self.unknown + n_more,
            ..self
        }
    }

    /// Down if `needed` say so, not Down if the unknown ones could not make it so.
    fn quorum(&self, needed: usize) -> State {
        if self.down >= needed {
            State::Down
        } else if self.down + self.unknown >= needed {
            State::Unknown
        } else if self.down + self.degraded >= needed {
            State::Degraded
        } else {
            State::Up
        }
    }

    /// Available if `needed` are, Down if the unknown ones could not make it so.
    fn at_least(&self, needed: usize) -> State {
        if self.up >= needed {
            State::Up
        } else if self.up + self.degraded >= needed {
            State::Degraded
        } else if self.up + self.degraded + self.unknown >= needed {
            State::Unknown
        } else {
            State::Down
        }
    }
}

/// Counts the votes of `timelines` over `window`: from its start to its end, piece by piece, how
/// many say what. A timeline says nothing outside its own window.
fn count_votes(window: Window, timelines: &[&Timeline], mut each: impl FnMut(Window, &Votes)) {
    let mut votes = Votes {
        unknown: timelines.len(),
        ..Votes::default()
    };
    let mut changes: Vec<(Timestamp, usize, State)> = timelines
        .iter()
        .enumerate()
        .flat_map(|(idx, timeline)| {
            let starts = timeline
                .segments()
                .iter()
                .map(move |segment| (segment.window.start(), idx, segment.state));
            starts.chain([(timeline.window().end(), idx, State::Unknown)])
        })
        .collect();
    // Stable, because it finds and merges what is in order already.
    changes.sort_by_key(|(at, _, _)| *at);

    let mut states = vec![State::Unknown; timelines.len()];
    let mut counted = window.start();
    for (at, idx, state) in changes {
        if let Some(piece) = Window::between(counted, at.min(window.end())) {
            each(piece, &votes);
            counted = piece.end();
        }
        if let Some(before) = states.get_mut(idx) {
            *votes.count(*before) -= 1;
            *votes.count(state) += 1;
            *before = state;
        }
    }
    if let Some(piece) = Window::between(counted, window.end()) {
        each(piece, &votes);
    }
}

/// What an endpoint was, and when its vantages contradicted each other without deciding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consensus {
    /// The states.
    pub timeline: Timeline,
    /// Some said Down and some not, and those who said Down were too few.
    pub disputed: Windows,
}

/// What the vantages of one endpoint say together (rule 10).
///
/// With `d` Down, `u` silent and `k` needed: Down if `d >= k`, not Down if `d + u < k`, otherwise
/// Unknown. No vantage at all is Unknown.
pub fn quorum(window: Window, tracks: &[&Timeline], quorum: Quorum) -> Consensus {
    let needed = quorum.needed(tracks.len());
    let missing = needed.saturating_sub(tracks.len());
    if tracks.is_empty() {
        return Consensus {
            timeline: Timeline::constant(window, State::Unknown),
            disputed: Windows::none(),
        };
    }
    if let [only] = tracks
        && needed == 1
    {
        return Consensus {
            timeline: only.over(window),
            disputed: Windows::none(),
        };
    }
    let mut builder = Builder::new(window);
    let mut disputed = Vec::new();
    count_votes(window, tracks, |piece, votes| {
        // A vantage that the quorum counts on and that is not there is silent.
        let votes = votes.with_silent(missing);
        builder.say(piece.start(), piece.end(), votes.quorum(needed));
        if votes.down > 0 && votes.down < needed && votes.up + votes.degraded > 0 {
            disputed.push(piece);
        }
    });
    Consensus {
        timeline: builder.finish(),
        disputed: disputed.into_iter().collect(),
    }
}

/// A vantage that votes.
#[derive(Clone, Copy, Debug)]
pub struct Voter<'a> {
    /// What it says.
    pub timeline: &'a Timeline,
    /// While it takes part; absent: always.
    pub present: Option<Window>,
}

/// What the vantages of one endpoint say together, each counted only while it is present: the
/// [`quorum`] of those who are there, piece by piece.
pub fn quorum_of_present(window: Window, voters: &[Voter<'_>], needed: Quorum) -> Consensus {
    let borders = voters
        .iter()
        .filter_map(|voter| voter.present?.intersection(&window))
        .flat_map(|present| [present.start(), present.end()]);
    let mut cuts: Vec<Timestamp> = [window.start(), window.end()]
        .into_iter()
        .chain(borders)
        .collect();
    cuts.sort_unstable();
    let mut builder = Builder::new(window);
    let mut disputed = Windows::none();
    for (start, end) in cuts.iter().zip(cuts.iter().skip(1)) {
        let Some(piece) = Window::between(*start, *end) else {
            continue;
        };
        let there: Vec<&Timeline> = voters
            .iter()
            .filter(|voter| {
                voter
                    .present
                    .is_none_or(|present| present.contains(piece.start()))
            })
            .map(|voter| voter.timeline)
            .collect();
        let consensus = quorum(piece, &there, needed);
        for segment in consensus.timeline.segments() {
            builder.say(segment.window.start(), segment.window.end(), segment.state);
        }
        disputed = disputed.union(&consensus.disputed);
    }
    Consensus {
        timeline: builder.finish(),
        disputed,
    }
}

/// What the endpoints of a service make together, at every instant and never on percentages
/// (rule 11). No endpoint at all is Unknown.
pub fn compose(window: Window, endpoints: &[(&EndpointId, &Timeline)], rule: &Rule) -> Timeline {
    let timelines: Vec<&Timeline> = endpoints.iter().map(|(_, timeline)| *timeline).collect();
    let n_needed = match rule {
        Rule::All => timelines.len(),
        Rule::Any => 1,
        Rule::AtLeast(n) => usize::try_from(n.get()).unwrap_or(usize::MAX),
        Rule::Main(main) => {
            return endpoints.iter().find(|(id, _)| *id == main).map_or(
                Timeline::constant(window, State::Unknown),
                |(_, timeline)| timeline.over(window),
            );
        }
    };
    if timelines.is_empty() {
        return Timeline::constant(window, State::Unknown);
    }
    let missing = n_needed.saturating_sub(timelines.len());
    let mut builder = Builder::new(window);
    count_votes(window, &timelines, |piece, votes| {
        // An endpoint that the rule counts on and that is not there is silent.
        let state = votes.with_silent(missing).at_least(n_needed);
        builder.say(piece.start(), piece.end(), state);
    });
    builder.finish()
}

/// Takes out runs of Down shorter than `minimum_ms` (rule 9).
///
/// A short run stays Up, unless Unknown time beside it could make it long enough: then it is
/// Unknown. What lies beyond the timeline is Unknown.
pub fn forgive_short_outages(timeline: &Timeline, minimum_ms: i64) -> Timeline {
    if minimum_ms <= 0 {
        return timeline.clone();
    }
    let window = timeline.window();
    let doubtful = timeline.runs(|state| matches!(state, State::Down | State::Unknown));
    let mut stretches = doubtful.iter().peekable();
    let judged: Vec<Segment> = timeline
        .segments()
        .iter()
        .map(|segment| {
            if segment.state != State::Down || segment.window.length_ms() >= minimum_ms {
                return *segment;
            }
            while stretches
                .next_if(|stretch| stretch.end() <= segment.window.start())
                .is_some()
            {}
            let could_be_long = stretches.peek().is_some_and(|stretch| {
                stretch.length_ms() >= minimum_ms
                    || stretch.start() == window.start()
                    || stretch.end() == window.end()
            });
            Segment {
                state: if could_be_long {
                    State::Unknown
                } else {
                    State::Up
                },
                ..*segment
            }
        })
        .collect();
    Timeline::from_segments(window, &judged)
}
