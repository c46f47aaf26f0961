//! The page of one endpoint: why it failed for ops, that it failed for everybody.

use std::sync::Arc;

use vigie::sla::explanation::{Assessment, Certificate, Explanation, Hop, Tls};
use vigie::sla::observation::{Fault, Finding, Outcome, Phases, Stage, TlsFault, Trace};
use vigie::web::Failures;

use super::{Site, busy_board};
use crate::board::{finding, minutes};

/// What only ops are to read.
const FOR_OPS: [&str; 12] = [
    "GET https://api.example/ping",
    "192.0.2.7:443",
    "connection refused by 192.0.2.6:443",
    "TLSv1.3",
    "retry-after",
    "$.status (maintenance) ==",
    "Autorité d&#39;essai",
    "Refusé\u{a0}: échec TLS (certificat expiré).",
    "expiré depuis 9\u{a0}jours",
    "the assertion $.status",
    "35000",
    "vigie_endpoint_state{api=&#34;cnam&#34;,endpoint=&#34;sante&#34;}",
];

pub(super) fn explanation() -> Explanation {
    let certificate = |subject: &str, end: i64| Certificate {
        subject: subject.to_owned(),
        issuer: "Autorité d'essai".to_owned(),
        self_signed: false,
        names: vec!["api.example".to_owned()],
        not_before: None,
        not_after: Some(minutes(end * 24 * 60)),
    };
    Explanation {
        hops: vec![Hop {
            url: "https://api.example/ping".to_owned(),
            address: Some("192.0.2.7:443".parse().expect("an address")),
            misses: vec!["connection refused by 192.0.2.6:443".to_owned()],
            tls: Some(Tls {
                version: Some("TLSv1.3".to_owned()),
                cipher_suite: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
                chain: vec![
                    certificate("api.example", 65),
                    certificate("Autorité d'essai", -9),
                ],
                verified_not_after: None,
                refusal: Some(TlsFault::Expired),
                asks_for_certificate: false,
            }),
            http_version: Some("HTTP/1.1".to_owned()),
            status: Some(503),
            headers: vec![("retry-after".to_owned(), "120".to_owned())],
            body_bytes: 1_234,
            phases: Phases {
                resolve_us: Some(2_100),
                connect_us: Some(12_340),
                tls_us: Some(31_000),
                write_us: Some(40),
                processing_us: Some(1_182_300),
                transfer_us: Some(900),
                auth_us: None,
            },
        }],
        assessments: vec![
            Assessment {
                subject: "status".to_owned(),
                found: Some("503".to_owned()),
                test: "in 200".to_owned(),
                holds: true,
            },
            Assessment {
                subject: "$.status".to_owned(),
                found: Some("maintenance".to_owned()),
                test: "== \"ok\"".to_owned(),
                holds: false,
            },
        ],
        evaluate_us: Some(85),
        duration_us: 1_228_765,
    }
}

/// An answer as expected, over the same connection.
pub(super) fn answered_in_full() -> Explanation {
    let mut explanation = explanation();
    let hop = &mut explanation.hops[0];
    hop.status = Some(200);
    hop.headers.clear();
    hop.misses.clear();
    if let Some(tls) = &mut hop.tls {
        tls.chain.truncate(1);
        tls.refusal = None;
        tls.verified_not_after = tls.chain[0].not_after;
    }
    for assessment in &mut explanation.assessments {
        assessment.found = Some("ok".to_owned());
        assessment.holds = true;
    }
    explanation
}

/// One failure in full, that confirms an older one, kept in short.
pub(super) fn failures() -> Failures {
    let failed = |n, outcome, trace| Finding {
        trace,
        ..finding("sante", minutes(n), Outcome::Failed(outcome))
    };
    let full = Trace {
        message: "the assertion $.status (maintenance) == \"ok\" does not hold".to_owned(),
        cause: Some("35000".to_owned()),
        confirms: Some(minutes(-2)),
        explanation: Some(Arc::new(explanation())),
        ..Trace::default()
    };
    let short = Trace {
        message: "no answer from 192.0.2.7:443".to_owned(),
        phases: Phases {
            processing_us: Some(10_000_000),
            ..Phases::default()
        },
        ..Trace::default()
    };
    let findings = [
        failed(-1, Fault::Content, full),
        failed(-2, Fault::Timeout(Stage::Processing), short),
    ];
    Arc::new(move |endpoint| {
        let of_it = findings.iter().filter(|one| one.endpoint == *endpoint);
        Some(of_it.cloned().collect())
    })
}

#[tokio::test]
async fn ops_see_why_an_endpoint_failed() {
    let site = Site::with(busy_board(), failures(), false).await;
    let html = site.text("/endpoint/sante?lang=fr&refresh=off").await;
    for said in FOR_OPS {
        assert!(html.contains(said), "`{said}` is missing in\n{html}");
    }
    for said in [
        "Mesure faite pour confirmer le défaut de 08:58:00.",
        "Ce défaut n’est conservé qu’en bref.",
        "délai dépassé (attente de la réponse)",
        "1\u{202f}182\u{a0}ms",
        "10\u{202f}000\u{a0}ms",
        "12,3\u{a0}ms",
        "0,04\u{a0}ms",
        "intervalle de 1\u{a0}min, réponse attendue en 10\u{a0}s au plus",
        "relevés\u{a0}:",
        "href=\"../?lang=fr#cnam\"",
    ] {
        assert!(html.contains(said), "`{said}` is missing in\n{html}");
    }
    assert!(
        !html.contains("s3cret") && !html.contains("<script"),
        "{html}"
    );
    insta::assert_snapshot!("endpoint", html);
    // The status page leads there, and the other language is one step away.
    let status = site.text("/?lang=fr").await;
    assert!(
        status.contains("<a href=\"endpoint/sante?lang=fr\">"),
        "{status}"
    );
    let english = site.text("/endpoint/sante?lang=en").await;
    assert!(
        english.contains("Asked to confirm the failure of"),
        "{english}"
    );
    // An endpoint that is well has no failures to tell, and counts.
    let well = site.text("/endpoint/socle?lang=fr").await;
    for said in [
        "Aucun défaut n’est enregistré.",
        "<blockquote>",
        "La chaîne mène à une autorité reconnue.",
        "encore 65\u{a0}jours",
        "$.status (ok) ==",
    ] {
        assert!(well.contains(said), "`{said}` is missing in\n{well}");
    }
}

#[tokio::test]
async fn everybody_sees_that_an_endpoint_failed_and_nothing_of_how_it_is_asked() {
    let site = Site::with(busy_board(), failures(), true).await;
    let html = site.text("/endpoint/sante?lang=fr&refresh=off").await;
    for hidden in FOR_OPS {
        assert!(!html.contains(hidden), "`{hidden}` is shown in\n{html}");
    }
    for said in [
        "contenu inattendu",
        "attente de la réponse",
        "1\u{202f}182\u{a0}ms",
    ] {
        assert!(html.contains(said), "`{said}` is missing in\n{html}");
    }
    insta::assert_snapshot!("endpoint-public", html);
    for path in ["/?lang=fr", "/api/status"] {
        let text = site.text(path).await;
        assert!(!text.contains("sante failed"), "{path}: {text}");
        assert!(text.contains("sante"), "{path}: {text}");
    }
    let json = site.text("/api/status").await;
    assert!(json.contains("status:502"), "{json}");
}

#[tokio::test]
async fn a_page_whose_failures_cannot_be_read_says_so_and_shows_those_since_the_start() {
    let site = Site::with(busy_board(), Arc::new(|_| None), false).await;
    let html = site.text("/endpoint/sante?lang=en").await;
    for said in [
        "cannot be read from here at present",
        "sante failed: status:502",
        "This failure is kept in short only.",
    ] {
        assert!(html.contains(said), "`{said}` is missing in\n{html}");
    }
    assert!(!html.contains("No failure is on record"), "{html}");
}

#[tokio::test]
async fn an_endpoint_that_nobody_watches_has_no_page() {
    let site = Site::new(busy_board()).await;
    for path in [
        "/endpoint/nobody",
        "/endpoint/",
        "/endpoint/..%2f",
        "/endpoint/sante/x",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        let text = answer.text().await.expect("a body");
        assert!(text.starts_with("No endpoint `"), "{path}: {text}");
    }
}
