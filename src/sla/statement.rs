//! What one month says about one commitment.
//!
//! [`settle`] is [`observe`] and then [`judge`]: what the service was is the same for all its
//! partners, so it is worked out once; what counts differs from partner to partner.

use super::availability::{Availability, Budget, Outlook, Tally, Verdict};
use super::catalog::{EndpointId, VantageId};
use super::commitment::{Ppm, Rule, Terms};
use super::condensed::CondensedEndpoint;
use super::ledger::{Acceptance, Class, Exclusion, Ledger, Scope};
use super::observation::{Fault, Observation, Sequence};
use super::timeline::{
    Reading, Segment, State, Timeline, Track, Voter, compose, forgive_short_outages,
    quorum_of_present,
};
use super::window::{Timestamp, Window, Windows};

/// The longest window that can be settled, in days: ten years and a little.
pub const WINDOW_DAYS_MAX: i64 = 3_660;

/// Everything one settlement needs, loaded beforehand.
///
/// Observations and segments may reach beyond the window on both sides: a state carried in, a
/// confirmation carried out, the true length of an outage across midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What is settled.
    pub window: Window,
    /// If the window is still running: what lies at or after this instant is not known yet.
    pub now: Option<Timestamp>,
    /// When the partner was connected.
    pub membership: Windows,
    /// Planned work and other requests.
    pub exclusions: Vec<Exclusion>,
    /// Those that count for the commitment.
    pub endpoints: Vec<EndpointEvidence>,
}

/// What was seen of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointEvidence {
    /// Which.
    pub id: EndpointId,
    /// How long one observation speaks, in milliseconds.
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
    /// From where; a vantage without anything is silent.
    pub vantages: Vec<VantageEvidence>,
}

/// What one vantage saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VantageEvidence {
    /// Which.
    pub id: VantageId,
    /// While it takes part in the quorum; absent: always. Before and after, it is not silent: it
    /// is not there.
    pub present: Option<Window>,
    /// What it saw.
    pub seen: Seen,
}

/// What one vantage saw, in one of two forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Observations, in any order, repeated or not.
    Observations(Vec<Observation>),
    /// States already known, not overlapping; Unknown elsewhere.
    Segments(Vec<Segment>),
}

/// What a service was: the part of a settlement that all its partners share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is settled.
    pub window: Window,
    /// If the window is still running.
    pub now: Option<Timestamp>,
    /// The service, over the window and as far beyond as the evidence reaches.
    pub service: Timeline,
    /// Each endpoint, over the same.
    pub endpoints: Vec<EndpointRecord>,
    /// Runs of Down of the service, in order, whole.
    pub outages: Vec<Outage>,
    /// When the service was good although a vantage saw a failure that was then refuted.
    pub transient: Windows,
    /// When vantages of an endpoint contradicted each other without deciding.
    pub disputed: Windows,
}

/// What an endpoint was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRecord {
    /// Which.
    pub id: EndpointId,
    /// What its vantages say together.
    pub timeline: Timeline,
    /// When they contradicted each other without deciding.
    pub disputed: Windows,
}

/// A run of Down of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// All of it, also outside the month.
    pub window: Window,
    /// The first failure seen in it, and of which endpoint; absent where only states were given.
    pub cause: Option<(EndpointId, Fault)>,
}

/// What one month says about one commitment to one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What was settled.
    pub window: Window,
    /// If the window was still running, until when it is known.
    pub now: Option<Timestamp>,
    /// Inclusive.
    pub target: Ppm,
    /// The window by class; adds up to it.
    pub tally: Tally,
    /// Counted time of refuted failures; part of the good time.
    pub transient_ms: i64,
    /// Counted time in which vantages contradicted each other without deciding.
    pub disputed_ms: i64,
    /// The figures; absent if no time counted.
    pub availability: Option<Availability>,
    /// Allowed and remaining Down time.
    pub budget: Budget,
    /// Whether the target was reached.
    pub verdict: Verdict,
    /// What can still become of it; absent if the window is over.
    pub outlook: Option<Outlook>,
    /// Runs of Down that touch the window, in order.
    pub incidents: Vec<Incident>,
    /// The figures if every pending request were accepted; absent if none is pending.
    pub conditional: Option<Conditional>,
    /// The window, cut into windows of one class.
    pub ledger: Ledger,
}

/// A run of Down, with its part inside the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// All of it, also outside the settled window.
    pub window: Window,
    /// Counted Down time inside the settled window, in milliseconds; 0 if all of it was excluded,
    /// credited or out of scope.
    pub down_ms: i64,
    /// Whether it began before the settled window.
    pub starts_before: bool,
    /// Whether it ended after the settled window.
    pub ends_after: bool,
    /// The first failure seen in it, and of which endpoint.
    pub cause: Option<(EndpointId, Fault)>,
}

/// The figures if every pending request were accepted (rule 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditional {
    /// The window by class.
    pub tally: Tally,
    /// Whether the target would be reached.
    pub verdict: Verdict,
}

impl Statement {
    /// Incidents in which time counted as Down (rule 25).
    pub fn counted_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents
            .iter()
            .filter(|incident| incident.down_ms > 0)
    }

    /// Mean time to restore, `d / n`, in milliseconds rounded down; undefined without incidents.
    pub fn mean_time_to_restore_ms(&self) -> Option<i64> {
        let n_incidents = i64::try_from(self.counted_incidents().count()).ok()?;
        self.tally.down_ms.checked_div(n_incidents)
    }

    /// The longest incident by its counted time.
    pub fn longest_incident(&self) -> Option<&Incident> {
        // `max_by_key` returns the last of equals; reversed, that is the earliest.
        self.incidents
            .iter()
            .rev()
            .filter(|incident| incident.down_ms > 0)
            .max_by_key(|incident| incident.down_ms)
    }

    /// How far the Down time may be off because a state is only seen every `interval_ms`.
    pub fn resolution(&self, interval_ms: i64) -> Resolution {
        let n_incidents = i64::try_from(self.counted_incidents().count()).unwrap_or(i64::MAX);
        let square = i128::from(interval_ms)
            .pow(2)
            .saturating_mul(i128::from(n_incidents))
            / 6;
        Resolution {
            bound_ms: interval_ms.saturating_mul(n_incidents),
            deviation_ms: i64::try_from(square.isqrt()).unwrap_or(i64::MAX),
        }
    }

    /// Whether the lower bound is so near the target that the measurement's resolution could
    /// carry it to the other side. The verdict stands all the same (rule 24).
    pub fn is_within_resolution(&self, interval_ms: i64) -> bool {
        let distance_ms = self.budget.remaining_min_ms.saturating_abs();
        distance_ms < self.resolution(interval_ms).bound_ms
    }
}

/// How exactly a Down time is known (rule 24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// At most so far off: one interval per incident, in milliseconds.
    pub bound_ms: i64,
    /// Standard deviation, `interval * sqrt(n / 6)`, in milliseconds rounded down.
    pub deviation_ms: i64,
}

/// What the month says: all of it, from facts to verdict.
pub fn settle(evidence: &Evidence, terms: &Terms) -> Statement {
    let record = observe(evidence.window, evidence.now, &evidence.endpoints, terms);
    judge(&record, &evidence.membership, &evidence.exclusions, terms)
}

/// What the service was, whoever asks.
pub fn observe(
    window: Window,
    now: Option<Timestamp>,
    endpoints: &[EndpointEvidence],
    terms: &Terms,
) -> Record {
    let accounts: Vec<Account<'_>> = endpoints.iter().map(Account::new).collect();
    hear(window, now, &accounts, terms)
}

/// What the service was, whoever asks: the same as [`observe`] says of the evidence that was
/// condensed.
pub fn observe_condensed(
    window: Window,
    now: Option<Timestamp>,
    endpoints: &[CondensedEndpoint],
    terms: &Terms,
) -> Record {
    let accounts: Vec<Account<'_>> = endpoints.iter().map(Account::condensed).collect();
    hear(window, now, &accounts, terms)
}

fn hear(window: Window, now: Option<Timestamp>, accounts: &[Account<'_>], terms: &Terms) -> Record {
    let reach = accounts
        .iter()
        .filter_map(Account::reach)
        .fold(window, |reach, spoken| reach.hull(&spoken));
    let mut transient: Vec<Window> = Vec::new();
    let mut disputed: Vec<Window> = Vec::new();
    let mut records = Vec::new();
    for account in accounts {
        let tracks = account.tracks(reach, now, terms);
        let voters: Vec<Voter<'_>> = tracks
            .iter()
            .zip(&account.present)
            .map(|(track, present)| Voter {
                timeline: &track.timeline,
                present: *present,
            })
            .collect();
        let consensus = quorum_of_present(reach, &voters, terms.quorum);
        if terms.rule.listens_to(account.endpoint) {
            for (track, present) in tracks.iter().zip(&account.present) {
                match present {
                    Some(present) => {
                        transient.extend(track.transient.intersection(&(*present).into()).iter());
                    }
                    None => transient.extend(track.transient.iter()),
                }
            }
            disputed.extend(consensus.disputed.iter());
        }
        records.push(EndpointRecord {
            id: account.endpoint.clone(),
            timeline: consensus.timeline,
            disputed: consensus.disputed,
        });
    }
    let timelines: Vec<(&EndpointId, &Timeline)> = records
        .iter()
        .map(|record| (&record.id, &record.timeline))
        .collect();
    let service = compose(reach, &timelines, &terms.rule);
    let service = forgive_short_outages(&service, terms.minimum_outage_ms);
    let good = service.runs(|state| matches!(state, State::Up | State::Degraded));
    let outages = service.when(State::Down);
    let causes = first_failures(accounts, &terms.rule, outages.as_slice());
    let outages = outages
        .iter()
        .zip(causes)
        .map(|(window, cause)| Outage {
            window: *window,
            cause,
        })
        .collect();
    let transient: Windows = transient.into_iter().collect();
    Record {
        window,
        now: now.filter(|now| *now < window.end()),
        service,
        endpoints: records,
        outages,
        transient: transient.intersection(&good),
        disputed: disputed.into_iter().collect(),
    }
}

/// What of it counts under `terms` for a partner with this membership.
pub fn judge(
    record: &Record,
    membership: &Windows,
    exclusions: &[Exclusion],
    terms: &Terms,
) -> Statement {
    let window = record.window;
    let scope = Scope::new(window, membership, exclusions, terms, |acceptance| {
        acceptance == Acceptance::Accepted
    });
    let ledger = Ledger::new(window, &record.service, &scope);
    let measured = scope.counted().difference(&scope.withdrawn);
    let tally = ledger.tally();
    let verdict = tally.verdict(terms.target);
    let incidents = record
        .outages
        .iter()
        .filter_map(|outage| {
            let inside = outage.window.intersection(&window)?;
            Some(Incident {
                window: outage.window,
                down_ms: ledger.tally_within(inside).of(Class::Down),
                starts_before: outage.window.start() < window.start(),
                ends_after: outage.window.end() > window.end(),
                cause: outage.cause.clone(),
            })
        })
        .collect();
    let any_pending = exclusions
        .iter()
        .any(|exclusion| exclusion.acceptance == Acceptance::Pending);
    let conditional = any_pending.then(|| {
        let scope = Scope::new(window, membership, exclusions, terms, |acceptance| {
            acceptance != Acceptance::Refused
        });
        let tally = Ledger::new(window, &record.service, &scope).tally();
        Conditional {
            tally,
            verdict: tally.verdict(terms.target),
        }
    });
    Statement {
        window,
        now: record.now,
        target: terms.target,
        tally,
        transient_ms: record.transient.intersection(&measured).length_ms(),
        disputed_ms: record.disputed.intersection(&measured).length_ms(),
        availability: tally.availability(),
        budget: tally.budget(terms.target),
        verdict,
        outlook: record.now.map(|_| Outlook::from(verdict)),
        incidents,
        conditional,
        ledger,
    }
}

/// What the vantages of one endpoint tell, in order of time.
struct Account<'a> {
    endpoint: &'a EndpointId,
    validity_ms: i64,
    latency_objective_ms: Option<u32>,
    vantages: Vec<Told<'a>>,
    /// See [`VantageEvidence::present`].
    present: Vec<Option<Window>>,
}

/// See [`Seen`].
enum Told<'a> {
    Observations(Sequence<'a>),
    Segments(&'a [Segment]),
}

impl<'a> Account<'a> {
    fn new(endpoint: &'a EndpointEvidence) -> Self {
        let told = |vantage: &'a VantageEvidence| match &vantage.seen {
            Seen::Observations(observations) => Told::Observations(Sequence::new(observations)),
            Seen::Segments(segments) => Told::Segments(segments),
        };
        Self {
            endpoint: &endpoint.id,
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
            vantages: endpoint.vantages.iter().map(told).collect(),
            present: endpoint
                .vantages
                .iter()
                .map(|vantage| vantage.present)
                .collect(),
        }
    }

    fn condensed(endpoint: &'a CondensedEndpoint) -> Self {
        let vantages = endpoint.vantages.iter();
        Self {
            endpoint: &endpoint.id,
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
            vantages: vantages
                .clone()
                .map(|vantage| Told::Observations(Sequence::condensed(&vantage.seen)))
                .collect(),
            present: vantages.map(|vantage| vantage.present).collect(),
        }
    }

    /// From the first to the last instant that anything speaks of.
    fn reach(&self) -> Option<Window> {
        self.vantages
            .iter()
            .filter_map(|told| match told {
                Told::Observations(sequence) => sequence.reach(self.validity_ms),
                Told::Segments(segments) => segments
                    .iter()
                    .map(|segment| segment.window)
                    .reduce(|reach, window| reach.hull(&window)),
            })
            .reduce(|reach, spoken| reach.hull(&spoken))
    }

    /// What each vantage saw, over `reach`. What lies at or after `now` is not known yet, whatever
    /// the evidence says of it.
    fn tracks(&self, reach: Window, now: Option<Timestamp>, terms: &Terms) -> Vec<Track> {
        let now = now.unwrap_or(reach.end()).min(reach.end());
        let Some(past) = Window::between(reach.start(), now) else {
            let silent = Track::known(reach, &[], terms.degraded);
            return vec![silent; self.vantages.len()];
        };
        let reading = Reading {
            validity_ms: self.validity_ms,
            latency_objective_ms: self.latency_objective_ms,
            degraded: terms.degraded,
            confirmation: terms.confirmation,
        };
        self.vantages
            .iter()
            .map(|told| match told {
                Told::Observations(sequence) => {
                    Track::observed(past, &sequence.before(now), &reading)
                }
                Told::Segments(segments) => Track::known(past, segments, terms.degraded),
            })
            .collect()
    }
}

/// The first failure seen in each of `outages`, which are in order, of the endpoints that `rule`
/// listens to. What happened at one instant is ordered by endpoint and fault, so that the order of
/// the evidence does not matter.
fn first_failures(
    accounts: &[Account<'_>],
    rule: &Rule,
    outages: &[Window],
) -> Vec<Option<(EndpointId, Fault)>> {
    let mut first: Vec<Option<(Timestamp, &EndpointId, Fault)>> = vec![None; outages.len()];
    for account in accounts {
        if !rule.listens_to(account.endpoint) {
            continue;
        }
        for told in &account.vantages {
            let Told::Observations(sequence) = told else {
                continue;
            };
            let mut idx = 0;
            for (at, fault) in sequence.failures() {
                // Most follow another of the same outage.
                if outages.get(idx).is_some_and(|outage| outage.end() <= at) {
                    idx = outages.partition_point(|outage| outage.end() <= at);
                }
                let (Some(outage), Some(known)) = (outages.get(idx), first.get_mut(idx)) else {
                    break;
                };
                let found = (at, account.endpoint, fault);
                if outage.start() <= at && known.is_none_or(|known| found < known) {
                    *known = Some(found);
                }
            }
        }
    }
    first
        .into_iter()
        .map(|first| first.map(|(_, endpoint, fault)| (endpoint.clone(), fault)))
        .collect()
}
