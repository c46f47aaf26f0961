//! The `vigie` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie::cli::main()
}
