//! `audit`: whether what was published is complete.

use std::{collections::BTreeSet, path::Path};

use adls_io::{DataLake, LakePath, Location};
use batch_orchestrator::{
    audit::{Audit, audit_directory, published_directories},
    ledger::JobQuery,
    model::{JobRecord, JobState},
};
use futures::TryStreamExt;
use serde_json::json;

use super::jobs::the_one;
use crate::{
    app::App,
    args::AuditArgs,
    config::{self, LakeKind, Settings},
    error::{CliError, CliResult},
    exit::{self, Exit},
    wiring::{self, Access},
};

pub(crate) async fn run(app: &App, args: &AuditArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    let lake = wiring::lake(&settings)?.lake;
    let (mut seen, mut sums) = (BTreeSet::new(), Sums::default());
    for root in roots(&settings, &args.what).await? {
        let mut found = published_directories(lake.as_ref(), &root);
        let mut any = false;
        while let Some(directory) = found.try_next().await? {
            any = true;
            one(app, lake.as_ref(), directory, &mut seen, &mut sums).await?;
        }
        // Somebody asked for a directory in which nothing says what should be there.
        if !any && !args.what.is_empty() {
            one(app, lake.as_ref(), root, &mut seen, &mut sums).await?;
        }
    }
    if args.what.is_empty() {
        for directory in published_by_ledger(&settings).await? {
            one(app, lake.as_ref(), directory, &mut seen, &mut sums).await?;
        }
    }
    app.printer.value(&json!({ "total": {
        "jobs": sums.jobs, "lines": sums.lines, "output": sums.output, "errors": sums.errors, "bytes": sums.bytes,
        "with_findings": sums.bad, "findings": sums.findings,
    } }));
    app.printer.line(format!(
        "in all: {} {}, {} lines ({} in output, {} in errors), {} read: {}",
        sums.jobs,
        if sums.jobs == 1 { "job" } else { "jobs" },
        sums.lines,
        sums.output,
        sums.errors,
        bytesize::ByteSize::b(sums.bytes),
        match sums.bad {
            0 => "each request is there exactly once, and nothing was changed".to_owned(),
            bad => format!("{} findings in {bad} of them", sums.findings),
        }
    ));
    Ok(if sums.bad > 0 { exit::WITH_ERRORS } else { exit::OK })
}

#[derive(Default)]
struct Sums {
    jobs: u64,
    bad: u64,
    findings: u64,
    lines: u64,
    output: u64,
    errors: u64,
    bytes: u64,
}

async fn one(
    app: &App,
    lake: &dyn DataLake,
    directory: Location,
    seen: &mut BTreeSet<Location>,
    sums: &mut Sums,
) -> CliResult<()> {
    if seen.contains(&directory) {
        return Ok(());
    }
    let audit = audit_directory(lake, &directory).await?;
    seen.extend(audit.directories.iter().cloned());
    sums.jobs += 1;
    sums.bad += u64::from(!audit.is_clean());
    sums.findings += audit.total();
    sums.lines += audit.lines;
    sums.output += audit.output;
    sums.errors += audit.errors;
    sums.bytes += audit.bytes;
    show(app, &audit);
    Ok(())
}

fn show(app: &App, audit: &Audit) {
    let mut value = json!(audit);
    value["clean"] = json!(audit.is_clean());
    value["directory"] = json!(audit.directory.to_string());
    value["directories"] = json!(audit.directories.iter().map(ToString::to_string).collect::<Vec<_>>());
    app.printer.value(&value);
    let at = &audit.directory;
    for finding in &audit.findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        app.printer.line(format!("{}{line}: {}: {}", finding.file, finding.kind.as_str(), finding.message));
    }
    let shown = audit.findings.len() as u64;
    app.printer.line(match audit.total() {
        0 if audit.with_input || audit.lines == 0 => {
            format!("{at}: ok, {} lines: {} in output, {} in errors", audit.lines, audit.output, audit.errors)
        }
        0 => format!(
            "{at}: ok as far as can be seen, {} lines; the input was replaced before it could be archived",
            audit.lines
        ),
        total if total > shown => format!("{at}: {total} findings, {shown} of them shown"),
        total => format!("{at}: {total} findings"),
    });
}

/// Where the jobs of the ledger have published, whether or not anything is there now. Without a ledger the lake is all there is.
async fn published_by_ledger(settings: &Settings) -> CliResult<Vec<Location>> {
    if settings.ledger.is_absent() {
        return Ok(Vec::new());
    }
    let ledger = wiring::ledger(&settings.ledger, Access::Look).await?;
    let views = ledger.view(&JobQuery::default()).await?;
    Ok(views.iter().filter(|view| !view.job.is_bundle()).filter_map(|view| directory_of(&view.job)).collect())
}

/// The directory of a job that has published something.
fn directory_of(job: &JobRecord) -> Option<Location> {
    match &job.state {
        JobState::Done { target, totals, .. } => {
            Some(if totals.output > 0 { target.processed.clone() } else { target.error.clone() })
        }
        _ => None,
    }
}

/// Where to look.
async fn roots(settings: &Settings, what: &[String]) -> CliResult<Vec<Location>> {
    let places = &settings.pipeline.lake;
    if what.is_empty() {
        let both = BTreeSet::from([places.processed.clone(), places.error.clone()]);
        return Ok(both.into_iter().collect());
    }
    let mut roots = Vec::new();
    for text in what {
        let is_path = text.contains(['/', '\\', ':']) || text == "." || Path::new(text).is_dir();
        match &settings.lake {
            LakeKind::Azure(_) if text.starts_with("abfs") => {
                let (host, at) = config::azure_url("the argument", text)?;
                if host != places.account {
                    return Err(elsewhere(text));
                }
                roots.push(at);
            }
            LakeKind::Local(directories) if is_path => roots.push(local(directories, text)?),
            LakeKind::Azure(_) if is_path => return Err(elsewhere(text)),
            _ => roots.push(of_job(settings, text).await?),
        }
    }
    Ok(roots)
}

fn elsewhere(text: &str) -> CliError {
    CliError::usage(format!("{text} is not in the lake of the configuration"))
        .hint("name a directory below lake.processed or lake.error, or a job")
}

/// A directory of this machine, as the lake calls it.
fn local(directories: &[(String, std::path::PathBuf)], text: &str) -> CliResult<Location> {
    let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).unwrap_or(text);
    let wanted = Path::new(path)
        .canonicalize()
        .map_err(|error| CliError::unreachable(format!("{text} cannot be read")).caused_by(&error))?;
    for (name, directory) in directories.iter().filter(|(name, _)| name != "input") {
        let Some(rest) =
            directory.canonicalize().ok().and_then(|root| Some(wanted.strip_prefix(root).ok()?.to_owned()))
        else {
            continue;
        };
        let rest = rest.to_str().ok_or_else(|| elsewhere(text))?.replace(std::path::MAIN_SEPARATOR, "/");
        let path = LakePath::parse(&rest).map_err(|error| elsewhere(text).caused_by(&error))?;
        return Ok(Location::new(name.clone(), path));
    }
    Err(elsewhere(text))
}

/// Where a job has published.
async fn of_job(settings: &Settings, key: &str) -> CliResult<Location> {
    if settings.ledger.is_absent() {
        return Err(CliError::usage(format!("there is no ledger at {}", settings.ledger))
            .hint("name a directory instead of a job"));
    }
    let ledger = wiring::ledger(&settings.ledger, Access::Look).await?;
    let view =
        the_one(key, ledger.view(&JobQuery { key: Some(key.to_owned()), ..JobQuery::default() }).await?)?;
    directory_of(&view.job).ok_or_else(|| {
        let state = view.job.state.name();
        CliError::usage(format!("job {} is {state}: nothing of it is published yet", view.job.key))
            .hint("`aoai-batch status` shows how far it is")
    })
}
