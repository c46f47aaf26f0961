//! Months of every kind, as a report is about them: settled by the core from segments.

use std::num::NonZeroU32;
use std::sync::Arc;

use chrono_tz::Europe::Paris;
use vigie::report::{
    Additions, Colour, DayLatency, Document, Edition, EndpointFigures, Latency, Logo, Look,
    MonthResult, Replaced, Report, Usage, Workshop, render, render_html, report_number,
};
use vigie::sla::availability::{Tally, Verdict};
use vigie::sla::catalog::{
    Endpoint, EndpointId, HttpProbe, Improvement, Language, Membership, Partner, PartnerId,
    PlannedMaintenance, Probe, Progress, Provider, Recurrence, Service, ServiceId, Url, VantageId,
};
use vigie::sla::cause::{Attribution, StatedCause};
use vigie::sla::commitment::{
    Clause, Commitment, Confirmation, Maintenance, MaintenanceTerms, PeriodSource, Ppm, Terms,
};
use vigie::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use vigie::sla::observation::{Fault, Stage, TlsFault};
use vigie::sla::statement::{EndpointEvidence, Evidence, Seen, Statement, VantageEvidence, settle};
use vigie::sla::timeline::{Segment, State};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, SECOND_MS, Timestamp, Window, Windows};

/// What was promised, to the letter.
pub(crate) const QUOTE: &str = "La DINSIC s'engage à ce que le Service soit accessible à 95%";

/// Everything a report borrows, and what it is settled from.
pub(super) struct Case {
    pub(super) provider: Provider,
    pub(super) partner: Partner,
    pub(super) service: Service,
    pub(super) month: Month,
    pub(super) now: Option<Timestamp>,
    /// What was not Up.
    pub(super) seen: Vec<(Window, State)>,
    pub(super) exclusions: Vec<Exclusion>,
    pub(super) history: Vec<MonthResult>,
    pub(super) endpoints: Vec<EndpointFigures>,
    pub(super) latencies: Vec<DayLatency>,
    pub(super) causes: Vec<StatedCause>,
    pub(super) look: Look,
    pub(super) vantages: Vec<VantageId>,
    pub(super) measured_since: Option<Timestamp>,
    pub(super) usage: Option<Usage>,
    pub(super) edition: Edition,
    pub(super) language: Language,
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

pub(super) fn endpoint(
    id: &str,
    label: &str,
    provider: Option<&str>,
    contractual: bool,
) -> Endpoint {
    Endpoint {
        id: EndpointId::new(id).unwrap(),
        label: label.to_owned(),
        data_provider: provider.map(str::to_owned),
        contractual,
        retired: false,
        vantages: Vec::new(),
        probe: Probe::from(HttpProbe::get(Url {
            tls: true,
            host: "api-particulier.example".to_owned(),
            port: 443,
            path: format!("/api/{id}/ping"),
        })),
        interval_ms: if contractual {
            MINUTE_MS
        } else {
            5 * MINUTE_MS
        },
        timeout_ms: 5 * SECOND_MS,
        validity_ms: 155 * SECOND_MS,
        latency_objective_ms: None,
        confirmation: None,
    }
}

impl Case {
    /// A month of API Particulier for Valfictif, all of it Up.
    pub(super) fn new(month: &str) -> Self {
        let month = Month::parse(month, Paris).unwrap();
        let service_id = ServiceId::new("particulier").unwrap();
        let service = Service {
            id: service_id.clone(),
            name: "API Particulier".to_owned(),
            endpoints: [
                endpoint("socle", "Socle API Particulier", None, true),
                endpoint(
                    "qf-cnaf-msa",
                    "Quotient familial (CNAF et MSA)",
                    Some("CNAF et MSA"),
                    false,
                ),
                endpoint(
                    "scolarite-men",
                    "Élève scolarisé et boursier (MEN)",
                    Some("MEN"),
                    false,
                ),
            ]
            .map(Arc::new)
            .into(),
            commitments: vec![Commitment {
                clause: Clause {
                    quote: QUOTE.to_owned(),
                    reference: "Convention d’adhésion à l’API Particulier, article 3".to_owned(),
                },
                from: "2016-01-01".parse().unwrap(),
                until: None,
                zone: Paris,
                period: PeriodSource::Text,
                terms: Terms {
                    confirmation: Confirmation {
                        failures: NonZeroU32::new(3).unwrap(),
                        within_ms: MINUTE_MS,
                    },
                    ..Terms::silent("95 %".parse::<Ppm>().unwrap())
                },
                trajectory: Vec::new(),
            }],
            maintenances: Vec::new(),
            improvements: Vec::new(),
        };
        let edition = Edition {
            number: report_number(month, &service, 1),
            established: month.window().end().plus_ms(6 * HOUR_MS),
            replaces: None,
            evidence_sha256: "3f0a9c1e5b7d24680f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef"
                .to_owned(),
            engine: "vigie 0.1.0, tzdata 2025b".to_owned(),
        };
        Self {
            provider: Provider {
                name: "Direction de démonstration".to_owned(),
                contact: "supervision@operateur.example".to_owned(),
                data_protection_contact: Some("dpd@operateur.example".to_owned()),
            },
            partner: Partner {
                id: PartnerId::new("valfictif").unwrap(),
                name: "Commune de Valfictif".to_owned(),
                kind: Some("commune".to_owned()),
                language: Language::French,
                contacts: vec!["api@valfictif.example".to_owned()],
                memberships: vec![Membership {
                    service: service_id,
                    windows: window("2024-03-04T00:00:00+01:00", "2099-01-01T00:00:00+01:00")
                        .into(),
                    revoked: None,
                }],
            },
            service,
            month,
            now: None,
            seen: Vec::new(),
            exclusions: Vec::new(),
            history: Vec::new(),
            endpoints: Vec::new(),
            latencies: Vec::new(),
            causes: Vec::new(),
            look: Look::default(),
            vantages: vec![VantageId::new("paris-1").unwrap()],
            measured_since: None,
            usage: None,
            edition,
            language: Language::French,
        }
    }

    pub(super) fn commitment(&mut self) -> &mut Commitment {
        &mut self.service.commitments[0]
    }

    /// `total_ms` of `state`, in `n` pieces of different length spread over the month.
    pub(super) fn spread(mut self, state: State, total_ms: i64, n: i64) -> Self {
        let month = self.month.window();
        let shares = n * (n + 1) / 2;
        let offset_ms = match state {
            State::Unknown => 7 * HOUR_MS,
            State::Up | State::Degraded | State::Down => 0,
        };
        let mut given_ms = 0;
        for piece in 1..=n {
            let length_ms = if piece == n {
                total_ms - given_ms
            } else {
                total_ms * piece / shares
            };
            given_ms += length_ms;
            let slot_ms = month.length_ms() / (n + 1);
            let start = month
                .start()
                .plus_ms(slot_ms * piece - slot_ms / 3 + offset_ms);
            self.seen
                .push((Window::new(start, start.plus_ms(length_ms)).unwrap(), state));
        }
        self
    }

    pub(super) fn down(self, total_ms: i64, n: i64) -> Self {
        self.spread(State::Down, total_ms, n)
    }

    pub(super) fn unknown(self, total_ms: i64, n: i64) -> Self {
        self.spread(State::Unknown, total_ms, n)
    }

    /// Twelve months before, by minutes of Down and Unknown.
    pub(super) fn with_history(mut self, minutes: &[(i64, i64)]) -> Self {
        let back = i32::try_from(minutes.len()).unwrap();
        for (idx, (down, unknown)) in (0..).zip(minutes) {
            let month = self.month.plus_months(idx - back);
            let tally = Tally {
                up_ms: month.window().length_ms() - (down + unknown) * MINUTE_MS,
                down_ms: down * MINUTE_MS,
                unknown_ms: unknown * MINUTE_MS,
                ..Tally::default()
            };
            let target = "95 %".parse().unwrap();
            self.history.push(MonthResult {
                month,
                target,
                tally,
                verdict: tally.verdict(target),
            });
        }
        self
    }

    pub(super) fn with_endpoints(mut self) -> Self {
        let length_ms = self.month.window().length_ms();
        for (endpoint, down, n_incidents, median_ms) in
            [(0, 312, 6, 48), (1, 1_205, 9, 420), (2, 2_400, 30, 230)]
        {
            let endpoint = &self.service.endpoints[endpoint];
            let down_ms = down * MINUTE_MS;
            self.endpoints.push(EndpointFigures {
                label: endpoint.label.clone(),
                data_provider: endpoint.data_provider.clone(),
                contractual: endpoint.contractual,
                retired: false,
                tally: Tally {
                    up_ms: length_ms - down_ms,
                    down_ms,
                    ..Tally::default()
                },
                n_incidents,
                latency: Some(Latency {
                    median_ms,
                    p95_ms: median_ms * 3,
                    p99_ms: median_ms * 7,
                }),
            });
        }
        for (idx, (date, _)) in (0_u32..).zip(self.month.window().local_days(Paris)) {
            if idx == 11 {
                continue;
            }
            let swing = (idx * 7) % 13;
            self.latencies.push(DayLatency {
                date,
                latency: Latency {
                    median_ms: 44 + swing,
                    p95_ms: 120 + swing * 9,
                    p99_ms: 290 + swing * 23,
                },
            });
        }
        self
    }

    pub(super) fn settle(&self) -> Statement {
        let month = self.month.window();
        let reach = Window::new(
            month.start().plus_ms(-HOUR_MS),
            month.end().plus_ms(HOUR_MS),
        )
        .unwrap();
        let marked: Windows = self.seen.iter().map(|(window, _)| *window).collect();
        let up = Windows::from(reach).difference(&marked);
        let mut segments: Vec<Segment> = up
            .iter()
            .map(|window| Segment {
                window: *window,
                state: State::Up,
            })
            .chain(self.seen.iter().map(|(window, state)| Segment {
                window: *window,
                state: *state,
            }))
            .collect();
        segments.sort_by_key(|segment| segment.window.start());
        let evidence = Evidence {
            window: month,
            now: self.now,
            membership: self.partner.memberships[0].windows.clone(),
            exclusions: self.exclusions.clone(),
            endpoints: vec![EndpointEvidence {
                id: EndpointId::new("socle").unwrap(),
                validity_ms: 155 * SECOND_MS,
                latency_objective_ms: None,
                vantages: vec![VantageEvidence {
                    id: VantageId::new("paris-1").unwrap(),
                    present: None,
                    seen: Seen::Segments(segments),
                }],
            }],
        };
        let mut statement = settle(&evidence, &self.service.commitments[0].terms);
        // States that are known already carry no cause; the report shows those of real probes.
        let causes = [
            Fault::Status(502),
            Fault::Timeout(Stage::Processing),
            Fault::Connect,
            Fault::Tls(TlsFault::Expired),
            Fault::Content,
            Fault::Dns,
        ];
        for (idx, incident) in statement.incidents.iter_mut().enumerate() {
            let id = EndpointId::new("socle").unwrap();
            incident.cause = Some((id, causes[idx % causes.len()]));
        }
        statement
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&Report<'_>) -> T) -> T {
        let statement = self.settle();
        let mut history = self.history.clone();
        history.push(MonthResult {
            month: self.month,
            target: statement.target,
            tally: statement.tally,
            verdict: statement.verdict,
        });
        look(&Report {
            language: self.language,
            provider: &self.provider,
            partner: &self.partner,
            service: &self.service,
            commitment: &self.service.commitments[0],
            month: self.month,
            statement: &statement,
            exclusions: &self.exclusions,
            history: &history,
            endpoints: &self.endpoints,
            latencies: &self.latencies,
            causes: &self.causes,
            vantages: &self.vantages,
            measured_since: self.measured_since,
            usage: self.usage.as_ref(),
            look: &self.look,
            edition: &self.edition,
        })
    }

    pub(super) fn html(&self) -> String {
        self.with(render_html)
    }

    pub(super) fn documents(&self) -> Vec<Document> {
        self.with(|report| render(report, &mut Workshop::default()))
    }
}

pub(super) fn september() -> Case {
    Case::new("2025-09")
        .down(312 * MINUTE_MS, 6)
        .unknown(20 * MINUTE_MS, 1)
}

pub(super) fn october() -> Case {
    Case::new("2025-10").down(2_410 * MINUTE_MS, 9)
}

pub(super) fn march() -> Case {
    Case::new("2026-03")
        .down(1_900 * MINUTE_MS, 12)
        .unknown(600 * MINUTE_MS, 3)
}

pub(super) const YEAR: [(i64, i64); 12] = [
    (1_200, 0),
    (980, 30),
    (1_450, 0),
    (2_300, 0),
    (1_100, 0),
    (860, 0),
    (1_900, 700),
    (640, 0),
    (700, 15),
    (420, 0),
    (512, 0),
    (312, 20),
];

/// Every kind of month that a report can be about, by name.
pub(super) fn gallery() -> Vec<(&'static str, Case)> {
    let mut met = september()
        .with_history(&[
            (1_900, 0),
            (1_200, 0),
            (980, 30),
            (1_450, 0),
            (2_300, 0),
            (1_100, 0),
            (860, 0),
            (1_900, 700),
            (640, 0),
            (700, 15),
            (420, 0),
            (512, 0),
        ])
        .with_endpoints();
    met.usage = Some(Usage {
        n_calls: 1_284_311,
        n_successes: 1_279_904,
        source: "journaux de la passerelle, import du 2 octobre 2025".to_owned(),
    });
    met.commitment().trajectory = vec![
        ("2025-01-01".parse().unwrap(), "96 %".parse().unwrap()),
        ("2025-07-01".parse().unwrap(), "97,5 %".parse().unwrap()),
    ];
    let improvement = |what: &str, progress, date: Option<&str>| Improvement {
        what: what.to_owned(),
        progress,
        date: date.map(|date| date.parse().unwrap()),
    };
    met.service.improvements = vec![
        improvement(
            "doublement du socle sur un second site.",
            Progress::Engaged,
            Some("2025-08-01"),
        ),
        improvement(
            "réglage des délais d’attente vers les fournisseurs de données.",
            Progress::Planned,
            None,
        ),
        // Told in the report of its month.
        improvement("nouveau pare-feu.", Progress::Done, Some("2025-08-31")),
    ];
    met.vantages = ["paris-1", "lyon-1", "lille-1"]
        .map(|id| VantageId::new(id).unwrap())
        .to_vec();

    let mut missed = october().with_history(&YEAR).with_endpoints();
    missed.commitment().period = PeriodSource::Assumption;
    missed.service.maintenances = vec![PlannedMaintenance {
        reason: "Migration de la base".to_owned(),
        endpoint: None,
        declared: Some(at("2025-10-20T09:00:00+02:00")),
        when: Recurrence::Once(window(
            "2025-10-26T01:30:00+02:00",
            "2025-10-26T03:30:00+01:00",
        )),
    }];

    let undetermined = march().with_history(&YEAR).with_endpoints();

    let mut silent = Case::new("2025-08").with_history(&YEAR[..3]);
    silent.seen.push((
        window("2025-07-31T20:00:00+02:00", "2025-09-01T04:00:00+02:00"),
        State::Unknown,
    ));

    let mut running = Case::new("2025-11")
        .down(40 * MINUTE_MS, 2)
        .with_history(&YEAR);
    running.now = Some(at("2025-11-18T09:00:00+01:00"));
    running.edition.established = at("2025-11-18T09:00:00+01:00");
    let mut lost = Case::new("2025-11").down(4_000 * MINUTE_MS, 5);
    lost.now = Some(at("2025-11-25T09:00:00+01:00"));

    let mut corrected = october().with_history(&YEAR);
    corrected.edition.number = report_number(corrected.month, &corrected.service, 2);
    corrected.edition.replaces = Some(Replaced {
        number: "2025-10-particulier-v1".to_owned(),
        established: at("2025-11-01T06:00:00+01:00"),
        reason: "relevés du second point de mesure parvenus en retard".to_owned(),
        tally: Tally {
            up_ms: 2_682_000_000 - 180_000_000,
            down_ms: 180_000_000,
            ..Default::default()
        },
        verdict: Verdict::Missed,
    });
    corrected.causes = vec![StatedCause {
        window: corrected.month.window(),
        french: "panne d’alimentation du centre de données principal".to_owned(),
        english: Some("power failure in the main data centre".to_owned()),
        attribution: Attribution::Host,
        by: "Direction de démonstration".to_owned(),
        said: at("2025-11-03T09:00:00+01:00"),
    }];

    let mut joined = Case::new("2025-05").down(200 * MINUTE_MS, 2);
    joined.partner.memberships[0].windows =
        window("2025-05-12T00:00:00+02:00", "2099-01-01T00:00:00+01:00").into();
    let mut left = Case::new("2025-11");
    left.partner.memberships[0].windows =
        window("2024-05-12T00:00:00+02:00", "2025-11-05T00:00:00+01:00").into();
    let mut began = Case::new("2025-05");
    began.seen.push((
        window("2025-04-30T22:00:00+02:00", "2025-05-12T08:00:00+02:00"),
        State::Unknown,
    ));
    began.measured_since = Some(at("2025-05-12T08:00:00+02:00"));
    let mut absent = Case::new("2024-01");
    absent.partner.memberships[0].windows =
        window("2024-03-04T00:00:00+01:00", "2099-01-01T00:00:00+01:00").into();

    let mut pending = october().with_history(&YEAR);
    pending.exclusions = vec![Exclusion {
        kind: ExclusionKind::ForceMajeure,
        window: window("2025-10-26T00:00:00+02:00", "2025-10-29T00:00:00+01:00"),
        declared: Some(at("2025-10-30T10:00:00+01:00")),
        acceptance: Acceptance::Pending,
        reason: "crue de la rivière, centre de données inaccessible".to_owned(),
    }];
    let mut excluded = october();
    excluded.commitment().terms.maintenance = Maintenance::Excluded(MaintenanceTerms {
        notice_ms: 48 * HOUR_MS,
        cap_ms: Some(20 * HOUR_MS),
        hours: None,
    });
    excluded.exclusions = vec![Exclusion {
        kind: ExclusionKind::Maintenance,
        window: window("2025-10-28T00:00:00+01:00", "2025-10-28T12:00:00+01:00"),
        declared: Some(at("2025-10-20T10:00:00+02:00")),
        acceptance: Acceptance::Accepted,
        reason: "Remplacement des pare-feu".to_owned(),
    }];
    let edge = Case::new("2025-11")
        .down(2_160 * MINUTE_MS, 4)
        .with_history(&YEAR);
    let flapping = Case::new("2025-10")
        .down(900 * MINUTE_MS, 400)
        .with_history(&YEAR)
        .with_endpoints();

    let mut english = missed_english();
    english.language = Language::English;
    vec![
        ("tenu", met),
        ("non-tenu", missed),
        ("indetermine", undetermined),
        ("aucune-mesure", silent),
        ("provisoire", running),
        ("provisoire-perdu", lost),
        ("rectificatif", corrected),
        ("raccorde-en-cours", joined),
        ("desengage", left),
        ("mesure-commencee", began),
        ("sans-objet", absent),
        ("demande-en-attente", pending),
        ("maintenance-exclue", excluded),
        ("limite-exacte", edge),
        ("instable", flapping),
        ("english", english),
    ]
}

/// A look of an operator's own.
pub(super) fn look() -> Look {
    Look {
        logo: Some(Logo::new(include_bytes!("logo.svg")).unwrap()),
        accent: Colour::parse("#6b2a7a").unwrap(),
        french: Additions {
            introduction: vec!["Ce rapport est adressé à chaque partenaire raccordé.".to_owned()],
            closing: vec!["Permanence du lundi au vendredi.".to_owned()],
        },
        english: Additions {
            introduction: vec!["This report goes to each partner.".to_owned()],
            closing: Vec::new(),
        },
    }
}

pub(super) fn missed_english() -> Case {
    let mut case = october().with_history(&YEAR).with_endpoints();
    case.commitment().period = PeriodSource::Assumption;
    case
}
