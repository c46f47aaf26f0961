//! Assertions, put to answers that came over a socket.

use super::zoo::{answers, response};
use super::*;

const BODY: &str = r#"{"status":"maintenance","n":9007199254740993,"price":2.50,"ok":true,
    "none":null,"list":["a","b"],"deep":[{"a b":{"c":"x/y"}}],"empty":"","zero":0,
    "code":"0","gone":"missing","nul":"null","quoted":"\"0\"","page":"a list of 2"}"#;

/// Asks once for `BODY`, and tells every assertion with what was found and whether it holds.
async fn assess(texts: &[&str]) -> (Finding, Vec<(String, bool)>) {
    let headers = "Content-Type: application/json; charset=utf-8\r\n\
                   Via: 1.1 one\r\nVia: 1.1 two\r\n";
    let address = answers(response("200 OK", headers, BODY)).await;
    let mut probe = get("127.0.0.1", address);
    probe.assertions = assertions(texts);
    let (finding, explanation) = explain(&endpoint(probe)).await;
    let told = explanation.assessments.iter();
    let told = told.map(|one| (one.to_string(), one.holds)).collect();
    (finding, told)
}

#[tokio::test]
async fn each_assertion_is_told_with_what_was_found() {
    let bytes = BODY.len();
    let body_is = |test: &str| format!("body ({bytes} bytes) {test}");
    for (text, shown, holds) in [
        (
            "$.status == \"ok\"",
            r#"$.status (maintenance) == "ok""#,
            false,
        ),
        (
            "$.status != \"ok\"",
            r#"$.status (maintenance) != "ok""#,
            true,
        ),
        (
            "$.status contains \"main\"",
            r#"$.status (maintenance) contains "main""#,
            true,
        ),
        (
            "$.status not contains \"main\"",
            r#"$.status (maintenance) not contains "main""#,
            false,
        ),
        (
            "$.status matches /^MAIN/",
            "$.status (maintenance) matches /^MAIN/",
            false,
        ),
        (
            "$.status matches /^(?i)MAIN/",
            "$.status (maintenance) matches /^(?i)MAIN/",
            true,
        ),
        // Beyond 2^53, where a fraction could not tell neighbours apart.
        (
            "$.n == 9007199254740993",
            "$.n (9007199254740993) == 9007199254740993",
            true,
        ),
        (
            "$.n == 9007199254740992",
            "$.n (9007199254740993) == 9007199254740992",
            false,
        ),
        (
            "$.n > 9007199254740992",
            "$.n (9007199254740993) > 9007199254740992",
            true,
        ),
        ("$.price >= 2.5", "$.price (2.5) >= 2.5", true),
        ("$.price < 25e-1", "$.price (2.5) < 25e-1", false),
        ("$.ok == true", "$.ok (true) == true", true),
        ("$.none == null", "$.none (null) == null", true),
        ("$.none exists", "$.none (null) exists", true),
        (
            "$.list contains \"b\"",
            r#"$.list (a list of 2) contains "b""#,
            true,
        ),
        (
            "$.list contains \"c\"",
            r#"$.list (a list of 2) contains "c""#,
            false,
        ),
        ("$.list[1] == \"b\"", r#"$.list[1] (b) == "b""#, true),
        (
            r#"$.deep[0]["a b"].c matches /x\/y/"#,
            r#"$.deep[0]["a b"].c (x/y) matches /x\/y/"#,
            true,
        ),
        ("$.deep exists", "$.deep (a list of 1) exists", true),
        // Nothing holds of a value of another type, also not that it differs.
        ("$.price == \"2.5\"", r#"$.price (2.5) == "2.5""#, false),
        ("$.status > 0", "$.status (maintenance) > 0", false),
        (
            "$.ok contains \"true\"",
            r#"$.ok (true) contains "true""#,
            false,
        ),
        ("$.zero != \"0\"", r#"$.zero (0) != "0""#, false),
        (
            "$.list != \"down\"",
            r#"$.list (a list of 2) != "down""#,
            false,
        ),
        ("$.none != \"\"", r#"$.none (null) != """#, false),
        ("$.ok != 0", "$.ok (true) != 0", false),
        ("$.code == 0", r#"$.code ("0") == 0"#, false),
        ("$.empty == null", r#"$.empty ("") == null"#, false),
        // What differs from `null` may be of any type.
        ("$.none != null", "$.none (null) != null", false),
        ("$.status != null", "$.status (maintenance) != null", true),
        ("$.list != null", "$.list (a list of 2) != null", true),
        // A text that could be taken for something else stands in quotes.
        ("$.nul == null", r#"$.nul ("null") == null"#, false),
        ("$.gone exists", r#"$.gone ("missing") exists"#, true),
        ("$.quoted == \"0\"", r#"$.quoted (""0"") == "0""#, false),
        ("$.page exists", r#"$.page ("a list of 2") exists"#, true),
        // What is not there is neither empty nor zero, and nothing but missing.
        ("$.nothing == null", "$.nothing (missing) == null", false),
        ("$.nothing == 0", "$.nothing (missing) == 0", false),
        ("$.nothing < 1", "$.nothing (missing) < 1", false),
        (
            "$.nothing != \"ok\"",
            r#"$.nothing (missing) != "ok""#,
            false,
        ),
        (
            "$.nothing not contains \"x\"",
            r#"$.nothing (missing) not contains "x""#,
            false,
        ),
        ("$.list[2] exists", "$.list[2] (missing) exists", false),
        (
            "$.nothing.at.all not exists",
            "$.nothing.at.all (missing) not exists",
            true,
        ),
        (
            "header Content-Type contains \"json\"",
            r#"header content-type (application/json; charset=utf-8) contains "json""#,
            true,
        ),
        (
            "header content-type == \"application/json\"",
            r#"header content-type (application/json; charset=utf-8) == "application/json""#,
            false,
        ),
        // Several values: one is enough, and for a denial all of them.
        (
            "header via == \"1.1 two\"",
            r#"header via (1.1 one, 1.1 two) == "1.1 two""#,
            true,
        ),
        (
            "header via != \"1.1 two\"",
            r#"header via (1.1 one, 1.1 two) != "1.1 two""#,
            false,
        ),
        (
            "header via not contains \"three\"",
            r#"header via (1.1 one, 1.1 two) not contains "three""#,
            true,
        ),
        (
            "header x-cache exists",
            "header x-cache (missing) exists",
            false,
        ),
        (
            "header x-cache not exists",
            "header x-cache (missing) not exists",
            true,
        ),
        (
            "header x-cache != \"HIT\"",
            r#"header x-cache (missing) != "HIT""#,
            false,
        ),
        (
            "body contains \"status\"",
            &body_is(r#"contains "status""#),
            true,
        ),
        (
            "body not matches /<html/",
            &body_is("not matches /<html/"),
            true,
        ),
        ("body == \"pong\"", &body_is(r#"== "pong""#), false),
        ("http_version == 1.1", "http_version (1.1) == 1.1", true),
        ("http_version >= 2", "http_version (1.1) >= 2", false),
        ("ip_family == 4", "ip_family (4) == 4", true),
        ("ip_family == 6", "ip_family (4) == 6", false),
        (
            "certificate_days >= 1",
            "certificate_days (missing) >= 1",
            false,
        ),
    ] {
        let (finding, told) = assess(&[text]).await;
        let status = ("status (200) in 200".to_owned(), true);
        assert_eq!(told, [status, (shown.to_owned(), holds)], "{text}");
        if holds {
            assert_finding(text, &finding, "answered", "");
        } else {
            let message = format!("the assertion {shown} does not hold");
            assert_finding(text, &finding, "content", &message);
        }
    }
}

#[tokio::test]
async fn all_assertions_are_tried_and_the_first_that_fails_is_named() {
    let texts = [
        "$.ok == false",
        "$.zero == 0",
        "ip_family == 6",
        "body == \"\"",
    ];
    let (finding, told) = assess(&texts).await;
    let holds: Vec<bool> = told.iter().map(|(_, holds)| *holds).collect();
    assert_eq!(holds, [true, false, true, false, false]);
    let message = "the assertion $.ok (true) == false does not hold; nor do 2 others";
    assert_finding("several", &finding, "content", message);

    let (finding, _) = assess(&texts[..3]).await;
    let message = "the assertion $.ok (true) == false does not hold; nor does another one";
    assert_finding("two", &finding, "content", message);
}

/// Traps of real services: a page for people where a machine's answer was.
#[tokio::test]
async fn a_page_about_maintenance_with_status_200_is_no_answer() {
    let page = "<html><title>Maintenance</title>Le service revient bientôt.</html>";
    let address = answers(response("200 OK", "Content-Type: text/html\r\n", page)).await;
    for (text, shown) in [
        (
            "header content-type matches /^application\\/json\\b/",
            "header content-type (text/html) matches /^application\\/json\\b/",
        ),
        (
            "$.status == \"ok\"",
            "$.status (the body is not JSON) == \"ok\"",
        ),
    ] {
        let mut probe = get("127.0.0.1", address);
        probe.assertions = assertions(&[text]);
        let finding = ask(&endpoint(probe)).await;
        let message = format!("the assertion {shown} does not hold");
        assert_finding(text, &finding, "content", &message);
    }
}

/// An unexpected status is the fault, and what else was found is told all the same.
#[tokio::test]
async fn assertions_are_tried_also_when_the_status_is_wrong() {
    let body = r#"{"status":"bad_gateway"}"#;
    let address = answers(response("502 Bad Gateway", "", body)).await;
    let mut probe = get("127.0.0.1", address);
    probe.assertions = assertions(&["$.status == \"ok\""]);
    let (finding, explanation) = explain(&endpoint(probe)).await;
    assert_finding("status", &finding, "status:502", "status 502, expected 200");
    let told: Vec<String> = explanation
        .assessments
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        ["status (502) in 200", "$.status (bad_gateway) == \"ok\""]
    );
}
