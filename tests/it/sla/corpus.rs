//! Documents that fuzzing found worth keeping: each is refused in words or settled to a sum that
//! fits, as `fuzz/fuzz_targets/settle.rs` asks of any bytes.

use std::path::Path;

use vigie::exchange::{Document, settle_document};

#[test]
fn the_corpus_settles_or_is_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/settle");
    let (mut n_settled, mut n_refused) = (0, 0);
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        match Document::parse(&bytes) {
            Err(error) => {
                assert!(
                    error.to_string().starts_with("read evidence"),
                    "{path:?}: {error}"
                );
                n_refused += 1;
            }
            Ok(document) => {
                let statement = document.settle();
                assert_eq!(
                    statement.tally.total_ms(),
                    statement.window.length_ms(),
                    "{path:?}"
                );
                let canonical = document.canonical();
                assert_eq!(
                    settle_document(&bytes),
                    settle_document(&canonical),
                    "{path:?}"
                );
                n_settled += 1;
            }
        }
    }
    assert!(
        n_settled > 20 && n_refused > 20,
        "{n_settled} settled, {n_refused} refused"
    );
}
