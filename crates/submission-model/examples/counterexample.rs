//! The shortest way to a state that must not be: `cargo run -p submission-model --example counterexample -- E`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::process::ExitCode;

use submission_model::{KEPT, ONE, VARIANTS, Variant, counterexample};

fn main() -> ExitCode {
    let letter = std::env::args().nth(1).and_then(|word| word.chars().next());
    let Some(variant) = letter.and_then(Variant::by_letter) else {
        println!("name a variant:");
        for variant in &VARIANTS {
            println!("  {}  {}", variant.letter, variant.what);
        }
        return ExitCode::FAILURE;
    };
    println!("{}: {}", variant.letter, variant.what);
    for property in [ONE, KEPT] {
        match counterexample(variant, property) {
            None => println!("\nholds: {property}"),
            Some(path) => println!("\nDOES NOT HOLD: {property}\n{path}"),
        }
    }
    ExitCode::SUCCESS
}
