//! What an installation is connected to, keeps and shows: store, mail, collector, metrics, look.

use super::*;

#[test]
fn what_is_kept_is_kept_for_months_or_for_ever() {
    let kept = good(GOOD).retention;
    assert_eq!(
        (
            kept.evidence_months,
            kept.journal_months,
            kept.contacts_months
        ),
        (Some(13), Some(12), Some(18))
    );
    let text = GOOD.replace(
        "[close]",
        "[retention]\nevidence = \"forever\"\ncontacts = \"1 months\"\n[close]",
    );
    let kept = good(&text).retention;
    assert_eq!(
        (kept.evidence_months, kept.contacts_months),
        (None, Some(1))
    );
    let cases = [
        (
            "[retention]\nevidence = «\"5 months\"»\n[close]",
            "`evidence` is kept too short for what it is kept for",
            "write at least `evidence = \"6 months\"`",
        ),
        (
            "[retention]\njournal = «\"30 days\"»\n[close]",
            "`journal` is not a number of months, 1 to 1200",
            "write a number of months in quotes, or \"forever\", for example `journal = \"13 months\"`",
        ),
    ];
    for (marked, message, remedy) in cases {
        check("[close]", marked, message, remedy);
    }
}

#[test]
fn pages_are_for_everybody_unless_they_are_on_this_machine_only() {
    for (web, public) in [
        ("", false),
        ("[web]\nlisten = \"[::1]:80\"\n", false),
        ("[web]\nlisten = \"0.0.0.0:80\"\n", true),
        ("[web]\npublic = true\n", true),
        ("[web]\nlisten = \"192.0.2.1:80\"\npublic = false\n", false),
    ] {
        let config = good(&with("[close]", &format!("{web}[close]")));
        assert_eq!(config.web.public, public, "{web}");
    }
}

#[test]
fn failures_are_kept_in_full_in_a_number_that_can_be_read() {
    let config = |line: &str| good(&with("[close]", &format!("[retention]\n{line}\n[close]")));
    assert_eq!(config("").retention.failures_in_full, 20);
    assert_eq!(
        config("failures_in_full = 1000").retention.failures_in_full,
        1_000
    );
    check(
        "[close]",
        "[retention]\nfailures_in_full = «1001»\n[close]",
        "`failures_in_full` keeps more of each endpoint than anybody reads",
        "write a number from 1 to 1000",
    );
}

#[test]
fn buckets_and_labels_of_metrics() {
    let metrics = good(&with(
        "[close]",
        "[metrics]\nduration_buckets = [\"20ms\", \"1s\"]\nlabels = { environment = \"production\" }\n\n[close]",
    ))
    .metrics;
    assert_eq!(metrics.duration_bounds_ms, [20, 1_000]);
    assert_eq!(metrics.phase_bounds_ms[0], 1);
    assert_eq!(
        metrics.labels,
        [("environment".to_owned(), "production".to_owned())]
    );
    let check = |marked: &str, message: &str, remedy: &str| {
        let marked = format!("[metrics]\n{marked}\n\n[close]");
        check("[close]", &marked, message, remedy);
    };
    check(
        "duration_buckets = [\"1s\", «\"300ms\"»]",
        "`duration_buckets` does not ascend here",
        "write each upper bound once, above 0, the smallest first",
    );
    check(
        "labels = { «job» = \"vigie\", environment = \"test\" }",
        "the label `job` has a meaning already, in our metrics or in Prometheus",
        "choose another name, for example `my_job`",
    );
    check(
        "labels = { «\"team-name\"» = \"a\" }",
        "`team-name` is not the name of a label",
        "write letters, figures and underscores, not a figure first nor `__`, for example `environment`",
    );
    check(
        "labels = { site = «3» }",
        "`site` is a whole number, not a line of text",
        "write `site = \"…\"`",
    );
}

#[test]
fn a_logo_is_a_picture_that_can_be_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(folder.path().join("logo"), bytes).unwrap();
        let text = with("[close]", "[reports]\nlogo = \"logo\"\n[close]");
        parse(&text, "vigie.toml", folder.path())
    };
    let logo = std::fs::read(repository("tests/it/report/logo.svg")).unwrap();
    assert!(read(&logo).unwrap().reports.look.logo.is_some());
    assert!(good(GOOD).reports.look.logo.is_none());

    let refused = |bytes: &[u8], why: &str| {
        let faults = read(bytes).unwrap_err();
        let [fault] = faults.as_slice() else {
            panic!("{faults}");
        };
        assert!(fault.message.contains(why), "{}", fault.message);
        assert!(
            fault
                .remedy
                .starts_with("give a PNG, or an SVG whose texts")
        );
    };
    refused(b"GIF89a not ours", "is not a PNG or SVG picture");
    refused(b"\xff\xfe", "is not a PNG or SVG picture");
    refused(b"\x89PNG\r\n\x1a\n cut off", "is not a PNG or SVG picture");
    refused(
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        "is not a PNG or SVG picture",
    );
    refused(
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90\" height=\"30\"><text y=\"20\">Logo</text></svg>",
        "has text in it",
    );
    refused(&vec![b' '; 300 * 1_024], "is larger than 256 KiB");

    std::fs::remove_file(folder.path().join("logo")).unwrap();
    let text = with("[close]", "[reports]\nlogo = \"logo\"\n[close]");
    let faults = parse(&text, "vigie.toml", folder.path()).unwrap_err();
    assert!(faults.to_string().contains("cannot be read"), "{faults}");
}

#[test]
fn a_collector_and_who_hands_in_are_understood() {
    let config = good(&format!(
        "{GOOD}\n[forward]\nurl = \"https://collector.example/vigie/\"\ntoken = {{ env = \"TOKEN\" }}\n"
    ));
    let StoreConfig::Collector(collector) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        collector.url.to_string(),
        "https://collector.example/vigie/"
    );
    assert_eq!(collector.token, Some(SecretPlace::Env("TOKEN".to_owned())));
    assert_eq!(collector.spool, Path::new("/var/lib/vigie/spool"));
    // What the command line says takes the place of the address, written or not.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vigie.toml");
    for url in ["", "url = \"https://collector.example/\"\n"] {
        let text = format!("{GOOD}\n[forward]\n{url}token = {{ env = \"TOKEN\" }}\n");
        std::fs::write(&file, text).unwrap();
        let overrides = Overrides {
            forward: Some(vigie::config::url("https://other.example/").unwrap()),
        };
        let StoreConfig::Collector(collector) = load_with(&file, overrides).unwrap().store else {
            panic!("a collector")
        };
        assert_eq!(collector.url.host, "other.example");
    }
    std::fs::write(&file, GOOD).unwrap();
    let overrides = Overrides {
        forward: Some(vigie::config::url("https://other.example/").unwrap()),
    };
    let refused = load_with(&file, overrides).unwrap_err().to_string();
    assert!(
        refused.contains("nothing says who hands them in"),
        "{refused}"
    );

    let taking = "[web.intake]\nlisten = \"0.0.0.0:8431\"\ncertificate = { file = \"a.pem\", key_file = \"b.pem\" }\n[[web.intake.vantage]]\nid = \"lyon\"\ntoken = { file = \"lyon\" }\n";
    let intake = good(&format!("{GOOD}\n{taking}")).web.intake.unwrap();
    assert!(matches!(intake.way, IntakeWay::Tls { .. }), "{intake:?}");
    assert_eq!(intake.vantages.len(), 1);
    let proxied = "[web.intake]\nbehind_proxy = true\n[[web.intake.vantage]]\nid = \"lyon\"\ntoken = { file = \"lyon\" }\n";
    let intake = good(&format!("{GOOD}\n{proxied}")).web.intake.unwrap();
    assert_eq!(intake.way, IntakeWay::Proxy);
}

#[test]
fn what_cannot_be_handed_in_is_told() {
    let check = |lines: &str, message: &str, remedy: &str| {
        let marked = format!("{lines}\n[close]\n");
        check("[close]\n", &marked, message, remedy);
    };
    let token = "token = { env = \"TOKEN\" }";
    check(
        &format!("[forward]\nurl = «\"http://collector.example/\"»\n{token}"),
        "observations and the token would cross a network in the clear",
        "write an `https://` address",
    );
    check(
        &format!("«[forward]»\n{token}"),
        "`url` is missing in [forward]",
        "add the collector's address, for example `url = \"https://collector.example/\"`, or give it with `vigie run --forward`",
    );
    check(
        "«[forward]»\nurl = \"https://collector.example/\"",
        "nothing says who hands in: neither `token` nor `certificate` is there",
        "add `token = { file = \"/etc/vigie/token\" }`, or `certificate = { file = \"/etc/vigie/vigie.pem\", key_file = \"/etc/vigie/vigie-key.pem\" }`",
    );
    let forward = format!("[forward]\nurl = \"https://collector.example/\"\n{token}\n");
    check(
        &format!("{forward}[store]\npath = «\"vigie.db\"»"),
        "`path` is about a store, and this instance hands in what it sees",
        "remove `path`, or `[forward]`",
    );
    check(
        &format!("{forward}[mail]\nfolder = «\"letters\"»"),
        "letters are written where the store is, and this instance has none",
        "remove it here, and write it where the collector runs",
    );
    let vantage = "[[web.intake.vantage]]\nid = \"lyon\"\ntoken = { file = \"lyon\" }\n";
    check(
        &format!("«[web.intake]»\nlisten = \"0.0.0.0:8431\"\n{vantage}"),
        "it is not said how other vantages come in",
        "write `listen` and `certificate = { file = \"…\", key_file = \"…\" }`; or `behind_proxy = true` where a proxy with a certificate stands before the pages",
    );
    check(
        "«[web.intake]»\nbehind_proxy = true",
        "nobody may hand in: no vantage is named",
        "add a `[[web.intake.vantage]]` with its `id` and `token` below it",
    );
    let proxied = "[web.intake]\nbehind_proxy = true\n";
    check(
        &format!("{proxied}[[web.intake.vantage]]\nid = «\"main\"»\ntoken = {{ file = \"lyon\" }}"),
        "`main` is this instance itself (`vantage.id`)",
        "give each vantage an id of its own",
    );
    check(
        &format!("{proxied}«[[web.intake.vantage]]»\nid = \"lyon\""),
        "nothing proves that it is this vantage",
        "add `token = { file = \"…\" }`, or `certificate_name` and `client_ca_file` above",
    );
    check(
        &format!(
            "{proxied}{vantage}[[web.intake.vantage]]\nid = «\"lyon\"»\ntoken = {{ file = \"other\" }}"
        ),
        "the vantage `lyon` is named twice",
        "give each vantage one entry",
    );
}

#[test]
fn letters_are_understood() {
    use vigie::config::{MailSecurity, MailTransport};

    let config = good(GOOD).mail;
    assert_eq!(config.transport, None);
    assert_eq!(config.from, "operator@operator.example");
    assert_eq!(config.label, "Operator");
    assert_eq!(config.attach, ["rapport.pdf"]);

    let config = good(&format!(
        "{GOOD}\n[mail]\nrelay = \"[::1]:25\"\nsecurity = \"plain\"\nfrom = \"a@b.example\"\nbase_url = \"https://r.example/reports/\"\nlink_only = true\nlogin = {{ user = \"vigie\", file = \"password\" }}\n"
    ))
    .mail;
    let Some(MailTransport::Relay(relay)) = config.transport else {
        panic!("{config:?}");
    };
    assert_eq!((relay.host.as_str(), relay.port), ("::1", 25));
    assert_eq!(relay.security, MailSecurity::Plain);
    assert_eq!(relay.hello, "b.example");
    assert_eq!(relay.timeout_ms, MINUTE_MS);
    let place = SecretPlace::File("/etc/vigie/password".into());
    assert_eq!(relay.login, Some(("vigie".to_owned(), place)));
    assert!(config.attach.is_empty());
    assert_eq!(
        config.base_url.as_deref(),
        Some("https://r.example/reports")
    );

    let config = good(&format!("{GOOD}\n[mail]\nfolder = \"letters\"\n")).mail;
    let folder = MailTransport::Folder("/etc/vigie/letters".into());
    assert_eq!(config.transport, Some(folder));
    assert_eq!(config.dkim, None);

    let dkim = |lines: &str| {
        let lines = format!("{GOOD}\n[mail]\nfrom = \"a@api.Exämple.example\"\n{lines}\n");
        good(&lines).mail.dkim.unwrap()
    };
    let signed = dkim("dkim = { selector = \"v1\", file = \"dkim.pem\" }");
    assert_eq!(signed.domain, "api.xn--exmple-cua.example");
    assert_eq!(signed.selector, "v1");
    assert_eq!(signed.key, SecretPlace::File("/etc/vigie/dkim.pem".into()));
    let above = "dkim = { selector = \"v1\", env = \"KEY\", domain = \"xn--exmple-cua.example\" }";
    assert_eq!(dkim(above).key, SecretPlace::Env("KEY".to_owned()));
}

#[test]
fn letters_that_cannot_be_sent_are_refused() {
    let check = |lines: &str, message: &str, remedy: &str| {
        let marked = format!("[mail]\n{lines}\n[close]\n");
        check("[close]\n", &marked, message, remedy);
    };
    check(
        "relay = \"mail.example:25\"\nsecurity = «\"plain\"»",
        "letters and the password would cross a network in the clear",
        "write `\"tls\"` or `\"starttls\"`; `\"plain\"` is for a relay on this machine",
    );
    check(
        "relay = \"mail.example:465\"\nfolder = «\"letters\"»",
        "letters go one way: `relay` is there already",
        "remove `folder`, or `relay`",
    );
    check(
        "link_only = «true»",
        "letters would bring neither the report nor a link to it",
        "write `base_url`, where the reports' folder is served",
    );
    let place = "write `login = { user = \"vigie\", file = \"/etc/vigie/mail-password\" }` or `login = { user = \"vigie\", env = \"MAIL_PASSWORD\" }`";
    check(
        "login = «{ user = \"vigie\" }»",
        "the password has one place: a `file` or an `env`",
        place,
    );
    check(
        "from = \"a@api.operator.example\"\ndkim = { selector = \"vigie\", file = \"dkim.pem\", domain = «\"operator.test\"» }",
        "`operator.test` cannot sign for a sender of `api.operator.example`: receivers would not count its signature (DMARC)",
        "write `domain = \"api.operator.example\"`, or leave it out",
    );
    check(
        "dkim = «{ selector = \"vigie\", file = \"dkim.pem\", env = \"DKIM_KEY\" }»",
        "the key has one place: a `file` or an `env`",
        "write `dkim = { selector = \"vigie\", file = \"/etc/vigie/dkim.pem\" }` or `dkim = { selector = \"vigie\", env = \"DKIM_KEY\" }`",
    );
    check(
        "dkim = { selector = «\"vi gie\"», file = \"dkim.pem\" }",
        "`selector` is not a name that name servers know",
        "write a whole name, in quotes, for example `selector = \"api.example\"`",
    );
    check(
        "attach = [\"rapport.html\", «\"raport.pdf\"»]",
        "no document of a report is called `raport.pdf`",
        "write `\"rapport.pdf\"`",
    );
    check(
        "attach = [«\"../../etc/passwd\"»]",
        "`attach` `../../etc/passwd` is not the name of a document",
        "write its name without a folder, in quotes, for example `attach = [\"rapport.pdf\"]`",
    );
}

#[test]
fn a_database_server_is_understood_and_its_password_is_elsewhere() {
    let config = good(&format!(
        "{GOOD}\n[store]\nurl = \"postgres://vigie@db1.example,db2.example:5433/evidence\"\npassword = {{ file = \"secret\" }}\nstatement_timeout = \"10s\"\n"
    ));
    let StoreConfig::Server(server) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        server.name,
        "postgres://vigie@db1.example:5432,db2.example:5433/evidence"
    );
    assert_eq!(server.security, ServerSecurity::Tls { ca_file: None });
    assert_eq!(server.statement_timeout, std::time::Duration::from_secs(10));
    assert_eq!(server.vantage, config.vantage);
    assert!(matches!(server.password, Some(SecretPlace::File(_))));
    let socket = good(&format!(
        "{GOOD}\n[store]\nurl = \"postgres:///vigie?user=vigie&host=/run/postgresql\"\n"
    ));
    let StoreConfig::Server(server) = &socket.store else {
        panic!("{:?}", socket.store)
    };
    assert_eq!(server.security, ServerSecurity::Plain);
}

#[test]
fn faults_of_a_database_server_are_told() {
    let check = |lines: &str, message: &str, remedy: &str| {
        let marked = format!("[store]\n{lines}\n[close]\n");
        check("[close]\n", &marked, message, remedy);
    };
    check(
        "url = «\"postgres://vigie:hunter2@db.example/vigie\"»",
        "`url` holds a password: addresses are shown and logged",
        "take it out, change it, and write `password = { file = \"/etc/vigie/database-password\" }`",
    );
    check(
        "url = «\"postgres://db.example/vigie\"»",
        "`url` is not the address of a database: it names no user",
        "write `postgres://user@host:port/database` in quotes; several hosts with commas between them, for example `url = \"postgres://vigie@db.example/vigie\"`",
    );
    check(
        "path = \"vigie.db\"\nurl = «\"postgres://vigie@db.example/vigie\"»",
        "observations are kept in one place: `path` is there already",
        "remove `url`, or `path`",
    );
    check(
        "security = «\"plain\"»",
        "`security` belongs to a database server, and none is named",
        "write the server's `url`, or remove `security`",
    );
    check(
        "url = \"postgres://vigie@db.example/vigie\"\npassword = «{ }»",
        "the password has one place: a `file` or an `env`",
        "write `password = { file = \"/etc/vigie/database-password\" }` or `password = { env = \"DATABASE_PASSWORD\" }`",
    );
}

#[test]
fn where_calls_are_counted_is_understood() {
    assert_eq!(good(GOOD).usage, []);
    let with_usage = |lines: &str| {
        let counted = format!(
            "[service.usage]\nprometheus = \"https://prometheus.example/base\"\n{lines}\n\n[[service.commitment]]"
        );
        with("[[service.commitment]]", &counted)
    };
    let text = with_usage(
        "authorization = { env = \"AUTHORIZATION\" }\ncalls = 'c[$month]'\nsuccesses = 's[$month]'",
    );
    let usage = good(&text).usage;
    let [usage] = usage.as_slice() else {
        panic!("{usage:?}")
    };
    assert_eq!(usage.url, "https://prometheus.example/base");
    let place = SecretPlace::Env("AUTHORIZATION".to_owned());
    assert_eq!(usage.authorization, Some(place));
    assert_eq!(usage.service.as_str(), "api");
    assert_eq!(
        (&*usage.calls, &*usage.successes),
        ("c[$month]", "s[$month]")
    );
    assert_eq!((&*usage.label, &*usage.source), ("partner", "Prometheus"));

    let broken = with_usage(
        "authorization = «{ }»\ncalls = «'c[30d]'»\nsuccesses = 's[$month]'\nlabel = «\"2nd\"»",
    );
    let (found, spans) = faults(&broken);
    let mut found: Vec<_> = (found.iter())
        .map(|one| (one.span.clone(), &*one.message))
        .collect();
    found.sort_by_key(|(span, _)| span.start);
    let expected = [
        "the authorization has one place: a `file` or an `env`",
        "`calls` does not say which time it counts",
        "`label` `2nd` is not the name of a label",
    ];
    let expected: Vec<_> = spans.into_iter().zip(expected).collect();
    assert_eq!(found, expected);
}
