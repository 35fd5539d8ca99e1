//! A further attempt at a part: only the lines that have no result yet.

use adls_io::ETag;

use super::{
    Artifact, DeploymentId, InputSnapshot, PartPlan, PartRecord, PartResult, ServiceInput, TokenTotals,
};

/// What a further attempt is part of. Its record's own input and plan are those of the retry file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Again {
    /// The job's input, at the version that was planned.
    pub input: InputSnapshot,
    /// The part as it was planned: all of its lines.
    pub part: PartPlan,
    /// SHA-256 of the retry file.
    pub sha256: String,
    /// What the attempts before have settled.
    pub settled: Settled,
    /// What the first attempt sent; where the input is replaced, its lines are still there.
    pub sent: Option<ServiceInput>,
    /// Where the attempt before was sent: another deployment is preferred.
    pub avoid: Option<DeploymentId>,
}

/// The results that need no further attempt, of all attempts up to one.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Settled {
    /// Successful lines; `None` if there are none.
    pub output: Option<Artifact>,
    /// Lines that failed for good; `None` if there are none.
    pub error: Option<Artifact>,
}

/// The lines that are sent once more: the retry file, which is the durable decision.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unanswered {
    /// The request lines, as they stand in the input.
    pub requests: Artifact,
    /// Their version.
    pub etag: ETag,
    /// When they were written, by the lake's clock, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Bytes that are uploaded.
    pub upload_bytes: u64,
    /// Their tokens.
    pub tokens: TokenTotals,
    /// Whether the decision was made before: then the attempt may have been sent.
    pub found: bool,
}

/// A part as it was planned, whichever attempt it is looked at from.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// The job's input.
    pub input: &'a InputSnapshot,
    /// All of its lines.
    pub plan: &'a PartPlan,
}

impl PartRecord {
    /// The part as it was planned.
    #[must_use]
    pub fn whole(&self) -> Whole<'_> {
        match &self.plan.again {
            Some(again) => Whole { input: &again.input, plan: &again.part },
            None => Whole { input: &self.input, plan: &self.plan },
        }
    }
}

impl PartResult {
    /// The part as it was planned.
    #[must_use]
    pub fn whole_plan(&self) -> &PartPlan {
        self.plan.again.as_ref().map_or(&self.plan, |again| &again.part)
    }

    /// Whether no attempt follows: then its files hold the results of the whole part.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.harvest.again.is_none()
    }
}
