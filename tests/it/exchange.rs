//! The exchange format, as a partner meets it: worked cases, refusals, one canonical form.

use serde_json::{Value, json};
use vigie::exchange::{Document, compare, settle_document};

fn settle(evidence: &Value) -> Value {
    let bytes = settle_document(evidence.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{error}\n{evidence:#}"));
    serde_json::from_slice(&bytes).unwrap()
}

/// One day, one endpoint, one vantage; `patch` is merged into it.
fn evidence(patch: Value) -> Value {
    let mut base = json!({
        "format": "vigie-evidence/1",
        "window": { "start": "2025-10-01T00:00:00Z", "end": "2025-10-02T00:00:00Z" },
        "commitment": { "target": "95 %" },
        "endpoints": [ { "id": "e", "validity": "2h", "vantages": [ { "id": "v", "segments": [
            ["2025-10-01T00:00:00Z", "2025-10-01T06:00:00Z", "up"],
            ["2025-10-01T06:00:00Z", "2025-10-01T07:00:00Z", "down"],
            ["2025-10-01T07:00:00Z", "2025-10-02T00:00:00Z", "up"] ] } ] } ]
    });
    merge(&mut base, patch);
    base
}

fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch,
    }
}

/// Every worked case comes out as its file expects, to the millisecond.
#[test]
fn worked_cases_are_reproduced() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases");
    let mut n_cases = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = format!("{} ({})", path.display(), case["name"]);
        let statement = settle(&case["evidence"]);
        let tally = |key: &str| statement["tally_ms"][key].as_i64().unwrap();
        let figures = json!({
            "good": tally("up") + tally("degraded") + tally("credited"),
            "down": tally("down"),
            "unknown": tally("unknown"),
            "excluded": tally("excluded") + tally("out_of_scope"),
            "verdict": statement["verdict"],
            "lower": statement["availability"]["lower"]["shown"],
            "upper": statement["availability"]["upper"]["shown"],
        });
        for (key, expected) in case["expected"].as_object().unwrap() {
            assert_eq!(&figures[key], expected, "{key} of {name}");
        }
        n_cases += 1;
    }
    assert!(n_cases >= 49, "only {n_cases} cases were found");
}

#[test]
fn a_statement_has_its_keys_in_the_published_order() {
    let bytes = settle_document(evidence(json!({})).to_string().as_bytes()).unwrap();
    insta::assert_snapshot!(
        String::from_utf8(bytes)
            .unwrap()
            .replace(&vigie::exchange::engine(), "[engine]")
    );
}

#[test]
fn a_running_window_has_an_outlook() {
    let outlook = |now: &str, target: &str| {
        let statement = settle(&evidence(
            json!({ "now": now, "commitment": { "target": target } }),
        ));
        (
            statement["outlook"].clone(),
            statement["tally_ms"]["unknown"].clone(),
        )
    };
    // One hour of 24 is 4.16 %. Before the outage all is open; after it, 96 % is lost at once,
    // and 50 % is secured once twelve hours were good.
    assert_eq!(
        outlook("2025-10-01T06:00:00Z", "95 %"),
        (json!("open"), json!(64_800_000))
    );
    assert_eq!(outlook("2025-10-01T08:00:00Z", "96 %").0, json!("lost"));
    assert_eq!(outlook("2025-10-01T14:00:00Z", "50 %").0, json!("secured"));
    // A `now` behind the end changes nothing: the window is over.
    assert_eq!(
        outlook("2025-10-03T00:00:00Z", "95 %"),
        (Value::Null, json!(0))
    );
}

/// Order, repetition, offsets and defaults are ways of writing: same bytes come out.
#[test]
fn the_same_evidence_written_differently_gives_the_same_bytes() {
    let observations = |rows: Value| {
        evidence(
            json!({ "endpoints": [ { "id": "e", "validity": "2h", "vantages": [
            { "id": "v", "observations": rows } ] } ] }),
        )
    };
    let sorted = observations(json!([
        ["2025-10-01T00:00:00Z", "up"],
        ["2025-10-01T01:00:00Z", "down"],
        ["2025-10-01T02:00:00Z", "void"],
        ["2025-10-01T03:00:00Z", "degraded"]
    ]));
    let mut shuffled = observations(json!([
        ["2025-10-01T05:00:00+02:00", "degraded"],
        ["2025-10-01T01:00:00.000Z", "down"],
        ["2025-10-01T02:00:00+02:00", "up"],
        ["2025-10-01T02:00:00Z", "void"],
        ["2025-10-01T01:00:00Z", "down"]
    ]));
    merge(
        &mut shuffled,
        json!({ "commitment": {
        "target": "950000 ppm", "quorum": "majority", "rule": "all", "degraded": "up",
        "confirmation": { "failures": 1 }, "minimum_outage": "0s", "maintenance": "counted" },
        "membership": [ { "start": "2025-10-01T00:00:00Z", "end": "2025-10-02T00:00:00Z" } ],
        "exclusions": [] }),
    );
    let bytes = |evidence: &Value| settle_document(evidence.to_string().as_bytes()).unwrap();
    assert_eq!(bytes(&sorted), bytes(&shuffled));
}

/// What we export is canonical: reading it back gives the same bytes, and its digest is what
/// `sha256sum` prints.
#[test]
fn the_canonical_document_reads_back_to_itself() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases");
    for file in std::fs::read_dir(folder).unwrap() {
        let case: Value =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let document = Document::parse(case["evidence"].to_string().as_bytes()).unwrap();
        let canonical = document.canonical();
        let again = Document::parse(&canonical).unwrap();
        assert_eq!(
            String::from_utf8(again.canonical()).unwrap(),
            String::from_utf8(canonical.clone()).unwrap()
        );
        assert_eq!(document.settle(), again.settle());
        assert_eq!(document.sha256(), vigie::exchange::sha256_hex(&canonical));
    }
}

/// Every rule of the format about errors: the place is named, and what to do.
/// One vantage followed another at 12:00. Each decides alone while the other is not there; without
/// saying so, two of two would have to agree.
#[test]
fn a_vantage_counts_while_it_is_present() {
    let vantages = |present: bool| {
        let mut vantages = json!([
            { "id": "old", "segments": [["2025-10-01T00:00:00Z", "2025-10-01T11:00:00Z", "up"],
                                        ["2025-10-01T11:00:00Z", "2025-10-01T12:00:00Z", "down"]] },
            { "id": "new", "segments": [["2025-10-01T12:00:00Z", "2025-10-01T14:00:00Z", "down"],
                                        ["2025-10-01T14:00:00Z", "2025-10-02T00:00:00Z", "up"]] } ]);
        if present {
            vantages[0]["present"] =
                json!({ "start": "2025-10-01T00:00:00Z", "end": "2025-10-01T12:00:00Z" });
            vantages[1]["present"] =
                json!({ "start": "2025-10-01T14:00:00+02:00", "end": "2025-10-03T00:00:00Z" });
        }
        evidence(json!({ "endpoints": [{ "id": "e", "vantages": vantages }] }))
    };
    let down_and_unknown = |evidence: &Value| {
        let tally = &settle(evidence)["tally_ms"];
        [&tally["down"], &tally["unknown"]].map(|ms| ms.as_i64().unwrap() / 3_600_000)
    };
    assert_eq!(down_and_unknown(&vantages(true)), [3, 0]);
    assert_eq!(down_and_unknown(&vantages(false)), [0, 3]);

    // The canonical document says it, in UTC, and settles to the same.
    let document = Document::parse(vantages(true).to_string().as_bytes()).unwrap();
    let canonical = String::from_utf8(document.canonical()).unwrap();
    let said = "\"present\": { \"start\": \"2025-10-01T12:00:00.000Z\", \"end\": \"2025-10-03T00:00:00.000Z\" }, \"segments\"";
    assert!(canonical.contains(said), "{canonical}");
    let again = Document::parse(canonical.as_bytes()).unwrap();
    assert_eq!(again.canonical(), canonical.as_bytes());
    assert_eq!(again.settle(), document.settle());
}

#[test]
fn what_is_not_evidence_is_refused_with_its_place() {
    #[track_caller]
    fn check(patch: Value, place: &str, says: &str) {
        let written = evidence(patch).to_string();
        let error = settle_document(written.as_bytes())
            .expect_err(&written)
            .to_string();
        assert!(
            error.contains(&format!("`{place}`")),
            "no place `{place}` in: {error}"
        );
        assert!(error.contains(says), "no `{says}` in: {error}");
    }
    let vantage = |vantage: Value| {
        json!({ "endpoints": [ { "id": "e", "validity": "90s", "vantages": [
            { "id": "w", "segments": [] }, vantage ] } ] })
    };
    check(
        json!({ "format": "vigie-evidence/2" }),
        "format",
        "use `vigie-evidence/1`",
    );
    check(json!({ "colour": "red" }), "colour", "unknown field");
    check(
        json!({ "commitment": { "taget": "95 %" } }),
        "commitment.taget",
        "unknown field",
    );
    check(
        json!({ "commitment": { "target": "95" } }),
        "commitment.target",
        "950000 ppm",
    );
    check(
        json!({ "commitment": { "target": "101 %" } }),
        "commitment.target",
        "between 0 and 100",
    );
    check(
        json!({ "commitment": { "target": 95 } }),
        "commitment.target",
        "a target",
    );
    check(
        json!({ "commitment": { "maintenance": "ignored" } }),
        "commitment.maintenance",
        "counted",
    );
    check(
        json!({ "commitment": { "rule": "most" } }),
        "commitment.rule",
        "at_least",
    );
    check(
        json!({ "commitment": { "rule": { "main": "x" } } }),
        "commitment.rule.main",
        "no endpoint `x`",
    );
    check(
        json!({ "commitment": { "rule": { "at_least": 2 } } }),
        "commitment.rule.at_least",
        "2 endpoints of 1",
    );
    check(
        json!({ "commitment": { "rule": { "at_least": 0 } } }),
        "commitment.rule.at_least",
        "nonzero",
    );
    check(
        json!({ "commitment": { "quorum": 0 } }),
        "commitment.quorum",
        "at least 1",
    );
    check(
        json!({ "commitment": { "quorum": 2 } }),
        "commitment.quorum",
        "has 1",
    );
    check(
        json!({ "commitment": { "confirmation": { "failures": 0 } } }),
        "commitment.confirmation.failures",
        "nonzero",
    );
    check(
        json!({ "commitment": { "minimum_outage": "5 parsecs" } }),
        "commitment.minimum_outage",
        "`5min`",
    );
    check(
        json!({ "window": { "start": "2025-10-02T00:00:00Z" } }),
        "window",
        "ends",
    );
    check(
        json!({ "window": { "start": "2025-10-03T00:00:00Z" } }),
        "window",
        "ends",
    );
    check(
        json!({ "window": { "start": "1825-10-01T00:00:00Z" } }),
        "window",
        "at most 3660 days",
    );
    check(
        json!({ "window": { "start": "2025-10-01 00:00:00" } }),
        "window.start",
        "offset",
    );
    check(
        json!({ "window": { "start": "2025-10-26T02:30:00" } }),
        "window.start",
        "offset",
    );
    check(
        json!({ "window": { "start": "2025-10-01T00:00:00.0001Z" } }),
        "window.start",
        "finer than a millisecond",
    );
    check(
        json!({ "window": { "month": "2025-10" } }),
        "window",
        "either",
    );
    check(
        json!({ "window": { "start": null, "end": null, "month": "2025-13", "zone": "Europe/Paris" } }),
        "window.month",
        "`YYYY-MM`",
    );
    check(
        json!({ "window": { "start": null, "end": null, "month": "2025-10", "zone": "Paris" } }),
        "window.zone",
        "Europe/Paris",
    );
    check(json!({ "endpoints": [] }), "endpoints", "at least one");
    check(
        json!({ "membership": [
        { "start": "2025-10-01T00:00:00Z", "end": "2025-10-01T12:00:00Z" },
        { "start": "2025-10-01T11:00:00Z", "end": "2025-10-02T00:00:00Z" } ] }),
        "membership[1]",
        "overlaps membership[0]",
    );
    check(
        json!({ "membership": [ { "start": "2025-10-02T00:00:00Z", "end": "2025-10-01T00:00:00Z" } ] }),
        "membership[0]",
        "ends",
    );
    check(
        json!({ "exclusions": [ { "kind": "maintenance", "start": "2025-10-01T02:00:00Z",
        "end": "2025-10-01T01:00:00Z", "accepted": true } ] }),
        "exclusions[0]",
        "ends",
    );
    check(
        json!({ "exclusions": [ { "kind": "holiday", "start": "2025-10-01T00:00:00Z",
        "end": "2025-10-01T01:00:00Z", "accepted": true } ] }),
        "exclusions[0].kind",
        "force_majeure",
    );
    check(
        vantage(
            json!({ "id": "v", "segments": [["2025-10-01T00:00:00Z", "2025-10-01T01:00:00Z", "sleepy"]] }),
        ),
        "endpoints[0].vantages[1].segments[0][2]",
        "degraded",
    );
    check(
        vantage(json!({ "id": "v", "segments": [
        ["2025-10-01T00:00:00Z", "2025-10-01T02:00:00Z", "up"],
        ["2025-10-01T03:00:00Z", "2025-10-01T04:00:00Z", "up"],
        ["2025-10-01T01:00:00Z", "2025-10-01T02:30:00Z", "up"]] })),
        "endpoints[0].vantages[1].segments[2]",
        "overlaps segments[0]",
    );
    check(
        vantage(
            json!({ "id": "v", "segments": [["2025-10-01T00:00:00Z", "2025-10-01T01:00:00Z", "void"]] }),
        ),
        "endpoints[0].vantages[1].segments[0]",
        "only an observation",
    );
    check(
        vantage(json!({ "id": "v", "observations": [["2025-10-01T00:00:00Z", "unknown"]] })),
        "endpoints[0].vantages[1].observations[0]",
        "only a segment",
    );
    check(
        vantage(
            json!({ "id": "v", "observations": [["2025-10-01T00:00:00Z", "up"], ["yesterday", "up"]] }),
        ),
        "endpoints[0].vantages[1].observations[1][0]",
        "offset",
    );
    check(
        vantage(json!({ "id": "w", "segments": [] })),
        "endpoints[0].vantages[1].id",
        "twice",
    );
    check(
        vantage(json!({ "id": "v", "segments": [], "observations": [] })),
        "endpoints[0].vantages[1]",
        "not both",
    );
    check(
        vantage(json!({ "id": "" })),
        "endpoints[0].vantages[1].id",
        "1 to 200 bytes",
    );
    check(
        json!({ "endpoints": [ { "id": "e", "vantages": [ { "id": "v", "observations": [] } ] } ] }),
        "endpoints[0].vantages[0]",
        "`validity`",
    );
    check(
        json!({ "endpoints": [ { "id": "e", "validity": "0s", "vantages": [] } ] }),
        "endpoints[0].validity",
        "above zero",
    );
    let twice = json!({ "id": "e", "vantages": [] });
    check(
        json!({ "endpoints": [ twice, twice ] }),
        "endpoints[1].id",
        "twice",
    );
}

#[test]
fn text_that_is_not_json_is_refused_with_its_line() {
    let error = settle_document(b"{\n  \"format\": \"vigie-evidence/1\",\n  oops").unwrap_err();
    assert!(error.to_string().contains("line 3"), "{error}");
    let mut trailing = evidence(json!({})).to_string();
    trailing.push_str(" {}");
    assert!(settle_document(trailing.as_bytes()).is_err());
}

#[test]
fn a_changed_figure_is_found_and_another_engine_is_only_named() {
    let recomputed = settle_document(evidence(json!({})).to_string().as_bytes()).unwrap();
    let same = compare(&recomputed, &recomputed).unwrap();
    assert!(same.differences.is_empty() && same.other_engine.is_none());

    let mut forged: Value = serde_json::from_slice(&recomputed).unwrap();
    forged["tally_ms"]["down"] = json!(0);
    forged["incidents"] = json!([]);
    forged["engine"] = json!("vigie 0.0.9, tzdata 2024a");
    let comparison = compare(forged.to_string().as_bytes(), &recomputed).unwrap();
    let places: Vec<&str> = comparison
        .differences
        .iter()
        .map(|difference| difference.place.as_str())
        .collect();
    assert_eq!(places, ["incidents", "tally_ms.down"]);
    assert_eq!(
        comparison.other_engine.as_deref(),
        Some("vigie 0.0.9, tzdata 2024a")
    );

    assert!(compare(b"{\"format\": \"invoice/1\"}", &recomputed).is_err());
}

/// Any changed byte of the statement, its comment or its signature is found; another key is named.
#[test]
fn a_signature_holds_for_the_very_bytes_only() {
    use vigie::exchange::{SignatureError, SigningKey, verify_signature};
    let key = |pem: String| SigningKey::from_pem(&pem).unwrap();
    let ours = key(SigningKey::generate().unwrap());
    let theirs = key(SigningKey::generate().unwrap());
    let statement = settle_document(evidence(json!({})).to_string().as_bytes()).unwrap();
    let signature = ours.sign(&statement, "2025-10 particulier valfictif v1");
    let verify =
        |bytes: &[u8], signature: &str, public: &str| verify_signature(bytes, signature, public);

    assert_eq!(
        verify(&statement, &signature, &ours.public_key()).as_deref(),
        Ok("2025-10 particulier valfictif v1")
    );
    for at in 0..statement.len() {
        let mut changed = statement.clone();
        changed[at] ^= 1;
        assert_eq!(
            verify(&changed, &signature, &ours.public_key()),
            Err(SignatureError::Changed),
            "byte {at}"
        );
    }
    let renamed = signature.replace("valfictif", "autreville");
    assert_eq!(
        verify(&statement, &renamed, &ours.public_key()),
        Err(SignatureError::Changed)
    );
    assert_eq!(
        verify(&statement, &signature, &theirs.public_key()),
        Err(SignatureError::OtherKey)
    );
    assert_eq!(
        verify(&statement, "hello", &ours.public_key()),
        Err(SignatureError::NotASignature)
    );
    assert_eq!(
        verify(&statement, &signature, "hello"),
        Err(SignatureError::NotAPublicKey)
    );
    assert!(SigningKey::from_pem("hello").is_err());
}

/// A tool that is not ours accepts our keys and signatures, and refuses a changed file.
#[test]
#[ignore = "needs minisign: tests/all"]
fn minisign_accepts_our_signatures() {
    use vigie::exchange::SigningKey;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let key = SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap();
    let statement = settle_document(evidence(json!({})).to_string().as_bytes()).unwrap();
    let document = file("statement.json", &statement);
    file(
        "statement.json.minisig",
        key.sign(&statement, "2025-10").as_bytes(),
    );
    let public = file("vigie.pub", key.public_key().as_bytes());
    let accepted = || {
        std::process::Command::new("minisign")
            .args(["-V", "-q", "-m"])
            .arg(&document)
            .arg("-p")
            .arg(&public)
            .status()
            .unwrap()
            .success()
    };
    assert!(accepted());
    file("statement.json", &[&statement[..], b" "].concat());
    assert!(!accepted());
}

/// The page that describes the documents shows what really follows, and names every key.
#[test]
fn the_documented_evidence_settles_to_the_documented_statement() {
    let page = include_str!("../../docs/evidence.md");
    let blocks: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [evidence, statement] = blocks[..] else {
        panic!("two documents stand in the page");
    };
    let value = |text: &[u8]| -> Value {
        let mut value: Value = serde_json::from_slice(text).unwrap();
        value
            .as_object_mut()
            .unwrap()
            .remove("engine")
            .unwrap_or_default();
        value
    };
    let settled = settle_document(evidence.as_bytes()).unwrap();
    assert_eq!(value(&settled), value(statement.as_bytes()));
    // A key that is unknown is refused with those that are known.
    for (place, key) in [
        ("\"commitment\": {", "commitment"),
        ("\"id\": \"core\",", "endpoints"),
        ("\"id\": \"paris-1\",", "vantages"),
    ] {
        let wrong = evidence.replace(place, &format!("{place} \"no_such_key\": 1,"));
        let error = settle_document(wrong.as_bytes()).unwrap_err();
        let error = error.to_string();
        let known = error.split("expected one of ").nth(1).unwrap();
        for name in known.split('`').skip(1).step_by(2) {
            assert!(
                page.contains(&format!("`{key}.{name}`"))
                    || page.contains(&format!("`{key}[].{name}`"))
                    || page.contains(&format!("`{name}`"))
                    || evidence.contains(&format!("\"{name}\":")),
                "{key}: {name} is not described"
            );
        }
    }
}
