//! What a partner gets by mail about one statement.

use askama::Template;
use chrono::NaiveDate;

use super::words::words;
use super::{Document, Report, Sentence, page};
use crate::sla::availability::Verdict;
use crate::sla::catalog::{Language, PartnerId};
use crate::sla::window::Timestamp;

/// A letter, ready to be put into an envelope. It has one mailbox: no partner learns another's
/// address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The number of the statement that it carries, with its revision. Number, partner and
    /// mailbox together say which letter it is: the same letter again has the same three.
    pub number: String,
    /// To whom.
    pub partner: PartnerId,
    /// The partner's name.
    pub to_name: String,
    /// The mailbox.
    pub to_address: String,
    /// In which language it is written.
    pub language: Language,
    /// What it says.
    pub text: LetterText,
    /// What is attached.
    pub documents: Vec<Document>,
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterText {
    /// One line.
    pub subject: String,
    /// The whole letter, for readers of plain text.
    pub plain: String,
    /// The same letter as a page, without script or outside resource.
    pub html: String,
}

/// How a letter brings the report, and who signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Whether the report is attached.
    pub attached: bool,
    /// Where the report can be read, if it can.
    pub link: Option<&'a str>,
    /// The last lines; absent: the provider's name.
    pub signature: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "letter.html", config = "src/report/templates/askama.toml")]
struct LetterPage<'a> {
    lang: &'a str,
    subject: &'a str,
    greeting: &'a str,
    before: &'a [String],
    verdict: &'a Sentence,
    colour: &'a str,
    /// Of links.
    accent: String,
    enclosure: &'a str,
    link: Option<&'a str>,
    contact: &'a str,
    mailbox: &'a str,
    signature: &'a str,
}

/// Writes the letter that brings `report`, or tells where to find it, or only its result.
pub fn write_letter(report: &Report<'_>, delivery: &Delivery<'_>) -> LetterText {
    let words = words(report.language);
    let subject = page::subject(report);
    let verdict = page::verdict_sentence(report);
    let service = &report.service.name;
    let mut before = vec![match left_on(report) {
        None => (words.letter_connected)(service, report.month),
        Some(last_day) => (words.letter_was_connected)(service, last_day, report.month),
    }];
    before.extend(page::correction(report, words));
    let enclosure = match (delivery.attached, delivery.link) {
        (true, None) => words.letter_attached,
        (true, Some(_)) => words.letter_attached_and_linked,
        (false, Some(_)) => words.letter_linked,
        (false, None) => words.letter_on_request,
    };
    let mailbox = &report.provider.contact;
    let signature = delivery.signature.unwrap_or(&report.provider.name);

    let html = LetterPage {
        lang: words.lang,
        subject: &subject,
        greeting: words.letter_greeting,
        before: &before,
        verdict: &verdict,
        // Those of the report's page.
        colour: match report.statement.verdict {
            Verdict::Met => "#1d5c43",
            Verdict::Missed => "#7a1b2b",
            Verdict::Undetermined | Verdict::NotApplicable => "#6b4a0c",
        },
        accent: report.look.accent.css(),
        enclosure,
        link: delivery.link,
        contact: words.letter_contact,
        mailbox,
        signature,
    }
    .render()
    .expect("a template without fallible values renders")
    // As in the report's page: attributes stand in double quotes.
    .replace("&#39;", "'");

    let mut paragraphs = vec![words.letter_greeting.to_owned()];
    paragraphs.extend(before);
    paragraphs.push(verdict.to_string());
    paragraphs.push(match delivery.link {
        Some(link) => format!("{enclosure} {link}"),
        None => enclosure.to_owned(),
    });
    paragraphs.push(format!("{} {mailbox}", words.letter_contact));
    paragraphs.push(signature.trim_end().to_owned());
    LetterText {
        subject,
        plain: paragraphs.join("\n\n") + "\n",
        html,
    }
}

/// The partner's last day of connection, if that was before the letter is written.
fn left_on(report: &Report<'_>) -> Option<NaiveDate> {
    let written = report.edition.established;
    let windows = &report
        .partner
        .memberships
        .iter()
        .find(|membership| membership.service == report.service.id)?
        .windows;
    if windows.contains(written) {
        return None;
    }
    let end: Timestamp = windows
        .iter()
        .map(|window| window.end())
        .filter(|end| *end <= written)
        .max()?;
    Some(end.plus_ms(-1).to_local(report.month.zone()).date_naive())
}
