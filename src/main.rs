//! The `vigie` program: everything is in the library.

use std::process::ExitCode;

/// Not the system's: see `Cargo.toml`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vigie::cli::main()
}
