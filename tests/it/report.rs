//! What partners read: the sentences, the page, the charts and the lists, for every kind of month.
//!
//! Statements are settled by the core from segments; nothing here builds a figure by hand.

mod case;
mod index;
mod letter;
mod pdf;
mod reading;

pub(crate) use case::QUOTE;
use case::{Case, YEAR, at, gallery, look, march, october, september, window};

use std::sync::Arc;

use vigie::report::{
    DOCUMENT_NAMES, Document, Replaced, Workshop, render, subject, verdict_sentence,
};
use vigie::sla::availability::Verdict;
use vigie::sla::catalog::{Improvement, Language, Progress, ServiceId, VantageId};
use vigie::sla::cause::{Attribution, StatedCause};
use vigie::sla::timeline::State;
use vigie::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Window};

/// Every kind of report and its letter, as pages, in both languages.
pub(crate) fn in_both_languages() -> Vec<(String, Language, String)> {
    let mut pages = Vec::new();
    for (name, mut case) in gallery() {
        for language in [Language::French, Language::English] {
            case.language = language;
            pages.push((format!("{name} {language:?}"), language, case.html()));
            let letter = letter::letter(&case, &letter::ATTACHED).html;
            pages.push((format!("letter of {name} {language:?}"), language, letter));
        }
    }
    pages
}

/// The sentence, with the no-break spaces that French asks for shown as `~`.
fn said(case: &Case) -> String {
    case.with(|report| verdict_sentence(report).to_string())
        .replace('\u{a0}', "~")
        .replace('\u{202f}', "_")
}

#[test]
fn four_months_are_told_in_the_agreed_sentences() {
    let check = |case: Case, sentence: &str| assert_eq!(said(&case), sentence);
    check(
        september(),
        "Engagement tenu. En septembre 2025, le Service a été disponible 99,23~% du temps au moins, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 5~h~12~min, pour une durée maximale admise de 36~h.",
    );
    check(
        october(),
        "Engagement non tenu. En octobre 2025, le Service a été disponible 94,60~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 40~h~10~min et dépasse de 2~h~55~min la durée maximale admise (37~h~15~min). Les causes et les actions engagées figurent aux parties 3 et 7.",
    );
    check(
        march(),
        "Résultat indéterminé. En mars 2026, l’état du Service n’a pas pu être établi pendant 10~h. Selon que le Service était disponible ou non pendant ce temps, le taux est compris entre 94,39~% et 95,73~%, pour un engagement de 95~%. Les mesures disponibles ne permettent donc pas de dire si l’engagement a été tenu.",
    );
    check(
        Case::new("2025-11").down(2_160 * MINUTE_MS, 4),
        "Engagement tenu. En novembre 2025, le Service a été disponible 95,00~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 36~h, pour une durée maximale admise de 36~h.",
    );
    check(
        Case::new("2025-11").down(2_160 * MINUTE_MS + SECOND_MS, 4),
        "Engagement non tenu. En novembre 2025, le Service a été disponible 94,99~% du temps, pour un engagement de 95~%. L’indisponibilité constatée s’élève à 36~h~00~min~01~s et dépasse de 1~s la durée maximale admise (36~h). Les causes et les actions engagées figurent aux parties 3 et 7.",
    );
}

#[test]
fn other_months_are_told_in_their_own_words() {
    let gallery = gallery();
    let check = |name: &str, sentence: &str| {
        let (_, case) = gallery.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(said(case), sentence, "{name}");
    };
    check(
        "aucune-mesure",
        "Résultat indéterminé. Aucune mesure exploitable n’a été recueillie en août 2025.",
    );
    check(
        "provisoire",
        "Résultat provisoire au 18 novembre 2025 à 9~h~00. L’engagement est apprécié au terme du mois. À ce stade~: 0~h~40~min d’indisponibilité, sur 36~h admises pour l’ensemble du mois.",
    );
    check(
        "provisoire-perdu",
        "Résultat provisoire au 25 novembre 2025 à 9~h~00. L’engagement est apprécié au terme du mois. À ce stade~: 66~h~40~min d’indisponibilité, sur 36~h admises pour l’ensemble du mois. Quelle que soit la disponibilité d’ici la fin du mois, le taux ne pourra plus atteindre 95~%.",
    );
    check(
        "sans-objet",
        "Sans objet. En janvier 2024, aucun temps n’entrait dans l’engagement~: votre organisme n’était pas raccordé au Service, ou tout le temps du mois en était exclu.",
    );
    check(
        "english",
        "Commitment not met. In October 2025, the Service was available 94.60% of the time, for a commitment of 95%. Observed downtime amounts to 40~h~10~min and exceeds the allowed maximum (37~h~15~min) by 2~h~55~min. Causes and actions are given in parts 3 and 7.",
    );
}

#[test]
fn the_subject_names_the_verdict() {
    let check = |case: &Case, expected: &str| {
        assert_eq!(case.with(subject).replace('\u{a0}', "~"), expected);
    };
    check(
        &october(),
        "Disponibilité d’API Particulier — octobre 2025~: engagement non tenu",
    );
    let (_, corrected) = gallery()
        .into_iter()
        .find(|(name, _)| *name == "rectificatif")
        .unwrap();
    check(
        &corrected,
        "Rectificatif — Disponibilité d’API Particulier — octobre 2025~: engagement non tenu",
    );
}

/// The text between `start` and the next `end`.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap() + start.len();
    let length = text[from..].find(end).unwrap();
    &text[from..from + length]
}

#[test]
fn every_page_is_whole_on_its_own_and_in_order() {
    for (name, case) in gallery() {
        let html = case.html();
        for forbidden in [
            "<script",
            "src=",
            "@import",
            "url(http",
            "href=\"http",
            "<link",
            "&#39;",
        ] {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        let lang = match case.language {
            Language::French => "<html lang=\"fr\">",
            Language::English => "<html lang=\"en\">",
        };
        assert!(html.contains(lang), "{name}");
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
        assert_eq!(html.matches("<h2 ").count(), 9, "{name}");
        assert_eq!(html.matches("<main>").count(), 1, "{name}");
        assert!(html.contains("<a class=\"skip\" href=\"#p1\">"), "{name}");
        // Every table has its caption, every chart its words, every identifier is one's own.
        assert_eq!(
            html.matches("<table>").count(),
            html.matches("<caption>").count(),
            "{name}"
        );
        assert_eq!(
            html.matches("<svg class=\"chart\"").count(),
            6 - usize::from(case.endpoints.is_empty()),
            "{name}"
        );
        assert_eq!(
            html.matches("<svg class=\"chart\"").count(),
            html.matches("role=\"img\" aria-labelledby=").count(),
            "{name}"
        );
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        let n_ids = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), n_ids, "{name}: an identifier stands twice");
        for reference in html
            .split("url(#")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            assert!(
                ids.contains(&reference),
                "{name}: pattern {reference} is missing"
            );
        }
        // The sentence that partners and lawyers look for stands there word for word.
        let sentence = case.with(verdict_sentence);
        assert!(html.contains(&sentence.headline), "{name}");
        assert!(html.contains(&sentence.body), "{name}: {}", sentence.body);
    }
}

#[test]
fn the_time_of_the_month_adds_up() {
    for (name, case) in gallery() {
        let html = case.html();
        let caption = match case.language {
            Language::French => "Décompte du temps du mois",
            Language::English => "The time of the month, accounted for",
        };
        let table = between(&html, &format!("<caption>{caption}"), "</table>");
        // Of each row, the exact time and the share, in hundredths of a per cent.
        let rows: Vec<[i64; 2]> = table
            .split("<tr")
            .skip(2)
            .map(|row| {
                let cells: Vec<&str> = row.split("<td class=\"n\">").skip(1).collect();
                [2, 1].map(|cell| {
                    let text = cells[cell].split('<').next().unwrap();
                    let digits = text.replace(|sign: char| !sign.is_ascii_digit(), "");
                    digits.parse().unwrap()
                })
            })
            .collect();
        let (total, parts) = rows.split_last().unwrap();
        assert_eq!(*total, [case.month.window().length_ms(), 10_000], "{name}");
        for column in [0, 1] {
            let sum: i64 = parts.iter().map(|row| row[column]).sum();
            assert_eq!(sum, total[column], "{name}");
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let case = october().with_history(&YEAR).with_endpoints();
    let first = case.documents();
    let second = case.with(|report| {
        let mut workshop = Workshop::default();
        render(report, &mut workshop);
        render(report, &mut workshop)
    });
    let names: Vec<&str> = first
        .iter()
        .map(|document| document.name.as_str())
        .collect();
    // The statement and the evidence come from the month-end.
    assert_eq!(names, DOCUMENT_NAMES[..16]);
    for (first, second) in first.iter().zip(&second) {
        assert!(first == second, "{} differs", first.name);
        let signature: &[u8] = match first.media_type {
            "image/png" => b"\x89PNG\r\n",
            "application/pdf" => b"%PDF-1.7",
            "image/svg+xml" => b"<svg ",
            "text/html; charset=utf-8" => b"<!DOCTYPE html>",
            _ => b"",
        };
        assert!(first.bytes.starts_with(signature), "{}", first.name);
    }
}

fn list(documents: &[Document], name: &str) -> String {
    let document = documents
        .iter()
        .find(|document| document.name == name)
        .unwrap();
    String::from_utf8(document.bytes.clone()).unwrap()
}

#[test]
fn lists_hold_the_whole_month_and_no_formula() {
    let mut case = october();
    case.service.id = ServiceId::new("=cmd|'/c calc'!A1").unwrap();
    case.partner.memberships[0].service = case.service.id.clone();
    let documents = case.documents();
    let machines = list(&documents, "mesures.csv");
    let mut lines = machines.split("\r\n");
    assert_eq!(
        lines.next().unwrap(),
        "service,mois,debut,fin,duree_s,duree_ms,etat,cause,point_d_acces,comptee"
    );
    assert!(
        machines.contains(",2025-10,2025-10-01T00:00:00.000+02:00,"),
        "{machines}"
    );
    assert!(
        machines.contains(",2025-11-01T00:00:00.000+01:00,"),
        "{machines}"
    );
    assert!(
        machines.contains(",down,status:502,socle,oui"),
        "{machines}"
    );
    let total_ms: i64 = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split(',').nth(5).unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!(total_ms, 745 * HOUR_MS);

    let spreadsheet = list(&documents, "mesures-tableur.csv");
    assert!(spreadsheet.starts_with("\u{feff}service;mois;debut;"));
    assert!(
        spreadsheet.contains("\r\n'=cmd|'/c calc'!A1;2025-10;01/10/2025 00:00:00;"),
        "{spreadsheet}"
    );
    assert!(!spreadsheet.contains("\n="));
}

/// What a page says, one block a line, without its drawings; no-break spaces are shown as `~`
/// and narrow ones as `_`.
fn text_of(html: &str) -> String {
    let mut rest = html.split_once("<body>").unwrap().1;
    let mut text = String::new();
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (name, after) = tag.split_once('>').unwrap();
        rest = after;
        if name.starts_with("svg") {
            rest = rest.split_once("</svg>").unwrap().1;
        } else if name.starts_with("/td") || name.starts_with("/th") || name.starts_with("/dt") {
            text.push_str(" | ");
        } else if name.starts_with("h2")
            || name.starts_with("caption")
            || name.starts_with("figcaption")
        {
            text.push_str("\n\n");
        } else if [
            "p", "/p", "li", "h", "tr", "div", "dl", "pre", "summary", "/caption",
        ]
        .iter()
        .any(|block| name == *block || name.starts_with(&format!("{block} ")))
        {
            text.push('\n');
        }
    }
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim().trim_end_matches(" |").to_owned())
        .collect();
    let mut joined = lines.join("\n");
    while joined.contains("\n\n\n") {
        joined = joined.replace("\n\n\n", "\n\n");
    }
    joined
        .replace('\u{a0}', "~")
        .replace('\u{202f}', "_")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[test]
fn pages_say_what_they_always_said() {
    for (name, mut case) in gallery() {
        insta::assert_snapshot!(name, text_of(&case.html()));
        if case.language == Language::French {
            case.language = Language::English;
            insta::assert_snapshot!(format!("{name}-en"), text_of(&case.html()));
        }
    }
}

/// The texts that a chart of the page shows, in order.
fn labels<'a>(html: &'a str, chart: &str) -> Vec<&'a str> {
    let svg = between(html, &format!("<title id=\"{chart}-t\">"), "</svg>");
    svg.split("</text>")
        .filter_map(|shape| Some(shape.rsplit_once("<text ")?.1.split_once('>')?.1))
        .collect()
}

/// How often a chart fills something with a pattern or a colour.
fn fills(html: &str, chart: &str, fill: &str) -> usize {
    let svg = between(html, &format!("<title id=\"{chart}-t\">"), "</svg>");
    let shapes = svg.split_once("</defs>").unwrap().1;
    shapes.matches(&format!("fill=\"{fill}\"")).count()
}

#[test]
fn charts_are_right_in_months_of_every_length() {
    let check = |month: &str, n_days: usize, changed: Option<&str>| {
        let html = Case::new(month).down(300 * MINUTE_MS, 3).html();
        let calendar = labels(&html, "calendrier");
        let rows = calendar.iter().filter(|label| label.contains(". ")).count();
        assert_eq!(rows, n_days, "{month}: {calendar:?}");
        let marks: Vec<&str> = calendar
            .iter()
            .copied()
            .filter(|label| *label == "23\u{a0}h" || *label == "25\u{a0}h")
            .collect();
        assert_eq!(marks, Vec::from_iter(changed), "{month}");
        for chart in ["jours", "marge", "incidents"] {
            let last = n_days.to_string();
            let past = (n_days + 1).to_string();
            let labels = labels(&html, chart);
            assert!(labels.contains(&last.as_str()), "{month} {chart}");
            assert!(!labels.contains(&past.as_str()), "{month} {chart}");
        }
    };
    check("2026-02", 28, None);
    check("2024-02", 29, None);
    check("2025-11", 30, None);
    check("2025-12", 31, None);
    check("2026-03", 31, Some("23\u{a0}h"));
    check("2025-10", 31, Some("25\u{a0}h"));
}

/// A month that nobody saw has a range from nothing to all, and no rate.
#[test]
fn a_month_that_was_not_measured_is_no_point_of_the_trend() {
    let rates = |name: &str| -> Vec<String> {
        let (_, case) = gallery()
            .into_iter()
            .find(|(known, _)| *known == name)
            .unwrap();
        let html = case.html();
        let labels = labels(&html, "evolution");
        let rates = labels
            .into_iter()
            .filter(|label| label.contains(',') || *label == "–");
        rates.map(str::to_owned).collect()
    };
    assert_eq!(rates("aucune-mesure"), ["97,31", "97,66", "96,75", "–"]);
    assert_eq!(rates("limite-exacte").last().unwrap(), "95,00");
}

#[test]
fn charts_show_none_and_hundreds_of_outages() {
    let quiet = Case::new("2025-12").html();
    assert_eq!(fills(&quiet, "incidents", "url(#incidents-down)"), 0);
    assert!(labels(&quiet, "incidents").contains(&"Aucune indisponibilité constatée"));
    // The legend's own.
    assert_eq!(fills(&quiet, "calendrier", "url(#calendrier-down)"), 1);
    assert!(quiet.contains("Aucune indisponibilité n’a été constatée."));

    let flapping = Case::new("2025-10").down(900 * MINUTE_MS, 400).html();
    assert_eq!(fills(&flapping, "incidents", "url(#incidents-down)"), 400);
    // One that crosses midnight is drawn on both days.
    assert!(fills(&flapping, "calendrier", "url(#calendrier-down)") >= 401);
    // Numbers would cover each other.
    assert!(!labels(&flapping, "incidents").contains(&"400"));
    assert!(flapping.matches("<tr").count() > 400);
}

#[test]
fn nothing_is_drawn_outside_its_sheet() {
    for (name, case) in gallery() {
        let html = case.html();
        for chart in html.split("<svg class=\"chart\"").skip(1) {
            let chart = chart.split("</svg>").next().unwrap();
            let size: Vec<f64> = between(chart, "viewBox=\"0 0 ", "\"")
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            let shapes = chart.split_once("</defs>").unwrap().1;
            for (attribute, limit) in [(" x=\"", size[0]), (" y=\"", size[1])] {
                for place in shapes.split(attribute).skip(1) {
                    let place: f64 = place.split('"').next().unwrap().parse().unwrap();
                    assert!(
                        0.0 <= place && place <= limit * 10.0,
                        "{name}: {attribute}{place}"
                    );
                }
            }
            for points in shapes.split("points=\"").skip(1) {
                for point in points.split('"').next().unwrap().split_whitespace() {
                    let (x, y) = point.split_once(',').unwrap();
                    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                    assert!((0.0..=size[0] * 10.0).contains(&x), "{name}: {point}");
                    assert!((0.0..=size[1] * 10.0).contains(&y), "{name}: {point}");
                }
            }
            assert!(
                !shapes.contains("width=\"-") && !shapes.contains("height=\"-"),
                "{name}"
            );
        }
    }
}

#[test]
fn text_from_outside_cannot_become_markup() {
    let mut case = october();
    let hostile = "<script>alert(1)</script> & \"co\"";
    case.partner.name = hostile.to_owned();
    case.service.name = hostile.to_owned();
    case.service.improvements = vec![Improvement {
        what: hostile.to_owned(),
        progress: Progress::Planned,
        date: None,
    }];
    Arc::make_mut(&mut case.service.endpoints[0]).label = hostile.to_owned();
    let html = case.html();
    assert!(!html.contains("<script"));
    for document in case.documents() {
        if document.media_type == "image/svg+xml" {
            assert!(
                !String::from_utf8(document.bytes)
                    .unwrap()
                    .contains("<script")
            );
        }
    }
}

#[test]
fn an_operator_gives_reports_its_look_and_its_words() {
    let mut case = october();
    case.look = look();
    let html = case.html();
    assert!(html.contains("<img class=\"logo\" src=\"data:image/svg+xml;base64,PHN2Z"));
    assert!(html.contains(":root{--accent:#6b2a7a}"));
    let introduction = html
        .find("Ce rapport est adressé à chaque partenaire")
        .unwrap();
    assert!(introduction < html.find("id=\"p1\"").unwrap());
    let closing = html.find("Permanence du lundi au vendredi.").unwrap();
    assert!(html.find("mailto:supervision@operateur.example").unwrap() < closing);
    assert!(!html.contains("This report goes"));
    // Without one, nobody's.
    let plain = october().html();
    assert!(!plain.contains("<img"));
    assert!(plain.contains(":root{--accent:#155e66}"));
}

#[test]
fn the_worst_day_and_hour_are_named_and_months_are_pooled() {
    let mut case = Case::new("2025-09").with_history(&YEAR);
    // Ten minutes, and forty that cross an hour: thirty of them in the second.
    for (start, end) in [
        ("2025-09-03T10:00:00+02:00", "2025-09-03T10:10:00+02:00"),
        ("2025-09-17T13:50:00+02:00", "2025-09-17T14:30:00+02:00"),
    ] {
        case.seen.push((window(start, end), State::Down));
    }
    let html = case.html().replace('\u{a0}', " ");
    assert!(html.contains("Jour le plus touché : le 17 septembre 2025 (40 min)."));
    assert!(
        html.contains("Heure la plus touchée : le 17 septembre 2025, de 14 h à 15 h (30 min).")
    );
    // 512 + 312 + 50 minutes, against 640 + 700 + 420: sums of time, not means of rates.
    let pooled = between(&html, "3 mois (juillet 2025 à septembre 2025)", "</tr>");
    assert!(pooled.contains(">14 h 34 min<"), "{pooled}");
    assert!(pooled.contains(">\u{2212}14 h 46 min<"), "{pooled}");
    let row = between(&html, "12 mois (octobre 2024 à septembre 2025)", "</tr>");
    assert!(row.ends_with("<td class=\"n\">–</td>"), "{row}");
}

#[test]
fn steps_beyond_the_commitment_are_compared_month_by_month() {
    let mut case = october().with_history(&YEAR);
    case.commitment().trajectory = vec![
        ("2025-08-01".parse().unwrap(), "96 %".parse().unwrap()),
        ("2025-10-01".parse().unwrap(), "97,5 %".parse().unwrap()),
    ];
    let html = case.html().replace('\u{a0}', " ");
    assert!(html.contains("Objectif interne du mois (97,5 %) : non atteint."));
    assert!(html.contains("atteint 2 fois sur 3 mois suivis"));
    let september = between(&html, "<th scope=\"row\">septembre 2025</th>", "</tr>");
    assert!(september.contains("<td>96 % (atteint)</td>"), "{september}");
    let july = between(&html, "<th scope=\"row\">juillet 2025</th>", "</tr>");
    assert!(july.ends_with("<td>–</td>"), "{july}");
}

/// Goal: what an operator says of an outage stands beside what was observed, with who says so; of
/// two things said of one outage the later holds; a partner who reads English gets the French
/// words where there are no others; no figure moves.
#[test]
fn an_operator_says_why() {
    let mut case = october();
    let outage = case.settle().incidents[0].window;
    let after = Window::new(outage.end().plus_ms(1), outage.end().plus_ms(2)).unwrap();
    let cause = |window, french: &str, english: Option<&str>, attribution| StatedCause {
        window,
        french: french.to_owned(),
        english: english.map(str::to_owned),
        attribution,
        by: "la direction technique".to_owned(),
        said: at("2025-11-02T09:00:00+01:00"),
    };
    let without = case.html();
    case.causes = vec![
        cause(outage, "premier mot", None, Attribution::Unknown),
        cause(outage, "panne d’alimentation", None, Attribution::Host),
        cause(after, "autre chose", None, Attribution::Service),
    ];
    let sentence = "Incident n° 1 : panne d’alimentation. Imputable à l’hébergeur. Indiqué par la direction technique le 2 novembre 2025.";
    let told = text_of(&case.html()).replace('~', " ");
    assert!(told.contains(sentence), "{told}");
    for absent in ["premier mot", "autre chose"] {
        assert!(!told.contains(absent), "{absent}");
    }
    let figures = |html: &str| between(html, "id=\"p1\"", "id=\"p2\"").to_owned();
    assert_eq!(figures(&case.html()), figures(&without));

    case.language = Language::English;
    assert!(text_of(&case.html()).contains("“panne d’alimentation” (in French)."));
    case.causes[1].english = Some("power failure".to_owned());
    let told = text_of(&case.html()).replace('~', " ");
    assert!(
        told.contains("Incident no. 1: power failure. Attributable to the hosting provider."),
        "{told}"
    );
}

#[test]
#[ignore = "for eyes: writes every kind of report into the directory named by VIGIE_GALLERY"]
fn the_gallery_is_written() {
    let Ok(directory) = std::env::var("VIGIE_GALLERY") else {
        return;
    };
    let write = |name: &str, documents: Vec<Document>| {
        let folder = std::path::Path::new(&directory).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for document in documents {
            std::fs::write(folder.join(&document.name), &document.bytes).unwrap();
        }
    };
    for (name, case) in gallery() {
        write(name, case.documents());
    }
    let mut dressed = october();
    dressed.look = look();
    write("habille", dressed.documents());
    let editions = [
        index::shelved("2025-10", 2, Verdict::Met, false),
        index::shelved("2025-10", 1, Verdict::Missed, true),
    ];
    let index = index::page(Language::French, &editions);
    std::fs::write(std::path::Path::new(&directory).join("index.html"), index).unwrap();
}

/// Evidence of another tool is named as such, in both languages; without any, nothing is said.
#[test]
fn imported_evidence_is_told() {
    for (language, sentence) in [
        (
            Language::French,
            "Les relevés attribués à import-kuma ont été faits par un autre outil",
        ),
        (
            Language::English,
            "The measurements attributed to import-kuma were made by another monitoring tool",
        ),
    ] {
        let mut case = october();
        case.language = language;
        assert!(!case.html().contains(sentence));
        case.vantages
            .insert(0, VantageId::new("import-kuma").unwrap());
        let html = case.html();
        assert!(html.contains(sentence), "{html}");
    }
}
