//! What a report says, in order: blocks that know no format.

mod block;
mod closing;
mod endpoints;
mod evolution;
mod incidents;
mod maintenance;
mod method;
mod result;

use std::sync::Arc;

use chrono::Timelike;

pub(in crate::report) use block::{Block, Fact, Figure, Page, Section, Sign, Table, VerdictSaid};
pub(in crate::report) use evolution::months;
pub(in crate::report) use result::{left, verdict_sentence};

use super::Report;
use super::words::{Words, words};
use crate::sla::availability::Verdict;
use crate::sla::catalog::{Endpoint, EndpointId};
use crate::sla::window::Timestamp;

/// All that a report says.
pub(in crate::report) fn compose(report: &Report<'_>) -> Page {
    let look = report.look;
    let additions = look.additions(report.language);
    let words = words(report.language);
    let month = (words.month)(report.month);
    let heading = if report.edition.replaces.is_some() {
        words.title_correction
    } else if report.statement.now.is_some() {
        words.title_provisional
    } else {
        words.title
    };
    let subheading = format!("{} — {month}", report.service.name);
    let sections = [
        (words.section_result, result::result(report, words)),
        (words.section_evolution, evolution::evolution(report, words)),
        (words.section_incidents, incidents::incidents(report, words)),
        (
            words.section_maintenance,
            maintenance::maintenance(report, words),
        ),
        (words.section_endpoints, endpoints::endpoints(report, words)),
        (words.section_usage, endpoints::usage(report, words)),
        (words.section_actions, closing::actions(report, words)),
        (words.section_method, method::method(report, words)),
        (
            words.section_contact,
            closing::contact(report, &additions.closing, words),
        ),
    ];
    Page {
        words,
        title: format!("{heading} — {subheading}"),
        publisher: report.provider.name.clone(),
        heading,
        subheading,
        addressee: report.partner.name.clone(),
        facts: head(report, words),
        banner: correction(report, words),
        introduction: additions.introduction.clone(),
        logo: look.logo.clone(),
        accent: look.accent,
        sections: (1..)
            .zip(sections)
            .map(|(number, (title, blocks))| Section {
                number,
                title,
                blocks,
            })
            .collect(),
        footer: format!("{} · {}", report.edition.number, report.edition.engine),
        running: format!("{} · {}", report.provider.name, report.edition.number),
        number: report.edition.number.clone(),
        engine: report.edition.engine.clone(),
    }
}

/// The subject of the letter that brings the report.
pub(in crate::report) fn subject(report: &Report<'_>) -> String {
    let words = words(report.language);
    let verdict = match report.statement.now {
        Some(_) => words.subject_provisional,
        None => (words.subject_verdict)(report.statement.verdict),
    };
    let subject = (words.subject)(&report.service.name, report.month, verdict);
    match report.edition.replaces {
        Some(_) => (words.subject_correction)(&subject),
        None => subject,
    }
}

fn head(report: &Report<'_>, words: &Words) -> Vec<Fact> {
    let zone = report.month.zone();
    let length = words.duration(report.statement.window.length_ms());
    let clause = &report.commitment.clause;
    vec![
        Fact::new(words.label_service, report.service.name.clone()),
        Fact::new(
            words.label_period,
            (words.period)(report.month, &(words.zone)(zone), &length),
        ),
        Fact::new(
            words.label_commitment,
            (words.commitment)(&clause.quote, &clause.reference, report.commitment.from),
        ),
        Fact::new(
            words.label_number,
            (words.number)(
                &report.edition.number,
                &moment(report.edition.established, report, words),
            ),
        ),
    ]
}

pub(super) fn endpoint<'a>(report: &'a Report<'_>, id: &EndpointId) -> Option<&'a Endpoint> {
    report
        .service
        .endpoints
        .iter()
        .map(Arc::as_ref)
        .find(|endpoint| endpoint.id == *id)
}

pub(super) fn label(report: &Report<'_>, id: &EndpointId) -> String {
    endpoint(report, id).map_or_else(|| id.to_string(), |endpoint| endpoint.label.clone())
}

/// `12 novembre 2025`.
fn day(at: Timestamp, report: &Report<'_>, words: &Words) -> String {
    (words.date)(at.to_local(report.month.zone()).date_naive())
}

/// `12 novembre 2025 à 6 h 00`.
fn moment(at: Timestamp, report: &Report<'_>, words: &Words) -> String {
    let local = at.to_local(report.month.zone());
    (words.date_and_clock)(local.date_naive(), local.hour(), local.minute())
}

/// What the report corrects, why, and what has changed; for the page and the letter.
pub(in crate::report) fn correction(report: &Report<'_>, words: &Words) -> Option<String> {
    let replaced = report.edition.replaces.as_ref()?;
    let replaces = (words.replaces)(
        &replaced.number,
        &day(replaced.established, report, words),
        &replaced.reason,
    );
    let rates = match replaced.tally.availability() {
        Some(availability) => words.rates(availability),
        None => (words.verdict)(Verdict::NotApplicable).to_owned(),
    };
    let (was, is) = (replaced.tally, report.statement.tally);
    let figures = (words.replaced_figures)(
        (words.subject_verdict)(replaced.verdict),
        &rates,
        was.down_ms,
        is.down_ms - was.down_ms,
        is.unknown_ms - was.unknown_ms,
    );
    Some(format!("{replaces} {figures}"))
}
