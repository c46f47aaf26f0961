//! What a good answer is: its status, the assertions about it, the field that tells a state.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;
use toml::Spanned;

use crate::config::kind::StatusRange;
use crate::config::raw;
use crate::sla::assertion::{Assertion, AssertionError, Subject, Test};
use crate::sla::catalog::{JsonState, Statuses};

use super::{Checker, texts};

/// The statuses of a good answer; 200 if none is named.
pub(super) fn statuses(written: Option<Vec<Spanned<StatusRange>>>) -> Option<Statuses> {
    match written {
        None => Some(Statuses::OK),
        Some(ranges) => Statuses::new(ranges.iter().map(|range| range.get_ref().0).collect()),
    }
}

impl Checker<'_> {
    /// The assertions about an answer; nothing if one of them is wrong.
    pub(super) fn assertions(&self, http: &raw::Http) -> Option<Vec<Assertion>> {
        let is_head = http
            .method
            .written()
            .is_some_and(|method| method.get_ref().0 == "HEAD");
        if let (true, Some(at)) = (is_head, http.json.at()) {
            self.no_body(at);
        }
        // A redirect may lead from `http` to `https`.
        let without_tls = http.url.as_ref().is_some_and(|url| !url.get_ref().tls)
            && http.redirects_max.written().is_none();
        let written = http.assertions.iter().flatten();
        let read: Vec<Option<Assertion>> = written
            .map(|written| {
                let assertion = self.assertion(written)?;
                match assertion.subject() {
                    Subject::Body | Subject::Json(_) if is_head => self.no_body(written.span()),
                    Subject::CertificateDays if without_tls => self.notes.fault(
                        written.span(),
                        "there is no certificate: the address is not `https`",
                        "write an `https://` address, or remove the assertion",
                    ),
                    _ => {}
                }
                Some(assertion)
            })
            .collect();
        read.into_iter().collect()
    }

    fn no_body(&self, at: Range<usize>) {
        self.notes.fault(
            at,
            "an answer to `HEAD` has no body to look at",
            "write `method = \"GET\"`, or expect nothing of the body",
        );
    }

    /// One assertion; what is wrong with it is shown where it is wrong.
    pub(super) fn assertion(&self, written: &Spanned<String>) -> Option<Assertion> {
        let text = written.get_ref();
        let read = Assertion::parse(text).and_then(|assertion| {
            if let Test::Matches { pattern, .. } = assertion.test() {
                is_pattern(text, pattern)?;
            }
            Ok(assertion)
        });
        match read {
            Ok(assertion) => Some(assertion),
            Err(error) => {
                self.notes
                    .fault(self.inside(written, error.at), error.message, error.remedy);
                None
            }
        }
    }

    /// Where in the file a part of a text stands; the whole text, if it is written with escapes.
    fn inside(&self, written: &Spanned<String>, part: Range<usize>) -> Range<usize> {
        let whole = written.span();
        let as_written = self.text.get(whole.clone()).unwrap_or_default();
        match as_written.find(written.get_ref().as_str()) {
            Some(offset) => whole.start + offset + part.start..whole.start + offset + part.end,
            None => whole,
        }
    }

    pub(super) fn json(&self, raw: raw::Json) -> Option<JsonState> {
        let mut meanings: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, texts) in [
            ("up", &raw.up),
            ("maintenance", &raw.maintenance),
            ("unknown", &raw.unknown),
        ] {
            for text in texts.iter().flatten() {
                if let Some(other) = meanings.insert(text.get_ref(), key) {
                    self.notes.fault(
                        text.span(),
                        format!("`{key}` names a text that `{other}` names already"),
                        "let each text mean one thing",
                    );
                }
            }
        }
        Some(JsonState {
            path: raw.path?.into_inner(),
            up: texts(Some(raw.up?)),
            maintenance: texts(raw.maintenance),
            unknown: texts(raw.unknown),
            dated_by: raw.dated_by.maybe()?,
        })
    }
}

/// Whether `pattern` is a regular expression; `text` is the assertion that it stands in.
fn is_pattern(text: &str, pattern: &str) -> Result<(), AssertionError> {
    let Err(error) = Regex::new(pattern) else {
        return Ok(());
    };
    let message = match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
        // The last line of a long drawing says what is wrong.
        error => {
            let drawing = error.to_string();
            let last = drawing.lines().last().unwrap_or_default();
            let why = last.strip_prefix("error: ").unwrap_or(last);
            format!("this is not a regular expression: {why}")
        }
    };
    let start = text.find('/').unwrap_or(0);
    Err(AssertionError {
        at: start..text.trim_end().len(),
        message,
        remedy: "write it as https://docs.rs/regex describes: without look-around and back-references, in linear time".to_owned(),
    })
}
