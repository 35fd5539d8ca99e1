//! What a run shows while it goes: bars on a terminal, lines elsewhere.

use std::{
    collections::HashMap,
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use aoai_batch_client::{Batch, BatchId, RequestCounts};
use batch_orchestrator::{
    Event, Observer,
    model::{CancelReason, InputSnapshot, JobKey, JobRecord, JobState, PartState, Totals},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use crate::print::Printer;

/// Tells what happens: JSON lines, bars, or notes.
pub(crate) struct Progress {
    printer: Arc<Printer>,
    bars: Option<Bars>,
    shown: Mutex<HashMap<JobKey, Shown>>,
}

struct Bars {
    all: MultiProgress,
    files: ProgressBar,
}

#[derive(Default)]
struct Shown {
    path: String,
    bar: Option<ProgressBar>,
    /// Lines done and lines in all, of each batch that runs.
    batches: HashMap<BatchId, RequestCounts>,
    problem: Option<String>,
}

impl Progress {
    /// Bars where standard error is a terminal and nobody objects.
    pub(crate) fn new(printer: Arc<Printer>, no_bars: bool) -> Self {
        let wanted = !no_bars && !printer.is_json() && !printer.is_quiet() && std::io::stderr().is_terminal();
        let bars = wanted.then(|| {
            let all = MultiProgress::new();
            let files =
                all.add(ProgressBar::new(0).with_style(style("{wide_bar} {pos}/{len} files  {elapsed}")));
            Bars { all, files }
        });
        printer.set_bars(bars.as_ref().map(|bars| bars.all.clone()));
        Self { printer, bars, shown: Mutex::default() }
    }

    /// Takes the bars off the screen.
    pub(crate) fn finish(&self) {
        if let Some(bars) = &self.bars {
            // A terminal that is gone needs no clearing.
            let _ = bars.all.clear();
        }
        self.printer.set_bars(None);
    }

    /// Somebody listed a batch: if it is ours and got on, say so.
    fn batch(&self, batch: &Batch) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((job, entry)) = shown.iter_mut().find(|(_, entry)| entry.batches.contains_key(&batch.id))
        else {
            return;
        };
        if entry.batches.insert(batch.id.clone(), batch.request_counts) == Some(batch.request_counts) {
            return;
        }
        let sum = |of: fn(&RequestCounts) -> u64| entry.batches.values().map(of).sum::<u64>();
        let (done, total) = (sum(|counts| counts.completed + counts.failed), sum(|counts| counts.total));
        self.printer.value(&json!({ "event": "progress", "job": job, "done": done, "total": total }));
        entry.say(&format!("{done} of {total} lines ({})", batch.status));
    }

    fn job(&self, job: &JobRecord) {
        let path = title(job);
        let state = job.state.name();
        self.printer.value(&json!({ "event": "job", "job": job.key, "path": path, "state": state }));
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = shown.entry(job.key.clone()).or_default();
        path.clone_into(&mut entry.path);
        entry.problem = None;
        let text = describe(job);
        // A bundle is none of the files that somebody counts.
        let files = u64::from(!job.is_bundle());
        match &self.bars {
            Some(bars) => {
                let bar = entry.bar.get_or_insert_with(|| {
                    bars.files.inc_length(files);
                    bars.all.add(ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}")))
                });
                bar.set_message(format!("{path}: {text}"));
                if job.state.is_at_rest() {
                    bar.finish_and_clear();
                    bars.files.inc(files);
                }
            }
            None => tracing::info!(job = %job.key, path, "{text}"),
        }
        if job.state.is_at_rest() {
            self.printer.note(format!("{path}: {text}"));
            shown.remove(&job.key);
        }
    }
}

impl Shown {
    fn say(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {text}", self.path));
            bar.tick();
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Job(job) => self.job(job),
            Event::Part(part) => {
                self.printer.value(&json!({
                    "event": "part", "job": part.key.job, "part": part.key.part, "state": part.state.name(),
                    "attempt": part.key.attempt, "batch_id": part.state.batch_id(),
                    "cancelling": part.state.cancelling().map(|cancelling| cancelling.reason),
                }));
                let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = shown.entry(part.key.job.clone()).or_default();
                if entry.path.is_empty() {
                    // Of a job that is taken up where it stopped, the parts are heard of first.
                    entry.path = named(&part.key.job, part.whole().input);
                }
                if let Some(batch) = part.state.batch_id() {
                    entry.batches.insert(batch.clone(), RequestCounts::default());
                }
                let text = describe_part(&part.state);
                if part.state.cancelling().is_some() {
                    self.printer.note(format!("{}: {text}", entry.path));
                }
                if part.key.attempt > 1 && part.state == PartState::Ready {
                    let (lines, attempt) = (part.plan.lines, part.key.attempt);
                    self.printer
                        .note(format!("{}: {lines} lines are sent again, attempt {attempt}", entry.path));
                }
                entry.say(&text);
            }
            Event::Waiting(part) => {
                self.printer.value(&json!({
                    "event": "waiting", "job": part.key.job, "part": part.key.part, "deployment": part.deployment,
                }));
                let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.entry(part.key.job.clone()).or_default().say("waits for room");
            }
            Event::Batch(batch) => self.batch(batch),
            Event::Problem { job, path, problem } => {
                self.printer
                    .value(&json!({ "event": "problem", "job": job, "path": path, "problem": problem }));
                let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = shown.entry((*job).clone()).or_default();
                // Said once, not with every try.
                if entry.problem.as_ref() != Some(&problem.message) {
                    entry.problem = Some(problem.message.clone());
                    let hint =
                        problem.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
                    self.printer.note(format!("{path}: {}; trying again{hint}", problem.message));
                }
            }
            Event::Scanned { new, skipped } => {
                for skipped in *skipped {
                    let reason = match &skipped.reason {
                        batch_orchestrator::SkippedReason::StillChanging => {
                            "it is still being written".to_owned()
                        }
                        batch_orchestrator::SkippedReason::Directory => "it is a directory".to_owned(),
                        batch_orchestrator::SkippedReason::Unreadable(why) => why.clone(),
                    };
                    self.printer
                        .value(&json!({ "event": "skipped", "path": skipped.path, "reason": reason }));
                    self.printer.note(format!(
                        "{}: passed over, {reason}\n  hint: {}",
                        skipped.path,
                        skipped.reason.hint()
                    ));
                }
                tracing::info!(new, "listed the input directory");
            }
            Event::Polled { changed } => tracing::debug!(changed, "listed the batches"),
            Event::Trouble { what, message } => {
                self.printer.value(&json!({ "event": "trouble", "what": what, "message": message }));
                self.printer.note(format!("failed to {what}: {message}; trying again"));
            }
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// What people call a job: by its file, or as what it is.
pub(crate) fn title(job: &JobRecord) -> String {
    named(&job.key, &job.input)
}

fn named(job: &JobKey, input: &InputSnapshot) -> String {
    if input.is_bundle() {
        return format!("bundle {}", &job.0[..job.0.len().min(8)]);
    }
    input.location.path.to_string()
}

/// A job's state for people.
pub(crate) fn describe(job: &JobRecord) -> String {
    match &job.state {
        JobState::Seen => "found".into(),
        JobState::Merging { members } => format!("putting {} small files together", members.len()),
        JobState::Published { .. } if job.is_bundle() => "its files take their results".into(),
        JobState::Done { totals, .. } if job.is_bundle() => {
            format!("done, the results of {} lines are with their files", totals.output + totals.error)
        }
        JobState::Claimed => "validating".into(),
        JobState::Running { plan, .. } => match plan.parts.len() {
            1 => format!("{} lines", plan.lines),
            parts => format!("{} lines in {parts} parts", plan.lines),
        },
        JobState::Publishing(_) => "writing the results".into(),
        JobState::Published { .. } => "cleaning up".into(),
        JobState::Done { outcome, totals, target, .. } => {
            use batch_orchestrator::model::Outcome as O;
            match outcome {
                O::Completed => {
                    format!("done, {} lines -> {}{}", totals.output, target.processed, not_as_asked(totals))
                }
                O::Partial => format!(
                    "done, {} lines -> {}, {} failed -> {}{}",
                    totals.output,
                    target.processed,
                    totals.error,
                    target.error,
                    not_as_asked(totals)
                ),
                O::Failed => format!("every line failed ({}) -> {}", totals.error, target.error),
                O::Rejected => format!("refused -> {}", target.error),
            }
        }
        JobState::Dropped { reason } => format!("left alone: {reason}"),
        JobState::Foreign { owner } => format!(
            "left alone: the ledger {owner} works on it (if that one is lost for good: run --adopt-ledger {owner})"
        ),
        JobState::Quarantined { reason, .. } => format!("needs a person: {reason}"),
    }
}

fn not_as_asked(totals: &Totals) -> String {
    match totals.nonconforming {
        None | Some(0) => String::new(),
        Some(1) => "; 1 answer is not as asked for".into(),
        Some(many) => format!("; {many} answers are not as asked for"),
    }
}

fn why(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "it was asked for",
        CancelReason::Stalled => "no progress for run.stall_after",
        CancelReason::Deadline => "past run.deadline",
    }
}

/// A part's state for people.
pub(crate) fn describe_part(state: &PartState) -> String {
    match state {
        PartState::Ready => "waiting for its turn".into(),
        PartState::Merged { bundle } => format!("sent in bundle {}", &bundle.0[..bundle.0.len().min(8)]),
        PartState::Recovering { .. } => "its history is lost; looking for what was sent".into(),
        PartState::Uploading { .. } => "uploading".into(),
        PartState::Uploaded(_) => "uploaded".into(),
        PartState::Creating { .. } => "submitting".into(),
        PartState::Uncertain { .. } | PartState::Fencing { .. } => {
            "finding out whether it was submitted".into()
        }
        PartState::Submitted { batch_id, submission, .. } => match submission.cancelling {
            Some(cancelling) => format!("cancelling batch {}: {}", batch_id.0, why(cancelling.reason)),
            None => format!("batch {} runs", batch_id.0),
        },
        PartState::Ended { .. } => "fetching the results".into(),
        PartState::Resolved(_) => "results are in".into(),
        PartState::Quarantined { reason, .. } => format!("needs a person: {reason}"),
    }
}
