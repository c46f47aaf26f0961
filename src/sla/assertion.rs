//! What an answer must be like: a small typed language, checked when it is read.
//!
//! ```text
//! header Content-Type matches /^application\/json/
//! body contains "pong"
//! $.data.items[0].price >= 2.5
//! certificate_days >= 14
//! ```
//!
//! A subject, a test, and mostly a literal. What cannot hold for any answer (a status compared
//! with a text, a body that is greater than 3) is refused here and not found out at night. What an
//! answer does not have holds nothing: a missing field is neither empty nor zero.

use std::fmt;
use std::ops::Range;

/// One thing that an answer must be. Subject and test fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    subject: Subject,
    test: Test,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The values of a header, by its name in lower case; a test holds if it does for one of them,
    /// a denial if it does for all of them.
    Header(String),
    /// The body as text.
    Body,
    /// A place in a JSON body.
    Json(JsonPath),
    /// Whole days until the first of the verified certificates ends.
    CertificateDays,
    /// The version of HTTP: 1.0, 1.1 or 2.
    HttpVersion,
    /// The family of the address that answered last: 4 or 6.
    IpFamily,
}

/// What it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is there, or is not.
    Exists {
        /// Whether it must be there.
        wanted: bool,
    },
    /// It is so compared with a literal of the same type.
    Compare(Comparison, Literal),
    /// It holds a text, or does not.
    Contains {
        /// The text.
        text: String,
        /// Whether it must be in there.
        wanted: bool,
    },
    /// A regular expression fits a part of it, or does not.
    Matches {
        /// As written, not yet known to be one.
        pattern: String,
        /// Whether it must fit.
        wanted: bool,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value that stands in an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `"ok"`
    Text(String),
    /// `2.5`
    Number(Number),
    /// `true`
    Bool(bool),
    /// `null`
    Null,
}

/// A decimal number as JSON writes it. Kept as text: nothing is rounded here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

/// A place in a JSON document, from the outside in: `$.data.items[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

/// One step of a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a field of an object.
    Field(String),
    /// Into an element of a list, counted from 0.
    Index(usize),
}

/// Why a text is not an assertion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AssertionError {
    /// Where in the text, in bytes.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub remedy: String,
}

impl Assertion {
    /// Reads an assertion.
    ///
    /// # Errors
    /// The text is none: what is wrong, where, and what would be right.
    pub fn parse(text: &str) -> Result<Self, AssertionError> {
        let mut reader = Reader { text, at: 0 };
        let subject = subject(&mut reader)?;
        let negated = reader.take_word("not");
        let at = reader.next();
        let test = test(&mut reader, negated)?;
        reader.end()?;
        if let Err((message, remedy)) = fit(&subject, &test) {
            let at = at.start..text.trim_end().len();
            return Err(AssertionError {
                at,
                message,
                remedy: remedy.to_owned(),
            });
        }
        Ok(Self { subject, test })
    }

    /// What is looked at.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What it must be.
    pub fn test(&self) -> &Test {
        &self.test
    }
}

impl JsonPath {
    /// Reads a path, with or without `$.` before it.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Self, AssertionError> {
        let mut reader = Reader { text, at: 0 };
        let path = if reader.rest().starts_with('$') {
            path(&mut reader)?
        } else {
            let mut steps = vec![Step::Field(field(&mut reader)?)];
            steps_onward(&mut reader, &mut steps)?;
            Self(steps)
        };
        reader.end()?;
        Ok(path)
    }

    /// From the outside in.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl Number {
    /// A number as JSON writes it.
    pub fn new(text: &str) -> Option<Self> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let fits = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
            && text.parse().is_ok_and(f64::is_finite);
        fits.then(|| Self(text.to_owned()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Walks through a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Where the next word is, to be shown; the end of the text if there is none.
    fn next(&mut self) -> Range<usize> {
        self.skip_space();
        let end = self.rest().find(char::is_whitespace);
        self.at..end.map_or(self.text.len(), |length| self.at + length)
    }

    /// The letters, figures and underscores that come next.
    fn word(&mut self) -> &'a str {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.at += word.len();
        word
    }

    /// Takes `word` if it comes next.
    fn take_word(&mut self, word: &str) -> bool {
        let before = self.at;
        let is_next = self.word() == word;
        if !is_next {
            self.at = before;
        }
        is_next
    }

    /// Takes `sign` if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    fn end(&mut self) -> Result<(), AssertionError> {
        self.skip_space();
        if self.rest().is_empty() {
            return Ok(());
        }
        Err(AssertionError {
            at: self.at..self.text.len(),
            message: "something follows where it should be over".to_owned(),
            remedy: "remove it, or make it another assertion".to_owned(),
        })
    }

    fn error(&mut self, message: impl Into<String>, remedy: impl Into<String>) -> AssertionError {
        AssertionError {
            at: self.next(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

fn subject(reader: &mut Reader<'_>) -> Result<Subject, AssertionError> {
    reader.skip_space();
    if reader.rest().starts_with('$') {
        return path(reader).map(Subject::Json);
    }
    let before = reader.at;
    Ok(match reader.word() {
        "header" => Subject::Header(header_name(reader)?),
        "body" => Subject::Body,
        "certificate_days" => Subject::CertificateDays,
        "http_version" => Subject::HttpVersion,
        "ip_family" => Subject::IpFamily,
        _ => {
            reader.at = before;
            if let Some(remedy) = said_elsewhere(reader.rest()) {
                return Err(reader.error("no assertion is about this", remedy));
            }
            return Err(reader.error(
                "an assertion begins with what it is about",
                "write `header NAME`, `body`, a JSON path like `$.status`, `certificate_days`, `http_version` or `ip_family`",
            ));
        }
    })
}

/// What to write in place of `text`, where it asks in the words of another tool for what is asked
/// for in another way here.
fn said_elsewhere(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches('[');
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let word = text.get(..end.unwrap_or(text.len()))?.to_ascii_lowercase();
    Some(match word.as_str() {
        "status" | "status_code" | "http_status" => {
            "write `expected_statuses = [200, \"300-303\"]` under `[service.endpoint.http]`"
        }
        "response_time" | "latency" | "duration" => {
            "write `latency_objective = \"300ms\"` under `[[service.endpoint]]`"
        }
        "body" => "write `body contains \"text\"`, or a JSON path like `$.status`",
        "certificate_expiration" => "write the days left, for example `certificate_days >= 14`",
        _ => return None,
    })
}

fn header_name(reader: &mut Reader<'_>) -> Result<String, AssertionError> {
    reader.skip_space();
    let rest = reader.rest();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or_default();
    if name.is_empty() {
        return Err(reader.error(
            "`header` needs the name of one",
            "write it after a space, for example `header Content-Type`",
        ));
    }
    reader.at += end;
    Ok(name.to_ascii_lowercase())
}

fn path(reader: &mut Reader<'_>) -> Result<JsonPath, AssertionError> {
    reader.take("$");
    let mut steps = Vec::new();
    steps_onward(reader, &mut steps)?;
    Ok(JsonPath(steps))
}

fn steps_onward(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<(), AssertionError> {
    loop {
        if reader.take(".") {
            steps.push(Step::Field(field(reader)?));
        } else if reader.take("[") {
            steps.push(bracket(reader)?);
        } else {
            return Ok(());
        }
    }
}

/// A field name that needs no quotes.
fn field(reader: &mut Reader<'_>) -> Result<String, AssertionError> {
    let rest = reader.rest();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '@';
    let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or_default();
    if name.is_empty() {
        return Err(reader.error(
            "a field name is missing in the path",
            "write it after the dot, as in `$.data.status`, or in brackets and quotes, as in `$[\"a field\"]`",
        ));
    }
    reader.at += end;
    Ok(name.to_owned())
}

/// What stands in brackets, and the bracket that closes them.
fn bracket(reader: &mut Reader<'_>) -> Result<Step, AssertionError> {
    const REMEDY: &str = "write the number of an element, as in `$.items[0]`, or a field in quotes, as in `$[\"a field\"]`";
    let step = if reader.rest().starts_with('"') {
        Step::Field(text_literal(reader)?)
    } else {
        let before = reader.at;
        match reader.word().parse() {
            Ok(index) => Step::Index(index),
            Err(_no_number) => {
                reader.at = before;
                return Err(reader.error("the brackets hold neither an index nor a field", REMEDY));
            }
        }
    };
    if !reader.take("]") {
        return Err(reader.error("the bracket is not closed", REMEDY));
    }
    Ok(step)
}

const SIGNS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

fn test(reader: &mut Reader<'_>, negated: bool) -> Result<Test, AssertionError> {
    const TESTS: &str = "write `exists`, `contains \"text\"`, `matches /pattern/`, or a comparison like `== \"ok\"`";
    let wanted = !negated;
    reader.skip_space();
    if !negated && let Some((_, comparison)) = SIGNS.iter().find(|(sign, _)| reader.take(sign)) {
        return Ok(Test::Compare(*comparison, literal(reader)?));
    }
    let before = reader.at;
    Ok(match reader.word() {
        "exists" => Test::Exists { wanted },
        "contains" => Test::Contains {
            text: quoted(reader)?,
            wanted,
        },
        "matches" => Test::Matches {
            pattern: pattern(reader)?,
            wanted,
        },
        _ => {
            reader.at = before;
            return Err(match reader.rest().chars().next() {
                Some('=' | '!' | '<' | '>') if negated => reader.error(
                    "`not` stands before `exists`, `contains` and `matches` only",
                    "turn the comparison round: `!=` for `==`, `>=` for `<`",
                ),
                Some('=') => reader.error("`=` is not a comparison", "write `==`"),
                Some(_) => reader.error("this is not a test", TESTS),
                None => reader.error("the test is missing", TESTS),
            });
        }
    })
}

fn literal(reader: &mut Reader<'_>) -> Result<Literal, AssertionError> {
    reader.skip_space();
    if reader.rest().starts_with('"') {
        return text_literal(reader).map(Literal::Text);
    }
    let at = reader.next();
    let written = reader.text.get(at.clone()).unwrap_or_default();
    let literal = match written {
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        "null" => Some(Literal::Null),
        number => Number::new(number).map(Literal::Number),
    };
    match literal {
        Some(literal) => {
            reader.at = at.end;
            Ok(literal)
        }
        None if written.is_empty() => Err(reader.error(
            "the value to compare with is missing",
            "write a text in double quotes, a number, `true`, `false` or `null`",
        )),
        None => Err(reader.error(
            "this is not a value to compare with",
            format!("write a text in double quotes (`\"{written}\"`), a number, `true`, `false` or `null`"),
        )),
    }
}

fn quoted(reader: &mut Reader<'_>) -> Result<String, AssertionError> {
    reader.skip_space();
    if !reader.rest().starts_with('"') {
        return Err(reader.error(
            "`contains` needs a text",
            "write it in double quotes: `contains \"pong\"`",
        ));
    }
    let before = reader.at;
    let text = text_literal(reader)?;
    if text.is_empty() {
        reader.at = before;
        return Err(reader.error(
            "every text contains the empty one",
            "write what must be in there, or remove the assertion",
        ));
    }
    Ok(text)
}

/// A text in double quotes, in which `\"`, `\\`, `\n`, `\r` and `\t` stand for what they do in
/// JSON.
fn text_literal(reader: &mut Reader<'_>) -> Result<String, AssertionError> {
    let before = reader.at;
    let mut text = String::new();
    let mut letters = reader.rest().char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                reader.at += at + 1;
                return Ok(text);
            }
            '\\' => text.push(match letters.next() {
                Some((_, letter @ ('"' | '\\'))) => letter,
                Some((_, 'n')) => '\n',
                Some((_, 'r')) => '\r',
                Some((_, 't')) => '\t',
                _ => {
                    reader.at = before + at;
                    return Err(reader.error(
                        "a backslash in a text has no such meaning",
                        "write `\\\\` for a backslash and `\\\"` for a quote; `\\n`, `\\r` and `\\t` are known too",
                    ));
                }
            }),
            letter => text.push(letter),
        }
    }
    Err(AssertionError {
        at: before..reader.text.len(),
        message: "the text is not closed".to_owned(),
        remedy: "end it with a double quote".to_owned(),
    })
}

/// A pattern between slashes, in which `\/` stands for a slash.
fn pattern(reader: &mut Reader<'_>) -> Result<String, AssertionError> {
    reader.skip_space();
    let before = reader.at;
    if !reader.take("/") {
        return Err(reader.error(
            "`matches` needs a regular expression",
            "write it between slashes: `matches /^[0-9]+$/`",
        ));
    }
    let mut pattern = String::new();
    let mut escaped = false;
    for (at, letter) in reader.rest().char_indices() {
        match letter {
            '/' if !escaped => {
                reader.at += at + 1;
                if pattern.is_empty() {
                    reader.at = before;
                    return Err(reader.error(
                        "every text matches the empty pattern",
                        "write one between the slashes, or remove the assertion",
                    ));
                }
                if reader.rest().starts_with(char::is_alphanumeric) {
                    return Err(reader.error(
                        "no flags follow a pattern",
                        "write them at its beginning: `/(?i)pattern/` for both capitals and small letters",
                    ));
                }
                return Ok(pattern);
            }
            '/' => {
                pattern.pop();
                pattern.push('/');
            }
            letter => pattern.push(letter),
        }
        escaped = letter == '\\' && !escaped;
    }
    Err(AssertionError {
        at: before..reader.text.len(),
        message: "the pattern is not closed".to_owned(),
        remedy: "end it with a slash; a slash inside it is written `\\/`".to_owned(),
    })
}

/// Whether the test can be put to the subject; if not, what is wrong and what would be right.
fn fit(subject: &Subject, test: &Test) -> Result<(), (String, &'static str)> {
    let wrong = |message: &str, remedy| Err((message.to_owned(), remedy));
    let is_order =
        |comparison: &Comparison| !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if let Test::Compare(comparison, literal) = test
        && is_order(comparison)
        && !matches!(literal, Literal::Number(_))
    {
        return Err((
            format!("`{comparison}` compares numbers, and {literal} is none"),
            "write a number, or compare with `==` or `!=`",
        ));
    }
    match (subject, test) {
        (Subject::Json(_), _) => Ok(()),
        (Subject::Header(_), Test::Exists { .. }) => Ok(()),
        (
            Subject::Header(_) | Subject::Body,
            Test::Contains { .. } | Test::Matches { .. } | Test::Compare(_, Literal::Text(_)),
        ) => Ok(()),
        (Subject::Header(_), Test::Compare(..)) => wrong(
            "a header is a text",
            "write a text in double quotes, for example `== \"no-store\"`",
        ),
        (Subject::Body, Test::Compare(..)) => wrong(
            "a body is a text",
            "write a text in double quotes, for example `== \"pong\"`; for JSON, write a path like `$.count`",
        ),
        (Subject::Body, Test::Exists { .. }) => wrong(
            "there is always a body, if only an empty one",
            "write `contains`, `matches`, `== \"…\"` or `!= \"\"`",
        ),
        (Subject::CertificateDays, Test::Compare(_, Literal::Number(number))) => {
            if number.is_whole() {
                return Ok(());
            }
            wrong(
                "days are counted whole",
                "write a whole number, for example `certificate_days >= 14`",
            )
        }
        (Subject::HttpVersion, Test::Compare(_, Literal::Number(number))) => {
            if ["1.0", "1.1", "2", "2.0"].contains(&number.as_str()) {
                return Ok(());
            }
            wrong(
                "there is no such version of HTTP here",
                "write 1.0, 1.1 or 2",
            )
        }
        (
            Subject::IpFamily,
            Test::Compare(Comparison::Equal | Comparison::NotEqual, Literal::Number(number)),
        ) if ["4", "6"].contains(&number.as_str()) => Ok(()),
        (Subject::CertificateDays, _) => wrong(
            "`certificate_days` is a number",
            "compare it with one, for example `certificate_days >= 14`",
        ),
        (Subject::HttpVersion, _) => wrong(
            "`http_version` is a number",
            "compare it with one, for example `http_version == 2`",
        ),
        (Subject::IpFamily, _) => wrong(
            "`ip_family` is 4 or 6",
            "write `ip_family == 4` or `ip_family == 6`",
        ),
    }
}

impl Number {
    fn is_whole(&self) -> bool {
        !self.0.contains(['.', 'e', 'E'])
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.test)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header {name}"),
            Self::Body => f.write_str("body"),
            Self::Json(path) => path.fmt(f),
            Self::CertificateDays => f.write_str("certificate_days"),
            Self::HttpVersion => f.write_str("http_version"),
            Self::IpFamily => f.write_str("ip_family"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |wanted: bool| if wanted { "" } else { "not " };
        match self {
            Self::Exists { wanted } => write!(f, "{}exists", not(*wanted)),
            Self::Compare(comparison, literal) => write!(f, "{comparison} {literal}"),
            Self::Contains { text, wanted } => {
                write!(f, "{}contains ", not(*wanted))?;
                write_quoted(f, text)
            }
            Self::Matches { pattern, wanted } => {
                write!(f, "{}matches /{}/", not(*wanted), escape_slashes(pattern))
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = SIGNS.iter().find(|(_, comparison)| comparison == self);
        f.write_str(sign.map_or("", |(sign, _)| sign))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_quoted(f, text),
            Self::Number(number) => f.write_str(number.as_str()),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Null => f.write_str("null"),
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Field(name) => {
                    let mut reader = Reader { text: name, at: 0 };
                    if field(&mut reader).is_ok() && reader.rest().is_empty() {
                        write!(f, ".{name}")?;
                    } else {
                        f.write_str("[")?;
                        write_quoted(f, name)?;
                        f.write_str("]")?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            letter => write!(f, "{letter}")?,
        }
    }
    f.write_str("\"")
}

/// `pattern` with a backslash before each slash that has none.
fn escape_slashes(pattern: &str) -> String {
    let mut shown = String::with_capacity(pattern.len());
    let mut escaped = false;
    for letter in pattern.chars() {
        if letter == '/' && !escaped {
            shown.push('\\');
        }
        shown.push(letter);
        escaped = letter == '\\' && !escaped;
    }
    shown
}
