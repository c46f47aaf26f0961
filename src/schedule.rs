//! Which ticks are due at `now`, and when to look again.
//!
//! The ticks of an endpoint lie on a fixed grid: `offset + n * interval` since the Unix epoch,
//! the offset drawn from the endpoint's id. Endpoints spread over their interval, nothing drifts,
//! and a restart changes nothing: a tick that nobody took is visible as missed.
//!
//! A tick is handed out at most once, whatever the wall clock does, and every tick of the time
//! that passed is either handed out or counted as missed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::sla::catalog::EndpointId;
use crate::sla::observation::MissCause;
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
    /// The instant on its grid; at or before the present.
    pub at: Timestamp,
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

/// When to ask each endpoint.
#[derive(Clone, Debug)]
pub struct Schedule {
    rows: Vec<Row>,
    row_idx: HashMap<EndpointId, usize>,
    /// The next instant of each row; exactly one per row.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Missed before the start, not told yet.
    missed: Vec<MissedTicks>,
    /// The instant of the last question.
    asked: Timestamp,
}

impl Schedule {
    /// A schedule that begins at `now`.
    ///
    /// `endpoints` come with their interval in milliseconds (at least 1). `last` holds the latest
    /// tick already taken of each endpoint, as stored; endpoints that were never asked are left
    /// out. The newest tick of each endpoint is due at once unless it was taken; those between the
    /// last one taken and it are missed.
    pub fn new(
        endpoints: impl IntoIterator<Item = (EndpointId, i64)>,
        last: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Self {
        let mut last_taken: HashMap<&EndpointId, Timestamp> = HashMap::new();
        for (id, at) in last {
            let latest = last_taken.entry(id).or_insert(*at);
            *latest = (*latest).max(*at);
        }
        let mut schedule = Self {
            rows: Vec::new(),
            row_idx: HashMap::new(),
            next: BinaryHeap::new(),
            missed: Vec::new(),
            asked: now,
        };
        for (id, interval_ms) in endpoints {
            let grid = Grid::new(&id, interval_ms);
            let newest = grid.index_at(now);
            let mut row = Row {
                grid,
                taken: Vec::new(),
                accounted: newest - 1,
                in_flight: false,
                id,
            };
            if let Some(last) = last_taken.get(&row.id) {
                let last_idx = grid.index_at(*last);
                if last.since(now) <= PUT_BACK_MS_MAX {
                    // Everything up to the last one is over, however far the clock was put back.
                    row.taken.push((i64::MIN, last_idx));
                    row.accounted = last_idx;
                    let missed = row.miss(newest - 1, MissCause::NotRunning);
                    schedule.missed.extend(missed);
                } else {
                    row.taken.push((last_idx, last_idx));
                }
            }
            let at = row.grid.at(row.next_from(newest));
            schedule.next.push(Reverse((at, schedule.rows.len())));
            schedule.row_idx.insert(row.id.clone(), schedule.rows.len());
            schedule.rows.push(row);
        }
        schedule
    }

    /// What has become due at `now`.
    ///
    /// Of each endpoint only the newest tick is handed out; older ones are missed. An endpoint
    /// whose previous tick was not [`finished`](Self::finished) misses the newest one too.
    pub fn due(&mut self, now: Timestamp) -> Due {
        if now < self.asked {
            self.turn_back(now);
        }
        self.asked = now;
        let mut due = Due {
            ticks: Vec::new(),
            missed: std::mem::take(&mut self.missed),
        };
        while let Some(Reverse((at, row_idx))) = self.next.peek().copied()
            && at <= now
        {
            self.next.pop();
            let row = &mut self.rows[row_idx];
            let newest = row.grid.index_at(now);
            due.missed
                .extend(row.miss(newest - 1, MissCause::Suspended));
            if row.is_taken(newest) {
                row.accounted = row.accounted.max(newest);
            } else if row.in_flight {
                due.missed.extend(row.miss(newest, MissCause::Overrun));
                row.take(newest);
            } else {
                row.accounted = row.accounted.max(newest);
                row.take(newest);
                row.in_flight = true;
                due.ticks.push(Tick {
                    endpoint: row.id.clone(),
                    at: row.grid.at(newest),
                });
            }
            let next_at = row.grid.at(row.next_from(newest + 1));
            self.next.push(Reverse((next_at, row_idx)));
        }
        due.ticks.sort_by_key(|tick| tick.at);
        due
    }

    /// The probe of the endpoint's last tick is over.
    pub fn finished(&mut self, endpoint: &EndpointId) {
        if let Some(row_idx) = self.row_idx.get(endpoint) {
            self.rows[*row_idx].in_flight = false;
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
        self.next = self
            .rows
            .iter()
            .enumerate()
            .map(|(row_idx, row)| {
                let next = row.next_from(row.grid.index_at(now));
                Reverse((row.grid.at(next), row_idx))
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
    in_flight: bool,
}

impl Row {
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
#[derive(Clone, Copy, Debug)]
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
