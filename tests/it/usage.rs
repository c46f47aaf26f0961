//! How partners used a service: counted elsewhere, taken in whole or not at all, shown in reports.

use crate::cli::Place;
use crate::close::{Installation, text_of, today};
use crate::import::prometheus::{Server, vector};
use vigie::app::close::Kind;
use vigie::sla::catalog::{PartnerId, ServiceId};
use vigie::store::UsageEntry;

const HEAD: &str = "partner,service,month,calls,successes\n";

#[test]
fn a_count_is_shown_in_the_report_of_its_month() {
    let mut installation = Installation::with_october();
    let entry = |n_calls, n_successes| UsageEntry {
        partner: PartnerId::new("valfictif").unwrap(),
        service: ServiceId::new("particulier").unwrap(),
        month: "2025-10".to_owned(),
        n_calls,
        n_successes,
        source: "journaux de la passerelle".to_owned(),
    };
    let store = &mut installation.store;
    // What was said last counts; the same again is nothing new.
    let first = entry(1_000, 1_000);
    assert_eq!(
        store
            .save_usage(std::slice::from_ref(&first), "essai", today())
            .unwrap(),
        1
    );
    assert_eq!(store.save_usage(&[first], "essai", today()).unwrap(), 0);
    let last = entry(12_345, 12_222);
    assert_eq!(store.save_usage(&[last], "essai", today()).unwrap(), 1);
    assert!(store.verify_journal().unwrap().is_whole());

    let text = text_of(&installation.close_for_one("2025-10", Kind::Final));
    for said in [
        "Appels adressés au Service : 12 345, dont 12 222 aboutis (99,00 %).",
        "Source : journaux de la passerelle.",
    ] {
        assert!(text.contains(said), "`{said}` does not stand in: {text}");
    }
    assert!(!text.contains("s’écarte"), "{text}");
}

#[test]
fn traffic_that_says_something_else_than_the_probes_is_flagged() {
    let mut installation = Installation::with_october();
    let entry = UsageEntry {
        partner: PartnerId::new("valfictif").unwrap(),
        service: ServiceId::new("particulier").unwrap(),
        month: "2025-10".to_owned(),
        n_calls: 1_000,
        n_successes: 900,
        source: "passerelle".to_owned(),
    };
    installation
        .store
        .save_usage(&[entry], "essai", today())
        .unwrap();
    let text = text_of(&installation.close_for_one("2025-10", Kind::Final));
    assert!(
        text.contains("s’écarte du taux de disponibilité mesuré par les sondes"),
        "{text}"
    );
}

#[test]
fn a_list_is_taken_whole_or_not_at_all() {
    let place = Place::new();
    let import = |text: &[u8]| {
        let file = place.file("appels.csv", text);
        place.say(&["usage", "import", &file])
    };
    for (text, parts) in [
        (
            &b"\x89PNG\r\n\x1a\n\xff"[..],
            &["not text in UTF-8", "export it as CSV"][..],
        ),
        (b"", &["must name the columns", "it has no `partner`"]),
        (
            b"partenaire;service;month;calls\nvalfictif;particulier;2025-10;1\n",
            &["it has no `partner`, `successes`"],
        ),
        (HEAD.as_bytes(), &["there is nothing in it"]),
        (
            b"partner,service,month,calls,successes\nvalfictif,particulier,2025-10,1e3,1\n",
            &["line 2", "`1e3` is not a number of calls"],
        ),
    ] {
        import(text).check(2, parts);
    }
    // All faults at once.
    let lines = "valfictive,particulier,2025-10,10,10\n\
                 valfictif,particuliers,2025-10,10,10\n\
                 valfictif,particulier,octobre,10,10\n\
                 valfictif,particulier,2199-10,10,10\n\
                 arrive,particulier,2025-10,10,10\n\
                 valfictif,particulier,2025-10,10,11\n\
                 valfictif,particulier,2025-10,10,9\n\
                 valfictif,particulier,2025-10,10,9\n";
    import(format!("{HEAD}{lines}").as_bytes()).check(
        2,
        &[
            "nothing was taken",
            "line 2: find partner `valfictive`: known are `valfictif`",
            "line 3: find service `particuliers`: known are `particulier`",
            "line 4: ",
            "line 5: 2199-10 has not begun",
            "line 6: partner `arrive` was not connected to `particulier` in 2025-10",
            "line 7: 11 successes of 10 calls",
            "line 9: this month was told before",
        ],
    );
    place
        .say(&["usage", "list"])
        .check(0, &["nothing was counted"]);

    // As a French spreadsheet writes it.
    let french =
        "\u{feff}month;service;partner;calls;successes\r\n2025-10;particulier;valfictif;10;9\r\n";
    import(french.as_bytes()).check(0, &["1 of 1 counts are new"]);
    import(french.as_bytes()).check(0, &["0 of 1 counts are new"]);
    place
        .say(&["usage", "list", "--month", "2025-10"])
        .check(0, &["valfictif", "10 calls", "9 succeeded", "appels.csv"]);
    place.say(&["journal", "verify"]).check(0, &[]);
}

#[test]
fn a_prometheus_counts_by_partner() {
    let place = Place::new();
    let ask = |url: &str| {
        place.say(&[
            "usage",
            "prometheus",
            "2025-10",
            "--service",
            "particulier",
            "--url",
            url,
            "--calls",
            "sum by (partner) (increase(calls[$month]))",
            "--successes",
            "good",
        ])
    };
    let one = |label: &str, value: &str| {
        format!("{{\"metric\":{{{label}}},\"value\":[1761951600,\"{value}\"]}}")
    };
    let (mine, other) = ("\"partner\":\"valfictif\"", "\"partner\":\"ailleurs\"");
    for (answer, status, parts) in [
        (
            format!(
                "{},{}",
                one(mine, "1"),
                one("\"partner\":\"valfictif\",\"pod\":\"b\"", "2")
            ),
            2,
            &["2 series", "pod=\"b\"", "one series per partner"][..],
        ),
        (
            one("\"job\":\"a\"", "1"),
            2,
            &["has no label `partner`", "{job=\"a\"}"],
        ),
        (one(mine, "NaN"), 2, &["was NaN"]),
    ] {
        let server = Server::start(move |_| vector(&answer));
        ask(&server.url).check(status, parts);
    }
    let answer = move |url: &url::Url| {
        let query = url
            .query_pairs()
            .find(|(name, _)| name == "query")
            .unwrap()
            .1;
        vector(&match query.as_ref() {
            // October 2025 has 745 hours in Paris.
            "sum by (partner) (increase(calls[2682000s]))" => {
                format!("{},{}", one(mine, "1000.4"), one(other, "7"))
            }
            "good" => one(mine, "999.5"),
            query => panic!("{query}"),
        })
    };
    let server = Server::start(answer);
    let said = ask(&server.url);
    said.check(0, &["1 of 1 counts are new"]);
    assert!(
        said.err
            .contains("left out, not in the configuration: `ailleurs`"),
        "{said:?}"
    );
    place
        .say(&["usage", "list"])
        .check(0, &["1000 calls", "1000 succeeded", "Prometheus"]);
    let asked = server.asked.try_iter().next().unwrap().0;
    assert!(
        asked.contains("time=1761951600.000"),
        "at the end of the month: {asked}"
    );
}

/// An installation whose configuration says where calls are counted.
fn with_counter(url: &str) -> Place {
    let place = Place::new();
    let text = std::fs::read_to_string(place.path("vigie.toml")).unwrap();
    let usage = format!(
        "[service.usage]\nprometheus = \"{url}\"\nauthorization = {{ file = \"authorization\" }}\ncalls = 'calls[$month]'\nsuccesses = 'good[$month]'\nlabel = \"client\"\nsource = \"compteurs de la passerelle\"\n\n[[service.endpoint]]"
    );
    place.file(
        "vigie.toml",
        text.replacen("[[service.endpoint]]", &usage, 1),
    );
    place.file("authorization", "Bearer geheim\n");
    place
}

fn counter() -> Server {
    Server::start(|url| {
        let calls = url.query().unwrap().contains("calls");
        let n = if calls { "5000" } else { "4900" };
        vector(&format!(
            "{{\"metric\":{{\"client\":\"valfictif\"}},\"value\":[1761951600,\"{n}\"]}},
             {{\"metric\":{{\"client\":\"parti\"}},\"value\":[1761951600,\"{n}\"]}}"
        ))
    })
}

/// Goal: the operator says once where calls are counted; whoever closes the month finds them in
/// the report, and nobody who was not connected.
#[test]
fn a_month_is_closed_with_what_the_configured_server_counted() {
    let server = counter();
    let place = with_counter(&server.url);
    let said = place.say(&["close", "2025-10"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
    let asked = server.asked.try_iter().next().unwrap();
    assert_eq!(asked.1, "Bearer geheim");
    let page = place.path("rapports/valfictif/2025-10/particulier-v1/rapport.html");
    let page = std::fs::read_to_string(page).unwrap();
    for shown in ["4\u{a0}900", "compteurs de la passerelle"] {
        assert!(
            page.contains(shown) || page.contains(&shown.replace('\u{a0}', "\u{202f}")),
            "{shown}"
        );
    }
    let listed = place.say(&["usage", "list"]);
    listed.check(0, &["5000 calls", "compteurs de la passerelle"]);
    assert!(!listed.out.contains("parti "), "{listed:?}");
    // Closing again asks nobody: the report stands.
    assert_eq!(server.asked.try_iter().count(), 1, "the successes");
    place.say(&["close", "2025-10"]).check(0, &["saved before"]);
    assert_eq!(server.asked.try_iter().count(), 0);
}

/// Goal: what somebody counted by hand is not replaced by what the server says.
#[test]
fn what_was_counted_by_hand_stays() {
    let server = counter();
    let place = with_counter(&server.url);
    let file = place.file(
        "appels.csv",
        format!("{HEAD}valfictif,particulier,2025-10,10,9\n"),
    );
    place.say(&["usage", "import", &file]).check(0, &["1 of 1"]);
    place.say(&["close", "2025-10"]).check(0, &["saved"]);
    place.say(&["usage", "list"]).check(0, &["10 calls"]);
}

/// Goal: a server that cannot be asked keeps no month from being closed, and is named.
#[test]
fn a_month_is_closed_without_a_count_that_cannot_be_had() {
    let place = with_counter("http://127.0.0.1:9");
    place.say(&["close", "2025-10"]).check(
        0,
        &[
            "the calls of `particulier` were not measured",
            "does Prometheus answer there?",
            "saved,",
        ],
    );
    let page = place.path("rapports/valfictif/2025-10/particulier-v1/rapport.html");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("ne sont pas mesurées par cet outil"));
    // The same by hand is an error, and one with a reason.
    place
        .say(&["usage", "prometheus", "2025-10"])
        .check(3, &["does Prometheus answer there?"]);
    place
        .say(&["usage", "prometheus", "2199-10"])
        .check(2, &["the month is not over"]);
    Place::new()
        .say(&["usage", "prometheus", "2025-10"])
        .check(2, &["the configuration does not say how"]);
}
