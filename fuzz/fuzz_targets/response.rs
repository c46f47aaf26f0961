//! Whatever bytes a server answers, there is one outcome, it is told, and it ends.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target asks for one of them")]
#[path = "../laws.rs"]
mod laws;

fuzz_target!(|answer: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(laws::response(answer));
});
