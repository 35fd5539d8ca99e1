//! Printing, all of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "xtask talks to people")]

/// A line of results.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A line about what went wrong.
pub(crate) fn error(text: &str) {
    eprintln!("{text}");
}
