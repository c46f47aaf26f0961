//! What is wrong with a configuration: where, why, and what would be right.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One thing that is wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named to us.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// Where, in bytes of the file.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub remedy: String,
}

/// Everything that is wrong in a configuration file, in the order of the file; never empty.
///
/// Shown with the offending lines. Values that look like secrets are masked there, as the text
/// may end up in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    /// The file's text, its secrets masked.
    masked: String,
}

impl Faults {
    /// The faults that were noted while reading `text`, which is shown as file `name`.
    pub(super) fn new(mut noted: Vec<Noted>, text: &str, name: &str) -> Self {
        noted.sort_by_key(|fault| (fault.at.start, fault.at.end));
        let faults = noted
            .into_iter()
            .map(
                |Noted {
                     at,
                     message,
                     remedy,
                 }| {
                    let before = &text[..at.start];
                    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
                    Fault {
                        file: name.to_owned(),
                        line: before.matches('\n').count() + 1,
                        column: before[line_start..].chars().count() + 1,
                        span: at,
                        message,
                        remedy,
                    }
                },
            )
            .collect();
        Self {
            faults,
            masked: mask(text),
        }
    }

    /// The faults, in the order of the file.
    pub fn as_slice(&self) -> &[Fault] {
        &self.faults
    }

    /// The faults as shown, with the colours of a terminal.
    pub fn colored(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut shown = String::new();
        for fault in &self.faults {
            let report = [Level::ERROR
                .primary_title(fault.message.as_str())
                .element(
                    Snippet::source(self.masked.as_str())
                        .path(fault.file.as_str())
                        .annotation(AnnotationKind::Primary.span(fault.span.clone())),
                )
                .element(Level::HELP.message(fault.remedy.as_str()))];
            shown.push_str(&renderer.render(&report));
            shown.push_str("\n\n");
        }
        let file = self.faults.first().map_or("", |fault| fault.file.as_str());
        match self.faults.len() {
            1 => shown.push_str(&format!("1 fault in {file}")),
            n_faults => shown.push_str(&format!("{n_faults} faults in {file}")),
        }
        shown
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

/// Without the file's text.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.faults).finish()
    }
}

impl std::error::Error for Faults {}

/// A fault before its line is known.
pub(super) struct Noted {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// Whether a key or header of this name holds a secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    const PARTS: [&str; 9] = [
        "apikey",
        "authorization",
        "bearer",
        "cookie",
        "credential",
        "passw",
        "secret",
        "sessionid",
        "token",
    ];
    PARTS.iter().any(|part| name.contains(part))
}

/// `text` with the characters of its secrets replaced, each by one of the same length in bytes,
/// so that spans and columns stay true.
///
/// This looks at the text and not at what was parsed: a secret must stay hidden also where the
/// file is so broken that nothing could be parsed.
fn mask(text: &str) -> String {
    let spans = secret_spans(text);
    let mut spans = spans.iter().peekable();
    text.char_indices()
        .map(|(at, letter)| {
            while spans.next_if(|span| span.end <= at).is_some() {}
            let hidden = spans.peek().is_some_and(|span| span.contains(&at));
            match letter.len_utf8() {
                _ if !hidden || letter == '\n' || letter == '\r' => letter,
                1 => '*',
                2 => '·',
                3 => '•',
                _ => '🔒',
            }
        })
        .collect()
}

/// Where `text` gives a string to a key that names a secret, or a password inside an address; in
/// order and apart.
fn secret_spans(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(step) = text[at..].find(['=', '@']) {
        let sign = at + step;
        at = sign + 1;
        let line_start = text[..sign].rfind('\n').map_or(0, |newline| newline + 1);
        if text[sign..].starts_with('@') {
            // `https://name:password@host`
            if let Some(scheme) = text[line_start..sign].rfind("://") {
                spans.push(line_start + scheme + 3..sign);
            }
            continue;
        }
        let before = text[line_start..sign]
            .trim_end()
            .trim_end_matches(['"', '\'']);
        let name_start = before
            .char_indices()
            .rev()
            .take_while(|(_, letter)| letter.is_ascii_alphanumeric() || "-_".contains(*letter))
            .last()
            .map_or(before.len(), |(first, _)| first);
        let name = &before[name_start..];
        // A secret may have been written where the name of its variable belongs.
        if !names_a_secret(name) && name != "env" {
            continue;
        }
        let value = at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
        let end = secret_end(&text[value..]);
        spans.push(value..value + end);
        at = value + end;
    }
    spans.sort_by_key(|span| span.start);
    spans
}

/// How long the secret at the beginning of `text` is, in bytes: a string to its closing quote; a
/// table is the place of a secret and not one; anything else to the end of its line.
fn secret_end(text: &str) -> usize {
    let line = text.find('\n').unwrap_or(text.len());
    if text.starts_with('{') {
        return 0;
    }
    for quote in ["\"\"\"", "'''"] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.find(quote).map_or(text.len(), |end| end + 6);
        }
    }
    for quote in ['"', '\''] {
        let Some(rest) = text[..line].strip_prefix(quote) else {
            continue;
        };
        let mut escaped = false;
        for (at, letter) in rest.char_indices() {
            if letter == quote && !escaped {
                return at + 2;
            }
            escaped = letter == '\\' && !escaped && quote == '"';
        }
    }
    line
}
