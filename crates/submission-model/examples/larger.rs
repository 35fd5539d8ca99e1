//! Wider bounds than the tests have: `cargo run --release -p submission-model --example larger`.
//!
//! With `-- table` it prints the table of all variants within the bounds of the tests instead.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::process::ExitCode;

use submission_model::{Bounds, Submission, VARIANTS, Variant, check};

fn main() -> ExitCode {
    let table = std::env::args().nth(1).is_some_and(|word| word == "table");
    let variants: Vec<Variant> = if table { VARIANTS.to_vec() } else { wider() };
    let mut all_as_said = true;
    for variant in variants {
        let found = check(Submission { ..variant.model(true) });
        let verdict = match variant.breaks {
            None if found.broken.is_empty() => "holds",
            Some(property) if found.broken.contains(property) => "breaks, as it must",
            _ => {
                all_as_said = false;
                "NOT AS EXPECTED"
            }
        };
        let Variant { letter, what, .. } = variant;
        println!(
            "{letter} | {what} | {} states, depth {} | {verdict} | broken: {:?}; never: {:?}",
            found.states, found.depth, found.broken, found.never
        );
    }
    if all_as_said { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wider() -> Vec<Variant> {
    let bounds = Bounds { workers: 3, crashes: 3, pauses: 3, generations: 3, sends: 5, refusals: 2 };
    "FJKOR".chars().filter_map(Variant::by_letter).map(|variant| Variant { bounds, ..*variant }).collect()
}
