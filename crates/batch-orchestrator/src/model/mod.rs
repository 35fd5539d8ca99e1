//! What the pipeline knows, as values.

mod again;
mod deployment;
mod input;
mod job;
mod key;
mod part;
mod plan;
mod problem;
mod submission;
mod time;

pub use again::{Again, Settled, Unanswered, Whole};
pub use deployment::DeploymentId;
pub use input::{ServiceInput, Setbacks, Strays};
pub use job::{Artifact, JobRecord, JobState, Member, Outcome, Publication, RawInput, Totals};
pub(crate) use key::hex;
pub use key::{InputSnapshot, JobKey, PartKey};
pub use part::{Harvest, PartCost, PartFailure, PartRecord, PartResult, PartState, Spending};
pub use plan::{JobPlan, PartPlan, Target, TokenTotals};
pub use problem::{Problem, ProblemKind};
pub use submission::{CancelReason, Cancelling, Progress, Submission};
pub use time::Timestamp;
