//! How texts are set: apostrophes, spaces that do not break, decimal signs, plurals.
//!
//! Method: the rules are held over every text of the catalogues, as written, and over every page
//! and letter, where texts and figures have come together. What an operator wrote is shown as it
//! was written and left aside.

use std::path::{Path, PathBuf};

use regex::Regex;
use vigie::sla::catalog::Language;

use crate::{report, web};

/// What is wrong wherever it stands, and why.
const EVERYWHERE: &[(&str, &str)] = &[
    (r"\p{L}'\p{L}", "a typewriter's apostrophe"),
    (r" [:;?!%»]|« ", "a space that breaks before a sign"),
    (r"\.\.\.", "three full stops for an ellipsis"),
    (r#"\p{L}"|"\p{L}"#, "typewriter's quotation marks"),
    (r"\S  +\S", "two spaces"),
];

/// What is wrong in a French text.
const FRENCH: &[(&str, &str)] = &[
    (r"[^\x{a0}\x{202f}][:;?!»]( |$)", "no space before a sign"),
    (r"«[^\x{a0}\x{202f}]", "no space after a guillemet"),
    (r"\d%", "no space before %"),
    (r"\d\.\d+\x{a0}%", "a decimal point"),
    (
        r"\d (h|min|s|ms|fois|points?|mois|jours?|octets)\b",
        "a space that breaks after a number",
    ),
    (
        r"(^|[^,\d])[01]\x{a0}(incidents|jours|points|appels|relevés|défauts|plages|mois suivis)\b",
        "a plural below two",
    ),
    (
        r"(^|[^,\d])([2-9]|[1-9]\d+)\x{a0}(incident|jour|point|appel|relevé|défaut|plage)\b",
        "a singular from two on",
    ),
    (
        r"\b1 (janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)",
        "a first of the month without its ordinal",
    ),
    (
        r"\bde (avril|août|octobre|[AEÉI]\p{L}+ 20\d\d)",
        "no elision",
    ),
    (r"\b\d{5,}\x{a0}", "thousands that are not grouped"),
];

/// What is wrong in an English text.
const ENGLISH: &[(&str, &str)] = &[
    (
        r"[\x{a0}\x{202f}][:;?!]|\d[\x{a0}\x{202f}]%",
        "French spacing",
    ),
    (r"\d,\d\d?%", "a decimal comma"),
    (
        r"\d (h|min|s|ms|times?|points?|months?|days?|bytes)\b",
        "a space that breaks after a number",
    ),
    (
        r"(^|[^.,\d])1\x{a0}(incidents|days|months|points|times|calls|checks)\b",
        "a plural of one",
    ),
    (r"\b\d{5,}\x{a0}", "thousands that are not grouped"),
];

const ENTITIES: [(&str, &str); 5] = [
    ("&#39;", "'"),
    ("&#34;", "\""),
    ("&quot;", "\""),
    ("&#60;", "<"),
    ("&#62;", ">"),
];

/// What is shown to the letter: clauses, and what servers and probes say.
const VERBATIM: [&str; 5] = [
    report::QUOTE,
    "95 % du temps mensuel",
    "Autorité d'essai",
    "sante failed: status:502",
    "the assertion $.status (maintenance) == \"ok\" does not hold",
];

fn rules(language: Option<Language>) -> Vec<(Regex, &'static str)> {
    let own = match language {
        None => [].as_slice(),
        Some(Language::French) => FRENCH,
        Some(Language::English) => ENGLISH,
    };
    let rules = EVERYWHERE.iter().chain(own);
    rules
        .map(|(pattern, why)| (Regex::new(pattern).unwrap(), *why))
        .collect()
}

fn faults(texts: &[String], rules: &[(Regex, &str)]) -> Vec<String> {
    let broken = |text: &String| {
        let found = rules.iter().filter(|(rule, _)| rule.is_match(text));
        found
            .map(|(_, why)| format!("{why}: `{text}`"))
            .collect::<Vec<_>>()
    };
    texts.iter().flat_map(broken).collect()
}

/// The string literals of a source file.
fn literals(source: &str) -> Vec<String> {
    let literal = Regex::new(r#"(?m)//.*$|'"'|"((?:[^"\\]|\\(?s:.))*)""#).unwrap();
    let line_end = Regex::new(r"\\\n\s*").unwrap();
    let found = literal
        .captures_iter(source)
        .filter_map(|found| found.get(1));
    found
        .map(|text| {
            let text = line_end.replace_all(text.as_str(), "");
            text.replace("\\u{a0}", "\u{a0}")
                .replace("{NBSP}", "\u{a0}")
                .replace("\\u{202f}", "\u{202f}")
        })
        .collect()
}

/// What a page or a letter shows: the text between its tags and in the attributes that are read.
fn shown(html: &str) -> Vec<String> {
    let unseen =
        Regex::new(r"(?s)<(style|script|code|pre)\b.*?</(style|script|code|pre)>").unwrap();
    let text = Regex::new(r#">([^<]+)<|\b(?:title|alt|aria-label)="([^"]+)""#).unwrap();
    let html = unseen.replace_all(html, "<x>");
    let found = text
        .captures_iter(&html)
        .filter_map(|found| found.get(1).or(found.get(2)));
    found
        .map(|text| {
            let mut text = text
                .as_str()
                .trim_matches(|sign| " \n".contains(sign))
                .to_owned();
            for (entity, sign) in ENTITIES {
                text = text.replace(entity, sign);
            }
            for verbatim in VERBATIM {
                text = text.replace(verbatim, "…");
            }
            text
        })
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn the_rules_find_what_is_wrong() {
    let check = |language, text: &str, expected: &[&str]| {
        let found = faults(&[text.to_owned()], &rules(Some(language)));
        let why: Vec<&str> = found
            .iter()
            .map(|fault| fault.split_once(':').unwrap().0)
            .collect();
        assert_eq!(why, expected, "{text}");
    };
    let french = |text, expected: &[&str]| check(Language::French, text, expected);
    french("L'engagement", &["a typewriter's apostrophe"]);
    french(
        "Motif : retard",
        &[
            "a space that breaks before a sign",
            "no space before a sign",
        ],
    );
    french("Motif: retard", &["no space before a sign"]);
    french(
        "« tenu\u{a0}»",
        &[
            "a space that breaks before a sign",
            "no space after a guillemet",
        ],
    );
    french("94.60\u{a0}%", &["a decimal point"]);
    french("36 h", &["a space that breaks after a number"]);
    french("0\u{a0}incidents", &["a plural below two"]);
    french("12\u{a0}incident", &["a singular from two on"]);
    french(
        "le 1 octobre",
        &["a first of the month without its ordinal"],
    );
    french("du mois de octobre", &["no elision"]);
    french("12345\u{a0}ms", &["thousands that are not grouped"]);
    french(
        "L’engagement est tenu\u{a0}: 1\u{a0}fois, du 1er au 31 octobre, à 14:05:37.",
        &[],
    );
    let english = |text, expected: &[&str]| check(Language::English, text, expected);
    english("Reason\u{a0}: late", &["French spacing"]);
    english("94,60%", &["a decimal comma"]);
    english("1\u{a0}incidents", &["a plural of one"]);
    english("94.60% for 1\u{a0}day: 5\u{a0}h.", &[]);
}

#[test]
fn every_text_of_the_catalogues_is_set_as_it_should_be() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for (file, language) in [
        ("src/report/words/fr.rs", Some(Language::French)),
        ("src/report/words/fr/spelling.rs", Some(Language::French)),
        ("src/report/words/en.rs", Some(Language::English)),
        ("src/web/words.rs", None),
        ("src/web/words/endpoint.rs", None),
    ] {
        let texts = literals(&std::fs::read_to_string(root.join(Path::new(file))).unwrap());
        assert!(texts.len() > 20, "{file}: {}", texts.len());
        let found = faults(&texts, &rules(language));
        assert!(found.is_empty(), "{file}:\n{}", found.join("\n"));
    }
}

#[tokio::test]
async fn every_page_and_letter_is_set_as_it_should_be() {
    let mut pages = report::in_both_languages();
    for (name, html) in web::gallery().await {
        let language = if name.ends_with("-en.html") {
            Language::English
        } else {
            Language::French
        };
        if name.ends_with(".html") {
            pages.push((name.to_owned(), language, html));
        }
    }
    let mut found = Vec::new();
    for (name, language, html) in pages {
        let texts = shown(&html);
        assert!(texts.len() > 5, "{name}: {texts:?}");
        let faults = faults(&texts, &rules(Some(language)));
        found.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
