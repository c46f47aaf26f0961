//! Whatever text stands where an assertion should, it is refused in words or means one thing.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target asks for one of them")]
#[path = "../laws.rs"]
mod laws;

fuzz_target!(|text: &str| {
    laws::assertion(text);
});
