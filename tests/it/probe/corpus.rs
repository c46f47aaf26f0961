//! The corpora of the fuzz targets, replayed.

use std::path::Path;

use vigie::sla::observation::Outcome;

#[path = "../../../fuzz/laws.rs"]
mod laws;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn texts_are_assertions_that_mean_one_thing_or_are_refused_in_words() {
    let texts = corpus("assertion");
    let texts = texts.iter().map(|text| std::str::from_utf8(text).unwrap());
    let (good, bad): (Vec<_>, Vec<_>) = texts.partition(|text| laws::assertion(text));
    assert!(good.len() > 10 && bad.len() > 20, "{good:?} {bad:?}");
}

#[tokio::test]
async fn whatever_is_answered_there_is_one_outcome_and_it_is_told() {
    let mut kinds = std::collections::BTreeSet::new();
    for answer in corpus("response") {
        kinds.insert(match laws::response(&answer).await {
            Outcome::Answered { .. } => "answered".to_owned(),
            Outcome::Failed(fault) => fault.to_string(),
            Outcome::Void(void) => format!("void {void}"),
        });
    }
    for expected in [
        "answered",
        "content",
        "io:processing",
        "io:transfer",
        "maintenance",
        "status:302",
        "too_large",
        "void rate_limited",
        "void stated_unknown",
    ] {
        assert!(kinds.contains(expected), "no {expected} among {kinds:?}");
    }
}
