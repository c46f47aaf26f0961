//! The index of a partner's archive.

use chrono_tz::Europe::Paris;
use vigie::report::{Index, Look, Shelved, write_index};
use vigie::sla::availability::{Ratio, Verdict};
use vigie::sla::catalog::Language;
use vigie::sla::window::Month;

pub(super) fn shelved(month: &str, revision: u32, verdict: Verdict, replaced: bool) -> Shelved {
    Shelved {
        number: format!("{month}-particulier-v{revision}"),
        month: Month::parse(month, Paris).unwrap(),
        service: "API Particulier".to_owned(),
        verdict,
        lower: Ratio::new(946, 1_000),
        replaced,
        folder: format!("{month}/particulier-v{revision}/"),
        files: [
            "statement.json",
            "graphique-jours.svg",
            "rapport.pdf",
            "rapport.html",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

pub(super) fn page(language: Language, editions: &[Shelved]) -> String {
    let index = Index {
        language,
        publisher: "Direction de démonstration",
        partner: "Commune de <Valfictif>",
        editions,
    };
    let document = write_index(&index, &Look::default());
    assert_eq!(document.name, "index.html");
    String::from_utf8(document.bytes).unwrap()
}

#[test]
fn an_index_leads_to_every_edition_and_says_which_no_longer_hold() {
    let editions = [
        shelved("2025-10", 2, Verdict::Met, false),
        shelved("2025-10", 1, Verdict::Missed, true),
    ];
    let french = page(Language::French, &editions);
    assert!(french.contains("<html lang=\"fr\">"));
    assert!(french.contains("Commune de &lt;Valfictif&gt;") || french.contains("&#60;Valfictif"));
    assert!(french.contains("<a href=\"2025-10/particulier-v2/rapport.pdf\""));
    assert!(french.contains("94,60\u{a0}%"));
    assert!(french.contains(">2025-10-particulier-v1 (annulé et remplacé)</td>"));
    assert!(french.contains(">2025-10-particulier-v2</td>"));
    // What is read first stands first, in whatever order the files were found.
    let links: Vec<&str> = french
        .split("<a href=\"2025-10/particulier-v2/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(links, ["rapport.html", "rapport.pdf", "statement.json"]);
    // Charts are in the page.
    assert!(!french.contains("graphique-jours.svg"));
    let english = page(Language::English, &editions);
    assert!(english.contains(">October 2025</th>"));
    assert!(english.contains("94.60%"));
}
