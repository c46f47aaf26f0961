//! The `vigie` program: everything is in the library.

use std::process::ExitCode;

/// The system's takes more time for the blocks of a task, and keeps twice the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vigie::cli::main()
}
