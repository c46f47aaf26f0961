//! Redirects, where a probe follows them.

use tempfile::NamedTempFile;

use super::zoo::{Authority, answers, converses, response, serve_tls};
use super::*;

fn redirect(status: u16, location: &str) -> Vec<u8> {
    response(
        &format!("{status} Elsewhere"),
        &format!("Location: {location}\r\n"),
        "moved",
    )
}

/// `/` leads on with `status`, all else is the answer.
fn leads(status: u16, location: String) -> impl Fn(&str) -> Vec<u8> {
    move |request| {
        let target = request.split(' ').nth(1).unwrap();
        if target == "/" {
            redirect(status, &location)
        } else {
            response("200 OK", "", "here")
        }
    }
}

fn following(mut probe: HttpProbe) -> HttpProbe {
    probe.redirects_max = 3;
    probe
}

/// The first line of a request, without the version.
fn first_line(request: &str) -> &str {
    request.split(" HTTP/").next().unwrap()
}

#[tokio::test]
async fn each_redirect_is_a_connection_of_its_own_and_all_of_them_are_told() {
    let (address, mut requests) = converses(leads(302, "b/../c?token=hidden#x".to_owned())).await;
    let mut probe = following(get("127.0.0.1", address));
    probe.assertions = assertions(&[r#"body contains "here""#]);
    let (finding, hops) = connections(&endpoint(probe.clone())).await;
    assert_finding("followed", &finding, "answered", "");
    assert_eq!(first_line(&requests.recv().await.unwrap()), "GET /");
    assert_eq!(
        first_line(&requests.recv().await.unwrap()),
        "GET /c?token=hidden"
    );

    let told: Vec<_> = hops
        .iter()
        .map(|hop| (hop.url.clone(), hop.status))
        .collect();
    let origin = format!("http://{address}");
    assert_eq!(
        told,
        [
            (format!("{origin}/"), Some(302)),
            (format!("{origin}/c"), Some(200))
        ]
    );
    // Where a redirect led is told; of the answer that was expected, nothing more.
    let location = ("location".to_owned(), "b/../c".to_owned());
    assert!(hops[0].headers.contains(&location), "{hops:?}");
    assert_eq!(hops[1].headers, []);
    assert_eq!(finding.trace.status, Some(200));
    for stage in vigie::sla::observation::Stage::ALL {
        let parts: Vec<u32> = hops.iter().filter_map(|hop| hop.phases.of(stage)).collect();
        let sum = parts.iter().sum::<u32>();
        assert_eq!(
            finding.trace.phases.of(stage).unwrap_or(0),
            sum,
            "{stage:?}"
        );
    }

    // Where the redirect is the right answer, it is the answer.
    probe.expected_statuses = statuses(&[302]);
    probe.assertions = Vec::new();
    let (finding, hops) = connections(&endpoint(probe)).await;
    assert_finding("expected", &finding, "answered", "");
    assert_eq!(hops.len(), 1);
}

#[tokio::test]
async fn the_method_and_the_body_follow_only_where_they_should() {
    for (status, method, body, expected) in [
        (301, "GET", None, "GET /b"),
        (302, "HEAD", None, "HEAD /b"),
        (301, "POST", Some("text"), "GET /b"),
        (302, "POST", Some("text"), "GET /b"),
        (303, "PUT", Some("text"), "GET /b"),
        (307, "POST", Some("text"), "POST /b"),
        (308, "PUT", Some("text"), "PUT /b"),
    ] {
        let (address, mut requests) = converses(leads(status, "/b".to_owned())).await;
        let mut probe = following(get("127.0.0.1", address));
        probe.method = method.to_owned();
        probe.body = body.map(ToOwned::to_owned);
        assert_eq!(
            verdict(&ask(&endpoint(probe)).await),
            "answered",
            "{status} {method}"
        );
        requests.recv().await.unwrap();
        let second = requests.recv().await.unwrap();
        assert_eq!(first_line(&second), expected, "{status} {method}");
        let repeats = matches!(status, 307 | 308);
        assert_eq!(second.ends_with("text"), repeats, "{status} {method}");
    }
}

#[tokio::test]
async fn what_is_meant_for_one_origin_is_not_sent_to_another() {
    let secret = NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s3cr3t-value").unwrap();
    let (other, mut heard) = converses(|_| response("401 No", "", "")).await;
    let (address, mut requests) = converses(leads(302, format!("http://{other}/b"))).await;
    let mut probe = following(get("127.0.0.1", address));
    probe.headers = vec![
        secret_header("X-Api-Key", secret.path()),
        plain_header("Authorization", "Basic YTpi"),
        plain_header("Cookie", "a=b"),
        plain_header("X-Plain", "stays"),
        plain_header("Host", "virtual.example"),
    ];
    let finding = ask(&endpoint(probe.clone())).await;
    // No secret was sent there: the answer is not about our credentials.
    assert_finding("401", &finding, "status:401", "status 401, expected 200");
    let first = requests.recv().await.unwrap();
    assert!(
        first.contains("s3cr3t-value") && first.contains("host: virtual.example"),
        "{first}"
    );
    let second = heard.recv().await.unwrap();
    for private in ["s3cr3t", "authorization", "cookie", "virtual.example"] {
        assert!(
            !second.to_lowercase().contains(private),
            "{private} in {second}"
        );
    }
    assert!(second.contains("x-plain: stays"), "{second}");
    assert!(second.contains(&format!("host: {other}\r\n")), "{second}");

    // On the same origin, everything stays.
    let (address, mut requests) = converses(leads(302, "/b".to_owned())).await;
    probe.url.port = address.port();
    assert_eq!(verdict(&ask(&endpoint(probe.clone())).await), "answered");
    requests.recv().await.unwrap();
    let second = requests.recv().await.unwrap();
    assert!(
        second.contains("s3cr3t-value") && second.contains("host: virtual.example"),
        "{second}"
    );

    // A body is not carried to another origin either.
    let (address, _requests) = converses(leads(307, format!("http://{other}/b"))).await;
    probe.url.port = address.port();
    probe.method = "POST".to_owned();
    probe.body = Some("private".to_owned());
    let message =
        format!("status 307 leads to `http://{other}`, where the request's body is not sent");
    assert_finding("body", &ask(&endpoint(probe)).await, "redirect", &message);
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_a_fault_of_its_own() {
    for (what, location, expected, message) in [
        (
            "itself",
            "/",
            "redirect_loop",
            "the redirects lead in a circle, back to `http://ADDRESS/`",
        ),
        (
            "other",
            "ftp://127.0.0.1/",
            "redirect",
            "status 302 leads to no `http` or `https` address",
        ),
        (
            "no address",
            "http://",
            "redirect",
            "status 302 leads to no `http` or `https` address",
        ),
    ] {
        let address = answers(redirect(302, location)).await;
        let finding = ask(&endpoint(following(get("127.0.0.1", address)))).await;
        assert_finding(what, &finding, expected, message);
    }
    let address = answers(response("302 Found", "", "")).await;
    let finding = ask(&endpoint(following(get("127.0.0.1", address)))).await;
    assert_finding(
        "none",
        &finding,
        "redirect",
        "status 302 without `Location`",
    );

    // Ever new addresses: each request gets one letter more.
    let (address, _requests) = converses(|request| {
        let target = request.split(' ').nth(1).unwrap();
        redirect(302, &format!("{target}a"))
    })
    .await;
    let (finding, hops) = connections(&endpoint(following(get("127.0.0.1", address)))).await;
    let message = "more than 3 redirects, the next to `http://ADDRESS/aaaa`";
    assert_finding("endless", &finding, "redirect", message);
    assert_eq!(hops.len(), 4);

    // Two that send each other back and forth.
    let (address, _requests) = converses(|request| {
        let target = request.split(' ').nth(1).unwrap();
        redirect(302, if target == "/" { "/b" } else { "/" })
    })
    .await;
    let finding = ask(&endpoint(following(get("127.0.0.1", address)))).await;
    let message = "the redirects lead in a circle, back to `http://ADDRESS/`";
    assert_finding("back and forth", &finding, "redirect_loop", message);
}

#[tokio::test]
async fn a_fault_after_a_redirect_is_that_of_its_own_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (address, _requests) = converses(leads(302, format!("http://{nobody}/b"))).await;
    let (finding, hops) = connections(&endpoint(following(get("127.0.0.1", address)))).await;
    assert_finding(
        "refused",
        &finding,
        "connect",
        "connection refused by ADDRESS",
    );
    assert_eq!(finding.trace.address, Some(nobody));
    assert_eq!(finding.trace.status, None);
    assert_eq!(hops[0].status, Some(302));
}

#[tokio::test]
async fn the_name_in_the_handshake_follows_the_host() {
    let ours = Authority::new("Vigie test authority");
    let ca = NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), ours.pem()).unwrap();
    for (names, expected) in [
        ("localhost", "answered"),
        ("first.example", "tls:wrong_host"),
    ] {
        let identity = ours.issue(&[names], (2020, 2040));
        let secure = serve_tls(&identity, &["http/1.1"], |mut stream| async move {
            use tokio::io::AsyncWriteExt;
            super::zoo::read_request(&mut stream).await;
            let _ = stream.write_all(&response("200 OK", "", "")).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let location = format!("https://localhost:{}/", secure.port());
        let (address, _requests) = converses(leads(301, location)).await;
        let mut probe = following(get("first.example", address));
        probe.route.address = Some("127.0.0.1".parse().unwrap());
        probe.route.tls_name = Some("first.example".to_owned());
        probe.ca_file = Some(ca.path().to_owned());
        assert_eq!(verdict(&ask(&endpoint(probe)).await), expected, "{names}");
    }
}
