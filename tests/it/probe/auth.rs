//! Who asks: passwords, tokens, client certificates, and what becomes of the files they are in.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use vigie::sla::catalog::{Authentication, ClientCertificate, ClientCredentials, Proxy, ProxyKind};
use vigie::sla::observation::Stage;

use super::zoo::{
    Authority, answers, converses, hang, read_request, response, serve, serve_tls_to,
};
use super::*;

fn file_of(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn place(file: &NamedTempFile) -> SecretPlace {
    SecretPlace::File(file.path().to_owned())
}

/// The value of `authorization` in a request, if there is one.
fn authorization(request: &str) -> Option<&str> {
    let mut lines = request.lines();
    lines.find_map(|line| line.strip_prefix("authorization: "))
}

#[tokio::test]
async fn passwords_and_tokens_are_sent_and_never_shown() {
    let secret = file_of("s3same:x\n");
    for (authentication, expected) in [
        (
            Authentication::Basic {
                user: "vigie".to_owned(),
                password: place(&secret),
            },
            // printf 'vigie:s3same:x' | base64
            "Basic dmlnaWU6czNzYW1lOng=",
        ),
        (Authentication::Bearer(place(&secret)), "Bearer s3same:x"),
    ] {
        let (address, mut requests) = converses(|request| {
            let echo = authorization(request).unwrap_or_default().to_owned();
            response(
                "403 Forbidden",
                "",
                format!(r#"{{"error":"x","said":"{echo}"}}"#),
            )
        })
        .await;
        let mut probe = get("127.0.0.1", address);
        probe.authentication = Some(authentication);
        probe.assertions = assertions(&["$.said == \"\""]);
        let (finding, explanation) = explain(&endpoint(probe)).await;
        assert_eq!(
            authorization(&requests.recv().await.unwrap()),
            Some(expected)
        );
        assert_eq!(verdict(&finding), "void credential:403");
        let shown = format!("{finding:?} {explanation:?}");
        assert!(!shown.contains("s3same"), "{shown}");
        assert!(!shown.contains("czNzYW1l"), "{shown}");
    }
}

#[tokio::test]
async fn a_secret_for_everybody_is_refused_and_a_changed_one_is_read_again() {
    let secret = file_of("first");
    let (address, mut requests) = converses(|_| response("200 OK", "", "")).await;
    let mut probe = get("127.0.0.1", address);
    probe.authentication = Some(Authentication::Bearer(place(&secret)));
    let (prober, endpoint) = (prober(), endpoint(probe));
    for (written, expected) in [
        ("first", "Bearer first"),
        ("the second", "Bearer the second"),
    ] {
        std::fs::write(secret.path(), written).unwrap();
        assert_eq!(
            verdict(&prober.probe(&endpoint, at(), at()).await),
            "answered"
        );
        assert_eq!(
            authorization(&requests.recv().await.unwrap()),
            Some(expected)
        );
    }

    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(secret.path(), open).unwrap();
    std::fs::write(secret.path(), "for everybody").unwrap();
    let finding = prober.probe(&endpoint, at(), at()).await;
    let path = secret.path().display();
    let message = format!(
        "could not read the secret of `bearer`: file `{path}`: every user of this machine can open it (mode 644); run `chmod o= {path}`, and change the secret if others were here"
    );
    assert_finding("open to all", &finding, "void not_executed", &message);
    assert!(requests.try_recv().is_err(), "nothing was asked");
}

fn client_credentials(server: SocketAddr, secret: &NamedTempFile) -> ClientCredentials {
    ClientCredentials {
        token_url: Url {
            tls: false,
            host: server.ip().to_string(),
            port: server.port(),
            path: "/token".to_owned(),
        },
        client_id: "vigie & co".to_owned(),
        client_secret: place(secret),
        scope: Some("ping read".to_owned()),
        in_body: false,
        ca_file: None,
    }
}

/// An authorization server whose tokens are good for `life_s` seconds: `token-1`, `token-2`, …
async fn authorization_server(
    life_s: u64,
) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let n_given = AtomicUsize::new(0);
    converses(move |_| {
        let n = n_given.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(
            r#"{{"access_token":"token-{n}","token_type":"Bearer","expires_in":{life_s}}}"#
        );
        response("200 OK", "Content-Type: application/json\r\n", body)
    })
    .await
}

#[tokio::test]
async fn a_token_is_fetched_once_kept_while_it_is_good_and_timed_apart() {
    let secret = file_of("pass/word");
    let (server, mut asked) = authorization_server(3_600).await;
    let (address, mut requests) = converses(|_| response("200 OK", "", "")).await;
    let mut probe = get("127.0.0.1", address);
    let mut credentials = client_credentials(server, &secret);
    probe.authentication = Some(Authentication::ClientCredentials(credentials.clone()));
    let (asker, watched) = (prober(), endpoint(probe.clone()));
    for n in 0..3 {
        let finding = asker.probe(&watched, at(), at()).await;
        assert_finding("token", &finding, "answered", "");
        assert_eq!(finding.trace.phases.of(Stage::Auth).is_some(), n == 0);
        let request = requests.recv().await.unwrap();
        assert_eq!(authorization(&request), Some("Bearer token-1"));
    }
    let request = asked.recv().await.unwrap();
    assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
    // printf 'vigie+%%26+co:pass%%2Fword' | base64
    assert_eq!(
        authorization(&request),
        Some("Basic dmlnaWUrJTI2K2NvOnBhc3MlMkZ3b3Jk")
    );
    assert!(
        request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=ping+read"),
        "{request}"
    );
    assert!(asked.try_recv().is_err(), "one token is enough");

    credentials.in_body = true;
    probe.authentication = Some(Authentication::ClientCredentials(credentials));
    assert_eq!(verdict(&ask(&endpoint(probe)).await), "answered");
    let request = asked.recv().await.unwrap();
    assert_eq!(authorization(&request), None);
    assert!(
        request.ends_with("&client_id=vigie+%26+co&client_secret=pass%2Fword"),
        "{request}"
    );
}

/// An authorization server that is asked for a token by each endpoint soon asks to be left alone.
#[tokio::test]
async fn endpoints_with_the_same_credentials_share_a_token() {
    let (secret, other_secret) = (file_of("password"), file_of("another"));
    let (server, mut asked) = authorization_server(3_600).await;
    let (address, mut requests) = converses(|_| response("200 OK", "", "")).await;
    let asker = prober();
    for (id, secret, scope, expected) in [
        ("first", &secret, "ping", "Bearer token-1"),
        ("second", &secret, "ping", "Bearer token-1"),
        ("another-scope", &secret, "read", "Bearer token-2"),
        ("another-secret", &other_secret, "ping", "Bearer token-3"),
        ("first-again", &secret, "ping", "Bearer token-1"),
    ] {
        let mut probe = get("127.0.0.1", address);
        let mut credentials = client_credentials(server, secret);
        credentials.scope = Some(scope.to_owned());
        probe.authentication = Some(Authentication::ClientCredentials(credentials));
        let watched = Endpoint {
            id: EndpointId::new(id).unwrap(),
            ..endpoint(probe)
        };
        let finding = asker.probe(&watched, at(), at()).await;
        assert_eq!(verdict(&finding), "answered", "{id}");
        let request = requests.recv().await.unwrap();
        assert_eq!(authorization(&request), Some(expected), "{id}");
    }
    let mut n_asked = 0;
    while asked.try_recv().is_ok() {
        n_asked += 1;
    }
    assert_eq!(n_asked, 3);
}

/// What the endpoint is reached through, its authorization server is reached through too.
#[tokio::test]
async fn a_token_is_fetched_through_the_endpoints_proxy() {
    let (secret, password) = (file_of("password"), file_of("for the proxy"));
    let (proxy, mut heard) = converses(|request| match request.split(' ').next() {
        Some("POST") => response("200 OK", "", r#"{"access_token":"far-away"}"#),
        _ => response("200 OK", "", ""),
    })
    .await;
    let mut probe = get("service.invalid", proxy);
    probe.route.proxy = Some(Proxy {
        kind: ProxyKind::Http,
        host: proxy.ip().to_string(),
        port: proxy.port(),
        credentials: Some(("vigie".to_owned(), Value::Secret(place(&password)))),
    });
    let mut credentials = client_credentials(proxy, &secret);
    credentials.token_url.host = "authorization.invalid".to_owned();
    probe.authentication = Some(Authentication::ClientCredentials(credentials));
    let finding = ask(&endpoint(probe)).await;
    assert_finding("through", &finding, "answered", "");
    let to_server = heard.recv().await.unwrap();
    let line = format!(
        "POST http://authorization.invalid:{}/token HTTP/1.1\r\n",
        proxy.port()
    );
    assert!(to_server.starts_with(&line), "{to_server}");
    // printf 'vigie:for the proxy' | base64
    let shown = "proxy-authorization: Basic dmlnaWU6Zm9yIHRoZSBwcm94eQ==\r\n";
    assert!(
        to_server.to_lowercase().contains(&shown.to_lowercase()),
        "{to_server}"
    );
    let to_service = heard.recv().await.unwrap();
    assert_eq!(authorization(&to_service), Some("Bearer far-away"));
}

#[tokio::test]
async fn a_token_that_is_over_or_refused_is_replaced() {
    let secret = file_of("password");
    // A life as short as the margin: good for nobody but who fetched it.
    let (server, _asked) = authorization_server(1).await;
    let (address, mut requests) = converses(|_| response("200 OK", "", "")).await;
    let mut probe = get("127.0.0.1", address);
    let credentials = client_credentials(server, &secret);
    probe.authentication = Some(Authentication::ClientCredentials(credentials));
    let (asker, watched) = (prober(), endpoint(probe));
    for expected in ["Bearer token-1", "Bearer token-2"] {
        assert_eq!(
            verdict(&asker.probe(&watched, at(), at()).await),
            "answered"
        );
        assert_eq!(
            authorization(&requests.recv().await.unwrap()),
            Some(expected)
        );
    }

    let (server, _asked) = authorization_server(3_600).await;
    let (address, _requests) = converses(|request| match authorization(request) {
        Some("Bearer token-1") => response("401 Unauthorized", "", ""),
        _ => response("200 OK", "", ""),
    })
    .await;
    let mut probe = get("127.0.0.1", address);
    let credentials = client_credentials(server, &secret);
    probe.authentication = Some(Authentication::ClientCredentials(credentials));
    let (asker, watched) = (prober(), endpoint(probe));
    // Never a second try within one probe: the next one has another token.
    for expected in ["void credential:401", "answered"] {
        assert_eq!(verdict(&asker.probe(&watched, at(), at()).await), expected);
    }
}

#[tokio::test]
async fn an_authorization_server_that_gives_no_token_says_nothing_about_the_service() {
    let secret = file_of("password");
    let (address, mut requests) = converses(|_| response("200 OK", "", "")).await;
    let refused = response("401 No", "", r#"{"error":"invalid_client"}"#);
    let large = response("200 OK", "", vec![b' '; 100_000]);
    let mac = r#"{"access_token":"a","token_type":"mac"}"#;
    for (what, server, why) in [
        (
            "refused",
            answers(refused).await,
            "status 401, `invalid_client`",
        ),
        (
            "down",
            answers(response("503 Busy", "", "<html>")).await,
            "status 503",
        ),
        (
            "garbage",
            answers(response("200 OK", "", "{}")).await,
            "its answer is not JSON with an `access_token`",
        ),
        (
            "large",
            answers(large).await,
            "its answer is larger than 65536 bytes",
        ),
        (
            "other kind",
            answers(response("200 OK", "", mac)).await,
            "its token is a `mac`, not a bearer token",
        ),
        (
            "redirect",
            answers(response(
                "302 Found",
                "Location: http://127.0.0.1:1/\r\n",
                "",
            ))
            .await,
            "status 302",
        ),
    ] {
        let mut probe = get("127.0.0.1", address);
        let credentials = client_credentials(server, &secret);
        probe.authentication = Some(Authentication::ClientCredentials(credentials));
        let finding = ask(&endpoint(probe)).await;
        let message = format!("no token from the authorization server `http://{server}`: {why}");
        assert_finding(what, &finding, "void token", &message);
        assert!(finding.trace.phases.of(Stage::Auth).is_some(), "{what}");
    }

    let mut probe = get("127.0.0.1", address);
    let credentials = client_credentials(serve(hang).await, &secret);
    probe.authentication = Some(Authentication::ClientCredentials(credentials));
    let finding = ask(&endpoint_within(probe, 100)).await;
    let message = "no token from the authorization server within 100 ms";
    assert_finding("silent", &finding, "void token", message);
    assert!(requests.try_recv().is_err(), "the service was never asked");
}

/// A certificate for us, its key in a file of its own.
fn identity(authority: &Authority) -> (NamedTempFile, NamedTempFile, ClientCertificate) {
    identity_of(authority, (2020, 2040))
}

fn identity_of(
    authority: &Authority,
    years: (i32, i32),
) -> (NamedTempFile, NamedTempFile, ClientCertificate) {
    let identity = authority.issue(&["vigie.example"], years);
    let (file, key) = (
        file_of(&identity.pem),
        file_of(&identity.key.serialize_pem()),
    );
    let ours = ClientCertificate {
        file: file.path().to_owned(),
        key_file: key.path().to_owned(),
    };
    (file, key, ours)
}

#[tokio::test]
async fn a_service_that_wants_our_certificate_gets_it_or_is_told_apart() {
    let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
    let ca = file_of(&servers.pem());
    let server = servers.issue(&["localhost"], (2020, 2040));
    let (_file, _key, ours) = identity(&clients);
    let (_other_file, _other_key, others) = identity(&Authority::new("Others"));
    let (_old_file, _old_key, old) = identity_of(&clients, (2020, 2024));
    let advice = |ours: &ClientCertificate, what: &str| {
        what.replace("FILE", &ours.file.display().to_string())
    };
    for version in [&TLS13, &TLS12] {
        let pong = |mut stream: tokio_rustls::server::TlsStream<_>| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(&response("200 OK", "", "")).await;
            let _ = stream.shutdown().await;
        };
        let address = serve_tls_to(&server, &[], Some(&clients), &[version], pong).await;
        let mut probe = get("localhost", address);
        probe.url.tls = true;
        probe.ca_file = Some(ca.path().to_owned());
        for (what, shown, expected, message) in [
            ("ours", Some(&ours), "answered", String::new()),
            // Nobody told us that it would want one.
            (
                "none",
                None,
                "tls:client_certificate",
                format!("{address} wants a certificate of ours that it trusts: "),
            ),
            (
                "another",
                Some(&others),
                "void credential:certificate",
                advice(
                    &others,
                    "; we showed the certificate in `FILE`: renew it, or have the service trust it",
                ),
            ),
            (
                "an old one",
                Some(&old),
                "void credential:certificate",
                advice(
                    &old,
                    "refuses our certificate: CertificateExpired; our certificate in `FILE` ended on 2024-01-01 00:00 UTC: renew it",
                ),
            ),
        ] {
            probe.client_certificate = shown.cloned();
            let (finding, hops) = connections(&endpoint(probe.clone())).await;
            assert_eq!(
                verdict(&finding),
                expected,
                "{what} {version:?}: {finding:?}"
            );
            let told = &finding.trace.message;
            assert!(told.contains(&message), "{what} {version:?}: {told}");
            assert!(hops[0].tls.as_ref().unwrap().asks_for_certificate);
        }
    }
}

/// As nginx does, which takes any certificate in the handshake and answers 400 to a bad one.
#[tokio::test]
async fn a_status_speaks_about_our_certificate_where_it_was_shown() {
    let authority = Authority::new("All");
    let ca = file_of(&authority.pem());
    let server = authority.issue(&["localhost"], (2020, 2040));
    let (_file, _key, ours) = identity(&authority);
    for status in [400, 401, 403, 422, 404] {
        let refuses = move |mut stream: tokio_rustls::server::TlsStream<_>| async move {
            read_request(&mut stream).await;
            let _ = stream
                .write_all(&response(&format!("{status} No"), "", ""))
                .await;
            let _ = stream.shutdown().await;
        };
        for (asks, expected) in [
            (true, format!("void credential:{status}")),
            (false, format!("status:{status}")),
        ] {
            let clients = asks.then_some(&authority);
            let address = serve_tls_to(&server, &[], clients, &[&TLS13, &TLS12], refuses).await;
            let mut probe = get("localhost", address);
            probe.url.tls = true;
            probe.ca_file = Some(ca.path().to_owned());
            probe.client_certificate = Some(ours.clone());
            let finding = ask(&endpoint(probe)).await;
            let mut message = format!("status {status}, expected 200");
            let expected = match status {
                404 => "status:404".to_owned(),
                _ => expected,
            };
            if expected.starts_with("void") {
                let file = ours.file.display();
                message.push_str(&format!(
                    "; we showed the certificate in `{file}`: renew it, or have the service trust it"
                ));
            }
            let what = format!("{status}, asked: {asks}");
            assert_finding(&what, &finding, &expected, &message);
        }
    }
}

/// It is asked all the same: some servers look at no dates.
#[tokio::test]
async fn a_client_certificate_is_told_whose_time_is_over_or_has_not_come() {
    let authority = Authority::new("Clients");
    let address = answers(response("200 OK", "", "")).await;
    for (years, expected) in [
        ((2020, 2040), None),
        (
            (2020, 2024),
            Some("it ended on 2024-01-01 00:00 UTC; renew it"),
        ),
        (
            (2030, 2040),
            Some(
                "it is not valid before 2030-01-01 00:00 UTC; name the one that is valid now, or set this machine's clock",
            ),
        ),
    ] {
        let (file, _key, ours) = identity_of(&authority, years);
        let mut probe = get("127.0.0.1", address);
        probe.client_certificate = Some(ours);
        let endpoint = endpoint(probe);
        let found = prober().outdated(&endpoint, at());
        assert_eq!(
            found.map(|fault| (fault.key(), fault.to_string())),
            expected.map(|expected| {
                let file = file.path().display();
                (
                    "client_certificate",
                    format!("use the client certificate in `{file}`: {expected}"),
                )
            })
        );
        assert_finding("asked", &ask(&endpoint).await, "answered", "");
    }
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_used_is_found_before_asking() {
    let authority = Authority::new("Clients");
    let (file, key, ours) = identity(&authority);
    let (_file, other_key, _) = identity(&authority);
    let garbage = file_of("garbage");
    let address = answers(response("200 OK", "", "")).await;
    let (file, key) = (file.path().display(), key.path().display());
    let check = |ours: ClientCertificate, expected: &str| {
        let mut probe = get("127.0.0.1", address);
        probe.client_certificate = Some(ours);
        let found = prober().prepare(&endpoint(probe));
        let found = found.map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(found, expected);
    };
    check(ours.clone(), "");
    check(
        ClientCertificate {
            key_file: other_key.path().to_owned(),
            ..ours.clone()
        },
        &format!(
            "use the client certificate in `{file}`: the key in `{}` is that of another certificate; name the two that belong together",
            other_key.path().display()
        ),
    );
    check(
        ClientCertificate {
            file: garbage.path().to_owned(),
            ..ours.clone()
        },
        &format!(
            "use the client certificate in `{}`: it must hold at least one `BEGIN CERTIFICATE` block",
            garbage.path().display()
        ),
    );
    check(
        ClientCertificate {
            key_file: garbage.path().to_owned(),
            ..ours.clone()
        },
        &format!(
            "use the client certificate in `{file}`: `{}` holds no private key; it must be a PEM file without a passphrase",
            garbage.path().display()
        ),
    );
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&ours.key_file, open).unwrap();
    check(
        ours.clone(),
        &format!(
            "read the secret of the client certificate: file `{key}`: every user of this machine can open it (mode 644); run `chmod o= {key}`, and change the secret if others were here"
        ),
    );
}

/// What proves who asks stays with the origin that it is for.
#[tokio::test]
async fn nothing_that_proves_who_asks_follows_to_another_origin() {
    let secret = file_of("password");
    let (elsewhere, mut heard) = converses(|_| response("200 OK", "", "")).await;
    let location = format!("Location: http://localhost:{}/\r\n", elsewhere.port());
    let (server, _asked) = authorization_server(3_600).await;
    let leads = Arc::new(location);
    for authentication in [
        Authentication::Bearer(place(&secret)),
        Authentication::Basic {
            user: "vigie".to_owned(),
            password: place(&secret),
        },
        Authentication::ClientCredentials(client_credentials(server, &secret)),
    ] {
        let leads = leads.clone();
        let (address, mut requests) = converses(move |_| response("302 Found", &leads, "")).await;
        let mut probe = get("127.0.0.1", address);
        probe.redirects_max = 1;
        probe.authentication = Some(authentication);
        assert_finding("led on", &ask(&endpoint(probe)).await, "answered", "");
        assert!(authorization(&requests.recv().await.unwrap()).is_some());
        assert_eq!(authorization(&heard.recv().await.unwrap()), None);
    }
}
