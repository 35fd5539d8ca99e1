//! `cargo xtask docs`: the documentation builds without a warning.

use crate::run::{Outcome, cargo, succeed};

pub(crate) fn run() -> Outcome {
    succeed(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
