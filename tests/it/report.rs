//! What partners read: the sentences, the page, the charts and the lists, for every kind of month.
//!
//! Statements are settled by the core from segments; nothing here builds a figure by hand.

mod index;
mod letter;
mod pdf;
mod reading;

use std::num::NonZeroU32;
use std::sync::Arc;

use chrono_tz::Europe::Paris;
use vigie::report::{
    Additions, Colour, DOCUMENT_NAMES, DayLatency, Document, Edition, EndpointFigures, Latency,
    Logo, Look, MonthResult, Replaced, Report, Usage, Workshop, render, render_html, report_number,
    subject, verdict_sentence,
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
struct Case {
    provider: Provider,
    partner: Partner,
    service: Service,
    month: Month,
    now: Option<Timestamp>,
    /// What was not Up.
    seen: Vec<(Window, State)>,
    exclusions: Vec<Exclusion>,
    history: Vec<MonthResult>,
    endpoints: Vec<EndpointFigures>,
    latencies: Vec<DayLatency>,
    causes: Vec<StatedCause>,
    look: Look,
    vantages: Vec<VantageId>,
    measured_since: Option<Timestamp>,
    usage: Option<Usage>,
    edition: Edition,
    language: Language,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

fn endpoint(id: &str, label: &str, provider: Option<&str>, contractual: bool) -> Endpoint {
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
    fn new(month: &str) -> Self {
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

    fn commitment(&mut self) -> &mut Commitment {
        &mut self.service.commitments[0]
    }

    /// `total_ms` of `state`, in `n` pieces of different length spread over the month.
    fn spread(mut self, state: State, total_ms: i64, n: i64) -> Self {
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

    fn down(self, total_ms: i64, n: i64) -> Self {
        self.spread(State::Down, total_ms, n)
    }

    fn unknown(self, total_ms: i64, n: i64) -> Self {
        self.spread(State::Unknown, total_ms, n)
    }

    /// Twelve months before, by minutes of Down and Unknown.
    fn with_history(mut self, minutes: &[(i64, i64)]) -> Self {
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

    fn with_endpoints(mut self) -> Self {
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

    fn settle(&self) -> Statement {
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

    fn with<T>(&self, look: impl FnOnce(&Report<'_>) -> T) -> T {
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

    fn html(&self) -> String {
        self.with(render_html)
    }

    fn documents(&self) -> Vec<Document> {
        self.with(|report| render(report, &mut Workshop::default()))
    }
}

fn september() -> Case {
    Case::new("2025-09")
        .down(312 * MINUTE_MS, 6)
        .unknown(20 * MINUTE_MS, 1)
}

fn october() -> Case {
    Case::new("2025-10").down(2_410 * MINUTE_MS, 9)
}

fn march() -> Case {
    Case::new("2026-03")
        .down(1_900 * MINUTE_MS, 12)
        .unknown(600 * MINUTE_MS, 3)
}

const YEAR: [(i64, i64); 12] = [
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
fn gallery() -> Vec<(&'static str, Case)> {
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

/// Every kind of report and its letter, as pages, in both languages.
pub(crate) fn in_both_languages() -> Vec<(String, Language, String)> {
    let mut pages = Vec::new();
    for (name, mut case) in gallery() {
        for language in [Language::French, Language::English] {
            case.language = language;
            pages.push((format!("{name} {language:?}"), language, case.html()));
            let letter = letter::letter(&case, &letter::ATTACHED).html;
            pages.push((format!("letter of {name} {language:?}"), language, letter));
        }
    }
    pages
}

/// A look of an operator's own.
fn look() -> Look {
    Look {
        logo: Some(Logo::new(include_bytes!("report/logo.svg")).unwrap()),
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

fn missed_english() -> Case {
    let mut case = october().with_history(&YEAR).with_endpoints();
    case.commitment().period = PeriodSource::Assumption;
    case
}

/// The sentence, with the no-break spaces that French asks for shown as `~`.
fn said(case: &Case) -> String {
    case.with(|report| verdict_sentence(report).to_string())
        .replace('\u{a0}', "~")
        .replace('\u{202f}', "_")
}

#[test]
fn four_months_are_told_in_the_agreed_sentences() {
    let check = |case: Case, sentence: &str| assert_eq!(said(&case), sentence);
    check(
        september(),
        "Engagement tenu. En septembre 2025, le Service a été disponible 99,23~% du temps au moins, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 5~h~12~min, pour une durée maximale admise de 36~h.",
    );
    check(
        october(),
        "Engagement non tenu. En octobre 2025, le Service a été disponible 94,60~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 40~h~10~min et dépasse de 2~h~55~min la durée maximale admise (37~h~15~min). Les causes et les actions engagées figurent aux parties 3 et 7.",
    );
    check(
        march(),
        "Résultat indéterminé. En mars 2026, l’état du Service n’a pas pu être établi pendant 10~h. Selon que le Service était disponible ou non pendant ce temps, le taux est compris entre 94,39~% et 95,73~%, pour un engagement de 95~%. Les mesures disponibles ne permettent donc pas de dire si l’engagement a été tenu.",
    );
    check(
        Case::new("2025-11").down(2_160 * MINUTE_MS, 4),
        "Engagement tenu. En novembre 2025, le Service a été disponible 95,00~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 36~h, pour une durée maximale admise de 36~h.",
    );
    check(
        Case::new("2025-11").down(2_160 * MINUTE_MS + SECOND_MS, 4),
        "Engagement non tenu. En novembre 2025, le Service a été disponible 94,99~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 36~h~00~min~01~s et dépasse de 1~s la durée maximale admise (36~h). Les causes et les actions engagées figurent aux parties 3 et 7.",
    );
}

#[test]
fn other_months_are_told_in_their_own_words() {
    let gallery = gallery();
    let check = |name: &str, sentence: &str| {
        let (_, case) = gallery.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(said(case), sentence, "{name}");
    };
    check(
        "aucune-mesure",
        "Résultat indéterminé. Aucune mesure exploitable n’a été recueillie en août 2025.",
    );
    check(
        "provisoire",
        "Résultat provisoire au 18 novembre 2025 à 9~h~00. L’engagement est apprécié au terme du mois. À ce stade~: 0~h~40~min d’indisponibilité, sur 36~h admises pour l’ensemble du mois.",
    );
    check(
        "provisoire-perdu",
        "Résultat provisoire au 25 novembre 2025 à 9~h~00. L’engagement est apprécié au terme du mois. À ce stade~: 66~h~40~min d’indisponibilité, sur 36~h admises pour l’ensemble du mois. Quelle que soit la disponibilité d’ici la fin du mois, le taux ne pourra plus atteindre 95~%.",
    );
    check(
        "sans-objet",
        "Sans objet. En janvier 2024, aucun temps n’entrait dans l’engagement~: votre organisme n’était pas raccordé au Service, ou tout le temps du mois en était exclu.",
    );
    check(
        "english",
        "Commitment not met. In October 2025, the Service was available 94.60% of the time, for a commitment of 95%. Observed downtime amounts to 40~h~10~min and exceeds the allowed maximum (37~h~15~min) by 2~h~55~min. Causes and actions are given in parts 3 and 7.",
    );
}

#[test]
fn the_subject_names_the_verdict() {
    let check = |case: &Case, expected: &str| {
        assert_eq!(case.with(subject).replace('\u{a0}', "~"), expected);
    };
    check(
        &october(),
        "Disponibilité d’API Particulier — octobre 2025~: engagement non tenu",
    );
    let (_, corrected) = gallery()
        .into_iter()
        .find(|(name, _)| *name == "rectificatif")
        .unwrap();
    check(
        &corrected,
        "Rectificatif — Disponibilité d’API Particulier — octobre 2025~: engagement non tenu",
    );
}

/// The text between `start` and the next `end`.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap() + start.len();
    let length = text[from..].find(end).unwrap();
    &text[from..from + length]
}

#[test]
fn every_page_is_whole_on_its_own_and_in_order() {
    for (name, case) in gallery() {
        let html = case.html();
        for forbidden in [
            "<script",
            "src=",
            "@import",
            "url(http",
            "href=\"http",
            "<link",
            "&#39;",
        ] {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        let lang = match case.language {
            Language::French => "<html lang=\"fr\">",
            Language::English => "<html lang=\"en\">",
        };
        assert!(html.contains(lang), "{name}");
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
        assert_eq!(html.matches("<h2 ").count(), 9, "{name}");
        assert_eq!(html.matches("<main>").count(), 1, "{name}");
        assert!(html.contains("<a class=\"skip\" href=\"#p1\">"), "{name}");
        // Every table has its caption, every chart its words, every identifier is one's own.
        assert_eq!(
            html.matches("<table>").count(),
            html.matches("<caption>").count(),
            "{name}"
        );
        assert_eq!(
            html.matches("<svg class=\"chart\"").count(),
            6 - usize::from(case.endpoints.is_empty()),
            "{name}"
        );
        assert_eq!(
            html.matches("<svg class=\"chart\"").count(),
            html.matches("role=\"img\" aria-labelledby=").count(),
            "{name}"
        );
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        let n_ids = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), n_ids, "{name}: an identifier stands twice");
        for reference in html
            .split("url(#")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            assert!(
                ids.contains(&reference),
                "{name}: pattern {reference} is missing"
            );
        }
        // The sentence that partners and lawyers look for stands there word for word.
        let sentence = case.with(verdict_sentence);
        assert!(html.contains(&sentence.headline), "{name}");
        assert!(html.contains(&sentence.body), "{name}: {}", sentence.body);
    }
}

#[test]
fn the_time_of_the_month_adds_up() {
    for (name, case) in gallery() {
        let html = case.html();
        let caption = match case.language {
            Language::French => "Décompte du temps du mois",
            Language::English => "The time of the month, accounted for",
        };
        let table = between(&html, &format!("<caption>{caption}"), "</table>");
        // Of each row, the exact time and the share, in hundredths of a per cent.
        let rows: Vec<[i64; 2]> = table
            .split("<tr")
            .skip(2)
            .map(|row| {
                let cells: Vec<&str> = row.split("<td class=\"n\">").skip(1).collect();
                [2, 1].map(|cell| {
                    let text = cells[cell].split('<').next().unwrap();
                    let digits = text.replace(|sign: char| !sign.is_ascii_digit(), "");
                    digits.parse().unwrap()
                })
            })
            .collect();
        let (total, parts) = rows.split_last().unwrap();
        assert_eq!(*total, [case.month.window().length_ms(), 10_000], "{name}");
        for column in [0, 1] {
            let sum: i64 = parts.iter().map(|row| row[column]).sum();
            assert_eq!(sum, total[column], "{name}");
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let case = october().with_history(&YEAR).with_endpoints();
    let first = case.documents();
    let second = case.with(|report| {
        let mut workshop = Workshop::default();
        render(report, &mut workshop);
        render(report, &mut workshop)
    });
    let names: Vec<&str> = first
        .iter()
        .map(|document| document.name.as_str())
        .collect();
    // The statement and the evidence come from the month-end.
    assert_eq!(names, DOCUMENT_NAMES[..16]);
    for (first, second) in first.iter().zip(&second) {
        assert!(first == second, "{} differs", first.name);
        let signature: &[u8] = match first.media_type {
            "image/png" => b"\x89PNG\r\n",
            "application/pdf" => b"%PDF-1.7",
            "image/svg+xml" => b"<svg ",
            "text/html; charset=utf-8" => b"<!DOCTYPE html>",
            _ => b"",
        };
        assert!(first.bytes.starts_with(signature), "{}", first.name);
    }
}

fn list(documents: &[Document], name: &str) -> String {
    let document = documents
        .iter()
        .find(|document| document.name == name)
        .unwrap();
    String::from_utf8(document.bytes.clone()).unwrap()
}

#[test]
fn lists_hold_the_whole_month_and_no_formula() {
    let mut case = october();
    case.service.id = ServiceId::new("=cmd|'/c calc'!A1").unwrap();
    case.partner.memberships[0].service = case.service.id.clone();
    let documents = case.documents();
    let machines = list(&documents, "mesures.csv");
    let mut lines = machines.split("\r\n");
    assert_eq!(
        lines.next().unwrap(),
        "service,mois,debut,fin,duree_s,duree_ms,etat,cause,point_d_acces,comptee"
    );
    assert!(
        machines.contains(",2025-10,2025-10-01T00:00:00.000+02:00,"),
        "{machines}"
    );
    assert!(
        machines.contains(",2025-11-01T00:00:00.000+01:00,"),
        "{machines}"
    );
    assert!(
        machines.contains(",down,status:502,socle,oui"),
        "{machines}"
    );
    let total_ms: i64 = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split(',').nth(5).unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!(total_ms, 745 * HOUR_MS);

    let spreadsheet = list(&documents, "mesures-tableur.csv");
    assert!(spreadsheet.starts_with("\u{feff}service;mois;debut;"));
    assert!(
        spreadsheet.contains("\r\n'=cmd|'/c calc'!A1;2025-10;01/10/2025 00:00:00;"),
        "{spreadsheet}"
    );
    assert!(!spreadsheet.contains("\n="));
}

/// What a page says, one block a line, without its drawings; no-break spaces are shown as `~`
/// and narrow ones as `_`.
fn text_of(html: &str) -> String {
    let mut rest = html.split_once("<body>").unwrap().1;
    let mut text = String::new();
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (name, after) = tag.split_once('>').unwrap();
        rest = after;
        if name.starts_with("svg") {
            rest = rest.split_once("</svg>").unwrap().1;
        } else if name.starts_with("/td") || name.starts_with("/th") || name.starts_with("/dt") {
            text.push_str(" | ");
        } else if name.starts_with("h2")
            || name.starts_with("caption")
            || name.starts_with("figcaption")
        {
            text.push_str("\n\n");
        } else if [
            "p", "/p", "li", "h", "tr", "div", "dl", "pre", "summary", "/caption",
        ]
        .iter()
        .any(|block| name == *block || name.starts_with(&format!("{block} ")))
        {
            text.push('\n');
        }
    }
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim().trim_end_matches(" |").to_owned())
        .collect();
    let mut joined = lines.join("\n");
    while joined.contains("\n\n\n") {
        joined = joined.replace("\n\n\n", "\n\n");
    }
    joined
        .replace('\u{a0}', "~")
        .replace('\u{202f}', "_")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[test]
fn pages_say_what_they_always_said() {
    for (name, mut case) in gallery() {
        insta::assert_snapshot!(name, text_of(&case.html()));
        if case.language == Language::French {
            case.language = Language::English;
            insta::assert_snapshot!(format!("{name}-en"), text_of(&case.html()));
        }
    }
}

/// The texts that a chart of the page shows, in order.
fn labels<'a>(html: &'a str, chart: &str) -> Vec<&'a str> {
    let svg = between(html, &format!("<title id=\"{chart}-t\">"), "</svg>");
    svg.split("</text>")
        .filter_map(|shape| Some(shape.rsplit_once("<text ")?.1.split_once('>')?.1))
        .collect()
}

/// How often a chart fills something with a pattern or a colour.
fn fills(html: &str, chart: &str, fill: &str) -> usize {
    let svg = between(html, &format!("<title id=\"{chart}-t\">"), "</svg>");
    let shapes = svg.split_once("</defs>").unwrap().1;
    shapes.matches(&format!("fill=\"{fill}\"")).count()
}

#[test]
fn charts_are_right_in_months_of_every_length() {
    let check = |month: &str, n_days: usize, changed: Option<&str>| {
        let html = Case::new(month).down(300 * MINUTE_MS, 3).html();
        let calendar = labels(&html, "calendrier");
        let rows = calendar.iter().filter(|label| label.contains(". ")).count();
        assert_eq!(rows, n_days, "{month}: {calendar:?}");
        let marks: Vec<&str> = calendar
            .iter()
            .copied()
            .filter(|label| *label == "23\u{a0}h" || *label == "25\u{a0}h")
            .collect();
        assert_eq!(marks, Vec::from_iter(changed), "{month}");
        for chart in ["jours", "marge", "incidents"] {
            let last = n_days.to_string();
            let past = (n_days + 1).to_string();
            let labels = labels(&html, chart);
            assert!(labels.contains(&last.as_str()), "{month} {chart}");
            assert!(!labels.contains(&past.as_str()), "{month} {chart}");
        }
    };
    check("2026-02", 28, None);
    check("2024-02", 29, None);
    check("2025-11", 30, None);
    check("2025-12", 31, None);
    check("2026-03", 31, Some("23\u{a0}h"));
    check("2025-10", 31, Some("25\u{a0}h"));
}

#[test]
fn charts_show_none_and_hundreds_of_outages() {
    let quiet = Case::new("2025-12").html();
    assert_eq!(fills(&quiet, "incidents", "url(#incidents-down)"), 0);
    assert!(labels(&quiet, "incidents").contains(&"Aucune indisponibilité constatée"));
    // The legend's own.
    assert_eq!(fills(&quiet, "calendrier", "url(#calendrier-down)"), 1);
    assert!(quiet.contains("Aucune indisponibilité n’a été constatée."));

    let flapping = Case::new("2025-10").down(900 * MINUTE_MS, 400).html();
    assert_eq!(fills(&flapping, "incidents", "url(#incidents-down)"), 400);
    // One that crosses midnight is drawn on both days.
    assert!(fills(&flapping, "calendrier", "url(#calendrier-down)") >= 401);
    // Numbers would cover each other.
    assert!(!labels(&flapping, "incidents").contains(&"400"));
    assert!(flapping.matches("<tr").count() > 400);
}

#[test]
fn nothing_is_drawn_outside_its_sheet() {
    for (name, case) in gallery() {
        let html = case.html();
        for chart in html.split("<svg class=\"chart\"").skip(1) {
            let chart = chart.split("</svg>").next().unwrap();
            let size: Vec<f64> = between(chart, "viewBox=\"0 0 ", "\"")
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            let shapes = chart.split_once("</defs>").unwrap().1;
            for (attribute, limit) in [(" x=\"", size[0]), (" y=\"", size[1])] {
                for place in shapes.split(attribute).skip(1) {
                    let place: f64 = place.split('"').next().unwrap().parse().unwrap();
                    assert!(
                        0.0 <= place && place <= limit * 10.0,
                        "{name}: {attribute}{place}"
                    );
                }
            }
            for points in shapes.split("points=\"").skip(1) {
                for point in points.split('"').next().unwrap().split_whitespace() {
                    let (x, y) = point.split_once(',').unwrap();
                    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                    assert!((0.0..=size[0] * 10.0).contains(&x), "{name}: {point}");
                    assert!((0.0..=size[1] * 10.0).contains(&y), "{name}: {point}");
                }
            }
            assert!(
                !shapes.contains("width=\"-") && !shapes.contains("height=\"-"),
                "{name}"
            );
        }
    }
}

#[test]
fn text_from_outside_cannot_become_markup() {
    let mut case = october();
    let hostile = "<script>alert(1)</script> & \"co\"";
    case.partner.name = hostile.to_owned();
    case.service.name = hostile.to_owned();
    case.service.improvements = vec![Improvement {
        what: hostile.to_owned(),
        progress: Progress::Planned,
        date: None,
    }];
    Arc::make_mut(&mut case.service.endpoints[0]).label = hostile.to_owned();
    let html = case.html();
    assert!(!html.contains("<script"));
    for document in case.documents() {
        if document.media_type == "image/svg+xml" {
            assert!(
                !String::from_utf8(document.bytes)
                    .unwrap()
                    .contains("<script")
            );
        }
    }
}

#[test]
fn an_operator_gives_reports_its_look_and_its_words() {
    let mut case = october();
    case.look = look();
    let html = case.html();
    assert!(html.contains("<img class=\"logo\" src=\"data:image/svg+xml;base64,PHN2Z"));
    assert!(html.contains(":root{--accent:#6b2a7a}"));
    let introduction = html
        .find("Ce rapport est adressé à chaque partenaire")
        .unwrap();
    assert!(introduction < html.find("id=\"p1\"").unwrap());
    let closing = html.find("Permanence du lundi au vendredi.").unwrap();
    assert!(html.find("mailto:supervision@operateur.example").unwrap() < closing);
    assert!(!html.contains("This report goes"));
    // Without one, nobody's.
    let plain = october().html();
    assert!(!plain.contains("<img"));
    assert!(plain.contains(":root{--accent:#155e66}"));
}

#[test]
fn the_worst_day_and_hour_are_named_and_months_are_pooled() {
    let mut case = Case::new("2025-09").with_history(&YEAR);
    // Ten minutes, and forty that cross an hour: thirty of them in the second.
    for (start, end) in [
        ("2025-09-03T10:00:00+02:00", "2025-09-03T10:10:00+02:00"),
        ("2025-09-17T13:50:00+02:00", "2025-09-17T14:30:00+02:00"),
    ] {
        case.seen.push((window(start, end), State::Down));
    }
    let html = case.html().replace('\u{a0}', " ");
    assert!(html.contains("Jour le plus touché : le 17 septembre 2025 (40 min)."));
    assert!(
        html.contains("Heure la plus touchée : le 17 septembre 2025, de 14 h à 15 h (30 min).")
    );
    // 512 + 312 + 50 minutes, against 640 + 700 + 420: sums of time, not means of rates.
    let pooled = between(&html, "3 mois (juillet 2025 à septembre 2025)", "</tr>");
    assert!(pooled.contains(">14 h 34 min<"), "{pooled}");
    assert!(pooled.contains(">\u{2212}14 h 46 min<"), "{pooled}");
    let row = between(&html, "12 mois (octobre 2024 à septembre 2025)", "</tr>");
    assert!(row.ends_with("<td class=\"n\">–</td>"), "{row}");
}

#[test]
fn steps_beyond_the_commitment_are_compared_month_by_month() {
    let mut case = october().with_history(&YEAR);
    case.commitment().trajectory = vec![
        ("2025-08-01".parse().unwrap(), "96 %".parse().unwrap()),
        ("2025-10-01".parse().unwrap(), "97,5 %".parse().unwrap()),
    ];
    let html = case.html().replace('\u{a0}', " ");
    assert!(html.contains("Objectif interne du mois (97,5 %) : non atteint."));
    assert!(html.contains("atteint 2 fois sur 3 mois suivis"));
    let september = between(&html, "<th scope=\"row\">septembre 2025</th>", "</tr>");
    assert!(september.contains("<td>96 % (atteint)</td>"), "{september}");
    let july = between(&html, "<th scope=\"row\">juillet 2025</th>", "</tr>");
    assert!(july.ends_with("<td>–</td>"), "{july}");
}

/// Goal: what an operator says of an outage stands beside what was observed, with who says so; of
/// two things said of one outage the later holds; a partner who reads English gets the French
/// words where there are no others; no figure moves.
#[test]
fn an_operator_says_why() {
    let mut case = october();
    let outage = case.settle().incidents[0].window;
    let after = Window::new(outage.end().plus_ms(1), outage.end().plus_ms(2)).unwrap();
    let cause = |window, french: &str, english: Option<&str>, attribution| StatedCause {
        window,
        french: french.to_owned(),
        english: english.map(str::to_owned),
        attribution,
        by: "la direction technique".to_owned(),
        said: at("2025-11-02T09:00:00+01:00"),
    };
    let without = case.html();
    case.causes = vec![
        cause(outage, "premier mot", None, Attribution::Unknown),
        cause(outage, "panne d’alimentation", None, Attribution::Host),
        cause(after, "autre chose", None, Attribution::Service),
    ];
    let sentence = "Incident n° 1 : panne d’alimentation. Imputable à l’hébergeur. Indiqué par la direction technique le 2 novembre 2025.";
    let told = text_of(&case.html()).replace('~', " ");
    assert!(told.contains(sentence), "{told}");
    for absent in ["premier mot", "autre chose"] {
        assert!(!told.contains(absent), "{absent}");
    }
    let figures = |html: &str| between(html, "id=\"p1\"", "id=\"p2\"").to_owned();
    assert_eq!(figures(&case.html()), figures(&without));

    case.language = Language::English;
    assert!(text_of(&case.html()).contains("“panne d’alimentation” (in French)."));
    case.causes[1].english = Some("power failure".to_owned());
    let told = text_of(&case.html()).replace('~', " ");
    assert!(
        told.contains("Incident no. 1: power failure. Attributable to the hosting provider."),
        "{told}"
    );
}

#[test]
#[ignore = "for eyes: writes every kind of report into the directory named by VIGIE_GALLERY"]
fn the_gallery_is_written() {
    let Ok(directory) = std::env::var("VIGIE_GALLERY") else {
        return;
    };
    let write = |name: &str, documents: Vec<Document>| {
        let folder = std::path::Path::new(&directory).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for document in documents {
            std::fs::write(folder.join(&document.name), &document.bytes).unwrap();
        }
    };
    for (name, case) in gallery() {
        write(name, case.documents());
    }
    let mut dressed = october();
    dressed.look = look();
    write("habille", dressed.documents());
    let editions = [
        index::shelved("2025-10", 2, Verdict::Met, false),
        index::shelved("2025-10", 1, Verdict::Missed, true),
    ];
    let index = index::page(Language::French, &editions);
    std::fs::write(std::path::Path::new(&directory).join("index.html"), index).unwrap();
}

/// Evidence of another tool is named as such, in both languages; without any, nothing is said.
#[test]
fn imported_evidence_is_told() {
    for (language, sentence) in [
        (
            Language::French,
            "Les relevés attribués à import-kuma ont été faits par un autre outil",
        ),
        (
            Language::English,
            "The measurements attributed to import-kuma were made by another monitoring tool",
        ),
    ] {
        let mut case = october();
        case.language = language;
        assert!(!case.html().contains(sentence));
        case.vantages
            .insert(0, VantageId::new("import-kuma").unwrap());
        let html = case.html();
        assert!(html.contains(sentence), "{html}");
    }
}
