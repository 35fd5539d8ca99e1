//! The plan file: how a job was cut and where its results go, written to the lake before any batch is created.
//!
//! If it is there, something may have been paid for; if it is not, nothing was. But a copy of the input may be at the service
//! even then, for it may be sent while it is validated.

use adls_io::{Condition, DataLakeExt, ErrorKind, Location};
use bytes::Bytes;

use crate::{
    error::{StageError, StageResult},
    machine::{Early, JobEvent},
    model::{Artifact, JobKey, JobPlan, Publication, Target, Timestamp},
    reconcile::Context,
};

const FORMAT: u32 = 1;
/// A plan grows by some 300 bytes with each part.
const MAX_BYTES: u64 = 64 << 20;

/// What validation made of an input.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Decision {
    /// Where the results go.
    pub(crate) target: Target,
    /// When the decision was made.
    pub(crate) planned_at: Timestamp,
    /// How to send it, or what is wrong with it.
    pub(crate) verdict: Verdict,
}

/// Valid or not.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// How to send it.
    Plan(Box<JobPlan>),
    /// The report.
    Rejection(Artifact),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Document {
    format: u32,
    job: JobKey,
    decision: Decision,
}

impl Decision {
    /// What a fresh decision means for its job.
    pub(crate) fn made(self, early: Early) -> JobEvent {
        let Self { target, verdict, .. } = self;
        match verdict {
            Verdict::Plan(plan) => JobEvent::Planned { plan, target, early },
            Verdict::Rejection(report) => {
                JobEvent::Rejected { report, target, must_list: early != Early::Absent }
            }
        }
    }

    /// What a decision that was found means for its job: parts of it may have been sent.
    pub(crate) fn found(self) -> JobEvent {
        let Self { target, planned_at, verdict } = self;
        match verdict {
            Verdict::Plan(plan) => JobEvent::Recovered { plan, target, planned_at },
            Verdict::Rejection(report) => JobEvent::Rejected { report, target, must_list: true },
        }
    }

    /// A publication of which only the frame is known.
    pub(crate) fn frame(self, now: Timestamp) -> Publication {
        let (plan, rejection) = match self.verdict {
            Verdict::Plan(plan) => (Some(*plan), None),
            Verdict::Rejection(report) => (None, Some(report)),
        };
        let Self { target, planned_at, .. } = self;
        let (parts, decided_at) = (Vec::new(), now);
        Publication { plan, target, parts, rejection, planned_at, decided_at, must_list: true }
    }
}

/// The decision that was made for a job, if there is one.
pub(crate) async fn read_decision(context: &Context, job: &JobKey) -> StageResult<Option<Decision>> {
    let at = context.layout.plan(job)?;
    let bytes = match context.lake.read_all(&at, MAX_BYTES).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let document: Document =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(&at, &error.to_string()))?;
    if document.format > FORMAT || document.job != *job {
        return Err(unreadable(&at, "it is of another version or of another job"));
    }
    Ok(Some(document.decision))
}

/// Writes a decision; answers with an earlier one if that is there already.
pub(crate) async fn write_decision(
    context: &Context,
    job: &JobKey,
    decision: &Decision,
) -> StageResult<Option<Decision>> {
    let at = context.layout.plan(job)?;
    let document = Document { format: FORMAT, job: job.clone(), decision: decision.clone() };
    let json = serde_json::to_vec(&document).map_err(|error| StageError::local(error.to_string(), None))?;
    match context.lake.write_all(&at, Bytes::from(json), Condition::IfAbsent).await {
        Ok(_) => Ok(None),
        Err(error) if error.kind == ErrorKind::AlreadyExists => read_decision(context, job).await,
        Err(error) => Err(error.into()),
    }
}

fn unreadable(at: &Location, why: &str) -> StageError {
    StageError::local(
        format!("{at} is not a plan that this version can read: {why}"),
        Some("use the version of aoai-batch that wrote it; nothing is sent meanwhile"),
    )
}
