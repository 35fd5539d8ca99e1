//! A rough service: lines that fail for a passing reason, lines that fail for good, and every third batch expires.

use std::{fs, process::Command};

use super::{
    Context, archive,
    scenarios::{CONFIG, DEADLINE, expect, inbox_is_empty, requests, run_once},
};
use crate::{
    program,
    run::Outcome,
    scratch::{Scratch, files_below},
};

const LINES: usize = 2_000;
/// The emulator draws which lines are busy; those that are refused are known by their names.
const ROUGH: &str = r#"
[limits]
max_lines = 300

[retry]
max_attempts = 6
attempt_delay = "100ms"

[output]
formats = ["csv", "parquet"]
request_fields = ["/body/messages/0/content"]

[[emulator.outcomes]]
custom_id_contains = "-77"
outcome = { error = { status = 400, code = "content_filter" } }

[[emulator.outcomes]]
fraction = 0.05
times = 1
outcome = { error = { status = 429, code = "rate_limit_exceeded" } }

[emulator.batches]
validating = "100ms"
in_progress = "300ms"
expiry = { every = 3, after_lines = 100 }
"#;

/// All that can succeed does, in order; what cannot is reported with its code, and can be sent again; the audit agrees.
pub(super) fn rough(context: &Context) -> Outcome {
    let scratch = Scratch::new("rough")?;
    scratch.write("aoai-batch.toml", &format!("{CONFIG}{ROUGH}"))?;
    let input = requests("r", LINES);
    scratch.write("inbox/rough.jsonl", &input)?;
    let report = run_once(context, &scratch, 3)?;
    inbox_is_empty(scratch.path())?;

    let all = archive::ids(&input)?;
    let (refused, answered): (Vec<_>, Vec<_>) = all.into_iter().partition(|id| id.contains("-77"));
    expect(&report, "output_lines", answered.len())?;
    expect(&report, "error_lines", refused.len())?;
    let read = |place: &str, ending: &str| -> Result<String, String> {
        let files = files_below(&scratch.path().join(place))?;
        let file =
            files.iter().find(|file| file.ends_with(ending)).ok_or(format!("no {ending} in {files:?}"))?;
        fs::read_to_string(scratch.path().join(place).join(file)).map_err(|error| error.to_string())
    };
    if archive::ids(&read("processed", "rough_output.jsonl")?)? != answered {
        return Err("the output is not the input without what was refused, in its order".to_owned());
    }
    let errors = read("error", "rough_error.jsonl")?;
    if archive::ids(&errors)? != refused || errors.lines().any(|line| !line.contains("content_filter")) {
        return Err(format!("the errors are not those of the refused lines: {errors}"));
    }
    if archive::ids(&read("error", "rough_failed.jsonl")?)? != refused {
        return Err("the refused requests are not ready to be sent again".to_owned());
    }
    let rows = read("processed", "rough_output.csv")?.lines().count();
    if rows != answered.len() + 1 {
        return Err(format!("the table has {rows} lines, for {} answers", answered.len()));
    }
    let manifest = archive::json(&read("processed", "manifest.json")?)?;
    let attempts =
        manifest["parts"].as_array().into_iter().flatten().filter_map(|part| part["attempt"].as_u64());
    if attempts.max().unwrap_or(0) < 2 {
        return Err("nothing was sent again".to_owned());
    }
    command(context, &scratch, &["audit"], 0)?;
    // What was refused is put back once, and nothing is left for gc.
    let status = command(context, &scratch, &["status", "--json"], 0)?;
    let job = archive::json(&status)?["jobs"][0]["job"].as_str().unwrap_or_default().to_owned();
    command(context, &scratch, &["retry", &job], 0)?;
    command(context, &scratch, &["retry", &job], 2)?;
    command(context, &scratch, &["gc", "--dry-run"], 0)?;
    command(context, &scratch, &["cancel", "--all"], 0)?;
    Ok(())
}

fn command(context: &Context, scratch: &Scratch, arguments: &[&str], code: i32) -> Result<String, String> {
    let mut command = Command::new(&context.binary);
    command.current_dir(scratch.path()).args(arguments);
    let finished = program::run(&mut command, DEADLINE)?;
    finished.exited(code)?;
    Ok(finished.stdout.clone())
}
