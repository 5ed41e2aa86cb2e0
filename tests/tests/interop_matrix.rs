//! The interop matrix, see `tests::matrix`. Words select labs: `cargo test --test interop_matrix -- frr md5`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::matrix::run::main()
}
