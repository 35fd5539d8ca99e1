//! What keeps a job or a part from going on, for people.

use crate::model::Timestamp;

/// The last thing that went wrong; cleared by the next success.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// Whose side it is on.
    pub kind: ProblemKind,
    /// What is wrong, and where.
    pub message: String,
    /// What to do about it, where we know.
    pub hint: Option<String>,
    /// Whether time alone will not mend it: permissions, a full disk.
    pub lasting: bool,
    /// Since when, without a success in between.
    pub since: Timestamp,
}

/// Whose side a [`Problem`] is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The lake could not be reached, or refused us.
    Lake,
    /// The service could not be reached, or refused us.
    Service,
    /// The service has no room now (enqueued tokens, files, requests): it is a matter of time.
    Quota,
    /// The money that may be spent is spent.
    Budget,
    /// Something local: the spool directory, for instance.
    Local,
}
