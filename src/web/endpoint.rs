//! The page of one endpoint: its state, its latest observations, and why it failed.
//!
//! Ops see everything that was seen. On pages that everybody may read (`web.public`), what helps
//! an attacker or names what is not ours to publish is left out: targets, addresses, headers,
//! certificates, what assertions found, and messages. States, times and kinds of fault stay.

use askama::Template;
use chrono_tz::Tz;

use super::page::{PRESENT_MS_MAX, Wish};
use super::words::{EndpointWords, Words, words};
use crate::board::{Board, EndpointNow};
use crate::sla::catalog::{Endpoint, Probe, Service};
use crate::sla::explanation::{Assessment, Certificate, Explanation, Hop, Tls};
use crate::sla::observation::{Fault, Finding, Observation, Outcome, Phases, Stage, Trace};
use crate::sla::timeline::State;
use crate::sla::window::{HOUR_MS, Timestamp};

/// The page of `endpoint` over `board`, as seen at `now`; `failures` are absent if they could not be
/// read: then those that the board remembers are shown.
pub(super) fn render(
    board: &Board,
    (service, endpoint, shown): (&Service, &Endpoint, &EndpointNow),
    failures: Option<Vec<Finding>>,
    now: Timestamp,
    wish: Wish,
    public: bool,
) -> Result<String, askama::Error> {
    let words = words(wish.language);
    let scene = Scene {
        words,
        zone: service.zone(),
        present: board.now(),
        public,
    };
    let old = now.since(board.now()) > PRESENT_MS_MAX;
    let failures_unread = failures.is_none();
    EndpointPage {
        w: words,
        p: &words.endpoint,
        publisher: &board.catalog().provider.name,
        contact: &board.catalog().provider.contact,
        version: env!("CARGO_PKG_VERSION"),
        root: "../",
        id: endpoint.id.as_str(),
        label: &endpoint.label,
        note: super::page::note(endpoint, shown, words),
        service_id: service.id.as_str(),
        service: &service.name,
        code: shown.state.code(),
        state: super::page::state(shown, words),
        since: shown
            .since
            .map_or(String::new(), |since| words.since(since, scene.zone)),
        as_of: words.as_of(board.now(), scene.zone),
        out_of_date: old.then(|| words.out_of_date(board.now(), scene.zone)),
        refresh: wish.refresh,
        public,
        facts: scene.facts(board, service, endpoint, shown),
        tracks: board
            .observations_of(&endpoint.id)
            .into_iter()
            .filter(|(_, seen)| !seen.is_empty())
            .map(|(vantage, seen)| scene.track(vantage.as_str(), &seen))
            .collect(),
        failures: failures
            .unwrap_or_else(|| remembered(endpoint, shown))
            .iter()
            .map(|failure| scene.failure(failure))
            .collect(),
        failures_unread,
        opens_failures: shown.state != State::Up,
        success: shown.success.as_ref().map(|seen| {
            let at = shown.last_success.unwrap_or(board.now());
            scene.seen(seen, at)
        }),
        commitment: board
            .commitment(service)
            .filter(|_| endpoint.contractual && !endpoint.retired)
            .map(|commitment| CommitmentView {
                target: words.target(commitment.terms.target),
                quote: &commitment.clause.quote,
                reference: &commitment.clause.reference,
            }),
        metrics: metrics(service, endpoint),
    }
    .render()
}

#[derive(Template)]
#[template(path = "endpoint.html", config = "src/web/templates/askama.toml")]
struct EndpointPage<'a> {
    w: &'static Words,
    p: &'static EndpointWords,
    publisher: &'a str,
    contact: &'a str,
    version: &'static str,
    /// From the page to the status page.
    root: &'static str,
    id: &'a str,
    label: &'a str,
    note: String,
    service_id: &'a str,
    service: &'a str,
    code: &'static str,
    state: &'static str,
    since: String,
    as_of: String,
    out_of_date: Option<String>,
    refresh: bool,
    public: bool,
    facts: Vec<(&'static str, String)>,
    tracks: Vec<TrackView>,
    failures: Vec<FailureView>,
    failures_unread: bool,
    opens_failures: bool,
    success: Option<SeenView>,
    commitment: Option<CommitmentView<'a>>,
    metrics: Vec<String>,
}

struct CommitmentView<'a> {
    target: String,
    quote: &'a str,
    reference: &'a str,
}

/// The latest observations of one vantage.
struct TrackView {
    vantage: String,
    summary: String,
    cells: Vec<CellView>,
}

struct CellView {
    code: &'static str,
    at: String,
    told: String,
}

struct FailureView {
    at: String,
    vantage: String,
    code: &'static str,
    fault: String,
    message: String,
    confirms: String,
    in_short: bool,
    seen: SeenView,
}

/// What one probe saw.
struct SeenView {
    hops: Vec<HopView>,
    judging: Option<String>,
    assertions: Vec<(bool, String)>,
}

struct HopView {
    /// Where to, and how it was answered.
    told: String,
    misses: Vec<String>,
    phases: Vec<PhaseView>,
    headers: Vec<(String, String)>,
    tls: Option<TlsView>,
}

/// A stage in the course of its hop; places in percent of the hop's time.
struct PhaseView {
    stage: &'static str,
    time: String,
    from: String,
    width: String,
}

struct TlsView {
    agreed: String,
    verdict: String,
    is_refused: bool,
    chain: Vec<CertificateView>,
}

struct CertificateView {
    subject: String,
    issuer: String,
    end: String,
    left: String,
    is_over: bool,
}

/// In whose words, and for whom.
struct Scene {
    words: &'static Words,
    zone: Tz,
    present: Timestamp,
    public: bool,
}

impl Scene {
    fn short(&self, at: Timestamp) -> String {
        self.words.short_instant(at, self.present, self.zone)
    }

    fn facts(
        &self,
        board: &Board,
        service: &Service,
        endpoint: &Endpoint,
        shown: &EndpointNow,
    ) -> Vec<(&'static str, String)> {
        let (w, p) = (self.words, &self.words.endpoint);
        let seen = |at: Option<Timestamp>| at.map_or(w.never.to_owned(), |at| self.short(at));
        let mut facts = vec![
            (w.col_last, seen(shown.last.map(|last| last.at))),
            (p.last_success, seen(shown.last_success)),
        ];
        if let Some(ms) = shown.latency_ms {
            facts.push((w.col_latency, w.milliseconds(ms)));
        }
        if let Some(ms) = endpoint.latency_objective_ms {
            facts.push((p.objective, w.milliseconds(ms)));
        }
        facts.push((p.rhythm, w.rhythm(endpoint)));
        if let Some(again) = endpoint.confirmation {
            facts.push((p.confirmation, w.asked_again(again)));
        }
        if let Some(commitment) = board.commitment(service) {
            facts.push((p.judged, w.judged(commitment.terms.confirmation)));
        }
        if !self.public {
            facts.push((p.target, target(&endpoint.probe)));
            let vantages: Vec<&str> = endpoint.vantages.iter().map(|id| id.as_str()).collect();
            facts.push((
                p.vantages,
                match vantages.as_slice() {
                    [] => p.everywhere.to_owned(),
                    some => some.join(", "),
                },
            ));
        }
        facts
    }

    fn track(&self, vantage: &str, seen: &[(Observation, State)]) -> TrackView {
        let count = |wanted| seen.iter().filter(|(_, state)| *state == wanted).count();
        let summary = self
            .words
            .strip(seen.len(), count(State::Down), count(State::Unknown));
        TrackView {
            vantage: vantage.to_owned(),
            summary,
            cells: seen
                .iter()
                .map(|(observation, state)| CellView {
                    code: state.code(),
                    at: self.short(observation.at),
                    told: self.words.told(observation, *state),
                })
                .collect(),
        }
    }

    fn failure(&self, failure: &Finding) -> FailureView {
        let trace = &failure.trace;
        let at = failure.observation.at;
        let confirms = trace
            .confirms
            .map(|tick| self.words.confirms(&self.short(tick)));
        let for_ops = |text: String| if self.public { String::new() } else { text };
        FailureView {
            at: self.short(at),
            vantage: failure.vantage.to_string(),
            code: match failure.observation.outcome {
                Outcome::Failed(_) => State::Down.code(),
                Outcome::Void(_) => State::Unknown.code(),
                Outcome::Answered { .. } => State::Degraded.code(),
            },
            fault: match failure.observation.outcome {
                Outcome::Answered { .. } => self.words.state(State::Degraded).to_owned(),
                outcome => self.words.outcome(outcome),
            },
            message: for_ops(super::page::reason(trace.cause.as_deref(), &trace.message)),
            confirms: confirms.unwrap_or_default(),
            in_short: trace.explanation.is_none(),
            seen: self.seen(&trace.explained(), at),
        }
    }

    fn seen(&self, explanation: &Explanation, at: Timestamp) -> SeenView {
        if self.public {
            // How long each stage took over all connections, and nothing of whom we asked.
            let mut phases = Phases::default();
            for stage in Stage::ALL {
                let parts = explanation
                    .hops
                    .iter()
                    .filter_map(|hop| hop.phases.of(stage));
                *phases.of_mut(stage) = parts.reduce(u32::saturating_add);
            }
            return SeenView {
                hops: vec![HopView {
                    told: String::new(),
                    misses: Vec::new(),
                    phases: self.phases(&phases),
                    headers: Vec::new(),
                    tls: None,
                }],
                judging: None,
                assertions: Vec::new(),
            };
        }
        SeenView {
            hops: explanation
                .hops
                .iter()
                .map(|hop| self.hop(hop, at))
                .collect(),
            judging: explanation
                .evaluate_us
                .map(|us| self.words.microseconds(us)),
            assertions: explanation
                .assessments
                .iter()
                .map(|one: &Assessment| (one.holds, one.to_string()))
                .collect(),
        }
    }

    fn hop(&self, hop: &Hop, at: Timestamp) -> HopView {
        let mut told: Vec<String> = Vec::new();
        told.extend((!hop.url.is_empty()).then(|| hop.url.clone()));
        told.extend(hop.address.map(|address| address.to_string()));
        told.extend(hop.http_version.clone());
        told.extend(hop.status.map(|status| status.to_string()));
        told.extend((hop.body_bytes > 0).then(|| self.words.body_bytes(hop.body_bytes)));
        HopView {
            told: told.join(" · "),
            misses: hop.misses.clone(),
            phases: self.phases(&hop.phases),
            headers: hop.headers.clone(),
            tls: hop.tls.as_ref().map(|tls| self.tls(tls, at)),
        }
    }

    fn phases(&self, phases: &Phases) -> Vec<PhaseView> {
        let total_us = phases.total_us().max(1);
        // In tenths of a percent; anything at all shows.
        let part = |us: u64| us * 1_000 / total_us;
        let text = |tenths: u64| format!("{}.{}%", tenths / 10, tenths % 10);
        let mut before_us = 0;
        let reached = Stage::ALL
            .into_iter()
            .filter_map(|stage| Some((stage, phases.of(stage)?)));
        reached
            .map(|(stage, us)| {
                let from = part(before_us).min(994);
                before_us += u64::from(us);
                PhaseView {
                    stage: self.words.stage(stage),
                    time: self.words.microseconds(us),
                    from: text(from),
                    width: text(part(us.into()).clamp(6, 1_000 - from)),
                }
            })
            .collect()
    }

    fn tls(&self, tls: &Tls, at: Timestamp) -> TlsView {
        let agreed = [tls.version.as_deref(), tls.cipher_suite.as_deref()];
        let agreed: Vec<&str> = agreed.into_iter().flatten().collect();
        TlsView {
            agreed: agreed.join(" · "),
            verdict: match (tls.refusal, tls.verified_not_after) {
                (Some(fault), _) => {
                    let fault = self.words.outcome(Outcome::Failed(Fault::Tls(fault)));
                    self.words.refused(&fault)
                }
                (None, Some(_)) => self.words.endpoint.trusted.to_owned(),
                (None, None) => String::new(),
            },
            is_refused: tls.refusal.is_some(),
            chain: tls
                .chain
                .iter()
                .map(|certificate| self.certificate(certificate, at))
                .collect(),
        }
    }

    fn certificate(&self, certificate: &Certificate, at: Timestamp) -> CertificateView {
        let end = certificate.not_after;
        let days = end.map(|end| end.since(at).div_euclid(24 * HOUR_MS));
        CertificateView {
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            end: end.map_or(self.words.endpoint.no_date.to_owned(), |end| {
                self.words.date(end.to_local(self.zone).date_naive())
            }),
            left: days.map_or(String::new(), |days| self.words.days_left(days)),
            is_over: days.is_some_and(|days| days < 0),
        }
    }
}

/// The failures that the board remembers, in short.
fn remembered(endpoint: &Endpoint, shown: &EndpointNow) -> Vec<Finding> {
    let failures = shown.failures.iter().map(|failure| Finding {
        endpoint: endpoint.id.clone(),
        vantage: failure.vantage.clone(),
        observation: Observation {
            tick: failure.at,
            at: failure.at,
            outcome: failure.outcome,
        },
        trace: Trace {
            cause: failure.cause.clone(),
            message: failure.message.clone(),
            ..Trace::default()
        },
    });
    failures.collect()
}

/// Whom it asks, without a query that may hold more than a place.
fn target(probe: &Probe) -> String {
    match probe {
        Probe::Http(probe) => format!("{} {}", probe.method, probe.url.without_query()),
        Probe::Tcp(_) | Probe::Tls(_) | Probe::Dns(_) | Probe::Icmp(_) => probe.to_string(),
    }
}

/// The series that tell of an endpoint, as Prometheus selects them.
fn metrics(service: &Service, endpoint: &Endpoint) -> Vec<String> {
    let names = [
        "vigie_endpoint_state",
        "vigie_endpoint_last_fault",
        "vigie_endpoint_last_success_timestamp_seconds",
        "vigie_probe_duration_seconds_bucket",
        "vigie_probe_failures_total",
        "vigie_probe_voids_total",
    ];
    let (api, id) = (&service.id, &endpoint.id);
    names
        .into_iter()
        .map(|name| format!("{name}{{api=\"{api}\",endpoint=\"{id}\"}}"))
        .collect()
}
