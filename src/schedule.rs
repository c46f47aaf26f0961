//! Which ticks are due at `now`, and when to look again.
//!
//! The ticks of an endpoint lie on a fixed grid: `offset + n * interval` since the Unix epoch,
//! the offset drawn from the endpoint's id. Endpoints spread over their interval, nothing drifts,
//! and a restart changes nothing: a tick that nobody took is visible as missed.
//!
//! After a failure an endpoint may ask for ticks of confirmation beside its grid. They are ticks
//! like any other: asked once, on record, and missed if they pass.
//!
//! A tick is handed out at most once, whatever the wall clock does, and every tick of the time
//! that passed is either handed out or counted as missed. No more are handed out than there is
//! room for: what waits here takes no memory, and is not under way.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::sla::catalog::{ConfirmationProbes, Endpoint, EndpointId};
use crate::sla::observation::{MissCause, Outcome};
use crate::sla::window::{HOUR_MS, Timestamp, Window};

/// A last tick so far ahead of the clock at the start comes from a clock that was wrong, not from
/// one that was put back; waiting for it could take years.
const PUT_BACK_MS_MAX: i64 = HOUR_MS;

/// How many stretches of ticks taken are remembered per endpoint; the earliest is forgotten.
const TAKEN_MAX: usize = 8;

/// A planned instant of asking one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Whom to ask.
    pub endpoint: EndpointId,
    /// The instant, on its grid or of a confirmation; at or before the present.
    pub at: Timestamp,
    /// The tick of the failure that it is to confirm, if it is beside the grid.
    pub confirms: Option<Timestamp>,
}

/// Ticks of one endpoint that passed without being handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedTicks {
    /// Whose.
    pub endpoint: EndpointId,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many, at least 1.
    pub count: u64,
    /// Why.
    pub cause: MissCause,
}

/// What has become due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// To be asked now, in order of their instants; at most one per endpoint.
    pub ticks: Vec<Tick>,
    /// Passed without being asked. Should the clock come back to them after a leap ahead, they
    /// may still become due.
    pub missed: Vec<MissedTicks>,
}

/// How one endpoint is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Whom.
    pub endpoint: EndpointId,
    /// How often, in milliseconds; at least 1.
    pub interval_ms: i64,
    /// How it is asked again after a failure.
    pub confirmation: Option<ConfirmationProbes>,
}

/// Asked at this interval in milliseconds, without confirmations.
impl From<(EndpointId, i64)> for Planned {
    fn from((endpoint, interval_ms): (EndpointId, i64)) -> Self {
        Self {
            endpoint,
            interval_ms,
            confirmation: None,
        }
    }
}

impl From<&Endpoint> for Planned {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.id.clone(),
            interval_ms: endpoint.interval_ms,
            confirmation: endpoint.confirmation,
        }
    }
}

/// When to ask each endpoint.
#[derive(Clone, Debug)]
pub struct Schedule {
    rows: Vec<Row>,
    row_idx: HashMap<EndpointId, usize>,
    /// When to look at each row. An entry that is not at its row's `wake` is out of date.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Missed before the start, not told yet.
    missed: Vec<MissedTicks>,
    /// The instant of the last question.
    asked: Timestamp,
    /// What was due up to here was not handed out yet, for want of room.
    held: Option<Timestamp>,
}

impl Schedule {
    /// A schedule that begins at `now`.
    ///
    /// `last` holds the latest tick already taken of each endpoint, as stored; endpoints that were
    /// never asked are left out. The newest tick of each endpoint is due at once unless it was taken; those between the
    /// last one taken and it are missed.
    pub fn new(
        endpoints: impl IntoIterator<Item = impl Into<Planned>>,
        last: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Self {
        let mut last_taken: HashMap<&EndpointId, Timestamp> = HashMap::new();
        for (id, at) in last {
            let latest = last_taken.entry(id).or_insert(*at);
            *latest = (*latest).max(*at);
        }
        let endpoints = endpoints.into_iter();
        let (n_endpoints, _) = endpoints.size_hint();
        let mut schedule = Self {
            rows: Vec::with_capacity(n_endpoints),
            row_idx: HashMap::with_capacity(n_endpoints),
            next: BinaryHeap::with_capacity(n_endpoints),
            missed: Vec::new(),
            asked: now,
            held: None,
        };
        for planned in endpoints {
            let mut row = Row::new(planned.into(), now);
            if let Some(last) = last_taken.get(&row.id) {
                schedule.missed.extend(row.resume(*last, now));
            }
            schedule.push(row);
        }
        schedule
    }

    /// From `now` on these endpoints, and only these, are asked.
    ///
    /// One that stays as it is goes on as if nothing had happened; one that gets another rhythm
    /// begins it with the newest tick; one that is new begins as in [`new`](Self::new), with `last`
    /// as there.
    pub fn replace(
        &mut self,
        endpoints: impl IntoIterator<Item = impl Into<Planned>>,
        last: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) {
        self.next.clear();
        let rows = std::mem::take(&mut self.rows).into_iter();
        let mut before: HashMap<EndpointId, Row> = rows.map(|row| (row.id.clone(), row)).collect();
        self.row_idx.clear();
        let endpoints = endpoints.into_iter();
        self.rows.reserve(endpoints.size_hint().0);
        for planned in endpoints {
            let mut row = Row::new(planned.into(), now);
            match before.remove(&row.id) {
                Some(same) if same.grid == row.grid => {
                    row = Row {
                        confirmation: row.confirmation,
                        ..same
                    };
                }
                Some(other) => {
                    row.in_flight = other.in_flight;
                    if let Some(last) = other.last {
                        row.take(row.grid.index_at(last));
                        row.wake = row.next_at(now);
                    }
                }
                None => {
                    let known = last.iter().filter(|(id, _)| *id == row.id);
                    if let Some(latest) = known.map(|(_, at)| *at).max() {
                        self.missed.extend(row.resume(latest, now));
                    }
                }
            }
            self.push(row);
        }
    }

    fn push(&mut self, row: Row) {
        self.next.push(Reverse((row.wake, self.rows.len())));
        self.row_idx.insert(row.id.clone(), self.rows.len());
        self.rows.push(row);
    }

    /// What has become due at `now`, and at most `room` ticks of it, the longest due first; the
    /// others stay due.
    ///
    /// Of each endpoint only the newest tick is handed out; older ones are missed. An endpoint
    /// whose previous tick was not [`finished`](Self::finished) misses the newest one too.
    pub fn due(&mut self, now: Timestamp, room: usize) -> Due {
        if now < self.asked {
            self.turn_back(now);
        }
        self.asked = now;
        let mut due = Due {
            ticks: Vec::new(),
            missed: std::mem::take(&mut self.missed),
        };
        while due.ticks.len() < room
            && let Some(Reverse((at, row_idx))) = self.next.peek().copied()
            && at <= now
        {
            self.next.pop();
            let row = &mut self.rows[row_idx];
            if row.wake == at {
                let cause = match self.held {
                    Some(held) if at <= held => MissCause::Overrun,
                    Some(_) | None => MissCause::Suspended,
                };
                row.due(now, cause, &mut due);
                self.next.push(Reverse((row.wake, row_idx)));
            }
        }
        let is_held = self.next_wake().is_some_and(|at| at <= now);
        self.held = is_held.then_some(now);
        due.ticks.sort_by_key(|tick| tick.at);
        due
    }

    /// The probe of the endpoint's last tick is over. After the first failure of a run, an endpoint
    /// that asks for it gets ticks of confirmation; the next good answer ends them.
    pub fn finished(&mut self, endpoint: &EndpointId, outcome: Outcome) {
        let Some(row_idx) = self.row_idx.get(endpoint).copied() else {
            return;
        };
        let row = &mut self.rows[row_idx];
        row.in_flight = false;
        if row.follow(outcome, self.asked) {
            self.next.push(Reverse((row.wake, row_idx)));
        }
    }

    /// When [`due`](Self::due) next has something to say; none without endpoints.
    ///
    /// A wait for this instant should be measured on the monotonic clock and be at most some
    /// seconds long, so that a wall clock that was set meanwhile is noticed.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.next.peek().map(|Reverse((at, _))| *at)
    }

    /// The clock was put back: ticks that it leapt over may be ahead again.
    fn turn_back(&mut self, now: Timestamp) {
        self.held = None;
        self.next = self
            .rows
            .iter_mut()
            .enumerate()
            .map(|(row_idx, row)| {
                row.confirmations.clear();
                row.wake = row.next_at(now);
                Reverse((row.wake, row_idx))
            })
            .collect();
    }
}

/// One endpoint.
#[derive(Clone, Debug)]
struct Row {
    id: EndpointId,
    grid: Grid,
    /// Stretches of ticks, first and last index, that must not be handed out (again): in order,
    /// disjoint. One, as long as the clock does not leap.
    taken: Vec<(i64, i64)>,
    /// Every tick up to this index was handed out or counted as missed.
    accounted: i64,
    /// The newest tick at the start. It is handed out if that can be done before the next one.
    began: i64,
    /// Whether it was asked before the start, so that `began` is one of a run of ticks.
    resumed: bool,
    in_flight: bool,
    /// The tick handed out last.
    last: Option<Timestamp>,
    confirmation: Option<ConfirmationProbes>,
    /// Whether a run of failures is under way.
    failing: bool,
    /// Ticks beside the grid that confirm the run's first failure, in order.
    confirmations: VecDeque<Timestamp>,
    /// The tick of that failure.
    confirms: Option<Timestamp>,
    /// When to look at it next.
    wake: Timestamp,
}

impl Row {
    fn new(planned: Planned, now: Timestamp) -> Self {
        let grid = Grid::new(&planned.endpoint, planned.interval_ms);
        let newest = grid.index_at(now);
        Self {
            id: planned.endpoint,
            grid,
            taken: Vec::new(),
            accounted: newest - 1,
            began: newest,
            resumed: false,
            in_flight: false,
            last: None,
            confirmation: planned.confirmation,
            failing: false,
            confirmations: VecDeque::new(),
            confirms: None,
            wake: grid.at(newest),
        }
    }

    /// Goes on after `last`, the latest tick that was taken before the start.
    fn resume(&mut self, last: Timestamp, now: Timestamp) -> Option<MissedTicks> {
        let last_idx = self.grid.index_at(last);
        let mut missed = None;
        self.resumed = true;
        if last.since(now) <= PUT_BACK_MS_MAX {
            // Everything up to the last one is over, however far the clock was put back.
            self.taken.push((i64::MIN, last_idx));
            self.accounted = last_idx;
            missed = self.miss(self.grid.index_at(now) - 1, MissCause::NotRunning);
        } else {
            self.taken.push((last_idx, last_idx));
        }
        self.wake = self.next_at(now);
        missed
    }

    /// The first regular tick that was not taken, from the newest at `now` on.
    fn next_at(&self, now: Timestamp) -> Timestamp {
        self.grid.at(self.next_from(self.grid.index_at(now)))
    }

    /// Hands out the newest tick that has become due; those before it are missed, for this cause.
    fn due(&mut self, now: Timestamp, cause: MissCause, due: &mut Due) {
        let newest = self.grid.index_at(now);
        if newest > self.began {
            // Nobody was there in its time; to one who was never asked, it was not owed.
            let missed = self.miss(self.began, MissCause::NotRunning);
            due.missed.extend(missed.filter(|_| self.resumed));
        }
        due.missed.extend(self.miss(newest - 1, cause));
        let regular = (!self.is_taken(newest)).then(|| self.grid.at(newest));
        let mut confirming = None;
        while let Some(at) = self.confirmations.front().copied()
            && at <= now
        {
            self.confirmations.pop_front();
            let passed = confirming.replace(at);
            due.missed
                .extend(passed.map(|at| self.missed_at(at, cause)));
        }
        if regular > confirming {
            let passed = confirming.take();
            due.missed
                .extend(passed.map(|at| self.missed_at(at, cause)));
        }
        if regular.is_some() {
            self.take(newest);
            if confirming.is_some() {
                due.missed.extend(self.miss(newest, cause));
            } else if self.in_flight {
                due.missed.extend(self.miss(newest, MissCause::Overrun));
            }
        }
        self.accounted = self.accounted.max(newest);
        match (confirming, regular) {
            (Some(at), _) if self.in_flight => {
                due.missed.push(self.missed_at(at, MissCause::Overrun));
            }
            (Some(at), _) | (None, Some(at)) if !self.in_flight => {
                self.in_flight = true;
                self.last = Some(at);
                due.ticks.push(Tick {
                    endpoint: self.id.clone(),
                    at,
                    confirms: confirming.and(self.confirms),
                });
            }
            _ => {}
        }
        self.wake_after(newest);
    }

    /// The next look: at the regular tick after `idx`, or at a confirmation before it.
    fn wake_after(&mut self, idx: i64) {
        let regular = self.grid.at(self.next_from(idx + 1));
        let confirming = self.confirmations.front().copied();
        self.wake = confirming.map_or(regular, |at| at.min(regular));
    }

    /// Whether confirmations were planned: `outcome` is the first failure of a run, and came of
    /// asking at `asked`.
    fn follow(&mut self, outcome: Outcome, asked: Timestamp) -> bool {
        match outcome {
            Outcome::Answered { .. } => {
                self.failing = false;
                self.confirmations.clear();
                return false;
            }
            Outcome::Void(_) => return false,
            Outcome::Failed(_) => {}
        }
        let (Some(confirmation), Some(failed), false) =
            (self.confirmation, self.last, self.failing)
        else {
            self.failing = true;
            return false;
        };
        self.failing = true;
        let idx = self.grid.index_at(failed);
        let regular = self.grid.at(idx + 1);
        self.confirms = Some(failed);
        // Each has its whole interval to end in before the next tick.
        self.confirmations = (1..=i64::from(confirmation.probes.get()))
            .map(|nth| failed.plus_ms(nth * confirmation.interval_ms))
            .take_while(|at| at.plus_ms(confirmation.interval_ms) <= regular)
            .filter(|at| asked < *at)
            .collect();
        self.wake_after(idx);
        !self.confirmations.is_empty()
    }

    fn missed_at(&self, at: Timestamp, cause: MissCause) -> MissedTicks {
        MissedTicks {
            endpoint: self.id.clone(),
            first: at,
            last: at,
            count: 1,
            cause,
        }
    }

    /// Counts what is not accounted for up to and with index `until`.
    fn miss(&mut self, until: i64, cause: MissCause) -> Option<MissedTicks> {
        let first = self.accounted + 1;
        let count = u64::try_from(until - self.accounted).ok()?;
        if count == 0 {
            return None;
        }
        self.accounted = until;
        Some(MissedTicks {
            endpoint: self.id.clone(),
            first: self.grid.at(first),
            last: self.grid.at(until),
            count,
            cause,
        })
    }

    fn is_taken(&self, idx: i64) -> bool {
        self.taken
            .iter()
            .any(|(first, last)| *first <= idx && idx <= *last)
    }

    /// The first index at or after `idx` that was not taken.
    fn next_from(&self, idx: i64) -> i64 {
        let mut next = idx;
        for (first, last) in &self.taken {
            if *first <= next && next <= *last {
                next = last + 1;
            }
        }
        next
    }

    fn take(&mut self, idx: i64) {
        let at = self.taken.partition_point(|(first, _)| *first <= idx);
        match at.checked_sub(1).map(|before| &mut self.taken[before]) {
            Some((_, last)) if *last + 1 == idx => *last = idx,
            Some(_) | None => {
                self.taken.insert(at, (idx, idx));
                if self.taken.len() > TAKEN_MAX {
                    self.taken.remove(0);
                }
            }
        }
    }
}

/// The ticks in `window` of an endpoint that is asked every `interval_ms` (at least 1).
pub fn ticks(
    endpoint: &EndpointId,
    interval_ms: i64,
    window: Window,
) -> impl Iterator<Item = Timestamp> + use<> {
    let grid = Grid::new(endpoint, interval_ms);
    let first = grid.index_at(window.start().plus_ms(-1)) + 1;
    (first..)
        .map(move |idx| grid.at(idx))
        .take_while(move |at| *at < window.end())
}

/// The instants `offset + n * interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    offset_ms: i64,
    interval_ms: i64,
}

impl Grid {
    fn new(id: &EndpointId, interval_ms: i64) -> Self {
        let interval_ms = interval_ms.max(1);
        let hash = fnv1a(id.as_str().as_bytes());
        // The remainder is smaller than the interval, which is an i64.
        let offset_ms = (hash % interval_ms.unsigned_abs()).cast_signed();
        Self {
            offset_ms,
            interval_ms,
        }
    }

    /// The index of the newest tick at or before `at`.
    fn index_at(&self, at: Timestamp) -> i64 {
        (at.unix_ms() - self.offset_ms).div_euclid(self.interval_ms)
    }

    fn at(&self, idx: i64) -> Timestamp {
        let ms = idx
            .saturating_mul(self.interval_ms)
            .saturating_add(self.offset_ms);
        Timestamp::from_unix_ms(ms.clamp(Timestamp::MIN.unix_ms(), Timestamp::MAX.unix_ms()))
            .unwrap_or(Timestamp::MAX)
    }
}

/// FNV-1a of 64 bits. The grid of every installation rests on it: it never changes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
