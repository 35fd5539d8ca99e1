//! `cargo xtask e2e`: the release binary and the examples as a user runs them, judged by the files they leave.
//!
//! Nothing of the pipeline is linked: what is checked here is the contract (layout, exit codes, conservation).

use std::path::PathBuf;

use crate::{
    run::{self, Outcome},
    say,
};

mod archive;
mod rough;
mod scenarios;

/// What all scenarios need.
struct Context {
    /// The release binary.
    binary: PathBuf,
    root: PathBuf,
}

/// Prints a line for each scenario, and counts.
#[derive(Default)]
struct Score {
    passed: usize,
    failed: usize,
}

impl Score {
    fn note(&mut self, name: &str, outcome: Outcome) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                say::line(&format!("PASS {name}"));
            }
            Err(why) => {
                self.failed += 1;
                say::line(&format!("FAIL {name}"));
                for line in why.lines() {
                    say::error(&format!("     {line}"));
                }
            }
        }
    }
}

pub(crate) fn run() -> Outcome {
    let mut score = Score::default();
    match prepare() {
        Err(why) => score.note("build", Err(why)),
        Ok((context, examples)) => {
            score.note("demo", scenarios::demo(&context));
            score.note("tree", scenarios::tree(&context));
            score.note("bad", scenarios::bad(&context));
            score.note("rough", rough::rough(&context));
            for (directory, package) in examples {
                score
                    .note(&format!("examples/{directory}"), scenarios::example(&context, package.as_deref()));
            }
        }
    }
    say::line(&format!("{} passed, {} failed", score.passed, score.failed));
    if score.failed == 0 { Ok(()) } else { Err("not everything works".to_owned()) }
}

/// An example's directory, and the name of its package if it is one of the workspace's.
type Example = (String, Option<String>);

/// Builds the binary, and finds it and the examples.
fn prepare() -> Result<(Context, Vec<Example>), String> {
    run::succeed(run::cargo().args(["build", "--release", "-p", "aoai-batch-cli"]))?;
    let metadata = run::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let name = format!("aoai-batch{}", std::env::consts::EXE_SUFFIX);
    let binary = PathBuf::from(target).join("release").join(name);
    if !binary.is_file() {
        return Err(format!("the build left no {}", binary.display()));
    }

    let root = run::root();
    let mut examples = Vec::new();
    // A repository without examples has no such directory.
    for entry in std::fs::read_dir(root.join("examples")).into_iter().flatten() {
        let path = entry.map_err(|e| format!("examples: {e}"))?.path();
        if !path.is_dir() {
            continue;
        }
        let manifest = path.join("Cargo.toml");
        let package = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|package| package["manifest_path"].as_str().is_some_and(|at| manifest == *at))
            .and_then(|package| package["name"].as_str());
        let directory = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        examples.push((directory, package.map(str::to_owned)));
    }
    examples.sort();
    Ok((Context { binary, root }, examples))
}
