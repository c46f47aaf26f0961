//! The month-end, from stored observations to what a partner reads.
//!
//! Goal: what is published follows from what is stored, to the millisecond; a second run changes
//! no byte; a correction is a new edition that names the old one; and who asks for what is not
//! there is told what is. Method: a store and a folder that go away, observations of the demo's
//! past or of a month written here, `close` as the command and the daemon call it, and then only
//! the files and the store's answers, as a partner or an auditor would look at them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono_tz::Tz;
use serde_json::Value;
use tempfile::TempDir;
use vigie::app::close::{Closed, Done, Kind, Order, close, unfinished_months};
use vigie::app::evidence::{Subject, document};
use vigie::config::{self, Config};
use vigie::demo::history::Past;
use vigie::exchange::{settle_document, sha256_hex};
use vigie::sla::availability::Verdict;
use vigie::sla::catalog::{EndpointId, PartnerId, ServiceId, VantageId};
use vigie::sla::cause::{Attribution, StatedCause};
use vigie::sla::ledger::ExclusionKind;
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Trace};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, SECOND_MS, Timestamp, Window};
use vigie::store::{NewDeclaration, NewStatement, Store};

const PARIS: Tz = Tz::Europe__Paris;

/// A service with one endpoint, a partner who was connected all the time, and two who left before and came after.
/// `INTERVAL` is to be replaced.
const INSTALLATION: &str = r#"
[provider]
name = "Opérateur d'essai"
contact = "supervision@operateur.example"

[vantage]
id = "demo"

[store]
path = "vigie.db"

[reports]
directory = "rapports"

[[service]]
id = "particulier"
name = "API Particulier"

[[service.endpoint]]
id = "socle"
label = "Socle"
contractual = true
interval = "INTERVAL"

[service.endpoint.http]
url = "http://127.0.0.1:9/api/ping"

[[service.commitment]]
quote = "Le Service est accessible à 95 %."
reference = "Convention d'essai, article 3"
target = "95 %"
from = 2019-01-01
zone = "Europe/Paris"
period = "text"

[[partner]]
id = "valfictif"
name = "Commune de Valfictif"
kind = "commune"
language = "fr"
contacts = ["api@valfictif.example"]

[[partner.membership]]
service = "particulier"
from = 2024-03-04

[[partner]]
id = "parti"
name = "Parti avant"
kind = "commune"
language = "fr"
contacts = ["api@parti.example"]

[[partner.membership]]
service = "particulier"
from = 2024-03-04
until = 2025-10-01

[[partner]]
id = "arrive"
name = "Arrive après"
kind = "commune"
language = "fr"
contacts = ["api@arrive.example"]

[[partner.membership]]
service = "particulier"
from = 2027-01-01
"#;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn month(text: &str) -> Month {
    Month::parse(text, PARIS).unwrap()
}

/// The day on which it is all looked at.
pub(crate) fn today() -> Timestamp {
    at("2026-11-22T10:30:00+01:00")
}

pub(crate) struct Installation {
    directory: TempDir,
    pub(crate) config: Config,
    pub(crate) store: Store,
}

impl Installation {
    pub(crate) fn new(interval: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("vigie.toml");
        std::fs::write(&file, INSTALLATION.replace("INTERVAL", interval)).unwrap();
        let config = config::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let store = Store::open(&config.store).unwrap();
        Self {
            directory,
            config,
            store,
        }
    }

    /// One that saw October 2025 every half hour, with the first of the month from noon to six in
    /// the evening Down.
    pub(crate) fn with_october() -> Self {
        let mut new = Self::new("30min");
        new.see_all_of("2025-10");
        new
    }

    /// A file in its folder; its configuration is `vigie.toml`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Changes a line of the configuration, as its operator would.
    pub(crate) fn edit(&mut self, line: &str, into: &str) {
        let path = self.path("vigie.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(line),
            "`{line}` does not stand in the configuration"
        );
        std::fs::write(&path, text.replace(line, into)).unwrap();
        self.config = config::load(&path).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The evidence of October 2025 for `valfictif`, as it is handed out.
    pub(crate) fn evidence(&self, revision: Option<u32>) -> Vec<u8> {
        let subject = Subject {
            service: "particulier",
            partner: "valfictif",
            month: "2025-10",
            revision,
        };
        let document = document(&self.config, &self.store, today(), subject);
        document.unwrap().canonical()
    }

    /// Half-hourly observations of a month and half a day around it, with six hours of failures
    /// from noon of the first day on.
    pub(crate) fn see_all_of(&mut self, text: &str) {
        let window = month(text).window();
        let noon = window.start().plus_ms(12 * HOUR_MS);
        let failing = Window::new(noon, noon.plus_ms(6 * HOUR_MS)).unwrap();
        let reach = Window::new(
            window.start().plus_ms(-12 * HOUR_MS),
            window.end().plus_ms(12 * HOUR_MS),
        )
        .unwrap();
        self.see(reach, |at| !failing.contains(at));
    }

    /// Half-hourly observations of `window`.
    pub(crate) fn see(&mut self, window: Window, is_good: impl Fn(Timestamp) -> bool) {
        let findings: Vec<Finding> = window
            .pieces(30 * MINUTE_MS)
            .map(|piece| finding(piece.start(), is_good(piece.start())))
            .collect();
        self.store.append(&findings).unwrap();
    }

    pub(crate) fn close(&mut self, text: &str, kind: Kind<'_>) -> Vec<Closed> {
        self.try_close(text, None, kind).unwrap()
    }

    pub(crate) fn try_close(
        &mut self,
        text: &str,
        partner: Option<&str>,
        kind: Kind<'_>,
    ) -> anyhow::Result<Vec<Closed>> {
        let order = Order {
            month: text,
            partner,
            service: None,
            kind,
            who: "essai",
        };
        close(&self.config, &mut self.store, today(), &order, &mut |_| {})
    }

    /// Closes a month in which only `valfictif` was connected.
    pub(crate) fn close_for_one(&mut self, text: &str, kind: Kind<'_>) -> Closed {
        let mut closed = self.close(text, kind);
        assert_eq!(closed.len(), 1, "{closed:?}");
        let closed = closed.remove(0);
        assert_eq!(closed.partner, "valfictif");
        closed
    }

    pub(crate) fn declare(
        &mut self,
        kind: ExclusionKind,
        from: &str,
        to: &str,
    ) -> vigie::store::DeclarationId {
        let declaration = NewDeclaration {
            service: ServiceId::new("particulier").unwrap(),
            partner: None,
            kind,
            window: Window::new(at(from), at(to)).unwrap(),
            declared: None,
            reason: "sonde défectueuse".to_owned(),
            author: "essai".to_owned(),
        };
        self.store.declare(&declaration, today()).unwrap()
    }

    /// Every file under the reports' folder, by its path.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.config.reports.directory.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), std::fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// Every file of a report; the index pages are none, and tell of what is there now.
    pub(crate) fn reports(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = self.files();
        files.retain(|path, _| !path.ends_with("index.html"));
        files
    }

    /// The saved revisions of a month for `valfictif`.
    pub(crate) fn revisions(&self, text: &str) -> Vec<vigie::store::SavedStatement> {
        self.store
            .statement_revisions(
                &PartnerId::new("valfictif").unwrap(),
                &ServiceId::new("particulier").unwrap(),
                month(text),
            )
            .unwrap()
    }
}

pub(crate) fn finding(tick: Timestamp, is_good: bool) -> Finding {
    let outcome = if is_good {
        Outcome::Answered {
            latency_us: 120_000,
            partial: false,
        }
    } else {
        Outcome::Failed(Fault::Status(502))
    };
    Finding {
        endpoint: EndpointId::new("socle").unwrap(),
        vantage: VantageId::new("demo").unwrap(),
        observation: Observation {
            tick,
            at: tick,
            outcome,
        },
        trace: Trace::default(),
    }
}

pub(crate) fn folder_of(closed: &Closed) -> &Path {
    match &closed.done {
        Done::Saved(folder)
        | Done::Revised(folder)
        | Done::Unchanged(folder)
        | Done::Provisional(folder) => folder,
        done @ (Done::DryRun | Done::Differs | Done::Lost(_) | Done::Held(_)) => {
            panic!("nothing was written: {done:?}")
        }
    }
}

pub(crate) fn statement_of(closed: &Closed) -> Value {
    let bytes = std::fs::read(folder_of(closed).join("statement.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// What a person reads of the report: no tags, no entities, plain spaces.
pub(crate) fn text_of(closed: &Closed) -> String {
    let html = std::fs::read_to_string(folder_of(closed).join("rapport.html")).unwrap();
    let mut text = String::new();
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                text.push(' ');
            }
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    let text = text
        .replace("&#39;", "'")
        .replace("&#38;", "&")
        .replace("&nbsp;", " ")
        .replace(['\u{a0}', '\u{202f}'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Closes a month of the demo's past, as it was or with its observations changed by `change`,
/// and compares figures and sentence.
fn check_month(
    text: &str,
    change: impl FnOnce(&mut Vec<Finding>),
    [total_ms, down_ms, unknown_ms]: [i64; 3],
    verdict: Verdict,
    sentence: &str,
) {
    let mut installation = Installation::new("60s");
    let endpoint = installation.config.catalog.endpoint("socle").unwrap().1;
    let window = month(text).window();
    let reach = Window::new(
        window.start().plus_ms(-HOUR_MS),
        window.end().plus_ms(HOUR_MS),
    )
    .unwrap();
    let mut findings: Vec<Finding> = Past::until(today(), PARIS)
        .findings(endpoint, &installation.config.vantage, reach)
        .collect();
    change(&mut findings);
    installation.store.append(&findings).unwrap();

    let closed = installation.close(text, Kind::Final);
    let closed = closed
        .iter()
        .find(|closed| closed.partner == "valfictif")
        .unwrap();
    assert!(matches!(closed.done, Done::Saved(_)), "{text}: {closed:?}");
    assert_eq!(closed.number, format!("{text}-particulier-v1"));
    assert_eq!(closed.verdict, verdict, "{text}");
    let statement = statement_of(closed);
    let tally = &statement["tally_ms"];
    assert_eq!(statement["window"]["length_ms"], total_ms, "{text}");
    assert_eq!(tally["down"], down_ms, "{text}: {tally}");
    assert_eq!(tally["unknown"], unknown_ms, "{text}: {tally}");
    let good_ms = tally["up"].as_i64().unwrap() + tally["degraded"].as_i64().unwrap();
    assert_eq!(good_ms, total_ms - down_ms - unknown_ms, "{text}: {tally}");
    assert_eq!(statement["verdict"], verdict.code(), "{text}");
    let report = text_of(closed);
    assert!(
        report.contains(sentence),
        "{text}: `{sentence}` does not stand in the report:\n{}",
        report.chars().take(3_000).collect::<String>()
    );
}

fn as_it_was(_: &mut Vec<Finding>) {}

#[test]
fn the_missed_october_comes_out_to_the_millisecond() {
    check_month(
        "2025-10",
        as_it_was,
        [44_700 * MINUTE_MS, 2_410 * MINUTE_MS, 0],
        Verdict::Missed,
        "Engagement non tenu. En octobre 2025, le Service a été disponible 94,60 % du temps, pour \
         un engagement de 95 %. L’indisponibilité constatée s’élève à 40 h 10 min et dépasse de \
         2 h 55 min la durée maximale admise (37 h 15 min).",
    );
}

#[test]
fn the_november_exactly_at_its_target_is_met() {
    check_month(
        "2025-11",
        as_it_was,
        [43_200 * MINUTE_MS, 2_160 * MINUTE_MS, 0],
        Verdict::Met,
        "Engagement tenu. En novembre 2025, le Service a été disponible 95,00 % du temps, pour un \
         engagement de 95 %. L’indisponibilité constatée s’élève à 36 h, pour une durée maximale \
         admise de 36 h.",
    );
}

/// The answer that ends an outage comes a second later.
#[test]
fn one_second_more_and_november_is_missed() {
    let one_second_later = |findings: &mut Vec<Finding>| {
        let begin = month("2025-11").window().start();
        let is_down = |finding: &Finding| matches!(finding.observation.outcome, Outcome::Failed(_));
        let end_of_outage = (1..findings.len())
            .find(|idx| {
                findings[*idx].observation.at > begin
                    && is_down(&findings[idx - 1])
                    && !is_down(&findings[*idx])
            })
            .unwrap();
        let observation = &mut findings[end_of_outage].observation;
        observation.at = observation.at.plus_ms(SECOND_MS);
    };
    check_month(
        "2025-11",
        one_second_later,
        [43_200 * MINUTE_MS, 2_160 * MINUTE_MS + SECOND_MS, 0],
        Verdict::Missed,
        "Engagement non tenu. En novembre 2025, le Service a été disponible 94,99 % du temps",
    );
}

#[test]
fn the_march_that_nobody_can_decide_says_between_what_and_what() {
    check_month(
        "2026-03",
        as_it_was,
        [44_580 * MINUTE_MS, 1_900 * MINUTE_MS, 600 * MINUTE_MS],
        Verdict::Undetermined,
        "Résultat indéterminé. En mars 2026, l’état du Service n’a pas pu être établi pendant \
         10 h. Selon que le Service était disponible ou non pendant ce temps, le taux est compris \
         entre 94,39 % et 95,73 %, pour un engagement de 95 %. Les mesures disponibles ne \
         permettent donc pas de dire si l’engagement a été tenu.",
    );
}

#[test]
fn the_september_with_a_little_unmeasured_time_is_met_at_least() {
    check_month(
        "2026-09",
        as_it_was,
        [43_200 * MINUTE_MS, 312 * MINUTE_MS, 20 * MINUTE_MS],
        Verdict::Met,
        "Engagement tenu. En septembre 2026, le Service a été disponible 99,23 % du temps au \
         moins, pour un engagement de 95 %. L’indisponibilité constatée s’élève à 5 h 12 min, \
         pour une durée maximale admise de 36 h.",
    );
}

#[test]
fn closing_again_changes_no_byte() {
    let mut installation = Installation::with_october();
    let first = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(first.done, Done::Saved(_)));
    let (files, revisions) = (installation.files(), installation.revisions("2025-10"));
    assert!(files.len() >= 8, "{:?}", files.keys());
    let n_entries = installation.store.journal_entries(1_000).unwrap().len();

    let second = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(second.done, Done::Unchanged(folder_of(&first).to_owned()));
    assert_eq!(installation.files(), files);
    assert_eq!(installation.revisions("2025-10"), revisions);
    // A reason alone makes no new edition.
    let third = installation.close_for_one("2025-10", Kind::Revise("sans objet"));
    assert!(matches!(third.done, Done::Unchanged(_)));
    assert_eq!(installation.files(), files);
    assert_eq!(
        installation.store.journal_entries(1_000).unwrap().len(),
        n_entries,
        "nothing was done, so nothing is on record"
    );
}

/// An edition that was handed out says the same for ever, also when a month before it is closed
/// afterwards and its twelve-month table could say more.
#[test]
fn an_issued_report_does_not_change_when_an_earlier_month_is_closed() {
    let mut installation = Installation::with_october();
    installation.see_all_of("2025-11");
    installation.close_for_one("2025-11", Kind::Final);
    let issued = installation.files();
    installation.close_for_one("2025-10", Kind::Final);
    installation.close_for_one("2025-11", Kind::Final);
    let now = installation.files();
    // The index of the partner's folder is no part of a report.
    for (path, bytes) in issued
        .iter()
        .filter(|(path, _)| !path.ends_with("index.html"))
    {
        assert!(now[path] == *bytes, "`{}` was changed", path.display());
    }
}

/// What an interruption left undone is done by closing again: here the last steps of the delivery
/// are taken back.
#[test]
fn a_report_that_is_not_whole_is_written_again() {
    let mut installation = Installation::with_october();
    let unfinished = |installation: &Installation| {
        unfinished_months(&installation.config, &installation.store, today(), 14).unwrap()
    };
    // Half a day before October and half a day after it were seen, too.
    assert_eq!(unfinished(&installation), ["2025-11", "2025-10", "2025-09"]);
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let whole = installation.files();
    assert_eq!(unfinished(&installation), ["2025-11", "2025-09"]);
    std::fs::remove_file(folder_of(&closed).join("SHA256SUMS")).unwrap();
    std::fs::write(folder_of(&closed).join("mesures.csv"), "torn").unwrap();
    assert_eq!(unfinished(&installation), ["2025-11", "2025-10", "2025-09"]);
    installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(installation.files(), whole);
    assert_eq!(unfinished(&installation), ["2025-11", "2025-09"]);
}

#[test]
fn the_checksums_name_every_document_and_hold() {
    let mut installation = Installation::with_october();
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let folder = folder_of(&closed);
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "SHA256SUMS" || said.contains(&format!("{name}: OK")),
            "`{name}` is not in SHA256SUMS: {said}"
        );
    }
    for name in ["rapport.html", "statement.json", "mesures.csv"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn the_evidence_that_is_handed_out_settles_to_the_published_statement() {
    let mut installation = Installation::with_october();
    let pending = installation.declare(
        ExclusionKind::ForceMajeure,
        "2025-10-01T12:00:00+02:00",
        "2025-10-01T13:00:00+02:00",
    );
    let accepted = installation.declare(
        ExclusionKind::PartnerRequest,
        "2025-10-01T13:00:00+02:00",
        "2025-10-01T14:00:00+02:00",
    );
    assert_ne!(pending, accepted);
    installation
        .store
        .accept(accepted, "essai", today())
        .unwrap();
    let closed = installation.close_for_one("2025-10", Kind::Final);
    let published = std::fs::read(folder_of(&closed).join("statement.json")).unwrap();
    let evidence = installation.evidence(None);
    let recomputed = settle_document(&evidence).unwrap();
    assert_eq!(
        String::from_utf8(recomputed).unwrap(),
        String::from_utf8(published.clone()).unwrap()
    );
    let statement: Value = serde_json::from_slice(&published).unwrap();
    assert_eq!(statement["evidence_sha256"], sha256_hex(&evidence));
    assert_eq!(statement["tally_ms"]["excluded"], HOUR_MS);
    let [saved] = installation.revisions("2025-10").try_into().unwrap();
    assert_eq!(saved.json, published);
    assert!(text_of(&closed).contains(&sha256_hex(&evidence)));
}

/// A month that was closed and whose evidence then changed: refused without a reason, a new
/// edition with one. `change` returns what the statement must say of Down and Unknown time then.
fn check_revision(change: impl FnOnce(&mut Installation) -> [i64; 2]) {
    let mut installation = Installation::with_october();
    let first = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(statement_of(&first)["tally_ms"]["down"], 6 * HOUR_MS);
    let issued = installation.files();
    let [down_ms, unknown_ms] = change(&mut installation);

    let refused = installation.close_for_one("2025-10", Kind::Final);
    assert_eq!(refused.done, Done::Differs);
    assert_eq!(installation.files(), issued, "nothing is written");
    assert_eq!(installation.revisions("2025-10").len(), 1);
    let dry = installation.close_for_one("2025-10", Kind::DryRun);
    assert_eq!(dry.done, Done::DryRun);

    let second = installation.close_for_one("2025-10", Kind::Revise("sonde défectueuse."));
    assert!(matches!(second.done, Done::Revised(_)), "{second:?}");
    assert_eq!(second.number, "2025-10-particulier-v2");
    let tally = &statement_of(&second)["tally_ms"];
    assert_eq!(tally["down"], down_ms, "{tally}");
    assert_eq!(tally["unknown"], unknown_ms, "{tally}");
    let text = text_of(&second);
    for said in [
        "rectificatif",
        "annule et remplace le rapport n° 2025-10-particulier-v1 du 22 novembre 2026",
        "Motif : sonde défectueuse.",
    ] {
        assert!(text.contains(said), "`{said}` does not stand in: {text}");
    }
    let now = installation.files();
    for (path, bytes) in &issued {
        // The index tells of the new edition.
        let same = now[path] == *bytes;
        assert_eq!(same, !path.ends_with("index.html"), "{}", path.display());
    }
    let month = folder_of(&second).parent().unwrap();
    for (folder, prefix) in [(month, ""), (month.parent().unwrap(), "2025-10/")] {
        let index = std::fs::read_to_string(folder.join("index.html")).unwrap();
        assert!(index.contains(">2025-10-particulier-v1 (annulé et remplacé)</td>"));
        assert!(index.contains(">2025-10-particulier-v2</td>"));
        for document in [
            "rapport.html",
            "rapport.pdf",
            "mesures.csv",
            "statement.json",
        ] {
            let address = format!("{prefix}particulier-v2/{document}");
            assert!(index.contains(&format!("href=\"{address}\"")), "{index}");
            assert!(folder.join(&address).exists(), "{address}");
        }
    }
    let revisions = installation.revisions("2025-10");
    assert_eq!(revisions.len(), 2);
    assert_eq!(revisions[1].reason.as_deref(), Some("sonde défectueuse."));

    let third = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(third.done, Done::Unchanged(_)), "{third:?}");
    assert_eq!(installation.files(), now);
    assert!(installation.store.verify_journal().unwrap().is_whole());
}

#[test]
fn a_fact_that_arrives_late_leads_to_a_new_edition() {
    check_revision(|installation| {
        // From another vantage, between two observations: for a quarter of an hour they disagree.
        let late = finding(at("2025-10-01T12:15:00+02:00"), true);
        installation.store.append(&[late]).unwrap();
        [6 * HOUR_MS - 15 * MINUTE_MS, 0]
    });
}

#[test]
fn an_accepted_correction_makes_its_time_unknown() {
    check_revision(|installation| {
        let id = installation.declare(
            ExclusionKind::Correction,
            "2025-10-01T13:00:00+02:00",
            "2025-10-01T15:00:00+02:00",
        );
        installation.store.accept(id, "essai", today()).unwrap();
        [4 * HOUR_MS, 2 * HOUR_MS]
    });
}

#[test]
fn an_accepted_exclusion_leaves_its_time_out() {
    check_revision(|installation| {
        let id = installation.declare(
            ExclusionKind::ForceMajeure,
            "2025-10-01T13:00:00+02:00",
            "2025-10-01T15:00:00+02:00",
        );
        installation.store.accept(id, "essai", today()).unwrap();
        [4 * HOUR_MS, 0]
    });
}

#[test]
fn a_refused_request_changes_nothing() {
    let mut installation = Installation::with_october();
    installation.close_for_one("2025-10", Kind::Final);
    let id = installation.declare(
        ExclusionKind::Other,
        "2025-10-01T13:00:00+02:00",
        "2025-10-01T15:00:00+02:00",
    );
    installation.store.refuse(id, "essai", today()).unwrap();
    let again = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(again.done, Done::Unchanged(_)), "{again:?}");
}

#[test]
fn a_running_month_is_only_told_provisionally() {
    let mut installation = Installation::new("30min");
    let month = month("2026-11").window();
    installation.see(Window::new(month.start(), today()).unwrap(), |_| true);
    let refused = installation
        .try_close("2026-11", None, Kind::Final)
        .unwrap_err()
        .to_string();
    for said in ["2026-11", "not over", "2026-12-01 01:00", "--provisional"] {
        assert!(refused.contains(said), "`{said}` is missing: {refused}");
    }
    assert!(installation.files().is_empty());

    let closed = installation.close_for_one("2026-11", Kind::Provisional);
    assert!(matches!(closed.done, Done::Provisional(_)));
    assert_eq!(closed.number, "2026-11-particulier-provisoire");
    assert!(text_of(&closed).contains("Résultat provisoire au 22 novembre 2026 à 10 h 30."));
    assert!(installation.revisions("2026-11").is_empty());
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let mut installation = Installation::with_october();
    let mut check = |month: &str, partner: Option<&str>, said: &[&str]| {
        let text = match installation.try_close(month, partner, Kind::Final) {
            Ok(closed) => panic!("{month} for {partner:?} was closed: {closed:?}"),
            Err(error) => format!("{error:#}"),
        };
        for said in said {
            assert!(text.contains(said), "{month}: `{said}` is missing: {text}");
        }
        assert!(
            installation.files().is_empty(),
            "{month}: something was written"
        );
    };
    check(
        "2025-07",
        None,
        &["2025-07", "known are 2025-09 to 2025-11"],
    );
    check("2027-01", None, &["2027-01", "not over"]);
    check("octobre", None, &["octobre"]);
    check("2025-13", None, &["2025-13"]);
    check(
        "2025-10",
        Some("valfictive"),
        &["valfictive", "`valfictif`", "`parti`", "`arrive`"],
    );
    check(
        "2025-10",
        Some("arrive"),
        &["2025-10", "no partner is connected"],
    );
    check(
        "2025-10",
        Some("parti"),
        &["2025-10", "no partner is connected"],
    );

    let order = Order {
        month: "2025-10",
        partner: None,
        service: Some("particuliers"),
        kind: Kind::Final,
        who: "essai",
    };
    let Installation { config, store, .. } = &mut installation;
    let error = close(config, store, today(), &order, &mut |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("known are `particulier`"),
        "{error}"
    );

    let subject = |service, partner, month| Subject {
        service,
        partner,
        month,
        revision: None,
    };
    let hand_out = |service, partner, month| match document(
        config,
        store,
        today(),
        subject(service, partner, month),
    ) {
        Ok(_) => panic!("{service} {partner} {month} was handed out"),
        Err(error) => format!("{error:#}"),
    };
    assert!(hand_out("particuliers", "valfictif", "2025-10").contains("`particulier`"));
    assert!(hand_out("particulier", "valfictive", "2025-10").contains("`valfictif`"));
    assert!(hand_out("particulier", "parti", "2025-10").contains("not connected"));
    assert!(
        hand_out("particulier", "valfictif", "2025-07").contains("known are 2025-09 to 2025-11")
    );
    let empty = Installation::new("30min");
    let error = document(
        &empty.config,
        &empty.store,
        today(),
        subject("particulier", "valfictif", "2025-10"),
    );
    assert!(error.is_err_and(|error| error.to_string().contains("no observation yet")));
}

/// Who was not connected in the month gets nothing; who was, gets it all.
#[test]
fn only_partners_who_were_connected_get_a_report() {
    let mut installation = Installation::new("30min");
    installation.see_all_of("2025-09");
    let closed = installation.close("2025-09", Kind::Final);
    let partners: Vec<&str> = closed.iter().map(|one| one.partner.as_str()).collect();
    assert_eq!(partners, ["valfictif", "parti"]);
    let reports = installation.path("rapports");
    let mut folders: Vec<String> = std::fs::read_dir(reports)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // What partners share is kept apart, and linked into their folders.
        .filter(|name| !name.starts_with('.'))
        .collect();
    folders.sort();
    assert_eq!(folders, ["parti", "valfictif"]);
    for one in &closed {
        let folder = folder_of(one);
        let evidence = std::fs::read(folder.join("evidence.json")).unwrap();
        let settled = settle_document(&evidence).unwrap();
        let statement = std::fs::read(folder.join("statement.json")).unwrap();
        assert_eq!(settled, statement, "what a partner recomputes");
    }
    // Both were connected all through it: what they are told is the same.
    assert_eq!(statement_of(&closed[0]), statement_of(&closed[1]));
}

/// The program was upgraded since: the same figures under another version are no correction.
#[test]
fn another_version_that_finds_the_same_corrects_nothing() {
    let engine = vigie::exchange::engine();
    let mut before = Installation::with_october();
    let closed = before.close_for_one("2025-10", Kind::Final);
    let json = std::fs::read_to_string(folder_of(&closed).join("statement.json")).unwrap();
    let json = json
        .replace(&engine, "vigie 0.0.1, tzdata 2024a")
        .into_bytes();
    let [saved] = before.revisions("2025-10").try_into().unwrap();

    let mut after = Installation::with_october();
    let of_the_old_version = NewStatement {
        partner: saved.partner,
        service: saved.service,
        month: saved.month,
        json: json.clone(),
        evidence_sha256: saved.evidence_sha256,
        commitment: saved.commitment,
        engine: "vigie 0.0.1, tzdata 2024a".to_owned(),
        reason: None,
        basis: None,
        evidence_end: saved.month.window().end().plus_ms(HOUR_MS),
        letters_to: Vec::new(),
    };
    after
        .store
        .save_statements(&[of_the_old_version], "essai", today())
        .unwrap();
    let closed = after.close_for_one("2025-10", Kind::Final);
    assert!(matches!(closed.done, Done::Unchanged(_)), "{closed:?}");
    let written = std::fs::read(folder_of(&closed).join("statement.json")).unwrap();
    assert_eq!(written, json);
    assert!(text_of(&closed).contains("vigie 0.0.1, tzdata 2024a"));
}

/// The report says when the measurement began if that was in the month, and only then: a hole at
/// the beginning of a month is no beginning.
#[test]
fn a_hole_at_the_beginning_of_a_month_is_not_the_first_measurement() {
    let window = month("2025-10").window();
    let noon_of_the_fourth = window.start().plus_ms(84 * HOUR_MS);
    let rest = Window::new(noon_of_the_fourth, window.end().plus_ms(2 * HOUR_MS)).unwrap();
    let said = "La mesure a commencé le 4 octobre 2025";

    let mut fresh = Installation::new("30min");
    fresh.see(rest, |_| true);
    let report = text_of(&fresh.close_for_one("2025-10", Kind::Final));
    assert!(report.contains(said), "{report}");

    let mut known = Installation::new("30min");
    let before = Window::new(
        window.start().plus_ms(-240 * HOUR_MS),
        window.start().plus_ms(-24 * HOUR_MS),
    )
    .unwrap();
    known.see(before, |_| true);
    known.see(rest, |_| true);
    let report = text_of(&known.close_for_one("2025-10", Kind::Final));
    assert!(!report.contains(said), "{report}");
}

/// A service may have been down all the time, or we asked it wrongly all the time: whoever knows
/// says so, and only then partners are told.
#[test]
fn a_month_that_was_never_answered_waits_for_somebodys_word() {
    let window = month("2025-10").window();
    let never = || {
        let mut installation = Installation::new("30min");
        installation.see(window, |_| false);
        let held = installation.close_for_one("2025-10", Kind::Final);
        let Done::Held(why) = &held.done else {
            panic!("it is closed: {held:?}");
        };
        for said in [
            "`socle`",
            "`vigie declare cause`",
            "`vigie declare correction`",
        ] {
            assert!(why.contains(said), "`{said}` does not stand in: {why}");
        }
        assert_eq!(installation.reports(), BTreeMap::new());
        assert_eq!(installation.revisions("2025-10"), []);
        installation
    };
    let down_ms = |installation: &mut Installation| {
        let closed = installation.close_for_one("2025-10", Kind::Final);
        assert!(matches!(closed.done, Done::Saved(_)), "{closed:?}");
        statement_of(&closed)["tally_ms"]["down"].as_i64().unwrap()
    };

    // It was an outage.
    let mut installation = never();
    let cause = StatedCause {
        window,
        french: "raccordement non livré".to_owned(),
        english: None,
        attribution: Attribution::Service,
        by: "Opérateur d'essai".to_owned(),
        said: today(),
    };
    let service = ServiceId::new("particulier").unwrap();
    let stated = installation.store.state_cause(&service, &cause, "essai");
    stated.unwrap();
    assert_eq!(down_ms(&mut installation), window.length_ms());

    // A cause of a part of it says nothing of the rest.
    let mut installation = never();
    let part = StatedCause {
        window: Window::new(window.start(), window.start().plus_ms(HOUR_MS)).unwrap(),
        ..cause
    };
    let stated = installation.store.state_cause(&service, &part, "essai");
    stated.unwrap();
    let held = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(held.done, Done::Held(_)), "{held:?}");

    // We were wrong; a request that is not decided yet says nothing.
    let mut installation = never();
    let wrong = (window.start().to_string(), window.end().to_string());
    let id = installation.declare(ExclusionKind::Correction, &wrong.0, &wrong.1);
    let held = installation.close_for_one("2025-10", Kind::Final);
    assert!(matches!(held.done, Done::Held(_)), "{held:?}");
    installation.store.accept(id, "essai", today()).unwrap();
    assert_eq!(down_ms(&mut installation), 0);

    // It had answered once, a month before: then it is an outage like any other.
    let mut installation = Installation::new("30min");
    let before = month("2025-09").window();
    installation.see(before.hull(&window), |at| at == before.start());
    assert_eq!(down_ms(&mut installation), window.length_ms());
}
