//! The demo: its past settles to the answers it was made for, and its simulator answers like the
//! two APIs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono_tz::Tz;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use vigie::clock::{Clock, ManualClock};
use vigie::config::{self, Config, StoreConfig};
use vigie::demo::apis::{Answer, EXPIRED_TOKEN, TOKEN};
use vigie::demo::history::{MARK, Past};
use vigie::demo::simulator::{self, Act, Cue, Scenario, Simulator, When};
use vigie::demo::{Demo, DemoError, PROVIDER, set_up};
use vigie::probe::Prober;
use vigie::schedule::{Due, Schedule};
use vigie::sla::availability::Verdict;
use vigie::sla::catalog::{Endpoint, EndpointId, HttpProbe, Probe, Url, VantageId};
use vigie::sla::commitment::{Ppm, Terms};
use vigie::sla::observation::{Finding, MissCause, Outcome};
use vigie::sla::statement::{EndpointEvidence, Evidence, Seen, Statement, VantageEvidence, settle};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};

const PARIS: Tz = Tz::Europe__Paris;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The day on which the demo of the documentation was run.
fn past() -> Past {
    Past::until(at("2026-11-22T10:30:00+01:00"), PARIS)
}

fn month(text: &str) -> Month {
    Month::parse(text, PARIS).unwrap()
}

fn endpoint(id: &str, contractual: bool, interval_s: i64) -> Endpoint {
    Endpoint {
        id: EndpointId::new(id).unwrap(),
        label: id.to_owned(),
        data_provider: None,
        contractual,
        retired: false,
        vantages: Vec::new(),
        probe: Probe::from(HttpProbe::get(Url {
            tls: false,
            host: "127.0.0.1".to_owned(),
            port: 80,
            path: "/".to_owned(),
        })),
        interval_ms: interval_s * 1_000,
        timeout_ms: 5_000,
        validity_ms: interval_s * 2_500 + 5_000,
        latency_objective_ms: None,
        confirmation: None,
    }
}

fn findings(past: Past, endpoint: &Endpoint, window: Window) -> Vec<Finding> {
    let vantage = VantageId::new("demo").unwrap();
    past.findings(endpoint, &vantage, window).collect()
}

/// Settles one month of some endpoints at 95 %, as a convention that says nothing else.
fn settled(past: Past, endpoints: &[Endpoint], month: Month) -> Statement {
    let window = month.window();
    let margin = Window::new(
        window.start().plus_ms(-HOUR_MS),
        window.end().plus_ms(HOUR_MS),
    )
    .unwrap();
    let endpoints = endpoints
        .iter()
        .map(|endpoint| EndpointEvidence {
            id: endpoint.id.clone(),
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
            vantages: vec![VantageEvidence {
                id: VantageId::new("demo").unwrap(),
                present: None,
                seen: Seen::Observations(
                    findings(past, endpoint, margin)
                        .into_iter()
                        .map(|finding| finding.observation)
                        .collect(),
                ),
            }],
        })
        .collect();
    let evidence = Evidence {
        window,
        now: None,
        membership: window.into(),
        exclusions: Vec::new(),
        endpoints,
    };
    settle(&evidence, &Terms::silent(Ppm::new(950_000).unwrap()))
}

#[test]
fn the_four_months_come_out_to_the_millisecond() {
    let check = |text: &str, hours: i64, down_min: i64, unknown_min: i64, lower, upper, verdict| {
        let statement = settled(past(), &[endpoint("socle", true, 60)], month(text));
        let tally = statement.tally;
        assert_eq!(tally.total_ms(), hours * HOUR_MS, "{text}");
        assert_eq!(tally.down_ms, down_min * MINUTE_MS, "{text}");
        assert_eq!(tally.unknown_ms, unknown_min * MINUTE_MS, "{text}");
        assert_eq!(
            tally.good_ms() + tally.down_ms + tally.unknown_ms,
            tally.total_ms()
        );
        let availability = statement.availability.unwrap();
        assert_eq!(availability.lower.to_string(), lower, "{text}");
        assert_eq!(availability.upper.to_string(), upper, "{text}");
        assert_eq!(statement.verdict, verdict, "{text}");
        statement
    };
    let october = check("2025-10", 745, 2_410, 0, "94.60", "94.60", Verdict::Missed);
    assert_eq!(october.budget.allowed_ms, 2_235 * MINUTE_MS);
    assert_eq!(october.budget.remaining_max_ms, -175 * MINUTE_MS);
    let november = check("2025-11", 720, 2_160, 0, "95.00", "95.00", Verdict::Met);
    assert_eq!(november.budget.remaining_min_ms, 0);
    check(
        "2026-03",
        743,
        1_900,
        600,
        "94.39",
        "95.73",
        Verdict::Undetermined,
    );
    check("2026-09", 720, 312, 20, "99.23", "99.27", Verdict::Met);
}

#[test]
fn the_night_the_clocks_go_back_has_three_hours_of_announced_work() {
    let statement = settled(past(), &[endpoint("socle", true, 60)], month("2025-10"));
    let work = Window::new(
        at("2025-10-26T01:30:00+02:00"),
        at("2025-10-26T03:30:00+01:00"),
    )
    .unwrap();
    let incident = statement.incidents.last().unwrap();
    assert_eq!(incident.window.length_ms(), 3 * HOUR_MS);
    assert!(incident.window.start().since(work.start()) < MINUTE_MS);
}

#[test]
fn every_other_month_is_met_and_none_is_perfect() {
    let particulier = [endpoint("socle", true, 60)];
    let droits_cnam = [endpoint("entree", true, 60), endpoint("sante", true, 60)];
    let told = ["2025-10", "2025-11", "2026-03", "2026-09"];
    for month in past().months() {
        for (service, endpoints) in [("particulier", &particulier[..]), ("cnam", &droits_cnam)] {
            if service == "particulier" && told.contains(&month.to_string().as_str()) {
                continue;
            }
            let statement = settled(past(), endpoints, month);
            assert_eq!(statement.verdict, Verdict::Met, "{service} {month}");
            let lower = statement.availability.unwrap().lower.basis_points();
            assert!(
                (9_600..=9_990).contains(&lower),
                "{service} {month}: {lower}"
            );
        }
    }
}

#[test]
fn work_every_night_alone_would_break_a_month_if_it_counted() {
    let statement = settled(
        past(),
        &[endpoint("scolarite-men", true, 300)],
        month("2026-06"),
    );
    assert_eq!(statement.tally.down_ms, 30 * 80 * MINUTE_MS);
    assert_eq!(statement.verdict, Verdict::Missed);
}

#[test]
fn the_same_answers_come_out_whenever_the_demo_is_run() {
    // Thirteen months hold every month of the year, whatever the month they end before; the last
    // one is told as a calm one.
    for (now, down_min) in [
        (
            "2027-04-01T00:00:00+02:00",
            [
                "2026-09 312",
                "2026-10 2410",
                "2026-11 2160",
                "2026-03 1900",
            ],
        ),
        (
            "2028-02-29T23:59:59+01:00",
            [
                "2027-09 312",
                "2027-10 2410",
                "2027-11 2160",
                "2027-03 1900",
            ],
        ),
    ] {
        let past = Past::until(at(now), PARIS);
        assert_eq!(past.months().count(), 13);
        for told in down_min {
            let (text, minutes) = told.split_once(' ').unwrap();
            let statement = settled(past, &[endpoint("socle", true, 60)], month(text));
            let expected_ms = minutes.parse::<i64>().unwrap() * MINUTE_MS;
            assert_eq!(statement.tally.down_ms, expected_ms, "{told} as of {now}");
        }
    }
}

#[test]
fn the_past_is_the_same_in_one_piece_or_in_many() {
    let endpoint = endpoint("c2s", false, 300);
    let window = Window::new(
        at("2025-09-30T20:00:00+02:00"),
        at("2025-11-02T07:13:21+01:00"),
    )
    .unwrap();
    let whole = findings(past(), &endpoint, window);
    let pieces: Vec<Finding> = window
        .pieces(5 * HOUR_MS + 17)
        .flat_map(|piece| findings(past(), &endpoint, piece))
        .collect();
    assert!(whole.len() > 9_000);
    assert_eq!(whole, pieces);
}

#[test]
fn nothing_is_seen_after_now_nor_before_the_first_month() {
    let all = Window::new(at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z")).unwrap();
    let findings = findings(past(), &endpoint("emploi-ft", false, 120), all);
    assert!(findings.first().unwrap().observation.at >= at("2025-09-30T23:00:00+02:00"));
    let last = findings.last().unwrap().observation.at;
    let silent_ms = at("2026-11-22T10:30:00+01:00").since(last);
    assert!((0..=120_000).contains(&silent_ms), "{last}");
}

#[test]
fn a_monitor_that_starts_now_goes_on_where_the_past_ends() {
    let now = at("2026-11-22T10:30:00+01:00");
    let endpoint = endpoint("socle", true, 60);
    let recent = Window::new(now.plus_ms(-HOUR_MS), now).unwrap();
    let ticks: Vec<Timestamp> = findings(past(), &endpoint, recent)
        .iter()
        .map(|finding| finding.observation.tick)
        .collect();
    assert_eq!(ticks.len(), 60);
    let last = (endpoint.id.clone(), *ticks.last().unwrap());
    let mut schedule = Schedule::new(
        [(endpoint.id.clone(), endpoint.interval_ms)],
        std::slice::from_ref(&last),
        now,
    );
    assert_eq!(schedule.due(now, usize::MAX), Due::default());
    assert_eq!(schedule.next_wake(), Some(last.1.plus_ms(MINUTE_MS)));
}

#[test]
fn each_scenario_is_there_and_says_that_it_is_synthetic() {
    let check = |id: &str, interval_s: i64, expected: &[(&str, usize)]| {
        let endpoint = endpoint(id, false, interval_s);
        let findings = findings(past(), &endpoint, past().window());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for finding in &findings {
            let code = match finding.observation.outcome {
                Outcome::Answered { .. } => {
                    assert_eq!(finding.trace.message, "");
                    continue;
                }
                Outcome::Failed(fault) => fault.to_string(),
                Outcome::Void(void) => void.to_string(),
            };
            assert!(
                finding.trace.message.starts_with(MARK),
                "{}",
                finding.trace.message
            );
            *counts.entry(code).or_default() += 1;
        }
        for (code, count) in expected {
            assert_eq!(counts.get(*code), Some(count), "{id}: {code} of {counts:?}");
        }
    };
    let everywhere = [("uplink", 310), ("clock", 5)];
    check("etudiant-mesri", 120, &everywhere);
    check(
        "etudiant-mesri",
        120,
        &[("status:504", 90), ("timeout:connect", 360)],
    );
    check("qf-cnaf-msa", 300, &[("status:502", 72)]);
    check("c2s", 300, &[("content", 36)]);
    check(
        "emploi-ft",
        120,
        &[("stated_unknown", 48 * 30), ("status:502", 75)],
    );
    check("franceconnect", 60, &[("connect", 95), ("dns", 25)]);
    check(
        "etudiant-donnee",
        300,
        &[
            ("credential:401", 7 * 288),
            ("rate_limited", 6),
            ("status:500", 24),
        ],
    );
    check("svair-dgfip", 300, &[("status:410", 3 * 288)]);
}

#[test]
fn nobody_asks_while_the_monitor_is_stopped_nor_what_was_withdrawn() {
    let stopped = Window::new(
        at("2026-02-11T08:00:00+01:00"),
        at("2026-02-11T17:00:00+01:00"),
    )
    .unwrap();
    let socle = endpoint("socle", true, 60);
    assert_eq!(findings(past(), &socle, stopped).len(), 0);
    let missed = past().missed(&socle);
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0].count, 540);
    assert_eq!(missed[0].cause, MissCause::NotRunning);
    assert!(stopped.contains(missed[0].first) && stopped.contains(missed[0].last));
    let after = Window::new(
        at("2025-10-18T12:00:00+02:00"),
        at("2026-11-22T00:00:00+01:00"),
    )
    .unwrap();
    let withdrawn = endpoint("svair-dgfip", false, 300);
    assert_eq!(findings(past(), &withdrawn, after).len(), 0);
    assert_eq!(past().missed(&withdrawn), []);
}

#[test]
fn latencies_are_plausible() {
    let window = month("2026-06").window();
    let mut latencies_ms: Vec<u32> = findings(past(), &endpoint("socle", true, 60), window)
        .iter()
        .filter_map(|finding| match finding.observation.outcome {
            Outcome::Answered { latency_us, .. } => Some(latency_us / 1_000),
            Outcome::Failed(_) | Outcome::Void(_) => None,
        })
        .collect();
    latencies_ms.sort_unstable();
    let part = |thousandths: usize| latencies_ms[latencies_ms.len() * thousandths / 1_000];
    assert!((34..=42).contains(&part(500)), "{}", part(500));
    assert!((65..=95).contains(&part(950)), "{}", part(950));
    assert!((90..=400).contains(&part(999)), "{}", part(999));
}

/// A simulator whose time is `now`.
struct Stage {
    simulator: Simulator,
    clock: ManualClock,
    client: reqwest::Client,
}

async fn stage(scenario: Scenario, now: &str) -> Stage {
    let clock = ManualClock::new(at(now));
    let simulator = simulator::start(scenario, Clock::Manual(clock.clone()))
        .await
        .unwrap();
    Stage {
        simulator,
        clock,
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
    }
}

impl Stage {
    async fn ask(&self, path: &str, token: Option<&str>) -> reqwest::Result<reqwest::Response> {
        let mut request = self
            .client
            .get(format!("http://{}{path}", self.simulator.particulier));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await
    }

    async fn json(&self, path: &str, token: Option<&str>) -> (u16, serde_json::Value) {
        let response = self.ask(path, token).await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }
}

fn always(path: &'static str, act: Act) -> Cue {
    Cue {
        path,
        when: When::Always,
        act,
    }
}

#[tokio::test]
async fn pings_tell_their_state_in_the_body_and_not_in_the_status() {
    let until = at("2026-11-22T02:30:00+01:00");
    let window = Window::new(at("2026-11-22T01:10:00+01:00"), until).unwrap();
    let scenario = Scenario {
        cues: vec![
            Cue {
                path: "/api/men_scolarite/ping",
                when: When::During(window),
                act: Act::Maintenance,
            },
            always("/api/pole_emploi_status/ping", Act::Unknown),
            always("/api/franceconnect/ping", Act::BadGateway),
        ],
    };
    let stage = stage(scenario, "2026-11-22T01:41:12.345+01:00").await;
    let check = async |path: &str, status: u16, expected: serde_json::Value| {
        assert_eq!(stage.json(path, None).await, (status, expected), "{path}");
    };
    let body = |status: &str, last_update: &str, last_ok_status: &str| {
        serde_json::json!({
            "status": status,
            "last_update": format!("2026-11-22T{last_update}+01:00"),
            "last_ok_status": format!("2026-11-22T{last_ok_status}+01:00"),
        })
    };
    check("/api/ping", 200, body("ok", "01:41:12.345", "01:41:12.345")).await;
    let mut maintenance = body("maintenance", "01:41:12.345", "01:40:12.345");
    maintenance["until"] = "2026-11-22T02:30:00.000+01:00".into();
    check("/api/men_scolarite/ping", 200, maintenance).await;
    check(
        "/api/pole_emploi_status/ping",
        200,
        body("unknown", "01:41:12.345", "01:26:12.345"),
    )
    .await;
    check(
        "/api/franceconnect/ping",
        502,
        body("bad_gateway", "01:41:12.345", "01:34:12.345"),
    )
    .await;
    check("/api/caf/ping", 404, serde_json::json!({})).await;

    stage.clock.set(until);
    let (_, after) = stage.json("/api/men_scolarite/ping", None).await;
    assert_eq!(after["status"], "ok");
    let (_, pings) = stage.json("/api/pings", None).await;
    assert!(pings.as_array().unwrap().contains(&serde_json::json!({
        "name": "men_scolarite",
        "url": "/api/men_scolarite/ping",
    })));
}

#[tokio::test]
async fn a_ping_repeats_its_ok_until_it_is_old_or_refuted() {
    // The provider fails from 10:50 to 10:53 only.
    let scenario = Scenario {
        cues: vec![Cue {
            path: "/api/mesri_statut_etudiant_ine/ping",
            when: When::During(
                Window::new(at("2026-11-22T10:50:00Z"), at("2026-11-22T10:53:00Z")).unwrap(),
            ),
            act: Act::BadGateway,
        }],
    };
    let stage = stage(scenario, "2026-11-22T10:30:00Z").await;
    let last_update = async |now: &str, path: &str| {
        stage.clock.set(at(now));
        let (_, body) = stage.json(path, None).await;
        at(body["last_update"].as_str().unwrap())
    };
    // Thirty minutes here, two there.
    for (path, now, looked) in [
        ("cnaf_msa_quotient_familial", "10:31:00", "10:31:00"),
        ("cnaf_msa_quotient_familial", "11:00:59", "10:31:00"),
        ("cnaf_msa_quotient_familial", "11:01:00", "11:01:00"),
        ("mesri_statut_etudiant_ine", "10:48:30", "10:48:30"),
        ("mesri_statut_etudiant_ine", "10:49:59", "10:48:30"),
        ("mesri_statut_etudiant_ine", "10:52:59", "10:52:59"),
        ("mesri_statut_etudiant_ine", "10:53:00", "10:53:00"),
        ("mesri_statut_etudiant_ine", "10:54:00", "10:53:00"),
    ] {
        let path = format!("/api/{path}/ping");
        let told = last_update(&format!("2026-11-22T{now}Z"), &path).await;
        assert_eq!(
            told,
            at(&format!("2026-11-22T{looked}Z")),
            "{path} at {now}"
        );
    }
}

#[tokio::test]
async fn the_data_route_wants_a_token_and_knows_no_fictitious_student() {
    let stage = stage(Scenario::quiet(), "2026-11-22T10:30:00Z").await;
    const ROUTE: &str = "/v3/mesri/statut_etudiant/ine?ine=0000000000X";
    let check = async |path: &str, token: Option<&str>, status: u16, code: &str| {
        let (answered, body) = stage.json(path, token).await;
        assert_eq!(answered, status, "{path} {token:?}");
        assert_eq!(body["errors"][0]["code"], code, "{path} {token:?}");
    };
    check(ROUTE, Some(TOKEN), 404, "25003").await;
    check(ROUTE, Some(EXPIRED_TOKEN), 401, "00103").await;
    check(ROUTE, Some("another"), 401, "00101").await;
    check(ROUTE, None, 401, "00101").await;
    check("/v3/mesri/statut_etudiant/ine", Some(TOKEN), 422, "00401").await;
    check("/api/impots/svair", None, 410, "27007").await;
}

#[tokio::test]
async fn twenty_calls_a_second_and_no_more() {
    let stage = stage(Scenario::quiet(), "2026-11-22T10:30:00Z").await;
    const ROUTE: &str = "/v3/mesri/statut_etudiant/ine?ine=0000000000X";
    for remaining in (0..20).rev() {
        let response = stage.ask(ROUTE, Some(TOKEN)).await.unwrap();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["RateLimit-Limit"], "20");
        assert_eq!(
            response.headers()["RateLimit-Remaining"],
            remaining.to_string()
        );
    }
    let refused = stage.ask(ROUTE, Some(TOKEN)).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["Retry-After"], "1");
    stage.clock.advance_ms(1_000);
    assert_eq!(stage.ask(ROUTE, Some(TOKEN)).await.unwrap().status(), 404);
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let stage = stage(Scenario::quiet(), "2026-11-22T10:30:00Z").await;
    let id = async || {
        let response = stage.ask("/api/ping", None).await.unwrap();
        response.headers()["X-Request-ID"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let (first, second) = (id().await, id().await);
    assert_eq!(first.len(), 36);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_scenario_can_hang_close_and_answer_anything() {
    let scenario = Scenario {
        cues: vec![
            always("/api/ping", Act::Hang),
            always("/api/franceconnect/ping", Act::Close),
            always(
                "/api/men_scolarite/ping",
                Act::Answer(Answer::html_maintenance()),
            ),
            always("/v3/men", Act::Answer(Answer::men_maintenance())),
            always("/v3/cnav", Act::Answer(Answer::cnav_timeout())),
            always("/v3/cnaf", Act::Answer(Answer::cnaf_error())),
            always("/api/v2/caf", Act::Answer(Answer::v2_network_error())),
            always("/v3/busy", Act::Answer(Answer::too_many_requests(30))),
        ],
    };
    let stage = stage(scenario, "2026-11-22T10:30:00Z").await;
    let hanging = stage
        .client
        .get(format!("http://{}/api/ping", stage.simulator.particulier))
        .timeout(std::time::Duration::from_millis(200))
        .send()
        .await;
    assert!(hanging.unwrap_err().is_timeout());
    assert!(stage.ask("/api/franceconnect/ping", None).await.is_err());

    let page = stage.ask("/api/men_scolarite/ping", None).await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().starts_with("<!doctype html>"));

    let check = async |path: &str, status: u16, pointer: &str, expected: serde_json::Value| {
        let (answered, body) = stage.json(path, None).await;
        assert_eq!(answered, status, "{path}");
        assert_eq!(body.pointer(pointer), Some(&expected), "{path}");
    };
    check("/v3/men", 503, "/errors/0/meta/retry_in", 3_120.into()).await;
    check("/v3/men", 503, "/errors/0/code", "30020".into()).await;
    check("/v3/cnav", 504, "/errors/0/code", "37002".into()).await;
    check("/v3/cnaf", 502, "/errors/0/code", "35000".into()).await;
    check("/api/v2/caf", 503, "/error", "network_error".into()).await;
    let busy = stage.ask("/v3/busy", None).await.unwrap();
    assert_eq!(busy.headers()["Retry-After"], "30");
}

#[tokio::test]
async fn scripted_faults_come_and_go_with_the_clock() {
    let stage = stage(Scenario::demo(), "2026-11-22T10:04:59Z").await;
    let status = async || {
        let (status, _) = stage
            .json("/api/cnous_etudiant_boursier_ine/ping", None)
            .await;
        status
    };
    assert_eq!(status().await, 200);
    stage.clock.advance_ms(1_000);
    assert_eq!(status().await, 502);
    stage.clock.advance_ms(3 * MINUTE_MS - 1);
    assert_eq!(status().await, 502);
    stage.clock.advance_ms(1);
    assert_eq!(status().await, 200);
    // 01:10 in Paris, also in summer.
    for (now, expected) in [
        ("2026-11-23T00:10:00Z", "maintenance"),
        ("2026-07-22T23:10:00Z", "maintenance"),
        ("2026-07-23T00:30:00Z", "ok"),
    ] {
        stage.clock.set(at(now));
        let (_, body) = stage.json("/api/men_scolarite/ping", None).await;
        assert_eq!(body["status"], expected, "{now}");
    }
}

/// The certificates must fit the clock of the client, which is the machine's.
#[tokio::test]
async fn droits_cnam_answers_over_tls_to_those_who_trust_its_authority() {
    let simulator = simulator::start(Scenario::quiet(), Clock::System)
        .await
        .unwrap();
    let ca = reqwest::Certificate::from_pem(simulator.ca_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .build()
        .unwrap();
    let address = simulator.droits_cnam;
    let get = async |client: &reqwest::Client, host: &str, path: &str| {
        let port = address.port();
        client
            .get(format!("https://{host}:{port}{path}"))
            .send()
            .await
    };
    let health = get(&client, "127.0.0.1", "/v1/sante").await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(health.text().await.unwrap(), "ok");
    let entry = get(&client, "localhost", "/v1/droits/beneficiaires/me")
        .await
        .unwrap();
    assert_eq!(entry.status(), 401);
    let body: serde_json::Value = entry.json().await.unwrap();
    assert_eq!(body["error"], "invalid_token");

    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(get(&stranger, "127.0.0.1", "/v1/sante").await.is_err());
}

/// A demo whose time is `now`, and what the config loader makes of its file.
async fn demo(directory: &Path, scenario: Scenario, now: &str) -> (Demo, Config) {
    let clock = Clock::Manual(ManualClock::new(at(now)));
    let listen = "127.0.0.1:18430".parse().unwrap();
    let demo = set_up(directory, listen, scenario, clock).await.unwrap();
    let config = config::load(&demo.config_file).unwrap();
    (demo, config)
}

/// What the prober makes of every endpoint that is asked, as codes.
async fn probed(config: &Config, now: &str) -> BTreeMap<String, String> {
    let prober = Prober::new(config.vantage.clone()).unwrap();
    let mut outcomes = BTreeMap::new();
    for (_, endpoint) in config.catalog.endpoints() {
        if endpoint.retired {
            continue;
        }
        prober.prepare(endpoint).unwrap();
        let finding = prober.probe(endpoint, at(now), at(now)).await;
        let code = match finding.observation.outcome {
            Outcome::Answered { .. } => "answered".to_owned(),
            Outcome::Failed(fault) => {
                format!("{fault} {}", finding.trace.cause.unwrap_or_default())
            }
            Outcome::Void(void) => format!("{void} {}", finding.trace.cause.unwrap_or_default()),
        };
        outcomes.insert(endpoint.id.to_string(), code.trim_end().to_owned());
    }
    outcomes
}

#[tokio::test]
async fn the_demo_has_a_configuration_of_its_own_that_loads() {
    let directory = tempfile::tempdir().unwrap();
    let (demo, config) = demo(directory.path(), Scenario::quiet(), "2026-11-22T10:30:00Z").await;
    assert_eq!(config.catalog.provider.name, PROVIDER);
    assert_eq!(config.vantage.as_str(), "demo");
    assert_eq!(config.web.listen.to_string(), "127.0.0.1:18430");
    assert_eq!(
        config.store,
        StoreConfig::File(directory.path().join("vigie.db"))
    );
    assert!(config.reports.directory.starts_with(directory.path()));
    let simulated = [demo.simulator.particulier, demo.simulator.droits_cnam];
    for (_, endpoint) in config.catalog.endpoints() {
        let Probe::Http(http) = &endpoint.probe else {
            panic!("an HTTP endpoint");
        };
        let asked = format!("{}:{}", http.url.host, http.url.port);
        assert!(
            simulated.iter().any(|address| address.to_string() == asked),
            "{} asks {asked}",
            endpoint.id
        );
        assert_eq!(http.url.tls, http.ca_file.is_some(), "{}", endpoint.id);
    }
    let text = std::fs::read_to_string(&demo.config_file).unwrap();
    assert!(
        !text.contains("/var/lib") && !text.contains("/etc/"),
        "{text}"
    );
}

#[tokio::test]
async fn the_past_of_a_whole_installation_comes_in_order_of_time() {
    let directory = tempfile::tempdir().unwrap();
    let (_demo, config) = demo(directory.path(), Scenario::quiet(), "2026-11-22T10:30:00Z").await;
    let days = past().days(&config.catalog, &config.vantage);
    // Thirteen months, the evening before and the running month.
    assert_eq!(days.len(), 396 + 1 + 22);
    let mut last = past().window().start();
    let mut n_findings = 0;
    for finding in days.take(40).flatten() {
        assert!(last <= finding.observation.at, "{finding:?}");
        last = finding.observation.at;
        n_findings += 1;
    }
    // Three endpoints each minute, four every other minute, four every fifth.
    let per_day = 3 * 1_440 + 4 * 720 + 4 * 288;
    assert!(
        (38 * per_day..41 * per_day).contains(&n_findings),
        "{n_findings}"
    );
}

#[tokio::test]
async fn real_probes_find_every_endpoint_of_a_quiet_simulator_up() {
    const NOW: &str = "2026-11-22T10:30:00Z";
    let directory = tempfile::tempdir().unwrap();
    let (_demo, config) = demo(directory.path(), Scenario::quiet(), NOW).await;
    let outcomes = probed(&config, NOW).await;
    assert_eq!(outcomes.len(), 11);
    for (endpoint, outcome) in outcomes {
        assert_eq!(outcome, "answered", "{endpoint}");
    }
}

#[tokio::test]
async fn real_probes_see_what_the_scenario_plays() {
    let check = async |now: &str, expected: &[(&str, &str)]| {
        let directory = tempfile::tempdir().unwrap();
        let (_demo, config) = demo(directory.path(), Scenario::demo(), now).await;
        let outcomes = probed(&config, now).await;
        for (endpoint, outcome) in &outcomes {
            let played = expected.iter().find(|(played, _)| played == endpoint);
            let expected = played.map_or("answered", |(_, outcome)| *outcome);
            assert_eq!(outcome, expected, "{endpoint} at {now}");
        }
    };
    check(
        "2026-11-22T00:26:00Z",
        &[
            ("boursier-cnous", "status:502 26001"),
            ("scolarite-men", "maintenance"),
        ],
    )
    .await;
    check(
        "2026-11-22T03:20:00Z",
        &[
            ("emploi-ft", "stated_unknown"),
            ("franceconnect", "io:processing"),
        ],
    )
    .await;
    check("2026-11-22T04:35:00Z", &[("qf-cnaf-msa", "content")]).await;
}

#[tokio::test]
async fn a_demo_is_not_set_up_on_top_of_another() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("vigie.db"), "a store").unwrap();
    let clock = Clock::Manual(ManualClock::new(at("2026-11-22T10:30:00Z")));
    let listen = "127.0.0.1:18430".parse().unwrap();
    let error = set_up(directory.path(), listen, Scenario::quiet(), clock)
        .await
        .unwrap_err();
    assert!(matches!(error, DemoError::Occupied { .. }), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_tls() {
    let simulator = simulator::start(Scenario::quiet(), Clock::System)
        .await
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(simulator.ca_pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect(simulator.droits_cnam)
        .await
        .unwrap();
    let name = ServerName::try_from("droits-cnam.example").unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get("https://droits-cnam.example/v1/sante")
        .body(http_body_util::Empty::<hyper::body::Bytes>::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.version(), hyper::Version::HTTP_2);
    assert_eq!(response.status(), 200);
    connection.abort();
}

#[tokio::test]
async fn a_dropped_simulator_answers_no_more() {
    let stage = stage(Scenario::quiet(), "2026-11-22T10:30:00Z").await;
    assert!(stage.ask("/api/ping", None).await.is_ok());
    let url = format!("http://{}/api/ping", stage.simulator.particulier);
    drop(stage.simulator);
    // The tasks end when they are next polled.
    tokio::task::yield_now().await;
    assert!(stage.client.get(url).send().await.is_err());
}
