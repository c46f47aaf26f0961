//! The collector's door: who may hand in, what is taken, and what is answered otherwise.
//!
//! Goal: one vantage never writes as another; what cannot be meant is refused in words; a clock
//! that is off speaks for nothing; nothing counts twice, whoever sends it again. Method: a real
//! collector, and a sender that says what a test wants it to.

use std::sync::Arc;
use std::time::Duration;

use vigie::clock::Clock;
use vigie::config::{CertificateFiles, Config, IntakeWay};
use vigie::forward::Collector;
use vigie::handover::{Answer, Cover, Receipt, Refusal};
use vigie::sla::catalog::EndpointId;
use vigie::sla::observation::{Finding, MissCause, Observation, Outcome, Trace, Void};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Timestamp, Window};
use vigie::store::{Missed, Parcel, Store};

use super::forward::{Site, seen_from, taking, vantage};
use super::{Running, client};

/// Somebody who hands in at a collector that runs here.
struct Sender {
    collector: Collector,
    cover: Cover,
}

fn now() -> Timestamp {
    Clock::System.now()
}

impl Sender {
    fn new(site: &Site, name: &str) -> Self {
        Self {
            collector: Collector::new(&site.forward(name, site.port)).unwrap(),
            cover: Cover {
                vantage: vantage(name),
                instance: "aaaaaaaa".to_owned(),
                began: now(),
                sent: now(),
                ahead_ms: None,
                program: "0.1.0".to_owned(),
            },
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Answer {
        self.cover.sent = now().plus_ms(self.cover.ahead_ms.unwrap_or(0));
        self.replay(bytes).await
    }

    /// Sends it as it was written the last time.
    async fn replay(&self, bytes: &[u8]) -> Answer {
        self.collector
            .hand_in(&self.cover, bytes)
            .await
            .unwrap()
            .answer
    }

    async fn hand_in(&mut self, findings: &[Finding]) -> Answer {
        let parcel = Parcel {
            findings: findings.to_vec(),
            ..Parcel::default()
        };
        self.send(&parcel.to_bytes()).await
    }
}

fn seen(endpoint: &str, from: &str, tick: Timestamp) -> Finding {
    Finding {
        endpoint: EndpointId::new(endpoint).unwrap(),
        vantage: vantage(from),
        observation: Observation {
            tick,
            at: tick.plus_ms(3),
            outcome: Outcome::Answered {
                latency_us: 20_000,
                partial: false,
            },
        },
        trace: Trace::default(),
    }
}

fn receipt(answer: Answer) -> Receipt {
    match answer {
        Answer::Taken(receipt) => receipt,
        Answer::Refused { .. } => panic!("{answer:?}"),
    }
}

#[track_caller]
fn check_refused(answer: Answer, expected: Refusal, words: &str) {
    let Answer::Refused { refusal, message } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal, expected, "{message}");
    assert!(message.contains(words), "{message}");
}

/// A collector for `lyon` and `brest`, which asks nothing itself.
async fn start(site: &Site) -> (Config, Running) {
    let mut collector = site.collector(&["lyon", "brest"]);
    for endpoint in &mut collector.catalog.services[0].endpoints {
        Arc::make_mut(endpoint).vantages = vec![vantage("lyon"), vantage("brest")];
    }
    let running = taking(&collector).await;
    (collector, running)
}

/// Ten ticks that lie a while back.
fn ten(from: &str) -> Vec<Finding> {
    let last = Timestamp::from_unix_ms(now().unix_ms() / 1_000 * 1_000).unwrap();
    (1..=10)
        .rev()
        .map(|back| seen("api-0", from, last.plus_ms(-1_000 * back)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vantage_speaks_for_itself_only() {
    let site = Site::new().await;
    let (config, running) = start(&site).await;
    let mut lyon = Sender::new(&site, "lyon");
    let taken = receipt(lyon.hand_in(&ten("lyon")).await);
    assert_eq!((taken.new, taken.refused.len()), (10, 0));
    // In the name of another, in the parcel or beside it.
    let taken = receipt(lyon.hand_in(&ten("brest")).await);
    assert_eq!((taken.new, taken.refused.len()), (0, 10));
    assert_eq!(
        taken.refused[0].why,
        "seen from `brest`, and handed in by `lyon`"
    );
    for other in ["brest", "nobody", "paris"] {
        lyon.cover.vantage = vantage(other);
        check_refused(
            lyon.hand_in(&ten(other)).await,
            Refusal::Credential,
            &format!("nothing proves that this is vantage `{other}`"),
        );
    }
    // A token that was changed holds from then on.
    lyon.cover.vantage = vantage("lyon");
    site.papers.write("lyon-token", &"y".repeat(32));
    check_refused(lyon.hand_in(&[]).await, Refusal::Credential, "lyon");
    let mut lyon = Sender {
        collector: Collector::new(&site.forward_as_written("lyon")).unwrap(),
        ..lyon
    };
    receipt(lyon.hand_in(&[]).await);
    running.stop().await;
    let store = Store::open_reader(&config.store).unwrap();
    assert_eq!(seen_from(&store, "api-0", "lyon").len(), 10);
    assert_eq!(seen_from(&store, "api-0", "brest").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_refused_in_words() {
    let site = Site::new().await;
    let (config, running) = start(&site).await;
    let mut lyon = Sender::new(&site, "lyon");
    check_refused(
        lyon.send(b"{}").await,
        Refusal::Unreadable,
        "not a parcel: missing field",
    );
    check_refused(
        lyon.send(&[0, 1, 2]).await,
        Refusal::Unreadable,
        "not a parcel",
    );
    let too_many = vec![seen("api-0", "lyon", now()); 5_001];
    check_refused(
        lyon.hand_in(&too_many).await,
        Refusal::TooLarge,
        "at most 5000 findings",
    );
    // A bomb, which is small on its way.
    check_refused(
        lyon.send(&vec![b' '; 33 << 20]).await,
        Refusal::TooLarge,
        "at most 32 MiB",
    );

    // What can be kept of a parcel is.
    let mut findings = ten("lyon");
    findings[2].endpoint = EndpointId::new("gone").unwrap();
    let to_come = now().plus_ms(2 * MINUTE_MS);
    findings[5] = seen("api-0", "lyon", to_come);
    let parcel = Parcel {
        findings,
        missed: ["api-1", "gone"]
            .map(|endpoint| Missed {
                endpoint: EndpointId::new(endpoint).unwrap(),
                vantage: vantage("lyon"),
                first: now().plus_ms(-HOUR_MS),
                last: now().plus_ms(-HOUR_MS),
                count: 1,
                cause: MissCause::Overrun,
            })
            .to_vec(),
        ..Parcel::default()
    };
    let taken = receipt(lyon.send(&parcel.to_bytes()).await);
    assert_eq!(taken.new, 8);
    let told: Vec<(usize, &str)> = taken
        .refused
        .iter()
        .map(|one| (one.idx, one.why.as_str()))
        .collect();
    assert_eq!(
        told[0],
        (
            2,
            "the endpoint `gone` is not in the collector's configuration"
        )
    );
    assert_eq!(told[1].0, 5);
    assert!(told[1].1.contains("which is still to come"), "{told:?}");

    let url = format!("https://127.0.0.1:{}/intake", site.port);
    let ca = std::fs::read(site.papers.folder.join("ca.pem")).unwrap();
    let browser = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .build()
        .unwrap();
    let told = browser.get(&url).send().await.unwrap();
    assert_eq!(told.status(), 400);
    let told = told.text().await.unwrap();
    assert!(told.contains("handed in with POST at /intake"), "{told}");
    let mut request = browser.post(&url);
    for (name, value) in lyon.cover.headers() {
        let value = if name == "vigie-handover" {
            "7".to_owned()
        } else {
            value
        };
        request = request.header(name, value);
    }
    let told = request.send().await.unwrap().text().await.unwrap();
    assert!(
        told.contains("reads handovers of version 1, not 7"),
        "{told}"
    );
    // The pages have no such way in: nobody chose a proxy.
    let told = client().post(running.url("/intake")).send().await.unwrap();
    assert_eq!(told.status(), 405);
    running.stop().await;

    let store = Store::open_reader(&config.store).unwrap();
    let all = Window::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let missed = store
        .missed(&EndpointId::new("api-1").unwrap(), all)
        .unwrap();
    assert_eq!(missed.len(), 1);
    assert!(store.span().unwrap().unwrap().end() < to_come);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_speaks_for_nothing() {
    let site = Site::new().await;
    let (config, running) = start(&site).await;
    let mut lyon = Sender::new(&site, "lyon");
    // A sender that does not know yet that its clock is off is told to compare.
    lyon.cover.sent = now().plus_ms(5 * MINUTE_MS);
    check_refused(
        lyon.replay(&Parcel::default().to_bytes()).await,
        Refusal::Clock,
        "compare the clocks",
    );
    lyon.cover.ahead_ms = Some(5 * MINUTE_MS);
    let ahead: Vec<Finding> = ten("lyon")
        .into_iter()
        .map(|one| seen("api-0", "lyon", one.observation.tick.plus_ms(5 * MINUTE_MS)))
        .collect();
    assert_eq!(receipt(lyon.hand_in(&ahead).await).new, 10);
    running.stop().await;
    let store = Store::open_reader(&config.store).unwrap();
    let kept = seen_from(&store, "api-0", "lyon");
    assert_eq!(kept.len(), 10);
    for one in kept {
        assert_eq!(one.outcome, Outcome::Void(Void::Clock));
    }
    let told = &store.vantages().unwrap()[0];
    assert!(
        (told.ahead_ms.unwrap() - 5 * MINUTE_MS).abs() < 5_000,
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_counts_twice_whoever_sends_it_again() {
    let site = Site::new().await;
    let (config, running) = start(&site).await;
    let mut lyon = Sender::new(&site, "lyon");
    let findings = ten("lyon");
    assert_eq!(receipt(lyon.hand_in(&findings).await).new, 10);
    let again = receipt(lyon.hand_in(&findings).await);
    assert_eq!((again.new, again.repeated), (0, 10));
    // What was listened to and is sent again later.
    lyon.cover.sent = now().plus_ms(-2 * MINUTE_MS);
    let parcel = Parcel {
        findings: findings.clone(),
        ..Parcel::default()
    };
    check_refused(
        lyon.replay(&parcel.to_bytes()).await,
        Refusal::Clock,
        "clock",
    );
    // Another installation under the same name.
    lyon.cover.instance = "bbbbbbbb".to_owned();
    let other: Vec<Finding> = findings
        .iter()
        .map(|one| seen("api-1", "lyon", one.observation.tick))
        .collect();
    check_refused(
        lyon.hand_in(&other).await,
        Refusal::InUse,
        "another instance speaks as vantage `lyon`",
    );
    running.stop().await;
    let store = Store::open_reader(&config.store).unwrap();
    assert_eq!(seen_from(&store, "api-0", "lyon").len(), 10);
    assert_eq!(seen_from(&store, "api-1", "lyon").len(), 0);
}

/// Too much at once is put off, and the vantage is told for how long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vantage_that_sends_too_often_is_put_off() {
    let site = Site::new().await;
    let (_, running) = start(&site).await;
    let mut lyon = Sender::new(&site, "lyon");
    let mut brest = Sender::new(&site, "brest");
    let empty = Parcel::default().to_bytes();
    let mut put_off = None;
    for _ in 0..200 {
        lyon.cover.sent = now();
        let answered = lyon.collector.hand_in(&lyon.cover, &empty).await.unwrap();
        if let Answer::Refused { refusal, .. } = answered.answer {
            put_off = Some((refusal, answered.retry_after));
            break;
        }
    }
    assert_eq!(put_off, Some((Refusal::Busy, Some(Duration::from_secs(1)))));
    receipt(brest.hand_in(&ten("brest")).await);
    running.stop().await;
}

/// With mutual TLS, a certificate names its vantage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_names_its_vantage() {
    let site = Site::new().await;
    let mut config = site.collector(&["lyon", "brest"]);
    if let Some(intake) = &mut config.web.intake {
        assert!(matches!(intake.way, IntakeWay::Tls { .. }));
        for entry in &mut intake.vantages {
            entry.token = None;
            entry.certificate_name = Some(format!("{}.vantages.example", entry.id));
        }
    }
    let running = taking(&config).await;
    let show = |certificate: Option<CertificateFiles>| {
        let mut forward = site.forward("lyon", site.port);
        forward.token = None;
        forward.certificate = certificate;
        Sender {
            collector: Collector::new(&forward).unwrap(),
            ..Sender::new(&site, "lyon")
        }
    };
    let of = |name: &str| Some(site.papers.certificate(name));
    assert_eq!(
        receipt(
            show(of("lyon.vantages.example"))
                .hand_in(&ten("lyon"))
                .await
        )
        .new,
        10
    );
    for other in [None, of("brest.vantages.example")] {
        check_refused(
            show(other).hand_in(&ten("lyon")).await,
            Refusal::Credential,
            "lyon",
        );
    }
    // Of an authority that nobody named.
    let stranger = super::forward::Papers::new(&site.directory.path().join("paris"));
    let mut forward = site.forward("lyon", site.port);
    forward.certificate = Some(stranger.certificate("lyon.vantages.example"));
    let refused = Collector::new(&forward)
        .unwrap()
        .hand_in(&Sender::new(&site, "lyon").cover, b"{}")
        .await;
    assert!(refused.is_err(), "{refused:?}");
    // And a collector that is another one.
    forward.ca_file = Some(stranger.folder.join("ca.pem"));
    let refused = Collector::new(&forward)
        .unwrap()
        .hand_in(&Sender::new(&site, "lyon").cover, b"{}")
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    running.stop().await;
}
