//! The scenarios. Each has a directory of its own, runs the program and judges by what it left.

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};

use super::{
    Context,
    archive::{self, Inputs},
};
use crate::{
    program,
    run::{self, Outcome},
    scratch::{Scratch, files_below},
};

/// Far more than a scenario takes; a run that hangs must not hang the build.
pub(super) const DEADLINE: Duration = Duration::from_secs(300);
/// An example is compiled first.
const EXAMPLE_DEADLINE: Duration = Duration::from_secs(1800);
const DEPLOYMENT: &str = "gpt-4o-mini-batch";

pub(super) const CONFIG: &str = r#"[service]
endpoint = "emulator"
deployment = "gpt-4o-mini-batch"

[lake]
input = "file:./inbox"
processed = "file:./processed"
error = "file:./error"

[run]
poll_interval = "200ms"
settle_time = "0s"
"#;

/// The README's first command.
pub(super) fn demo(context: &Context) -> Outcome {
    let scratch = Scratch::new("demo")?;
    let directory = scratch.path().join("demo");
    let mut command = Command::new(&context.binary);
    command.current_dir(scratch.path()).arg("demo").arg(&directory);
    program::run(&mut command, DEADLINE)?.exited(0)?;
    if !directory.join("aoai-batch.toml").is_file() {
        return Err("the demo left no aoai-batch.toml".to_owned());
    }
    inbox_is_empty(&directory)?;
    archive::processed(&directory.join("processed"), None)?;
    archive::empty(&directory.join("error"))
}

/// Many files in nested folders, with names that are awkward in URLs, shells and patterns.
pub(super) fn tree(context: &Context) -> Outcome {
    const FOLDERS: [&str; 5] = ["", "plain/", "with space/100%/", "ü/#1/", "v1.2/.hidden/a/b/"];
    const NAMES: [&str; 8] =
        ["a", "two words", "no#1", "50%", "%41", "größe", "a.b.c", "x_output_2026-01-01_00_00_00"];
    let scratch = Scratch::new("tree")?;
    let mut inputs = Inputs::new();
    for (folder, stem) in FOLDERS.iter().flat_map(|folder| NAMES.map(|name| (folder, name))) {
        let lines = 1 + inputs.len() % 5;
        inputs.insert(format!("{folder}{stem}.jsonl"), requests(&format!("{folder}{stem}"), lines));
    }
    put(&scratch, &inputs)?;
    let report = run_once(context, &scratch, 0)?;
    expect(&report, "completed", inputs.len())?;
    expect(&report, "output_lines", inputs.values().map(|text| text.lines().count()).sum())?;
    inbox_is_empty(scratch.path())?;
    archive::processed(&scratch.path().join("processed"), Some(&inputs))?;
    archive::empty(&scratch.path().join("error"))
}

/// A broken file among good ones: they are done, and it has a report.
pub(super) fn bad(context: &Context) -> Outcome {
    let scratch = Scratch::new("bad")?;
    let inputs: Inputs = ["first", "sub/second", "third"]
        .map(|stem| (format!("{stem}.jsonl"), requests(stem, 3)))
        .into_iter()
        .collect();
    put(&scratch, &inputs)?;
    let broken = requests("broken", 1) + "this is no JSON\n";
    scratch.write("inbox/sub/broken.jsonl", &broken)?;

    let report = run_once(context, &scratch, 3)?;
    expect(&report, "completed", inputs.len())?;
    expect(&report, "rejected", 1)?;
    inbox_is_empty(scratch.path())?;
    archive::processed(&scratch.path().join("processed"), Some(&inputs))?;

    let error = scratch.path().join("error");
    let files = files_below(&error)?;
    let find = |name: &str| {
        let mut found = files.iter().filter(|file| {
            file.strip_prefix("sub/broken_")
                .and_then(|rest| rest.split_once('/'))
                .is_some_and(|(_, n)| n == name)
        });
        match (found.next(), found.next()) {
            (Some(file), None) => {
                fs::read_to_string(error.join(file)).map_err(|e| format!("error/{file}: {e}"))
            }
            _ => Err(format!("error/sub/broken_<stamp>/{name} is not there, or twice, in {files:?}")),
        }
    };
    if let Some(other) = files.iter().find(|file| !file.starts_with("sub/broken_")) {
        return Err(format!("error/{other} is not of the broken file"));
    }
    if find("broken.jsonl")? != broken {
        return Err("the broken file is not kept as it was".to_owned());
    }
    find("broken_metadata.jsonl")?;
    archive::json(&find("manifest.json")?)?;
    let findings = find("broken_error.jsonl")?;
    let finding = archive::json(findings.lines().next().ok_or("the report is empty")?)?;
    if finding["line"] != 2 || !finding["code"].is_string() || !finding["message"].is_string() {
        return Err(format!("the report does not say what is wrong with line 2: {finding}"));
    }
    Ok(())
}

/// An example runs to its end.
pub(super) fn example(context: &Context, package: Option<&str>) -> Outcome {
    let package = package.ok_or("it is not a package of the workspace")?;
    let mut command = run::cargo();
    command.current_dir(&context.root).args(["run", "--quiet", "--release", "-p", package]);
    program::run(&mut command, EXAMPLE_DEADLINE)?.exited(0)
}

/// Request lines whose ids are unique over all files.
pub(super) fn requests(prefix: &str, lines: usize) -> String {
    (1..=lines)
        .map(|number| {
            let request = json!({
                "custom_id": format!("{prefix}-{number}"),
                "method": "POST",
                "url": "/chat/completions",
                "body": {
                    "model": DEPLOYMENT,
                    "messages": [{ "role": "user", "content": format!("Say {number} for {prefix}.") }],
                },
            });
            format!("{request}\n")
        })
        .collect()
}

fn put(scratch: &Scratch, inputs: &Inputs) -> Outcome {
    scratch.write("aoai-batch.toml", CONFIG)?;
    for (path, text) in inputs {
        scratch.write(&format!("inbox/{path}"), text)?;
    }
    Ok(())
}

/// One pass over the inbox; its report.
pub(super) fn run_once(context: &Context, scratch: &Scratch, code: i32) -> Result<Value, String> {
    let mut command = Command::new(&context.binary);
    command.current_dir(scratch.path()).arg("--config").arg(scratch.path().join("aoai-batch.toml"));
    command.args(["run", "--once", "--json"]);
    let finished = program::run(&mut command, DEADLINE)?;
    finished.exited(code)?;
    finished.json()
}

pub(super) fn expect(report: &Value, key: &str, wanted: usize) -> Outcome {
    if report[key] == wanted {
        return Ok(());
    }
    Err(format!("the report's {key} is {}, expected {wanted}: {report}", report[key]))
}

pub(super) fn inbox_is_empty(directory: &Path) -> Outcome {
    match files_below(&directory.join("inbox"))?.iter().find(|file| file.ends_with(".jsonl")) {
        Some(file) => Err(format!("inbox/{file} is still there")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_unique_ids() {
        assert_eq!(archive::ids(&requests("a b/#", 3)).unwrap(), ["a b/#-1", "a b/#-2", "a b/#-3"]);
        assert!(CONFIG.contains(DEPLOYMENT));
    }
}
