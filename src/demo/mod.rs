//! The demo: a simulator of both APIs, a synthetic past and a configuration that fits them.
//!
//! Only the `demo` command uses it; nothing here is reachable from the daemon's own path.

pub mod apis;
pub mod history;
pub mod simulator;

/// A well-mixed number from a number (the finalizer of SplitMix64): the demo's only chance, the
/// same on every machine.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
