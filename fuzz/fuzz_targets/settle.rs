//! Whatever stands in a document, it is refused in words or settled to a sum that fits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vigie::exchange::{Document, settle_document};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else {
        return;
    };
    let statement = document.settle();
    assert_eq!(statement.tally.total_ms(), statement.window.length_ms());

    // What is exported says the same as what was read.
    let canonical = document.canonical();
    let again = Document::parse(&canonical).expect("a canonical document can be read");
    assert_eq!(again.canonical(), canonical);
    assert_eq!(settle_document(bytes), settle_document(&canonical));
});
