//! What a measurement costs: processor time, which the machine's neighbours do not change, and
//! memory.

use std::fs;

/// Processor time of this thread so far, user and system.
pub(crate) fn cpu_s() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split_whitespace().next().unwrap_or("0");
    nanoseconds.parse().unwrap_or(0.0) / 1e9
}

/// The number after `key` in a file of the kernel's.
pub(crate) fn proc(path: &str, key: &str) -> u64 {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            line.strip_prefix(key)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}
