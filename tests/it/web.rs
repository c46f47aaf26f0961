//! The pages, over a real socket on loopback.

mod endpoint;

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
use chrono::{Days, NaiveDate, NaiveTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use vigie::board::{Board, Forwarding, StoreNow};
use vigie::clock::ManualClock;
use vigie::config::MetricsConfig;
use vigie::metrics::Metrics;
use vigie::sla::availability::Tally;
use vigie::sla::catalog::{Endpoint, EndpointId, PlannedMaintenance, Recurrence};
use vigie::sla::observation::{Fault, Finding, MissCause, Outcome, Stage, Trace, Void};
use vigie::sla::window::{DayRange, HOUR_MS, MINUTE_MS, Timestamp, WeeklyHours, Window};
use vigie::web::status::Status;
use vigie::web::{Failures, Pages, serve};

use crate::board::{answered, catalog, finding, minutes, november, service_id, start};
use crate::report::between;

/// A running server over a board that the test can change.
struct Site {
    address: std::net::SocketAddr,
    board: watch::Sender<Arc<Board>>,
    clock: ManualClock,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Site {
    async fn new(board: Board) -> Self {
        Self::with(board, Arc::new(|_| Some(Vec::new())), false).await
    }

    async fn with(board: Board, failures: Failures, public: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("an address");
        let clock = ManualClock::new(board.now());
        let (sender, receiver) = watch::channel(Arc::new(board));
        let metrics = Metrics::new(MetricsConfig::default(), receiver.clone());
        let metrics = metrics.expect("names of their own");
        let now = clock.clone();
        let pages = Pages {
            board: receiver,
            metrics: Arc::new(metrics),
            now: Arc::new(move || now.now()),
            failures,
            public,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, pages, None, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            board: sender,
            clock,
            stop: Some(stop),
            server,
        }
    }

    fn client() -> reqwest::Client {
        reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let request = Self::client().get(self.url(path));
        request.send().await.expect("an answer")
    }

    async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.expect("a body")
    }

    async fn in_language(&self, accepted: &str) -> String {
        let request = Self::client()
            .get(self.url("/"))
            .header("accept-language", accepted);
        let answer = request.send().await.expect("an answer");
        answer.text().await.expect("a body")
    }
}

fn loaded() -> StoreNow {
    StoreNow {
        loaded: true,
        backlog: 2,
        backlog_max: 10_000,
        ..StoreNow::default()
    }
}

fn day_tally(down_ms: i64, unknown_ms: i64, degraded_ms: i64) -> Tally {
    Tally {
        up_ms: 24 * HOUR_MS - down_ms - unknown_ms - degraded_ms,
        degraded_ms,
        down_ms,
        unknown_ms,
        ..Tally::default()
    }
}

/// One service down, one well; months, days, failures, planned work.
fn busy_board() -> Board {
    let mut catalog = catalog();
    Arc::make_mut(&mut catalog.services[0].endpoints[1]).data_provider =
        Some("CNAF et MSA".to_owned());
    catalog.services[0].maintenances.push(PlannedMaintenance {
        reason: "Mise à jour <de la base>".to_owned(),
        endpoint: None,
        declared: None,
        when: Recurrence::Once(Window::new(minutes(24 * 60), minutes(26 * 60)).expect("a window")),
    });
    let every_day = [Mon, Tue, Wed, Thu, Fri, Sat, Sun].map(|day| DayRange {
        day,
        from: NaiveTime::from_hms_opt(23, 30, 0).expect("a time"),
        to: NaiveTime::from_hms_opt(1, 0, 0).expect("a time"),
    });
    catalog.services[0].maintenances.push(PlannedMaintenance {
        reason: "Traitements de nuit".to_owned(),
        endpoint: None,
        declared: None,
        when: Recurrence::Weekly(WeeklyHours {
            zone: chrono_tz::Europe::Paris,
            ranges: every_day.to_vec(),
        }),
    });
    let mut board = Board::new(&catalog, minutes(-60));
    for n in -60..=0 {
        for endpoint in ["socle", "entree", "cnaf"] {
            let latency_ms = u32::try_from(180 + (n + 60) * 7).expect("small");
            board.apply(&finding(endpoint, minutes(n), answered(latency_ms)));
        }
        let sante = match n {
            -60..-48 => answered(90),
            _ if n % 2 == 0 => Outcome::Failed(Fault::Status(502)),
            _ => Outcome::Failed(Fault::Timeout(Stage::Processing)),
        };
        board.apply(&finding("sante", minutes(n), sante));
    }
    let trace = Trace {
        explanation: Some(Arc::new(endpoint::answered_in_full())),
        ..Trace::default()
    };
    board.apply(&Finding {
        trace,
        ..finding("socle", minutes(0), answered(600))
    });
    let month_start: Timestamp = "2025-10-31T23:00:00Z".parse().expect("an instant");
    let particulier = service_id("particulier");
    let outage = Window::new(minutes(-3_000), minutes(-2_960)).expect("a window");
    board.set_month(&particulier, november(start(), month_start, &[outage]));
    let cnam = service_id("cnam");
    let outages = [
        Window::new(minutes(-9_000), minutes(-7_700)).expect("a window"),
        Window::new(minutes(-48), minutes(0)).expect("a window"),
    ];
    let known = month_start.plus_ms(5 * HOUR_MS);
    board.set_month(&cnam, november(start(), known, &outages));
    let today = NaiveDate::from_ymd_opt(2025, 11, 18).expect("a date");
    let days = |bad: &dyn Fn(u64) -> Tally| -> Vec<(NaiveDate, Tally)> {
        (0..90)
            .rev()
            .map(|ago| (today - Days::new(ago), bad(ago)))
            .collect()
    };
    board.set_days(
        &particulier,
        days(&|ago| match ago {
            2 => day_tally(40 * MINUTE_MS, 0, 0),
            30..32 => day_tally(0, 20 * HOUR_MS, 0),
            47 => day_tally(10 * MINUTE_MS, 0, 0),
            60..64 => day_tally(0, 0, 3 * HOUR_MS),
            80..90 => Tally {
                out_of_scope_ms: 24 * HOUR_MS,
                ..Tally::default()
            },
            _ => day_tally(0, 0, 0),
        }),
    );
    board.set_days(
        &cnam,
        days(&|ago| match ago {
            0 => Tally {
                up_ms: 8 * HOUR_MS,
                down_ms: 48 * MINUTE_MS,
                ..Tally::default()
            },
            6 => day_tally(21 * HOUR_MS, HOUR_MS, 0),
            17 => day_tally(0, 5 * HOUR_MS, 0),
            _ => day_tally(0, 0, 0),
        }),
    );
    board.set_store(loaded());
    board.miss(MissCause::NotRunning, 12);
    board.tick(start());
    board
}

fn quiet_board() -> Board {
    let mut board = Board::new(&catalog(), start());
    for endpoint in ["socle", "cnaf", "entree", "sante"] {
        board.apply(&finding(endpoint, start(), answered(100)));
    }
    board.set_store(loaded());
    board.tick(start());
    board
}

#[tokio::test]
async fn the_status_page_says_what_is_down_in_french() {
    let site = Site::new(busy_board()).await;
    let html = site.text("/").await;
    for said in [
        "<html lang=\"fr\">",
        "Service indisponible\u{a0}: API droits CNAM.",
        "État au 18\u{a0}novembre\u{a0}2025 à 9\u{a0}h\u{a0}00 (heure de Paris).",
        "depuis le 18\u{a0}novembre\u{a0}2025 à 8\u{a0}h\u{a0}12",
        "99,84\u{a0}%",
        "de disponibilité depuis le début du mois, pour un engagement de 95\u{a0}%",
        "Marge d’indisponibilité restante\u{a0}: 35\u{a0}h\u{a0}20\u{a0}min sur 36\u{a0}h admises",
        "Indisponibilité constatée\u{a0}: 22\u{a0}h\u{a0}28\u{a0}min\u{a0}; temps non mesuré\u{a0}: 5\u{a0}h",
        "Résultat provisoire",
        "code HTTP\u{a0}502",
        "sante failed: status:502",
        "CNAF et MSA, à titre indicatif",
        "12 (supervision arrêtée)",
        "2 (au plus 10\u{202f}000)",
    ] {
        assert!(html.contains(said), "`{said}` is missing in\n{html}");
    }
    // Written by people, so written safely; and nothing that could hold a secret.
    let planned = between(&html, "<ul class=\"maintenance\">", "</ul>").replace('\u{a0}', " ");
    assert_eq!(
        planned,
        "<li>Du 18 novembre 2025 à 23 h 30 au 19 novembre 2025 à 1 h 00 : Traitements de nuit (et 6 autres fois)</li>\
         <li>Le 19 novembre 2025, de 9 h 00 à 11 h 00 : Mise à jour &#60;de la base&#62;</li>"
    );
    assert!(!html.contains("s3cret"));
    assert!(!html.contains("<script"));
}

#[tokio::test]
async fn the_page_speaks_the_readers_language() {
    let site = Site::new(quiet_board()).await;
    for (accepted, language) in [
        ("", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.5", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("de,en;q=0.7", "en"),
        ("de", "fr"),
        ("en;q=0", "fr"),
        ("\u{fffd}", "fr"),
    ] {
        let html = site.in_language(accepted).await;
        let opening = format!("<html lang=\"{language}\">");
        assert!(html.contains(&opening), "for `{accepted}`");
    }
    let english = site.text("/?lang=en").await;
    assert!(english.contains("All services are working."), "{english}");
    assert!(english.contains("http-equiv=\"refresh\""));
    let still = site.text("/?lang=en&refresh=off").await;
    assert!(!still.contains("http-equiv=\"refresh\""));
    let french = site.text("/?lang=fr").await;
    assert!(french.contains("Tous les services fonctionnent."));
}

#[tokio::test]
async fn a_board_that_is_no_longer_renewed_says_so() {
    let site = Site::new(quiet_board()).await;
    assert!(!site.text("/").await.contains("n’est plus tenue à jour"));
    site.clock.advance_ms(10 * MINUTE_MS);
    assert!(site.text("/").await.contains("n’est plus tenue à jour"));
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.text().await.expect("a body"),
        "the board is 600 s old\n"
    );
}

#[tokio::test]
async fn before_anything_is_known_the_page_claims_nothing() {
    let site = Site::new(Board::new(&catalog(), start())).await;
    let html = site.text("/").await;
    for said in [
        "L’état des services n’est pas établi.",
        "Le mois en cours n’est pas encore calculé.",
        "Aucun jour n’est encore calculé.",
        "jamais",
        "les relevés enregistrés ne sont pas encore relus",
    ] {
        assert!(html.contains(said), "`{said}` is missing in\n{html}");
    }
    assert!(!html.contains("Disponible<"), "{html}");
}

#[tokio::test]
async fn alive_is_not_yet_ready() {
    let site = Site::new(Board::new(&catalog(), start())).await;
    assert_eq!(site.get("/healthz").await.status(), 200);
    assert_eq!(site.get("/readyz").await.status(), 503);

    let mut board = quiet_board();
    site.board.send_replace(Arc::new(board.clone()));
    assert_eq!(site.get("/readyz").await.status(), 200);

    board.set_store(StoreNow {
        backlog: 10_001,
        ..loaded()
    });
    site.board.send_replace(Arc::new(board));
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    let said = answer.text().await.expect("a body");
    assert!(said.contains("10001 observations wait"), "{said}");
    assert_eq!(site.get("/healthz").await.status(), 200);
}

/// An instance that hands in has no month of its own, and says where it is, and how handing in goes.
#[tokio::test]
async fn a_vantage_that_hands_in_says_so() {
    let mut board = Board::new(&catalog(), start());
    board.apply(&finding("socle", minutes(1), answered(180)));
    board.set_store(StoreNow {
        waits_since: Some(minutes(2)),
        forwarding: Some(Forwarding {
            taken_at: Some(minutes(3)),
        }),
        ..loaded()
    });
    let site = Site::new(board).await;
    for (language, told) in [
        (
            "fr",
            [
                "Vu de ce seul point de mesure",
                "dernier accusé de réception du collecteur",
                "plus ancien relevé en attente",
            ],
        ),
        (
            "en",
            [
                "As seen from this vantage point alone",
                "last acknowledged by the collector",
                "oldest measurement that waits",
            ],
        ),
    ] {
        let page = site.text(&format!("/?lang={language}")).await;
        for words in told {
            assert!(page.contains(words), "{words} in {page}");
        }
        assert!(!page.contains("90 "), "no days: {page}");
    }
    assert_eq!(site.get("/readyz").await.status(), 200);
    let status: Status = site.get("/api/status").await.json().await.expect("JSON");
    assert!(status.store.is_forwarding);
    assert_eq!(status.store.waits_since, Some(minutes(2).to_string()));
}

#[tokio::test]
async fn the_json_can_be_read_back() {
    let site = Site::new(busy_board()).await;
    let answer = site.get("/api/status").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let status: Status = answer.json().await.expect("our own JSON");
    assert_eq!(status.now, "2025-11-18T08:00:00.000Z");
    let cnam = &status.services[1];
    assert_eq!((cnam.id.as_str(), cnam.state.as_str()), ("cnam", "down"));
    let month = cnam.month.as_ref().expect("a running month");
    assert_eq!(month.target_ppm, 950_000);
    assert_eq!(month.budget_ms, 36 * HOUR_MS);
    assert_eq!(month.remaining_max_ms - month.remaining_min_ms, 5 * HOUR_MS);
    assert_eq!(month.outlook.as_deref(), Some("open"));
    let sante = &cnam.endpoints[1];
    assert_eq!(sante.failures.len(), 10);
    assert_eq!(sante.failures[0].code, "status:502");
    assert_eq!(sante.since.as_deref(), Some("2025-11-18T07:12:00.000Z"));
    assert_eq!(status.missed_ticks.not_running, 12);
}

#[tokio::test]
async fn metrics_are_compressed_for_those_who_take_it() {
    let site = Site::new(quiet_board()).await;
    let url = site.url("/metrics");
    let ask = async |accepted: &str| {
        let request = Site::client().get(&url).header("accept-encoding", accepted);
        request.send().await.expect("an answer")
    };
    let plain = ask("identity").await;
    let content_type = plain.headers()["content-type"].clone();
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.text().await.expect("a body");
    assert!(plain.contains("vigie_endpoint_up{api=\"cnam\",endpoint=\"sante\"} 1\n"));
    for accepted in ["gzip", "br, gzip;q=0.5", "*"] {
        let zipped = ask(accepted).await;
        assert_eq!(zipped.headers()["content-encoding"], "gzip", "{accepted}");
        let zipped = zipped.bytes().await.expect("a body");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped[..])
            .read_to_string(&mut text)
            .expect("gzip");
        assert!(text.contains("vigie_endpoint_up"));
    }
    for accepted in ["gzip;q=0", "br", "gzip;q=what"] {
        let answer = ask(accepted).await;
        assert!(
            answer.headers().get("content-encoding").is_none(),
            "{accepted}"
        );
    }
}

/// A page that is too large to be sent at once.
#[tokio::test]
async fn the_metrics_of_many_endpoints_arrive_whole() {
    let mut catalog = catalog();
    let endpoint = Endpoint::clone(&catalog.services[0].endpoints[0]);
    let many = (0..1_000).map(|n| {
        Arc::new(Endpoint {
            id: EndpointId::new(&format!("e{n}")).expect("an id"),
            ..endpoint.clone()
        })
    });
    catalog.services[0].endpoints.extend(many);
    let site = Site::new(Board::new(&catalog, start())).await;
    let ask = async |encoding: &str| {
        let request = Site::client()
            .get(site.url("/metrics"))
            .header("accept", "application/openmetrics-text; version=1.0.0")
            .header("accept-encoding", encoding);
        let answer = request.send().await.expect("an answer");
        answer.bytes().await.expect("a whole body")
    };
    let plain = ask("identity").await;
    assert!(plain.ends_with(b"# EOF\n"));
    let text = String::from_utf8_lossy(&plain);
    let n_endpoints = text
        .lines()
        .filter(|line| line.starts_with("vigie_endpoint_info{"))
        .count();
    assert_eq!(n_endpoints, 1_004);
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(&ask("gzip").await[..])
        .read_to_end(&mut unzipped)
        .expect("gzip");
    assert!(unzipped.ends_with(b"# EOF\n"));
    assert_eq!(unzipped.len(), plain.len());

    // One who leaves in the middle, and one who wants to know only that it is there.
    let mut left = Site::client()
        .get(site.url("/metrics"))
        .send()
        .await
        .expect("an answer");
    left.chunk().await.expect("a part");
    drop(left);
    let head = Site::client().head(site.url("/metrics")).send().await;
    assert_eq!(head.expect("an answer").status(), 200);
    assert!(site.text("/healthz").await.contains("alive"));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_plain_words() {
    let site = Site::new(quiet_board()).await;
    let answer = site.get("/nope").await;
    assert_eq!(answer.status(), 404);
    assert!(answer.text().await.expect("a body").contains("/metrics"));
    let request = Site::client().post(site.url("/")).body("x".repeat(100_000));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET, HEAD");
    let head = Site::client().head(site.url("/")).send().await;
    let head = head.expect("an answer");
    assert_eq!(head.status(), 200);
    assert_eq!(head.text().await.expect("a body"), "");
}

#[tokio::test]
async fn the_page_brings_all_it_needs_and_allows_nothing_else() {
    let site = Site::new(busy_board()).await;
    let answer = site.get("/").await;
    let headers = answer.headers().clone();
    let policy = headers["content-security-policy"].to_str().expect("ASCII");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let html = answer.text().await.expect("a body");
    assert!(!html.contains(" style="), "inline styles would be blocked");
    assert!(!html.contains("http://") && !html.contains("https://"));
    let css = site.get("/status.css").await;
    assert_eq!(css.headers()["content-type"], "text/css; charset=utf-8");
    assert_eq!(site.get("/icon.svg").await.status(), 200);
}

#[tokio::test]
async fn a_stop_lets_the_answer_under_way_end_and_closes_the_rest() {
    let mut site = Site::new(busy_board()).await;
    let mut idle = TcpStream::connect(site.address).await.expect("accepted");
    let mut busy = TcpStream::connect(site.address).await.expect("accepted");
    busy.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    let mut first = [0_u8; 15];
    busy.read_exact(&mut first).await.expect("an answer began");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    site.stop
        .take()
        .expect("running")
        .send(())
        .expect("running");
    let ended = tokio::time::timeout(Duration::from_secs(5), &mut site.server).await;
    ended.expect("in time").expect("no panic");
    let mut rest = Vec::new();
    busy.read_to_end(&mut rest).await.expect("the whole answer");
    assert!(String::from_utf8_lossy(&rest).contains("vigie_build_info"));
    assert_eq!(idle.read(&mut [0; 1]).await.expect("closed"), 0);
    assert!(TcpStream::connect(site.address).await.is_err());
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_preferred() {
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let site = Site::new(busy_board()).await;
    for (accepted, format) in [
        // What Prometheus 2 and 3 ask for.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OPEN,
        ),
        ("Application/OpenMetrics-Text", OPEN),
        (
            "application/openmetrics-text; version=\"1.0.0\" ; q=0.2, text/plain;q=0.9",
            TEXT,
        ),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("text/html,*/*;q=0.8", TEXT),
        ("*/*", TEXT),
        ("", TEXT),
        (";;;q=,=;\u{7f}", TEXT),
    ] {
        let mut request = Site::client().get(site.url("/metrics"));
        if let Ok(value) = reqwest::header::HeaderValue::from_str(accepted) {
            request = request.header("accept", value);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], format, "{accepted}");
        let page = answer.text().await.expect("a body");
        assert_eq!(page.ends_with("# EOF\n"), format == OPEN, "{accepted}");
    }
}

#[tokio::test]
async fn an_endpoint_is_told_as_blackbox_exporter_would() {
    let mut board = quiet_board();
    let mut answer = finding("socle", minutes(1), answered(312));
    answer.trace.status = Some(200);
    answer.trace.address = Some("[2001:db8::1]:443".parse().expect("an address"));
    answer.trace.certificate_not_after = Some(minutes(200));
    answer.trace.chain_not_after = Some(minutes(100));
    answer.trace.verified_not_after = Some(minutes(150));
    answer.trace.phases.write_us = Some(1_000);
    answer.trace.phases.resolve_us = Some(12_000);
    answer.trace.phases.tls_us = Some(50_000);
    answer.trace.phases.processing_us = Some(250_000);
    board.apply(&answer);
    let mut error = finding("entree", minutes(1), Outcome::Failed(Fault::Content));
    error.trace.phases.transfer_us = Some(1_500);
    board.apply(&error);
    let refused = Outcome::Void(Void::Credential(401));
    board.apply(&finding("sante", minutes(1), refused));
    board.tick(minutes(1));
    let site = Site::new(board).await;
    let page = site.text("/probe?endpoint=socle").await;
    for line in [
        "probe_success 1",
        "probe_duration_seconds 0.312",
        "probe_dns_lookup_time_seconds 0.012",
        "probe_http_duration_seconds{phase=\"processing\"} 0.251",
        "probe_http_status_code 200",
        "probe_http_ssl 1",
        "probe_ip_protocol 6",
        "probe_ssl_earliest_cert_expiry 1763458800",
        "probe_ssl_last_chain_expiry_timestamp_seconds 1763461800",
        "probe_failed_due_to_regex 0",
    ] {
        assert!(
            page.lines().any(|written| written == line),
            "{line}\n{page}"
        );
    }
    let failed = site.text("/probe?endpoint=entree").await;
    assert!(failed.contains("\nprobe_success 0\n"), "{failed}");
    assert!(
        failed.contains("\nprobe_failed_due_to_regex 1\n"),
        "{failed}"
    );
    assert!(
        failed.contains("\nprobe_duration_seconds 0.0015\n"),
        "{failed}"
    );
    // Our own access was refused: that is not the service's failure, nor its success.
    let void = site.text("/probe?endpoint=sante").await;
    assert!(!void.contains("probe_success"), "{void}");
    // What is too old speaks for nothing.
    site.clock.set(minutes(5));
    let old = site.text("/probe?endpoint=socle").await;
    assert!(!old.contains("probe_success"), "{old}");
    assert!(
        old.contains("\nvigie_endpoint_last_probe_timestamp_seconds 1763452860\n"),
        "{old}"
    );

    for path in [
        "/probe?endpoint=https%3A%2F%2Felsewhere.example%2F",
        "/probe",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status(), 404);
        let said = answer.text().await.expect("a body");
        for known in ["socle", "cnaf", "entree", "sante"] {
            assert!(said.lines().any(|line| line == known), "{said}");
        }
    }
}

#[tokio::test]
async fn nonsense_is_answered_and_does_not_end_the_server() {
    let site = Site::new(quiet_board()).await;
    for sent in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET /?lang=%ff%00&&&=&refresh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\r\n\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(site.address).await.expect("accepted");
        stream.write_all(sent).await.expect("sent");
        stream.shutdown().await.expect("half closed");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
    let mut stream = TcpStream::connect(site.address).await.expect("accepted");
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(64 * 1_024));
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(site.get("/healthz").await.status(), 200);
}

/// Every kind of page, each with its place below the root, and the style sheet of all.
pub(crate) async fn gallery() -> Vec<(&'static str, String)> {
    let busy = Site::with(busy_board(), endpoint::failures(), false).await;
    let public = Site::with(busy_board(), endpoint::failures(), true).await;
    let quiet = Site::new(quiet_board()).await;
    let mut pages = vec![("status.css", busy.text("/status.css").await)];
    for (name, site, path) in [
        ("busy-fr.html", &busy, "/?lang=fr&refresh=off"),
        ("busy-en.html", &busy, "/?lang=en&refresh=off"),
        ("quiet-fr.html", &quiet, "/?lang=fr&refresh=off"),
        (
            "endpoint/down-fr.html",
            &busy,
            "/endpoint/sante?lang=fr&refresh=off",
        ),
        (
            "endpoint/down-en.html",
            &busy,
            "/endpoint/sante?lang=en&refresh=off",
        ),
        (
            "endpoint/up-fr.html",
            &busy,
            "/endpoint/socle?lang=fr&refresh=off",
        ),
        (
            "endpoint/public-fr.html",
            &public,
            "/endpoint/sante?lang=fr&refresh=off",
        ),
    ] {
        pages.push((name, site.text(path).await));
    }
    pages
}

/// Writes the pages to `$VIGIE_PAGES`, for people to look at.
#[tokio::test]
#[ignore = "writes files to look at: VIGIE_PAGES=folder"]
async fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("VIGIE_PAGES") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(folder.join("endpoint")).expect("made");
    for (name, content) in gallery().await {
        std::fs::write(folder.join(name), content).expect("written");
    }
}
