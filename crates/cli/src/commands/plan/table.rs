//! The dry run for people.

use std::time::Duration;

use batch_orchestrator::{
    PipelineOptions,
    cost::Usd,
    dry_run::{DryRun, FileForecast, FileVerdict},
    model::PartPlan,
};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};

use super::run::sums;

pub(super) fn show(found: &DryRun, options: &PipelineOptions, assumed: Duration) -> String {
    if found.files.is_empty() && found.waiting == 0 {
        return "there is nothing to do: no file of the input directory is at rest and new".into();
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "file",
        "parts",
        "lines",
        "tokens",
        "cost",
        "waits",
        "done after",
        "why",
    ]);
    for file in &found.files {
        table.add_row(row(file, options));
    }
    let sums = sums(found);
    let mut text = vec![table.to_string()];
    text.push(format!(
        "in all: {} files in {} batches, {} lines, {} prompt tokens, {}",
        sums.files,
        sums.parts,
        sums.lines,
        sums.tokens,
        cost(sums.cost)
    ));
    if sums.parts > 0 {
        text.push(format!(
            "expected to be done after {}; the longest wait for quota is {}",
            span(sums.done),
            span(sums.waits)
        ));
    }
    if found.waiting > 0 {
        text.push(format!("{} parts of earlier files wait to be sent, and go first", found.waiting));
    }
    for lane in &found.lanes {
        let limit = lane.books.record.hard_limit(lane.candidate.limit);
        let limit = limit.map_or("no limit is known".to_owned(), |limit| format!("of {limit} tokens"));
        let measured = if lane.books.record.turnaround_ms.is_some() { "as measured" } else { "assumed" };
        text.push(format!(
            "{}: {} tokens enqueued, {limit}; a batch takes {} ({measured})",
            lane.candidate.deployment,
            lane.books.reserved,
            span(lane.turnaround)
        ));
    }
    if found.lanes.iter().any(|lane| lane.books.record.turnaround_ms.is_none()) {
        text.push(format!(
            "note: where no batch has ended yet, {} are assumed for one; --turnaround says otherwise",
            span(assumed)
        ));
    }
    if let (Some(most), Some((_, high))) = (options.cost.max_per_day.map(Usd::from_nanodollars), sums.cost)
        && high > most
    {
        text.push(format!(
            "note: it may cost more than limits.max_cost_per_day ({most}): what exceeds it waits for the next day (UTC)"
        ));
    }
    for skipped in &found.skipped {
        text.push(format!("passed over: {} ({})", skipped.path, skipped.reason.hint()));
    }
    text.join("\n")
}

fn row(file: &FileForecast, options: &PipelineOptions) -> [String; 8] {
    let path = file.location.path.to_string();
    let empty = String::new;
    match &file.verdict {
        FileVerdict::Known { job, state } => {
            let why = format!("on its way: job {} is {state}", &job.0[..job.0.len().min(8)]);
            [path, empty(), empty(), empty(), empty(), empty(), empty(), why]
        }
        FileVerdict::Unreadable(why) => {
            [path, empty(), empty(), empty(), empty(), empty(), empty(), format!("cannot be read: {why}")]
        }
        FileVerdict::Rejected(report) => {
            let first = report.findings.first().map_or(String::new(), |finding| {
                let line = finding.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                format!("; first: {line}{} ({})", finding.message, finding.code.as_str())
            });
            let why = format!("would be refused, {} errors{first}", report.total());
            [path, empty(), report.lines.to_string(), empty(), empty(), empty(), empty(), why]
        }
        FileVerdict::Planned { plan, costs, parts, bundle } => {
            let sum = costs.iter().try_fold((Usd::ZERO, Usd::ZERO), |(low, high), cost| {
                let cost = (*cost)?;
                Some((low.plus(cost.low).ok()?, high.plus(cost.high).ok()?))
            });
            let waits = parts.iter().map(|part| part.waits).max().unwrap_or_default();
            let done = parts.iter().map(|part| part.done).max().unwrap_or_default();
            let mut why = match bundle {
                Some(number) => format!("sent with other small files, in batch {number}"),
                None => reason(&plan.parts, options),
            };
            if parts.iter().any(|part| part.deployment.is_none()) {
                why += "; a part is larger than any quota lets in";
            }
            [
                path,
                plan.parts.len().to_string(),
                plan.lines.to_string(),
                plan.tokens.prompt.to_string(),
                cost(sum),
                span(waits),
                span(done),
                why,
            ]
        }
    }
}

/// Why a file has as many parts as it has.
fn reason(parts: &[PartPlan], options: &PipelineOptions) -> String {
    let [first, _, ..] = parts else { return "sent whole".into() };
    let limits = &options.limits;
    if first.lines >= limits.max_lines {
        return format!("split at {} lines", limits.max_lines);
    }
    match limits.max_part_tokens {
        Some(most) if parts.iter().any(|part| part.quota_tokens().saturating_mul(2) > most) => {
            format!("split at {most} tokens, its share of the quota")
        }
        _ => format!("split at {} bytes", limits.max_file_bytes),
    }
}

fn cost(range: Option<(Usd, Usd)>) -> String {
    match range {
        None => "price unknown".into(),
        Some((low, high)) if low == high => low.to_string(),
        Some((low, high)) => format!("{low} to {high}"),
    }
}

fn span(span: Duration) -> String {
    if span.is_zero() {
        return "0".into();
    }
    // Whole minutes beyond an hour: nobody can foretell seconds of a day.
    let secs = span.as_secs().max(1);
    let rounded = if secs > 3600 { secs.div_ceil(60) * 60 } else { secs };
    humantime::format_duration(Duration::from_secs(rounded)).to_string()
}
