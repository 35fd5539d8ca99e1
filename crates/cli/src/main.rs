//! The `aoai-batch` binary.
fn main() {}
