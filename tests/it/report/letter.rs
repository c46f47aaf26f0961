//! The letter that brings a report.

use vigie::report::{Delivery, LetterText, write_letter};

use super::*;

pub(super) const ATTACHED: Delivery<'_> = Delivery {
    attached: true,
    link: None,
    signature: None,
};

pub(super) fn letter(case: &Case, delivery: &Delivery<'_>) -> LetterText {
    case.with(|report| write_letter(report, delivery))
}

/// The letter with its no-break spaces made visible.
fn plain(case: &Case, delivery: &Delivery<'_>) -> String {
    letter(case, delivery)
        .plain
        .replace(['\u{a0}', '\u{202f}'], "~")
}

#[test]
fn a_letter_says_the_result_and_where_the_report_is() {
    assert_eq!(
        plain(&october(), &ATTACHED),
        "Bonjour,

Vous êtes raccordé à API Particulier. Conformément à la convention, voici le résultat du mois d’octobre 2025.

Engagement non tenu. En octobre 2025, le Service a été disponible 94,60~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 40~h~10~min et dépasse de 2~h~55~min la durée maximale admise (37~h~15~min). Les causes et les actions engagées figurent aux parties 3 et 7.

Le rapport complet est joint à ce message.

Pour toute question~: supervision@operateur.example

Direction de démonstration
"
    );
    assert_eq!(
        letter(&october(), &ATTACHED).subject.replace('\u{a0}', "~"),
        "Disponibilité d’API Particulier — octobre 2025~: engagement non tenu"
    );
}

#[test]
fn a_letter_can_bring_a_link() {
    let check = |attached, link, expected: &str| {
        let delivery = Delivery {
            attached,
            link,
            signature: Some("L’équipe API Particulier\nDirection de démonstration"),
        };
        let text = letter(&october(), &delivery);
        assert!(text.plain.contains(expected), "{}", text.plain);
        assert!(
            text.plain
                .ends_with("L’équipe API Particulier\nDirection de démonstration\n")
        );
        assert!(
            text.html.contains("Particulier<br>Direction"),
            "{}",
            text.html
        );
        if let Some(link) = link {
            assert!(text.html.contains(&format!("<a href=\"{link}\"")));
        }
    };
    let link = "https://vigie.example/valfictif/2025-10/particulier-v1/";
    check(
        true,
        None,
        "\n\nLe rapport complet est joint à ce message.\n\n",
    );
    check(
        true,
        Some(link),
        &format!("joint à ce message et consultable à l’adresse {link}\n\n"),
    );
    check(
        false,
        Some(link),
        &format!("\n\nLe rapport complet est consultable à l’adresse {link}\n\n"),
    );
    check(false, None, "communiqué sur demande.\n\n");
}

#[test]
fn a_letter_knows_whether_the_partner_left() {
    let check = |windows: &[(&str, &str)], expected: &str| {
        let mut case = october();
        case.partner.memberships[0].windows = windows
            .iter()
            .map(|(start, end)| window(start, end))
            .collect();
        let text = plain(&case, &ATTACHED);
        assert!(text.contains(expected), "{windows:?}: {text}");
    };
    let from = "2024-01-01T00:00:00Z";
    check(
        &[(from, "2099-01-01T00:00:00Z")],
        "Vous êtes raccordé à API Particulier.",
    );
    // The 20th was the last day, in Paris.
    check(
        &[(from, "2025-10-20T22:00:00Z")],
        "Vous avez été raccordé à API Particulier jusqu’au 20 octobre 2025.",
    );
    // Gone since, but not when the letter was written.
    check(
        &[(from, "2025-11-04T23:00:00Z")],
        "Vous êtes raccordé à API Particulier.",
    );
    // Left and came back.
    check(
        &[
            (from, "2025-10-05T22:00:00Z"),
            ("2025-10-25T22:00:00Z", "2099-01-01T00:00:00Z"),
        ],
        "Vous êtes raccordé à API Particulier.",
    );
}

#[test]
fn a_correction_says_what_it_replaces() {
    let mut case = october();
    case.edition.replaces = Some(Replaced {
        number: "2025-10-particulier-v1".to_owned(),
        established: at("2025-11-01T05:00:00Z"),
        reason: "incident n° 3 compté deux fois".to_owned(),
        tally: vigie::sla::availability::Tally {
            up_ms: 2_682_000_000 - 180_000_000,
            down_ms: 180_000_000,
            ..Default::default()
        },
        verdict: vigie::sla::availability::Verdict::Missed,
    });
    let text = letter(&case, &ATTACHED);
    assert!(
        text.subject.starts_with("Rectificatif — "),
        "{}",
        text.subject
    );
    let text = plain(&case, &ATTACHED);
    assert!(
        text.contains(
            "octobre 2025.\n\nCe rapport annule et remplace le rapport n°~2025-10-particulier-v1 du 1er novembre 2025. Motif~: incident n° 3 compté deux fois. Il indiquait~: engagement non tenu, taux de "
        ),
        "{text}"
    );
}

#[test]
fn an_english_letter_is_english() {
    let mut case = october();
    case.language = Language::English;
    let text = letter(&case, &ATTACHED);
    assert!(
        text.plain
            .starts_with("Hello,\n\nYou are connected to API Particulier.")
    );
    assert!(text.html.contains("<html lang=\"en\">"));
    assert!(!text.plain.contains("raccordé"));
}

/// Goal: both forms say the same, and the page needs nothing from outside.
#[test]
fn the_page_says_what_the_text_says() {
    for (name, case) in gallery() {
        let text = letter(&case, &ATTACHED);
        let mut page = text.html.clone();
        for (entity, sign) in [
            ("&#38;", "&"),
            ("&amp;", "&"),
            ("&quot;", "\""),
            ("&#34;", "\""),
        ] {
            page = page.replace(entity, sign);
        }
        for line in text.plain.lines().filter(|line| !line.is_empty()) {
            for sentence in line.split_inclusive(". ") {
                let sentence = sentence.trim().split(" supervision@").next().unwrap();
                assert!(page.contains(sentence), "{name}: `{sentence}` in {page}");
            }
        }
        for outside in [
            "<script", "<img", "<link", "url(", "<form", "<input", "http",
        ] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
    }
}

/// Goal: names from the configuration stay text.
#[test]
fn names_are_escaped() {
    let mut case = october();
    case.service.name = "API <b>Particulier</b> & Cie".to_owned();
    let html = letter(&case, &ATTACHED).html;
    assert!(!html.contains("<b>"), "{html}");
}

#[test]
#[ignore = "for eyes: writes every kind of letter into the directory named by VIGIE_GALLERY"]
fn the_letters_are_written() {
    let Ok(directory) = std::env::var("VIGIE_GALLERY") else {
        return;
    };
    let delivery = Delivery {
        link: Some("https://vigie.example/valfictif/2025-10/particulier-v1/"),
        ..ATTACHED
    };
    for (name, case) in gallery() {
        let html = letter(&case, &delivery).html;
        let path = std::path::Path::new(&directory).join(format!("lettre-{name}.html"));
        std::fs::write(path, html).unwrap();
    }
}
