//! What an answer means: statuses, bodies, the JSON state, encodings, and what we send.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use vigie::sla::catalog::{HttpProbe, SecretPlace, Value};
use vigie::sla::observation::Outcome;

use super::zoo::{answers, converses, response};
use super::*;

/// Asks a server that answers with `bytes`.
async fn check(
    what: &str,
    bytes: impl Into<Vec<u8>>,
    change: impl FnOnce(&mut HttpProbe),
    expected: &str,
    message: &str,
) -> Finding {
    let mut probe = get("127.0.0.1", answers(bytes).await);
    change(&mut probe);
    let finding = ask(&endpoint(probe)).await;
    assert_finding(what, &finding, expected, message);
    finding
}

fn as_written(_: &mut HttpProbe) {}

#[tokio::test]
async fn a_status_is_good_only_when_it_is_expected() {
    let ok = response("200 OK", "", "pong");
    let finding = check("plain", ok.clone(), as_written, "answered", "").await;
    assert_eq!(finding.trace.status, Some(200));
    assert_eq!(finding.observation.tick, at());
    assert_eq!(finding.observation.at, at());

    let wants = |statuses: &'static [u16]| {
        move |probe: &mut HttpProbe| probe.expected_statuses = super::statuses(statuses)
    };
    let not_found = response("404 Not Found", "", "{}");
    check(
        "404 is right here",
        not_found.clone(),
        wants(&[404]),
        "answered",
        "",
    )
    .await;
    check(
        "404 is wrong here",
        not_found,
        wants(&[200, 204, 401]),
        "status:404",
        "status 404, expected 200, 204 or 401",
    )
    .await;
    check(
        "204 has no body",
        "HTTP/1.1 204 No Content\r\n\r\n",
        wants(&[204]),
        "answered",
        "",
    )
    .await;
    check(
        "a redirect is not followed",
        response("302 Found", "Location: http://127.0.0.1:1/\r\n", ""),
        as_written,
        "status:302",
        "status 302, expected 200",
    )
    .await;
    check(
        "an expected redirect",
        response("301 Moved", "Location: http://127.0.0.1:1/\r\n", ""),
        wants(&[301, 302]),
        "answered",
        "",
    )
    .await;
    check(
        "200 where 503 is expected",
        ok,
        wants(&[503]),
        "status:200",
        "status 200, expected 503",
    )
    .await;
    check(
        "HTTP/1.0, the end of the body is the end of the connection",
        "HTTP/1.0 200 OK\r\n\r\npong",
        |probe| probe.assertions = assertions(&[r#"body contains "pong""#]),
        "answered",
        "",
    )
    .await;
    check(
        "HEAD, whose content length announces nothing",
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        |probe| probe.method = "HEAD".to_owned(),
        "answered",
        "",
    )
    .await;
    check(
        "interim answers are not the answer",
        [
            b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(),
            response("503 Busy", "", ""),
        ]
        .concat(),
        as_written,
        "status:503",
        "status 503, expected 200",
    )
    .await;
}

#[tokio::test]
async fn the_services_own_code_is_kept_as_the_cause() {
    let errors = r#"{"errors":[{"code":"30020","title":"Maintenance du fournisseur de données","meta":{"provider":"MEN","retry_in":3120}}]}"#;
    let flat = r#"{"error":"network_error","reason":"timeout of 10000 ms exceeded","message":"Une erreur"}"#;
    for (body, cause, meaning) in [
        (errors, Some("30020"), ": maintenance at its provider MEN"),
        (
            r#"{"errors":[{"code":37002}]}"#,
            Some("37002"),
            ": no answer in time at its provider CNAV",
        ),
        (
            r#"{"errors":[{"code":"00500"}]}"#,
            Some("00500"),
            ": an error of its own",
        ),
        (r#"{"errors":[{"code":"99000"}]}"#, Some("99000"), ""),
        (flat, Some("network_error"), ": its provider failed"),
        (r#"{"error":"teapot"}"#, Some("teapot"), ""),
        (r#"{"errors":[{"code":"nom: Dupont"}]}"#, None, ""),
        (r#"{"error":"Jean Dupont, né le 1er mai"}"#, None, ""),
        (r#"{"errors":[]}"#, None, ""),
        ("<html>", None, ""),
        ("", None, ""),
    ] {
        let message = match cause {
            Some(cause) => {
                format!("status 503, expected 200; the service says `{cause}`{meaning}")
            }
            None => "status 503, expected 200".to_owned(),
        };
        let bytes = response("503 Service Unavailable", "", body);
        let finding = check(body, bytes, as_written, "status:503", &message).await;
        assert_eq!(finding.trace.cause.as_deref(), cause, "{body}");
        assert_eq!(finding.trace.status, Some(503));
    }
}

#[tokio::test]
async fn an_answer_about_our_credentials_says_nothing_about_the_service() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s3cr3t-value\n").unwrap();
    for status in [400, 401, 403, 422] {
        let bytes = response(&format!("{status} No"), "", "");
        let message = format!("status {status}, expected 200");
        check(
            "with a secret",
            bytes.clone(),
            |probe| probe.headers = vec![secret_header("X-Api-Key", secret.path())],
            &format!("void credential:{status}"),
            &message,
        )
        .await;
        check(
            "without one",
            bytes.clone(),
            |probe| probe.headers = vec![("X-Plain".to_owned(), Value::Plain("a".to_owned()))],
            &format!("status:{status}"),
            &message,
        )
        .await;
        check(
            "expected",
            bytes,
            |probe| {
                probe.headers = vec![secret_header("X-Api-Key", secret.path())];
                probe.expected_statuses = statuses(&[status]);
            },
            "answered",
            "",
        )
        .await;
    }
    check(
        "we ask too often",
        response("429 Too Many Requests", "Retry-After: 30\r\n", ""),
        as_written,
        "void rate_limited",
        "status 429, expected 200",
    )
    .await;
}

#[tokio::test]
async fn a_json_field_tells_the_state_and_nothing_else_passes() {
    for (body, expected, message) in [
        (
            r#"{"status":"ok","last_update":"2023-11-03T12:24:07.185+01:00"}"#,
            "answered",
            "",
        ),
        (
            r#"{"status":"maintenance","until":"x"}"#,
            "maintenance",
            "`$.status` is `maintenance`",
        ),
        (
            r#"{"status":"unknown"}"#,
            "void stated_unknown",
            "`$.status` is `unknown`",
        ),
        (
            r#"{"status":"OK"}"#,
            "content",
            "`$.status` is `OK`, expected `ok`",
        ),
        (
            r#"{"status":"a\nb`c"}"#,
            "content",
            "`$.status` is `a.b.c`, expected `ok`",
        ),
        (
            r#"{"status":0}"#,
            "content",
            "`$.status` is `0`, expected `ok`",
        ),
        (
            r#"{"status":null}"#,
            "content",
            "`$.status` is neither text, number nor boolean",
        ),
        (
            r#"{"status":["ok"]}"#,
            "content",
            "`$.status` is neither text, number nor boolean",
        ),
        (
            r#"{"statut":"ok"}"#,
            "content",
            "`$.status` is missing in the body",
        ),
        (r#"["ok"]"#, "content", "`$.status` is missing in the body"),
        (r#""ok""#, "content", "`$.status` is missing in the body"),
        (r#"{"status":"ok""#, "content", "the body is not JSON"),
        ("", "content", "the body is not JSON"),
    ] {
        let bytes = response("200 OK", "", body);
        check(
            body,
            bytes,
            |probe| probe.json = ping_state(),
            expected,
            message,
        )
        .await;
    }
    let long = format!(r#"{{"status":"{}"}}"#, "x".repeat(500));
    let shown = format!("`$.status` is `{}…`, expected `ok`", "x".repeat(60));
    let bytes = response("200 OK", "", long);
    check(
        "long",
        bytes,
        |probe| probe.json = ping_state(),
        "content",
        &shown,
    )
    .await;

    let deep = "[".repeat(200_000);
    let bytes = response("200 OK", "", deep);
    check(
        "deep",
        bytes,
        |probe| probe.json = ping_state(),
        "content",
        "the body is not JSON",
    )
    .await;

    let nested = response("200 OK", "", r#"{"a":{"b":true}}"#);
    let on_true = |probe: &mut HttpProbe| {
        probe.json = Some(JsonState {
            path: path("a.b"),
            up: vec!["true".to_owned()],
            maintenance: Vec::new(),
            unknown: Vec::new(),
            dated_by: None,
        });
    };
    check("nested", nested, on_true, "answered", "").await;
}

/// The probes here are made at 2025-06-15T15:06:40Z, and speak for 160 s.
#[tokio::test]
async fn an_answer_from_a_cache_speaks_from_the_instant_when_the_service_looked() {
    for (told, expected, message, speaks_from_s) in [
        (r#""2025-06-15T15:06:10Z""#, "answered", "", -30),
        (r#""2025-06-15T17:06:10.000+02:00""#, "answered", "", -30),
        (r#""2025-06-15T15:04:00Z""#, "answered", "", -160),
        (
            r#""2025-06-15T15:03:59Z""#,
            "void stated_unknown",
            "the service last looked at 2025-06-15T15:03:59.000Z, more than 160 s before it was asked",
            0,
        ),
        // A clock that is ahead of ours cannot make an answer speak for the future.
        (r#""2025-06-15T15:07:00Z""#, "answered", "", 0),
        (
            r#""15/06/2025""#,
            "content",
            "`$.last_update` is not a date and time as in RFC 3339",
            0,
        ),
        (
            "7",
            "content",
            "`$.last_update` is not a date and time as in RFC 3339",
            0,
        ),
    ] {
        for (status, is_up) in [("ok", true), ("maintenance", false)] {
            let body = format!(r#"{{"status":"{status}","last_update":{told}}}"#);
            let (expected, message, speaks_from_s) = if is_up {
                (expected, message, speaks_from_s)
            } else {
                // Only good answers are cached: bad news is always fresh.
                ("maintenance", "`$.status` is `maintenance`", 0)
            };
            let dated = |probe: &mut HttpProbe| {
                probe.json = ping_state();
                probe.json.as_mut().unwrap().dated_by = Some(path("last_update"));
            };
            let bytes = response("200 OK", "", &body);
            let finding = check(&body, bytes, dated, expected, message).await;
            assert_eq!(finding.observation.tick, at());
            let speaks_from_ms = finding.observation.at.since(at());
            assert_eq!(speaks_from_ms, speaks_from_s * 1_000, "{body}");
        }
    }
}

/// What decided is told with what was found, also where all is well.
#[tokio::test]
async fn the_field_that_tells_the_state_is_among_what_was_checked() {
    let ok = "✓ status (200) in 200";
    for (status, body, expected) in [
        (
            "200 OK",
            r#"{"status":"ok","last_update":"2025-06-15T15:06:10Z"}"#,
            &[
                ok,
                r#"✓ $.status (ok) == "ok""#,
                "✓ $.n (missing) not exists",
                "✓ $.last_update (30 s ago) at most 160 s ago",
            ][..],
        ),
        (
            "200 OK",
            r#"{"status":"ok","last_update":"2025-06-15T15:03:59Z","n":1}"#,
            &[
                ok,
                r#"✓ $.status (ok) == "ok""#,
                "✗ $.n (1) not exists",
                "✗ $.last_update (161 s ago) at most 160 s ago",
            ],
        ),
        (
            "200 OK",
            r#"{"status":"ok","last_update":"15/06/2025"}"#,
            &[
                ok,
                r#"✓ $.status (ok) == "ok""#,
                r#"✗ $.last_update ("15/06/2025") is a date and time"#,
                "✓ $.n (missing) not exists",
            ],
        ),
        (
            "200 OK",
            r#"{"status":"maintenance"}"#,
            &[
                ok,
                r#"✗ $.status (maintenance) == "ok""#,
                "✓ $.n (missing) not exists",
            ],
        ),
        (
            "503 Service Unavailable",
            r#"{"status":"maintenance"}"#,
            &[
                "✗ status (503) in 200",
                r#"✗ $.status (maintenance) == "ok""#,
                "✓ $.n (missing) not exists",
            ],
        ),
        (
            "200 OK",
            "no JSON",
            &[
                ok,
                r#"✗ $.status (the body is not JSON) == "ok""#,
                "✗ $.n (the body is not JSON) not exists",
            ],
        ),
    ] {
        let mut probe = get("127.0.0.1", answers(response(status, "", body)).await);
        probe.json = ping_state();
        probe.json.as_mut().unwrap().dated_by = Some(path("last_update"));
        probe.assertions = assertions(&["$.n not exists"]);
        let (_, explanation) = explain(&endpoint(probe)).await;
        assert_eq!(checked(&explanation), expected, "{body}");
    }
    // One of several words.
    let mut probe = get(
        "127.0.0.1",
        answers(response("200 OK", "", r#"{"status":true}"#)).await,
    );
    probe.json = ping_state();
    probe.json.as_mut().unwrap().up = vec!["ok".to_owned(), "true".to_owned()];
    let (_, explanation) = explain(&endpoint(probe)).await;
    assert_eq!(
        checked(&explanation),
        [ok, r#"✓ $.status (true) in "ok", "true""#]
    );
}

#[tokio::test]
async fn the_service_can_ask_to_be_left_alone() {
    for (header, status, expected_ms) in [
        ("Retry-After: 30\r\n", "429 Too Many Requests", Some(30_000)),
        ("Retry-After: 3120\r\n", "503 Busy", Some(3_120_000)),
        (
            "Retry-After: Sun, 15 Jun 2025 15:07:40 GMT\r\n",
            "429 Wait",
            Some(60_000),
        ),
        (
            "Retry-After: Sun, 15 Jun 2025 15:00:00 GMT\r\n",
            "429 Wait",
            Some(0),
        ),
        // Nobody can make us silent for good.
        ("Retry-After: 4000000000\r\n", "429 Wait", Some(86_400_000)),
        ("Retry-After: soon\r\n", "429 Wait", None),
        ("", "429 Wait", None),
        ("Retry-After: 30\r\n", "200 OK", None),
    ] {
        let address = answers(response(status, header, "")).await;
        let finding = ask(&endpoint(get("127.0.0.1", address))).await;
        assert_eq!(
            finding.trace.retry_after_ms, expected_ms,
            "{header}{status}"
        );
    }
}

#[tokio::test]
async fn a_body_must_contain_every_text() {
    let contains = |texts: &'static [&'static str]| {
        move |probe: &mut HttpProbe| probe.assertions = assertions(texts)
    };
    let pong = response("200 OK", "", "ping, pong");
    check(
        "both",
        pong.clone(),
        contains(&[r#"body contains "ping""#, r#"body contains "pong""#]),
        "answered",
        "",
    )
    .await;
    check(
        "one is missing",
        pong,
        contains(&[r#"body contains "ping""#, r#"body contains "boom""#]),
        "content",
        r#"the assertion body (10 bytes) contains "boom" does not hold"#,
    )
    .await;
}

#[tokio::test]
async fn compressed_bodies_are_read_and_lying_ones_are_not() {
    let text = br#"{"status":"ok"}"#;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(text).unwrap();
    let zlib = zlib.finish().unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(text).unwrap();
    let raw = raw.finish().unwrap();
    let mut twice = GzEncoder::new(Vec::new(), Compression::default());
    twice.write_all(&zlib).unwrap();
    let twice = twice.finish().unwrap();
    let mut br = Vec::new();
    brotli::CompressorWriter::new(&mut br, 4_096, 5, 20)
        .write_all(text)
        .unwrap();
    let zstd = zstd_of(text);
    let frames = [zstd_of(&text[..7]), zstd_of(&text[7..])].concat();

    for (encoding, body, expected, message) in [
        ("gzip", gzip.as_slice(), "answered", ""),
        ("x-GZIP", &gzip, "answered", ""),
        ("deflate", &zlib, "answered", ""),
        ("deflate", &raw, "answered", ""),
        ("deflate, gzip", &twice, "answered", ""),
        ("br", &br, "answered", ""),
        ("zstd", &zstd, "answered", ""),
        ("zstd", &frames, "answered", ""),
        ("identity", text, "answered", ""),
        (
            "gzip",
            &gzip[..gzip.len() - 9],
            "content",
            "the body is not `gzip` as it says",
        ),
        ("gzip", text, "content", "the body is not `gzip` as it says"),
        (
            "br",
            &br[..br.len() - 1],
            "content",
            "the body is not `br` as it says",
        ),
        (
            "zstd",
            &zstd[..zstd.len() - 1],
            "content",
            "the body is not `zstd` as it says",
        ),
        ("zstd", text, "content", "the body is not `zstd` as it says"),
        (
            "compress",
            text,
            "content",
            "the body is encoded as `compress`, which was not asked for",
        ),
        (
            "gzip, gzip, gzip, gzip",
            &gzip,
            "content",
            "the body is encoded as `gzip, gzip, gzip, gzip`, which was not asked for",
        ),
    ] {
        let bytes = response("200 OK", &format!("Content-Encoding: {encoding}\r\n"), body);
        check(
            encoding,
            bytes,
            |probe| probe.json = ping_state(),
            expected,
            message,
        )
        .await;
    }
}

fn zstd_of(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

#[tokio::test]
async fn a_body_stops_at_its_limit_also_after_decompression() {
    // 10 MB, announced and not; then 100 MB that fit into 100 kB.
    let ten_mb = vec![b'a'; 10_000_000];
    let larger = "the body is larger than 1048576 bytes";
    check(
        "announced",
        response("200 OK", "", &ten_mb),
        as_written,
        "too_large",
        larger,
    )
    .await;
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.extend_from_slice(&ten_mb);
    check("not announced", endless, as_written, "too_large", larger).await;

    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..10 {
        bomb.write_all(&ten_mb).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    check(
        "bomb",
        response("200 OK", "Content-Encoding: gzip\r\n", bomb),
        as_written,
        "too_large",
        "the body is larger than 1048576 bytes once decompressed",
    )
    .await;

    let mut br = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut br, 4_096, 5, 20);
    writer.write_all(&ten_mb).unwrap();
    drop(writer);
    for (coding, bomb) in [("br", br), ("zstd", zstd_of(&ten_mb))] {
        assert!(bomb.len() < 100_000, "{coding}: {}", bomb.len());
        let headers = format!("Content-Encoding: {coding}\r\n");
        check(
            coding,
            response("200 OK", &headers, bomb),
            as_written,
            "too_large",
            "the body is larger than 1048576 bytes once decompressed",
        )
        .await;
    }

    let exactly = response("200 OK", "", "12345678");
    check(
        "at the limit",
        exactly.clone(),
        |probe| probe.body_bytes_max = 8,
        "answered",
        "",
    )
    .await;
    check(
        "one above",
        exactly,
        |probe| probe.body_bytes_max = 7,
        "too_large",
        "the body is larger than 7 bytes",
    )
    .await;
    check(
        "an unexpected status stays what it is, however much is said about it",
        response("500 Oops", "", &ten_mb),
        as_written,
        "status:500",
        "status 500, expected 200",
    )
    .await;
}

/// The request as the server reads it.
#[tokio::test]
async fn the_request_is_sent_as_configured() {
    let (address, mut received) = converses(|_| response("200 OK", "", "")).await;

    let mut probe = get("localhost", address);
    probe.url.path = "/v3/a?b=c".to_owned();
    assert_eq!(verdict(&ask(&endpoint(probe.clone())).await), "answered");
    let expected = format!(
        "GET /v3/a?b=c HTTP/1.1\r\n\
         user-agent: vigie/{}\r\n\
         accept-encoding: gzip, deflate, br, zstd\r\n\
         host: localhost:{}\r\n\
         connection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION"),
        address.port(),
    );
    assert_eq!(received.recv().await.unwrap(), expected);

    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "Bearer abc\r\n").unwrap();
    probe.method = "POST".to_owned();
    probe.body = Some("{\"é\":1}".to_owned());
    probe.headers = vec![
        plain_header("Host", "other.example"),
        plain_header("User-Agent", "mine"),
        plain_header("Accept-Encoding", "identity"),
        plain_header("X-Twice", "1"),
        plain_header("X-Twice", "2"),
        secret_header("Authorization", secret.path()),
    ];
    assert_eq!(verdict(&ask(&endpoint(probe.clone())).await), "answered");
    assert_eq!(
        received.recv().await.unwrap(),
        "POST /v3/a?b=c HTTP/1.1\r\n\
         user-agent: mine\r\n\
         accept-encoding: identity\r\n\
         x-twice: 1\r\n\
         x-twice: 2\r\n\
         authorization: Bearer abc\r\n\
         host: other.example\r\n\
         connection: close\r\n\
         content-length: 8\r\n\r\n\
         {\"é\":1}"
    );

    // A secret that was replaced is read anew.
    std::fs::write(secret.path(), "Bearer def").unwrap();
    assert_eq!(verdict(&ask(&endpoint(probe)).await), "answered");
    let request = received.recv().await.unwrap();
    assert!(
        request.contains("authorization: Bearer def\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_secret_is_never_shown_not_even_when_the_service_repeats_it() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s3cr3t-value").unwrap();
    let bytes = response("200 OK", "", r#"{"status":"bad key s3cr3t-value"}"#);
    let finding = check(
        "echo",
        bytes,
        |probe| {
            probe.headers = vec![secret_header("X-Api-Key", secret.path())];
            probe.json = ping_state();
        },
        "content",
        "`$.status` is `bad key ***`, expected `ok`",
    )
    .await;
    assert!(!format!("{finding:?}").contains("s3cr3t"));
}

/// What is kept of a failure for later holds no secret, wherever the service put it, also where a
/// long value was cut in the middle of it.
#[tokio::test]
async fn what_is_kept_of_a_failure_shows_its_headers_and_no_secret() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s3cr3t-value-of-some-length").unwrap();
    let padding = "p".repeat(50);
    let address = answers(response(
        "500 Oh",
        &format!(
            "Server: s3cr3t-value-of-some-length\r\nVia: {padding}s3cr3t-value-of-some-length\r\n\
             Set-Cookie: session=1\r\nRetry-After: 7\r\n\
             Location: /s3cr3t-value-of-some-length?code=hidden\r\n"
        ),
        r#"{"detail":"s3cr3t-value-of-some-length"}"#,
    ))
    .await;
    let mut probe = get("127.0.0.1", address);
    probe.headers = vec![secret_header("X-Api-Key", secret.path())];
    probe.assertions = assertions(&[r#"$.detail == "x""#]);
    let finding = ask(&endpoint(probe)).await;
    let explanation = finding.trace.explanation.as_ref().unwrap();
    let headers: Vec<_> = explanation.hops[0]
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        headers,
        [
            "location: /***",
            "retry-after: 7",
            "content-length: 40",
            "server: ***",
            &format!("via: {padding}***…"),
        ]
    );
    let shown: Vec<_> = explanation
        .assessments
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["status (500) in 200", r#"$.detail (***) == "x""#]);
    assert!(!format!("{finding:?}").contains("s3cr3t"), "{finding:?}");
}

#[tokio::test]
async fn what_is_missing_here_is_found_before_asking_and_is_no_fault_of_the_service() {
    let address = answers(response("200 OK", "", "")).await;
    let missing = std::path::Path::new("/nonexistent/secret");
    let garbage = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(garbage.path(), "no certificate").unwrap();
    let two_lines = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(two_lines.path(), "hidden\nlines").unwrap();

    type Change<'a> = Box<dyn Fn(&mut HttpProbe) + 'a>;
    let cases: [(&str, Change<'_>, String); 8] = [
        (
            "secret file",
            Box::new(|probe| probe.headers = vec![secret_header("X-Key", missing)]),
            "read the secret of header `X-Key`: file `/nonexistent/secret`: No such file or directory (os error 2); write the secret to it, on one line".to_owned(),
        ),
        (
            "secret variable",
            Box::new(|probe| {
                let place = SecretPlace::Env("VIGIE_TEST_UNSET".to_owned());
                probe.headers = vec![("X-Key".to_owned(), Value::Secret(place))];
            }),
            "read the secret of header `X-Key`: environment variable `VIGIE_TEST_UNSET` is not set".to_owned(),
        ),
        (
            "secret that is no header value",
            Box::new(|probe| probe.headers = vec![secret_header("X-Key", two_lines.path())]),
            format!("ask `http://{address}`: the value of the header `X-Key` is not valid"),
        ),
        (
            "authorities",
            Box::new(|probe| {
                probe.url.tls = true;
                probe.ca_file = Some(missing.to_owned());
            }),
            "read the authorities in `/nonexistent/secret`: No such file or directory (os error 2); it must be a readable PEM file".to_owned(),
        ),
        (
            "authorities without any",
            Box::new(|probe| {
                probe.url.tls = true;
                probe.ca_file = Some(garbage.path().to_owned());
            }),
            format!("use the authorities in `{}`: no root trust anchors were provided; it must hold at least one `BEGIN CERTIFICATE` block", garbage.path().display()),
        ),
        (
            "method",
            Box::new(|probe| probe.method = "GET IT".to_owned()),
            format!("ask `http://{address}`: the method `GET IT` is not valid"),
        ),
        (
            "header name",
            Box::new(|probe| {
                probe.headers = vec![("X Key".to_owned(), Value::Plain("a".to_owned()))];
            }),
            format!("ask `http://{address}`: the header name `X Key` is not valid"),
        ),
        (
            "path",
            Box::new(|probe| probe.url.path = "/a b?token=hidden".to_owned()),
            format!("ask `http://{address}`: the path is not valid"),
        ),
    ];
    for (what, change, message) in cases {
        let mut probe = get("127.0.0.1", address);
        change(&mut probe);
        let endpoint = endpoint(probe);
        let error = prober().prepare(&endpoint).unwrap_err();
        assert_eq!(error.to_string(), message, "{what}");
        let finding = ask(&endpoint).await;
        assert_finding(
            what,
            &finding,
            "void not_executed",
            &format!("could not {message}"),
        );
        assert!(!format!("{finding:?}").contains("hidden"), "{what}");
    }
    assert!(
        prober()
            .prepare(&endpoint(get("127.0.0.1", address)))
            .is_ok()
    );
}

#[tokio::test]
async fn latency_is_the_time_until_the_last_byte() {
    let bytes = response("200 OK", "", "pong");
    let finding = check("latency", bytes, as_written, "answered", "").await;
    let Outcome::Answered {
        latency_us,
        partial,
    } = finding.observation.outcome
    else {
        panic!("{finding:?}");
    };
    assert!(!partial);
    assert!((100..10_000_000).contains(&latency_us), "{latency_us}");
}
