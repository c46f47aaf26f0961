//! A timeline seen through a commitment: the month cut into windows of one [`Class`].
//!
//! Here time stops being only a state: some of it is out of scope, some is excluded, some is
//! credited, and the rest counts.

use super::availability::Tally;
use super::commitment::{Maintenance, MaintenanceTerms, Terms};
use super::timeline::{State, Timeline};
use super::window::{Timestamp, Window, Windows};

/// How time counts under a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Counts as good.
    Up,
    /// Counts as good, and is shown.
    Degraded,
    /// Counts as bad.
    Down,
    /// Counts as good in the upper bound and as bad in the lower one.
    Unknown,
    /// Bad or unknown time of accepted planned work that the clause counts as good.
    Credited,
    /// Left out of the time that counts, by an accepted exclusion.
    Excluded,
    /// Left out of the time that counts: not connected, or outside service hours.
    OutOfScope,
}

impl Class {
    /// Every class, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Up,
        Self::Degraded,
        Self::Down,
        Self::Unknown,
        Self::Credited,
        Self::Excluded,
        Self::OutOfScope,
    ];

    /// Its stable name in files and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Credited => "credited",
            Self::Excluded => "excluded",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

impl From<State> for Class {
    fn from(state: State) -> Self {
        match state {
            State::Up => Self::Up,
            State::Degraded => Self::Degraded,
            State::Down => Self::Down,
            State::Unknown => Self::Unknown,
        }
    }
}

/// A window that somebody asked to be treated apart, and what became of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Why.
    pub kind: ExclusionKind,
    /// When.
    pub window: Window,
    /// When it was asked for, if known.
    pub declared: Option<Timestamp>,
    /// Only accepted ones act.
    pub acceptance: Acceptance,
    /// In words.
    pub reason: String,
}

/// Why a window should be treated apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExclusionKind {
    /// Planned work; the commitment says what becomes of it.
    Maintenance,
    /// An event nobody answers for.
    ForceMajeure,
    /// The partner's own network failed.
    PartnerNetwork,
    /// The partner asked for the stop.
    PartnerRequest,
    /// Our own measurement was wrong: what was seen in the window says nothing. Facts stay as they
    /// are; the time becomes Unknown.
    Correction,
    /// Another ground, told in the reason.
    Other,
}

impl ExclusionKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Maintenance,
        Self::ForceMajeure,
        Self::PartnerNetwork,
        Self::PartnerRequest,
        Self::Correction,
        Self::Other,
    ];

    /// Its stable name in files and stores.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::ForceMajeure => "force_majeure",
            Self::PartnerNetwork => "partner_network",
            Self::PartnerRequest => "partner_request",
            Self::Correction => "correction",
            Self::Other => "other",
        }
    }

    /// Whether an accepted window of this kind is left out whatever the commitment says.
    fn leaves_the_time_that_counts(self) -> bool {
        match self {
            Self::Maintenance | Self::Correction => false,
            Self::ForceMajeure | Self::PartnerNetwork | Self::PartnerRequest | Self::Other => true,
        }
    }

    /// The kind of this stable name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What became of a request for an exclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acceptance {
    /// It acts.
    Accepted,
    /// It would act if accepted; a second, conditional figure shows how much.
    Pending,
    /// It does not act.
    Refused,
}

/// The parts of a window that do not simply count, under some terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Connected, and within service hours.
    pub in_scope: Windows,
    /// Left out by exclusions; part of `in_scope`.
    pub excluded: Windows,
    /// Where bad and unknown time is credited; part of `in_scope`, apart from `excluded`.
    pub credited: Windows,
    /// Where what was seen was withdrawn, and is Unknown.
    pub withdrawn: Windows,
}

impl Scope {
    /// What membership, service hours and the exclusions that `acts` lets through make of
    /// `window` under `terms`.
    pub fn new(
        window: Window,
        membership: &Windows,
        exclusions: &[Exclusion],
        terms: &Terms,
        acts: impl Fn(Acceptance) -> bool,
    ) -> Self {
        let mut in_scope = membership.intersection(&window.into());
        if let Some(hours) = &terms.service_hours {
            in_scope = in_scope.intersection(&hours.within(window));
        }
        let acting = || {
            exclusions
                .iter()
                .filter(|exclusion| acts(exclusion.acceptance))
        };
        let planned = |conditions: &MaintenanceTerms| {
            let qualifying: Windows = announced(acting(), conditions.notice_ms)
                .into_iter()
                .map(|exclusion| exclusion.window)
                .collect();
            let mut qualifying = qualifying.intersection(&in_scope);
            if let Some(hours) = &conditions.hours {
                qualifying = qualifying.intersection(&hours.within(window));
            }
            match conditions.cap_ms {
                Some(cap_ms) => qualifying.first_ms(cap_ms),
                None => qualifying,
            }
        };
        let of_kinds = |wanted: fn(ExclusionKind) -> bool| -> Windows {
            acting()
                .filter(|exclusion| wanted(exclusion.kind))
                .map(|exclusion| exclusion.window)
                .collect()
        };
        let mut excluded =
            of_kinds(ExclusionKind::leaves_the_time_that_counts).intersection(&in_scope);
        let withdrawn = of_kinds(|kind| kind == ExclusionKind::Correction);
        let mut credited = Windows::none();
        match &terms.maintenance {
            Maintenance::Counted => {}
            Maintenance::Excluded(conditions) => excluded = excluded.union(&planned(conditions)),
            Maintenance::Credited(conditions) => {
                credited = planned(conditions).difference(&excluded);
            }
        }
        Self {
            in_scope,
            excluded,
            credited,
            withdrawn,
        }
    }

    /// All of `window` counts as it is.
    pub fn everything(window: Window) -> Self {
        Self {
            in_scope: window.into(),
            excluded: Windows::none(),
            credited: Windows::none(),
            withdrawn: Windows::none(),
        }
    }

    /// The time that counts (rule 12).
    pub fn counted(&self) -> Windows {
        self.in_scope.difference(&self.excluded)
    }
}

/// The planned work among `exclusions` that was announced as it should be: in time, and not to
/// lengthen work that had begun. Windows that touch or overlap are one piece of work.
pub fn announced<'a>(
    exclusions: impl Iterator<Item = &'a Exclusion>,
    notice_ms: i64,
) -> Vec<&'a Exclusion> {
    let mut works: Vec<&Exclusion> = exclusions
        .filter(|exclusion| exclusion.kind == ExclusionKind::Maintenance)
        .collect();
    let whole: Windows = works.iter().map(|work| work.window).collect();
    let began = |work: &Exclusion| {
        let piece = whole.at(work.window.start());
        piece.map_or(work.window.start(), |piece| piece.start())
    };
    works.retain(|work| {
        let lengthens = work.declared.is_some_and(|declared| began(work) < declared);
        in_time(work, notice_ms) && !lengthens
    });
    works
}

/// Whether planned work was declared early enough. Work declared after its start is never in
/// time; where no notice is asked for and no declaration is recorded, it is.
pub fn in_time(exclusion: &Exclusion, notice_ms: i64) -> bool {
    match exclusion.declared {
        Some(declared) => exclusion.window.start().since(declared) >= notice_ms,
        None => notice_ms <= 0,
    }
}

/// A window of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub window: Window,
    /// How it counts.
    pub class: Class,
}

/// Entries that cover a window exactly: in order, no gap, no overlap, neighbours of different
/// class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    window: Window,
    entries: Vec<Entry>,
}

impl Ledger {
    /// `timeline` over `window`, seen through `scope`.
    pub fn new(window: Window, timeline: &Timeline, scope: &Scope) -> Self {
        let mut cuts: Vec<Timestamp> = vec![window.start(), window.end()];
        let sets = [
            &scope.in_scope,
            &scope.excluded,
            &scope.credited,
            &scope.withdrawn,
        ];
        let set_edges = sets
            .iter()
            .flat_map(|set| set.iter())
            .flat_map(|piece| [piece.start(), piece.end()]);
        // Each segment ends where the next one begins.
        let state_edges = timeline
            .segments()
            .iter()
            .map(|segment| segment.window.start())
            .chain([timeline.window().end()]);
        cuts.extend(
            set_edges
                .chain(state_edges)
                .filter(|at| window.contains(*at)),
        );
        // A stable sort merges what is in order already.
        cuts.sort();
        cuts.dedup();

        let mut in_scope = Cursor::new(&scope.in_scope);
        let mut excluded = Cursor::new(&scope.excluded);
        let mut credited = Cursor::new(&scope.credited);
        let mut withdrawn = Cursor::new(&scope.withdrawn);
        let mut segments = timeline.segments().iter().peekable();
        let mut entries: Vec<Entry> = Vec::with_capacity(cuts.len());
        for (start, end) in cuts.iter().zip(cuts.iter().skip(1)) {
            let Some(piece) = Window::between(*start, *end) else {
                continue;
            };
            while segments
                .next_if(|segment| segment.window.end() <= *start)
                .is_some()
            {}
            let seen = segments
                .peek()
                .filter(|segment| segment.window.contains(*start))
                .map_or(State::Unknown, |segment| segment.state);
            let state = if withdrawn.contains(*start) {
                State::Unknown
            } else {
                seen
            };
            let credited = credited.contains(*start);
            let class = if !in_scope.contains(*start) {
                Class::OutOfScope
            } else if excluded.contains(*start) {
                Class::Excluded
            } else if credited && matches!(state, State::Down | State::Unknown) {
                Class::Credited
            } else {
                Class::from(state)
            };
            match entries.last_mut() {
                Some(last) if last.class == class => last.window = last.window.hull(&piece),
                _ => entries.push(Entry {
                    window: piece,
                    class,
                }),
            }
        }
        Self { window, entries }
    }

    /// What it covers.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Milliseconds by class over the whole window.
    pub fn tally(&self) -> Tally {
        self.tally_within(self.window)
    }

    /// Milliseconds by class over a part of the window. Tallies of parts add up to the tally of
    /// the whole.
    pub fn tally_within(&self, part: Window) -> Tally {
        let first = self
            .entries
            .partition_point(|entry| entry.window.end() <= part.start());
        self.entries
            .iter()
            .skip(first)
            .take_while(|entry| entry.window.start() < part.end())
            .filter_map(|entry| Some((entry.class, entry.window.intersection(&part)?)))
            .fold(Tally::default(), |mut tally, (class, window)| {
                tally.add_ms(class, window.length_ms());
                tally
            })
    }

    /// The part with the lowest certain availability, among those in which time counted; the
    /// earliest of equals.
    pub fn worst(&self, parts: impl IntoIterator<Item = Window>) -> Option<(Window, Tally)> {
        parts
            .into_iter()
            .filter_map(|part| {
                let tally = self.tally_within(part);
                Some((tally.availability()?.lower, part, tally))
            })
            .min_by_key(|(lower, _, _)| *lower)
            .map(|(_, part, tally)| (part, tally))
    }
}

/// Asks an ordered set about instants in order.
struct Cursor<'a> {
    rest: std::slice::Iter<'a, Window>,
    current: Option<&'a Window>,
}

impl<'a> Cursor<'a> {
    fn new(set: &'a Windows) -> Self {
        let mut rest = set.iter();
        let current = rest.next();
        Self { rest, current }
    }

    fn contains(&mut self, at: Timestamp) -> bool {
        while self.current.is_some_and(|window| window.end() <= at) {
            self.current = self.rest.next();
        }
        self.current.is_some_and(|window| window.contains(at))
    }
}
