//! A closed month stays what it was.
//!
//! Goal: whatever is edited, seen or decided after a month was closed, each revision of its
//! statement can be explained, its evidence be handed out and its report be written again as they
//! were; and nothing is corrected unless somebody decides so. Method: close, then edit the
//! configuration file or append what came late, and look at the files, the evidence and what the
//! next closing says.

use serde_json::Value;
use vigie::app::close::{Closed, Done, Kind};
use vigie::app::retain::{documents_past_retention, limits, remove_documents};
use vigie::exchange::{settle_document, sha256_hex};
use vigie::sla::catalog::ServiceId;
use vigie::sla::cause::{Attribution, StatedCause};
use vigie::sla::ledger::ExclusionKind;
use vigie::sla::window::{HOUR_MS, Window};

use crate::close::{Installation, at, finding, folder_of, statement_of, text_of, today};

/// Edits of the configuration that would make another October: what is promised, what an
/// observation is worth, who was connected, what was announced, what counts.
const EDITS: [(&str, &str); 5] = [
    ("target = \"95 %\"", "target = \"99.9 %\""),
    ("interval = \"30min\"", "interval = \"5min\""),
    (
        "from = 2024-03-04\n\n[[partner]]\nid = \"parti\"",
        "from = 2025-10-20\n\n[[partner]]\nid = \"parti\"",
    ),
    (
        "period = \"text\"",
        "period = \"text\"\nmaintenance = \"excluded\"\n\n[[service.maintenance]]\nreason = \"travaux\"\n\
         dated = { from = 2025-10-01T12:00:00, to = 2025-10-01T18:00:00 }",
    ),
    (
        "zone = \"Europe/Paris\"",
        "zone = \"Europe/Paris\"\ndegraded = \"down\"",
    ),
];

/// Nothing of a closed October moves.
fn check_untouched(installation: &mut Installation, closed: &Closed, why: &str) {
    let published = std::fs::read(folder_of(closed).join("statement.json")).unwrap();
    let evidence = installation.evidence(None);
    let statement: Value = serde_json::from_slice(&published).unwrap();
    assert_eq!(statement["evidence_sha256"], sha256_hex(&evidence), "{why}");
    assert_eq!(settle_document(&evidence).unwrap(), published, "{why}");

    let files = installation.reports();
    let again = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(again.done, Done::Unchanged(_)), "{why}: {again:?}");
    assert_eq!(installation.reports(), files, "{why}");
    // What is lost of the report is written again, as it was.
    std::fs::remove_file(folder_of(closed).join("SHA256SUMS")).unwrap();
    std::fs::remove_file(folder_of(closed).join("rapport.html")).unwrap();
    installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(installation.reports(), files, "{why}");
}

#[test]
fn editing_the_configuration_changes_no_closed_month() {
    for (line, into) in EDITS {
        let mut installation = Installation::with_october();
        let closed = installation.close_for_one("2025-10", Kind::Final);
        installation.edit(line, into);
        check_untouched(&mut installation, &closed, into);
        // It is told that a revision would say something else.
        let again = installation.close_for_one("2025-10", Kind::Final);
        assert!(!again.edited.is_empty(), "{into}");
        assert!(again.differences.is_empty(), "{into}");
        assert_eq!(installation.revisions("2025-10").len(), 1, "{into}");
    }
}

/// Names are not evidence, but the report that was handed out shows those of then.
#[test]
fn a_report_that_is_written_again_has_the_names_of_then() {
    let mut installation = Installation::with_october();
    let closed = installation.close_for_one("2025-10", Kind::Final);
    installation.edit("label = \"Socle\"", "label = \"Autre\"");
    installation.edit("name = \"Opérateur d'essai\"", "name = \"Repreneur\"");
    installation.edit(
        "name = \"Commune de Valfictif\"",
        "name = \"Grand Valfictif\"",
    );
    installation.edit("name = \"API Particulier\"", "name = \"API Tout court\"");
    check_untouched(&mut installation, &closed, "names");
    let again = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(again.edited, []);
    let text = text_of(&again);
    for name in [
        "Opérateur d'essai",
        "Commune de Valfictif",
        "API Particulier",
        "Socle",
    ] {
        assert!(text.contains(name), "`{name}` does not stand in: {text}");
    }
}

#[test]
fn a_revision_is_settled_anew_and_the_first_one_stays() {
    let mut installation = Installation::with_october();
    let first = installation.close_for_one("2025-10", Kind::Final);
    let issued = (installation.reports(), installation.evidence(None));
    installation.edit(EDITS[0].0, EDITS[0].1);
    installation.edit(EDITS[2].0, EDITS[2].1);

    // What a revision would change can be seen before.
    let dry = installation.close_for_one("2025-10", Kind::DryRun);
    let places: Vec<&str> = dry
        .differences
        .iter()
        .map(|one| one.place.as_str())
        .collect();
    for place in ["target_ppm", "tally_ms.out_of_scope", "evidence_sha256"] {
        assert!(places.contains(&place), "{places:?}");
    }
    assert_eq!(installation.revisions("2025-10").len(), 1);

    let second = installation.close_for_one("2025-10", Kind::Revise("avenant signé"));
    assert!(matches!(second.done, Done::Revised(_)), "{second:?}");
    assert_eq!(second.differences, dry.differences);
    assert_eq!(statement_of(&second)["target_ppm"], 999_000);
    assert_eq!(installation.evidence(Some(1)), issued.1);
    assert_eq!(installation.evidence(Some(2)), installation.evidence(None));
    assert_ne!(installation.evidence(Some(2)), issued.1);
    // The first edition is repaired as it was, under the second.
    for name in ["SHA256SUMS", "statement.json", "graphique-calendrier.svg"] {
        std::fs::remove_file(folder_of(&first).join(name)).unwrap();
    }
    installation.close_for_one("2025-10", Kind::Final);
    let now = installation.reports();
    for (path, bytes) in &issued.0 {
        assert!(now[path] == *bytes, "`{}` was changed", path.display());
    }
}

/// A vantage without a voice in the first edition, and an observation that fills a hole.
#[test]
fn what_was_seen_too_late_is_not_in_the_evidence_of_before() {
    let mut installation = Installation::with_october();
    installation.close_for_one("2025-10", Kind::Final);
    let first = installation.evidence(None);
    let late = finding(at("2025-10-01T12:15:00+02:00"), true);
    installation.store.append(&[late]).unwrap();
    assert_eq!(installation.evidence(None), first, "nothing was decided");
    let refused = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(refused.done, Done::Differs);
    assert!(!refused.differences.is_empty());

    let second = installation.close_for_one("2025-10", Kind::Revise("relevé retrouvé"));
    assert!(matches!(second.done, Done::Revised(_)), "{second:?}");
    let latest = installation.evidence(None);
    assert_ne!(latest, first);
    assert!(String::from_utf8_lossy(&latest).contains("2025-10-01T10:15:00.000Z"));
    // Later still, after the second.
    let late = finding(at("2025-10-01T12:45:00+02:00"), true);
    installation.store.append(&[late]).unwrap();
    assert_eq!(installation.evidence(Some(1)), first);
    assert_eq!(installation.evidence(Some(2)), latest);
}

#[test]
fn what_was_decided_later_is_not_in_the_evidence_of_before() {
    let mut installation = Installation::with_october();
    let pending = installation.declare(
        ExclusionKind::ForceMajeure,
        "2025-10-01T13:00:00+02:00",
        "2025-10-01T15:00:00+02:00",
    );
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let (first, files) = (installation.evidence(None), installation.reports());
    installation
        .store
        .accept(pending, "essai", today())
        .unwrap();
    assert_eq!(installation.evidence(None), first);
    assert_eq!(
        installation.close_for_one("2025-10", Kind::Final).done,
        Done::Differs
    );
    // The report of before still shows the request as pending.
    std::fs::remove_file(folder_of(&closed).join("SHA256SUMS")).unwrap();
    let second = installation.close_for_one("2025-10", Kind::Revise("force majeure reconnue"));
    assert_eq!(statement_of(&second)["tally_ms"]["excluded"], 2 * HOUR_MS);
    installation.close_for_one("2025-10", Kind::Final);
    let now = installation.reports();
    for (path, bytes) in &files {
        assert!(
            now.get(path) == Some(bytes),
            "`{}` was changed",
            path.display()
        );
    }
    assert_eq!(installation.evidence(Some(1)), first);
}

/// The lengthening of work that began in the month before, declared while it was under way.
#[test]
fn work_of_the_eve_is_not_lengthened_into_the_month() {
    let mut installation = Installation::with_october();
    installation.edit(
        "period = \"text\"",
        "period = \"text\"\nmaintenance = \"excluded\"",
    );
    let work = |declared: &str, from: &str, to: &str| vigie::store::NewDeclaration {
        service: vigie::sla::catalog::ServiceId::new("particulier").unwrap(),
        partner: None,
        kind: ExclusionKind::Maintenance,
        window: vigie::sla::window::Window::new(at(from), at(to)).unwrap(),
        declared: Some(at(declared)),
        reason: "travaux".to_owned(),
        author: "essai".to_owned(),
    };
    for declaration in [
        work(
            "2025-09-01T00:00:00+02:00",
            "2025-09-30T22:00:00+02:00",
            "2025-10-01T00:00:00+02:00",
        ),
        work(
            "2025-09-30T23:00:00+02:00",
            "2025-10-01T00:00:00+02:00",
            "2025-10-01T18:00:00+02:00",
        ),
    ] {
        let id = installation.store.declare(&declaration, today()).unwrap();
        installation.store.accept(id, "essai", today()).unwrap();
    }
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let tally = &statement_of(&closed)["tally_ms"];
    assert_eq!(tally["excluded"], 0, "{tally}");
    assert_eq!(tally["down"], 6 * HOUR_MS, "{tally}");
    let published = std::fs::read(folder_of(&closed).join("statement.json")).unwrap();
    assert_eq!(
        settle_document(&installation.evidence(None)).unwrap(),
        published
    );
}

#[test]
fn a_revision_that_is_not_there_is_told_with_those_that_are() {
    use vigie::app::evidence::{Subject, document};
    let mut installation = Installation::with_october();
    let ask = |installation: &Installation| {
        let subject = Subject {
            service: "particulier",
            partner: "valfictif",
            month: "2025-10",
            revision: Some(2),
        };
        let error = document(&installation.config, &installation.store, today(), subject);
        error.map(|_| ()).unwrap_err().to_string()
    };
    assert!(ask(&installation).contains("not closed yet"));
    installation.close_for_one("2025-10", Kind::Final);
    assert!(ask(&installation).contains("there are revisions 1 to 1"));
}

/// What is said of a partner is for it, for the operator and for what serves it.
#[test]
fn a_report_is_not_for_every_account_of_the_machine() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut installation = Installation::with_october();
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    let folder = folder_of(&closed);
    for path in [folder.parent().unwrap(), folder] {
        assert_eq!(mode(path) & 0o027, 0, "`{}`", path.display());
    }
    for path in installation.files().keys() {
        assert_eq!(mode(path) & 0o137, 0, "`{}`", path.display());
    }
}

/// Goal: the colour, the logo and the paragraphs of then are a part of a closed month.
#[test]
fn a_report_that_is_written_again_looks_as_it_did() {
    let logo = include_bytes!("report/logo.svg");
    let mut installation = Installation::with_october();
    std::fs::write(installation.path("logo.svg"), logo).unwrap();
    let reports = "directory = \"rapports\"";
    let dressed = "directory = \"rapports\"\nlogo = \"logo.svg\"\naccent = \"#6b2a7a\"\nfr = { introduction = [\"Bonjour à tous.\"] }";
    installation.edit(reports, dressed);
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let page = std::fs::read_to_string(folder_of(&closed).join("rapport.html")).unwrap();
    for shown in ["#6b2a7a", "Bonjour à tous.", "class=\"logo\""] {
        assert!(page.contains(shown), "{shown}");
    }
    installation.edit(dressed, "directory = \"rapports\"\naccent = \"#004400\"");
    std::fs::remove_file(installation.path("logo.svg")).unwrap();
    check_untouched(&mut installation, &closed, "another look");
}

/// Goal: what is said of an outage after its month was closed changes no report that was written;
/// it is told of, and a revision brings it, with the same figures and the reason.
#[test]
fn a_cause_that_is_said_later_comes_with_a_revision() {
    let mut installation = Installation::with_october();
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let service = ServiceId::new("particulier").unwrap();
    let noon = at("2025-10-01T12:00:00+02:00");
    let cause = StatedCause {
        window: Window::new(noon, noon.plus_ms(HOUR_MS)).unwrap(),
        french: "rupture d'une fibre".to_owned(),
        english: None,
        attribution: Attribution::Host,
        by: "Opérateur d'essai".to_owned(),
        said: today(),
    };
    let stated = installation.store.state_cause(&service, &cause, "essai");
    stated.unwrap();
    assert!(installation.store.verify_journal().unwrap().is_whole());
    check_untouched(&mut installation, &closed, "a cause");
    let again = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(again.told[0].recomputed, "rupture d'une fibre");

    let kind = Kind::Revise("la cause de l'incident est connue");
    let revised = installation.close_for_one("2025-10", kind);
    assert!(matches!(revised.done, Done::Revised(_)), "{revised:?}");
    let text = text_of(&revised);
    for told in [
        "Motif : la cause de l'incident est connue.",
        "Incident n° 1 : rupture d'une fibre. Imputable à l’hébergeur.",
        "Depuis, ces chiffres sont inchangés.",
    ] {
        assert!(text.contains(told), "`{told}` is missing: {text}");
    }
    // Nothing more is to be brought, and what was brought stays.
    let again = installation.close_for_one("2025-10", kind);
    assert!(matches!(again.done, Done::Unchanged(_)), "{again:?}");
    assert!(again.told.is_empty());
    std::fs::remove_dir_all(folder_of(&revised)).unwrap();
    let files = installation.reports();
    let again = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(text_of(&again), text);
    assert!(installation.reports().len() > files.len());
}

/// Goal: the documents of evidence that reports share go with the evidence of their months, and
/// not before; the journal names them; the partner's own copy stays a whole report.
#[test]
fn shared_documents_of_evidence_go_when_their_month_goes() {
    let mut installation = Installation::with_october();
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let past = |installation: &Installation, now| {
        let limits = limits(&installation.config, &installation.store, now).unwrap();
        let past = documents_past_retention(&installation.config, &installation.store, &limits);
        past.unwrap()
    };
    // Thirteen months after October began, and after it ended.
    assert!(past(&installation, at("2026-11-22T10:30:00+01:00")).is_empty());
    let later = at("2026-12-02T10:30:00+01:00");
    let documents = past(&installation, later);
    assert_eq!(documents.len(), 1, "{documents:?}");
    remove_documents(&mut installation.store, &documents, "essai", later).unwrap();
    assert!(!documents[0].exists());
    let name = documents[0].file_name().unwrap().to_str().unwrap();
    let journal = installation.store.journal_entries(10).unwrap();
    assert!(
        journal
            .iter()
            .any(|entry| entry.kind == "retention_applied" && entry.what.contains(name))
    );
    assert!(past(&installation, later).is_empty());
    assert!(folder_of(&closed).join("evidence.json").exists());
    let again = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(again.done, Done::Unchanged(_)), "{again:?}");
}
