//! What a reader takes: encodings, languages, formats, each with a weight.

use hyper::header::{self, HeaderMap};

use crate::metrics::Format;
use crate::sla::catalog::Language;

/// The format of metrics that the reader likes best; text if it does not say, or if what it says
/// cannot be read.
pub(super) fn metrics_format(request: &HeaderMap) -> Format {
    let (mut open, mut text) = (0, 0);
    for accepted in listed(request, header::ACCEPT) {
        let has_version = |known: &[&str]| {
            accepted
                .parameter("version")
                .is_none_or(|version| known.contains(&version))
        };
        let name = accepted.name.to_ascii_lowercase();
        match name.as_str() {
            "application/openmetrics-text" if has_version(&["1.0.0"]) => {
                open = open.max(accepted.weight);
            }
            "text/plain" if has_version(&["0.0.4"]) => text = text.max(accepted.weight),
            _ => {}
        }
    }
    if open > 0 && open >= text {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Whether the reader takes gzip.
pub(super) fn takes_gzip(request: &HeaderMap) -> bool {
    let encodings = listed(request, header::ACCEPT_ENCODING);
    let weight = |name: &str| {
        encodings
            .iter()
            .find(|accepted| accepted.name.eq_ignore_ascii_case(name))
            .map(|accepted| accepted.weight)
    };
    weight("gzip").or(weight("*")).is_some_and(|q| q > 0)
}

/// The language asked for by address (`wish`), else by the browser's preference; French if neither is known.
pub(super) fn language(wish: Option<&str>, request: &HeaderMap) -> Language {
    match wish {
        Some("fr") => return Language::French,
        Some("en") => return Language::English,
        Some(_) | None => {}
    }
    let mut best = (Language::French, 0);
    for Accepted { name, weight, .. } in listed(request, header::ACCEPT_LANGUAGE) {
        let primary = name.split('-').next().unwrap_or("");
        let language = if primary.eq_ignore_ascii_case("fr") {
            Language::French
        } else if primary.eq_ignore_ascii_case("en") {
            Language::English
        } else {
            continue;
        };
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

/// An item of an `Accept…` header.
struct Accepted<'a> {
    name: &'a str,
    /// As written: `; version=1.0.0; q=0.5`.
    parameters: &'a str,
    /// In thousandths.
    weight: u16,
}

impl<'a> Accepted<'a> {
    fn read(item: &'a str) -> Self {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let mut accepted = Self {
            name: name.trim(),
            parameters,
            weight: 1_000,
        };
        accepted.weight = accepted.parameter("q").map_or(1_000, thousandths);
        accepted
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().trim_matches('"'))
    }
}

/// The items of an `Accept…` header.
fn listed(request: &HeaderMap, name: header::HeaderName) -> Vec<Accepted<'_>> {
    request
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(Accepted::read)
        .collect()
}

/// `0.8` is 800; what cannot be read is 0.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    match whole {
        "1" => 1_000,
        "0" => format!("{fraction:0<3}")
            .get(..3)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0),
        _ => 0,
    }
}
