//! The service's own error codes: who, by its own account, is to blame.
//!
//! The two APIs of the French State that we watch first number their errors `XXYYY`: who failed,
//! and how. What we do not know is kept as it is.

use serde_json::Value as Json;

use super::quoted;

/// The service's own code in the body of an error: five digits in `errors[0].code`, or the word in
/// a flat `error`.
pub(super) fn code(json: &Json) -> Option<String> {
    if let Some(code) = json.pointer("/errors/0/code") {
        let code = match code {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
        };
        let five_digits = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit());
        return five_digits.then_some(code);
    }
    let word = json.get("error")?.as_str()?;
    let fits = (1..=64).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    fits.then(|| word.to_owned())
}

/// What `code` means, in words: `` the service says `35020`: maintenance at its provider CNAF and
/// MSA ``.
pub(super) fn explain(code: &str) -> String {
    let says = format!("the service says {}", quoted(code));
    match meaning(code) {
        Some(meaning) => format!("{says}: {meaning}"),
        None => says,
    }
}

fn meaning(code: &str) -> Option<String> {
    match code {
        "data_provider_error" | "network_error" => return Some("its provider failed".to_owned()),
        _ => {}
    }
    let (who, how) = code.split_at_checked(2)?;
    let how = match how {
        "000" => "internal error",
        "001" | "020" => "maintenance",
        "002" => "no answer in time",
        "004" => "name resolution failed",
        "006" => "authentication refused",
        "008" => "too many requests",
        "009" => "bad certificate",
        "011" => "error of short duration",
        "999" => "unknown error",
        // The service's own errors have numbers of their own.
        _ if who == "00" => return Some("an error of its own".to_owned()),
        _ => "error",
    };
    let provider = match who {
        "00" => return Some(format!("{how} of its own")),
        "23" => "CNAF",
        "24" => "France Travail",
        "25" => "MESRI",
        "26" => "Cnous",
        "27" => "DGFiP",
        "30" => "MEN",
        "35" => "CNAF and MSA",
        "36" => "Sécurité sociale",
        "37" => "CNAV",
        "39" => "DSNJ",
        "40" => "RNCPS",
        "41" => "SDH",
        "42" => "ANTS",
        _ => return None,
    };
    Some(format!("{how} at its provider {provider}"))
}
