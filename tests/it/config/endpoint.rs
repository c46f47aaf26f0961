//! Endpoints: how they are asked, and how often.

use super::*;

#[test]
fn every_value_of_a_request_arrives() {
    let config = good(&with(
        "method = \"GET\"",
        r#"method = "POST"
headers = { Accept = "text/plain", Authorization = { file = "token" }, X-Api-Key = { env = "API_KEY" } }
body = "{}"
expected_statuses = [200, "300-303", 404]
assertions = ['body contains "pong"', '$.a[0]["b c"] >= 2.50']
json = { path = "data.status", up = ["ok"], maintenance = ["maintenance"], dated_by = "last_update" }
body_limit = "64KiB"
redirects_max = 3
ip_address = "2001:db8::1"
tls_name = "other.example"
http_version = "1.1"
proxy = { kind = "socks5", address = "[::1]:1080", user = "vigie", password = { env = "PROXY_PASSWORD" } }
ca_file = "/etc/ssl/ca.pem""#,
    ));
    let Probe::Http(probe) = &config.catalog.endpoint("entrance").unwrap().1.probe else {
        panic!("an HTTP endpoint");
    };
    assert_eq!(probe.method, "POST");
    assert_eq!(
        probe.headers,
        [
            ("Accept".to_owned(), Value::Plain("text/plain".to_owned())),
            (
                "Authorization".to_owned(),
                Value::Secret(SecretPlace::File("/etc/vigie/token".into()))
            ),
            (
                "X-Api-Key".to_owned(),
                Value::Secret(SecretPlace::Env("API_KEY".to_owned()))
            ),
        ],
        "in the order of the file; a relative path starts at its folder"
    );
    assert_eq!(probe.body.as_deref(), Some("{}"));
    assert_eq!(probe.expected_statuses.to_string(), "200, 300-303 or 404");
    let assertions: Vec<String> = probe.assertions.iter().map(ToString::to_string).collect();
    assert_eq!(
        assertions,
        [r#"body contains "pong""#, r#"$.a[0]["b c"] >= 2.50"#]
    );
    let json = probe.json.as_ref().unwrap();
    assert_eq!(json.path.to_string(), "$.data.status");
    assert_eq!((json.up.len(), json.maintenance.len()), (1, 1));
    assert!(json.unknown.is_empty());
    assert_eq!(json.dated_by.as_ref().unwrap().to_string(), "$.last_update");
    assert_eq!(probe.redirects_max, 3);
    assert_eq!(probe.route.address.unwrap().to_string(), "2001:db8::1");
    assert_eq!(probe.route.tls_name.as_deref(), Some("other.example"));
    assert_eq!(probe.route.version, HttpVersion::Http1);
    let proxy = probe.route.proxy.as_ref().unwrap();
    assert_eq!(
        (proxy.kind, &*proxy.host, proxy.port),
        (ProxyKind::Socks5, "::1", 1080)
    );
    let password = Value::Secret(SecretPlace::Env("PROXY_PASSWORD".to_owned()));
    assert_eq!(proxy.credentials, Some(("vigie".to_owned(), password)));
    assert_eq!(probe.body_bytes_max, 65_536);
    assert_eq!(probe.ca_file.as_deref(), Some(Path::new("/etc/ssl/ca.pem")));
}

#[test]
fn addresses_are_read_as_browsers_read_them() {
    let cases = [
        ("http://h.example", (false, "h.example", 80, "/")),
        (
            "https://h.example:8443/a?b=c",
            (true, "h.example", 8443, "/a?b=c"),
        ),
        ("https://[::1]/", (true, "::1", 443, "/")),
        ("http://127.0.0.1:9000/x", (false, "127.0.0.1", 9000, "/x")),
        (
            "https://préfecture.example/é",
            (true, "xn--prfecture-c4a.example", 443, "/%C3%A9"),
        ),
    ];
    for (written, (tls, host, port, path)) in cases {
        let config = good(&with("https://api.example/ping", written));
        let Probe::Http(probe) = &config.catalog.endpoint("entrance").unwrap().1.probe else {
            panic!("an HTTP endpoint");
        };
        let url = &probe.url;
        assert_eq!(
            (url.tls, &*url.host, url.port, &*url.path),
            (tls, host, port, path),
            "{written}"
        );
    }
}

#[test]
fn control_targets_are_hosts_and_ports() {
    let config = good(&with(
        "[close]",
        "[probing]\ncontrols = [\"gateway.example:443\", \"[2001:db8::1]:53\"]\n[close]",
    ));
    let controls: Vec<(&str, u16)> = config
        .probing
        .controls
        .iter()
        .map(|control| (control.host.as_str(), control.port))
        .collect();
    assert_eq!(controls, [("gateway.example", 443), ("2001:db8::1", 53)]);
}

#[test]
fn requests_that_cannot_be_meant_are_refused() {
    let address = "write an absolute http or https address in quotes, for example `url = \"https://api.example/ping\"`";
    let secret = "send it as a header whose value is read from a file: `headers = { Authorization = { file = \"/etc/vigie/authorization\" } }`";
    let url = "url = \"https://api.example/ping\"";
    let method = "method = \"GET\"";
    let cases = [
        (
            url,
            "url = «\"api.example/ping\"»",
            "`url` is not an address: it begins with neither `http://` nor `https://`",
            address,
        ),
        (
            url,
            "url = «\"https:///ping me\"»",
            "`url` is not an address: it holds a space or a control character",
            address,
        ),
        (
            url,
            "url = «\"https://\"»",
            "`url` is not an address: empty host",
            address,
        ),
        (
            url,
            "url = «\"https://h.example:99999/\"»",
            "`url` is not an address: invalid port number",
            address,
        ),
        (
            url,
            "url = «\"https://h.example/#top\"»",
            "`url` is not an address: it has a `#` part, which is never sent",
            address,
        ),
        (
            url,
            "url = «\"https://me:sesame@h.example/\"»",
            "`url` holds a user name or password",
            secret,
        ),
        (
            url,
            "url = «\"https://h.example/?access_token=sesame\"»",
            "`url` holds a secret in its query, as `access_token`: addresses are shown and logged",
            secret,
        ),
        (
            method,
            "method = «\"get\"»",
            "`method` is not an HTTP method: `get`",
            "did you mean `\"GET\"`?",
        ),
        (
            method,
            "method = «\"CONNECT\"»",
            "`method` is not an HTTP method: `CONNECT`",
            "write `\"GET\"`, `\"HEAD\"`, `\"POST\"` and so on, in capitals, for example `method = \"GET\"`",
        ),
        (
            method,
            "method = \"HEAD\"\nassertions = [«'body contains \"pong\"'»]",
            "an answer to `HEAD` has no body to look at",
            "write `method = \"GET\"`, or expect nothing of the body",
        ),
        (
            method,
            "expected_statuses = [200, «99»]",
            "`expected_statuses` is not the status of a final answer",
            "write a number from 200 to 599 without quotes, or a range in quotes, for example `expected_statuses = [200, \"300-303\"]`",
        ),
        (
            method,
            "expected_statuses = [«\"2xx\"»]",
            "`expected_statuses` is not a range of statuses: `2xx` is written `\"200-299\"`",
            "write a number from 200 to 599 without quotes, or a range in quotes, for example `expected_statuses = [200, \"300-303\"]`",
        ),
        (
            method,
            "expected_statuses = [«\"204-200\"»]",
            "`expected_statuses` ends before it begins",
            "write a number from 200 to 599 without quotes, or a range in quotes, for example `expected_statuses = [200, \"300-303\"]`",
        ),
        (
            method,
            "body_limit = «\"1 GiB\"»",
            "`body_limit` is not a size",
            "write a whole number and a unit in quotes (B, KiB, MiB), up to 64 MiB, for example `body_limit = \"1MiB\"`",
        ),
        (
            method,
            "body_limit = «\"65MiB\"»",
            "`body_limit` is out of range",
            "write a whole number and a unit in quotes (B, KiB, MiB), up to 64 MiB, for example `body_limit = \"1MiB\"`",
        ),
        (
            method,
            "headers = { «\"X Y\"» = \"1\" }",
            "`X Y` is not the name of a header",
            "write letters, figures and hyphens, for example `Accept`",
        ),
        (
            method,
            "headers = { «Content-Length» = \"1\" }",
            "the header `Content-Length` follows from the request itself",
            "remove it",
        ),
        (
            method,
            "headers = { accept = \"a\", «Accept» = \"b\" }",
            "the header `Accept` is already there, as `accept`",
            "remove one of them: capitals make no difference",
        ),
        (
            method,
            "headers = { Accept = «\"a\\nb\"» }",
            "the value of `Accept` cannot be sent",
            "write visible ASCII characters and spaces",
        ),
        (
            method,
            "headers = { Accept = «3» }",
            "`Accept` is a whole number, not a text",
            "write `Accept = \"…\"`",
        ),
        (
            method,
            "headers = { X-Api-Key = «{ }» }",
            "the secret `X-Api-Key` has one place: a `file` or an `env`",
            "write `X-Api-Key = { file = \"/etc/vigie/x-api-key\" }` or `X-Api-Key = { env = \"X_API_KEY\" }`",
        ),
        (
            method,
            "headers = { X-Api-Key = { env = «\"not a name\"» } }",
            "`env` is not the name of an environment variable",
            "write its name (letters, figures and underscores) in quotes, for example `env = \"PARTICULIER_TOKEN\"`",
        ),
        (
            method,
            "json = { path = «\"a..b\"», up = [\"ok\"] }",
            "`path` is not the path of a field: a field name is missing in the path",
            "write it after the dot, as in `$.data.status`, or in brackets and quotes, as in `$[\"a field\"]`",
        ),
        (
            method,
            "json = { path = \"a\", up = [\"ok\"], unknown = [«\"ok\"»] }",
            "`unknown` names a text that `up` names already",
            "let each text mean one thing",
        ),
        (
            "url = \"https://api.example/second\"",
            "url = \"http://api.example/second\"\nca_file = «\"ca.pem\"»",
            "`ca_file` has no effect: the address is not `https`",
            "write an `https://` address, or remove `ca_file`",
        ),
        (
            method,
            "proxy = { address = \"p.example:3128\", user = \"me\", password = «\"sesame\"» }",
            "the value of `password` is a secret, and secrets are not written in this file",
            "put it in a file or an environment variable: `password = { file = \"/etc/vigie/password\" }` or `password = { env = \"PASSWORD\" }`",
        ),
        (
            method,
            "proxy = { address = \"p.example:3128\", user = «\"me\"» }",
            "`user` has no `password`",
            "write `password = { file = \"/etc/vigie/password\" }`, or remove `user`",
        ),
        (
            method,
            "proxy = { address = \"p.example:3128\", password = «{ file = \"x\" }» }",
            "`password` is of no use without `user`",
            "write `user` as well, or remove `password`",
        ),
        (
            method,
            "proxy = «{ }»",
            "`address` is missing in [service.endpoint.http.proxy]",
            "add a name or address, a colon and a port, in quotes, for example `address = \"resolver.example:443\"`",
        ),
        (
            method,
            "redirects_max = «11»",
            "`redirects_max` is out of range",
            "write a number from 0 to 10, without quotes, for example `redirects_max = 3`",
        ),
        (
            method,
            "ip_family = «\"ip4\"»",
            "`ip_family` is not a family of addresses: `ip4`",
            "did you mean `\"ipv4\"`?",
        ),
        (
            method,
            "ip_family = \"ipv6\"\nip_address = «\"192.0.2.1\"»",
            "`ip_address` is one address, and `ip_family` chooses among several",
            "remove one of the two",
        ),
        (
            "url = \"https://api.example/second\"",
            "url = \"https://192.0.2.1/\"\nip_family = «\"ipv6\"»",
            "`ip_family` chooses among the addresses of a name, and `192.0.2.1` is an IPv4 address",
            "remove `ip_family`, or write a name or an IPv6 address",
        ),
        (
            method,
            "proxy = { address = \"[2001:db8::1]:3128\" }\nip_family = «\"ipv4\"»",
            "`ip_family` chooses among the addresses of a name, and `2001:db8::1` is an IPv6 address",
            "remove `ip_family`, or write a name or an IPv4 address",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.tcp]\naddress = \"127.0.0.1:25\"\nip_family = «\"ipv6\"»",
            "`ip_family` chooses among the addresses of a name, and `127.0.0.1` is an IPv4 address",
            "remove `ip_family`, or write a name or an IPv6 address",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.tls]\naddress = \"[::1]:443\"\nip_family = «\"ipv4\"»",
            "`ip_family` chooses among the addresses of a name, and `::1` is an IPv6 address",
            "remove `ip_family`, or write a name or an IPv4 address",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.icmp]\nhost = \"::1\"\nip_family = «\"ipv4\"»",
            "`ip_family` chooses among the addresses of a name, and `::1` is an IPv6 address",
            "remove `ip_family`, or write a name or an IPv4 address",
        ),
        (
            method,
            "ip_address = «\"localhost\"»",
            "`ip_address` is not an IP address",
            "write an IPv4 or IPv6 address in quotes, for example `ip_address = \"192.0.2.10\"`",
        ),
        (
            method,
            "tls_name = «\"https://x.example\"»",
            "`tls_name` is not the name of a host",
            "write a name without scheme, port or path, in quotes, for example `tls_name = \"api.example\"`",
        ),
        (
            method,
            "http_version = «\"3\"»",
            "`http_version` is not a version of HTTP: `3`",
            "write `\"any\"`, `\"1.1\"` or `\"2\"`, for example `http_version = \"any\"`",
        ),
        (
            "[close]",
            "[probing]\ncontrols = [«\"gateway\"»]\n[close]",
            "`controls` is not a host and a port",
            "write a name or address, a colon and a port, in quotes, for example `controls = [\"resolver.example:443\"]`",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
    for name in ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"] {
        check(
            method,
            &format!("headers = {{ {name} = «\"sesame\"» }}"),
            &format!("the value of `{name}` is a secret, and secrets are not written in this file"),
            &format!(
                "put it in a file or an environment variable: `{name} = {{ file = \"/etc/vigie/{}\" }}` or `{name} = {{ env = \"{}\" }}`",
                name.to_lowercase(),
                name.to_uppercase().replace('-', "_")
            ),
        );
    }
}

#[test]
fn rhythms_that_cannot_work_are_refused() {
    let (interval, timeout) = ("interval = \"60s\"", "timeout = \"10s\"");
    let cases = [
        (
            interval,
            "interval = «\"500ms\"»",
            "`interval` is out of range",
            "write a duration from `\"1s\"` to `\"24h\"`",
        ),
        (
            interval,
            "interval = «\"2days\"»",
            "`interval` is out of range",
            "write a duration from `\"1s\"` to `\"24h\"`",
        ),
        (
            timeout,
            "timeout = «\"0s\"»",
            "`timeout` leaves no time for an answer",
            "write how long to wait, for example `timeout = \"10s\"`",
        ),
        (
            timeout,
            "timeout = «\"60s\"»",
            "`timeout` (1min) must be shorter than `interval` (1min): probes would overlap",
            "write a shorter one, for example `timeout = \"30s\"`",
        ),
        (
            timeout,
            "timeout = \"10s\"\nvalidity = «\"69s\"»",
            "`validity` ends before the next observation can be there: the state would be unknown between two good answers",
            "write at least `interval` and `timeout` together, `validity = \"1min 10s\"`, or leave it out",
        ),
        (
            timeout,
            "timeout = \"10s\"\nlatency_objective = «\"10s\"»",
            "`latency_objective` is not between 0 and `timeout` (10s): slower answers are failures anyway",
            "write a shorter one, for example `latency_objective = \"2s\"`",
        ),
        (
            timeout,
            "timeout = \"10s\"\nconfirmation = { interval = «\"10s\"», probes = 2 }",
            "`interval` of `confirmation` must be longer than `timeout` (10s): probes would overlap",
            "write a longer one, or a shorter `timeout`",
        ),
        (
            timeout,
            "timeout = \"10s\"\nconfirmation = { interval = \"15s\", probes = «4» }",
            "so many confirmations do not fit before the next regular probe, 1min later",
            "write at most `probes = 3`, or a shorter interval",
        ),
        (
            timeout,
            "timeout = \"10s\"\nconfirmation = { interval = \"40s\", probes = «1» }",
            "so many confirmations do not fit before the next regular probe, 1min later",
            "write an interval of at most 30s, half of the endpoint's",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.tcp]\naddress = \"mail.example:25\"\ntls_name = «\"mx.example\"»",
            "`tls_name` has no effect: the connection does not change to TLS",
            "write `starttls` as well, use `tls` in place of `tcp`, or remove `tls_name`",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.tcp]\naddress = \"mail.example:25\"\nexpect = «\"\"»",
            "`expect` is empty: anything would be as expected",
            "write a text that must come back, or remove `expect`: a connection is then enough",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.dns]\nname = \"x.example\"\nrcode = \"NXDOMAIN\"\nexpected = [«\"192.0.2.1\"»]",
            "an answer with NXDOMAIN has no records to compare",
            "remove `expected`, or expect `rcode = \"NOERROR\"`",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.dns]\nname = «\"192.0.2.1\"»\nrecord = \"PTR\"",
            "`name` is an address, which has another name where name servers are asked for it",
            "write `name = \"1.2.0.192.in-addr.arpa\"` and `record = \"PTR\"`",
        ),
        (
            "delay = \"6h\"",
            "delay = «\"9s\"»",
            "`delay` closes a month before its last probe can have ended",
            "write at least the longest timeout, `delay = \"10s\"`",
        ),
        (
            "[close]",
            "[probing]\nconcurrency_max = «5000»\n[close]",
            "`concurrency_max` asks for more connections at once than a process may open",
            "write a number from 1 to 4096",
        ),
        (
            "contractual = true",
            "contractual = «true»\nretired = true",
            "a retired endpoint is no longer asked and cannot count for a commitment",
            "write `contractual = false`, or remove `retired`",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
    // What the remedies write is accepted.
    good(&with(timeout, "timeout = \"10s\"\nvalidity = \"1min 10s\""));
    good(&with("delay = \"6h\"", "delay = \"10s\""));
}

/// What no answer could be equal to would be Down for ever. The remedy is a record of the kind that
/// is asked for, and is accepted as it stands.
#[test]
fn the_records_that_are_expected_are_of_the_kind_that_is_asked_for() {
    let http = "[service.endpoint.http]\nurl = \"https://api.example/second\"";
    let dns = |record: &str, expected: &str| {
        format!(
            "[service.endpoint.dns]\nname = \"x.example\"\nrecord = \"{record}\"\nexpected = [{expected}]"
        )
    };
    for (record, wrong, remedy) in [
        ("A", "\"foo\"", "an IPv4 address: `\"192.0.2.10\"`"),
        ("A", "\"2001:db8::1\"", "an IPv4 address: `\"192.0.2.10\"`"),
        (
            "AAAA",
            "\"192.0.2.1\"",
            "an IPv6 address: `\"2001:db8::10\"`",
        ),
        (
            "CAA",
            "\"ca.example\"",
            "flags, tag and value: `'0 issue \"ca.example\"'`",
        ),
        (
            "CNAME",
            "\"https://x.example/\"",
            "a whole name: `\"host.example\"`",
        ),
        ("NS", "\"192.0.2.53\"", "a whole name: `\"host.example\"`"),
        (
            "MX",
            "\"mx.example\"",
            "a preference and a name: `\"10 mx.example\"`",
        ),
        (
            "SRV",
            "\"sip.example.org:5060\"",
            "priority, weight, port and name: `\"10 5 5060 sip.example\"`",
        ),
        (
            "SOA",
            "\"ns.example admin@example 1 2 3 4 5\"",
            "two names and five numbers: `\"ns.example admin.example 2026010100 7200 3600 1209600 300\"`",
        ),
    ] {
        let message =
            format!("no {record} record is written like this: no answer could be as expected");
        let marked = dns(record, &format!("«{wrong}»"));
        check(http, &marked, &message, &format!("write {remedy}"));
        let example = remedy.split('`').nth(1).unwrap();
        good(&with(http, &dns(record, example)));
    }
    good(&with(http, &dns("TXT", "\"anything at all\"")));
}
