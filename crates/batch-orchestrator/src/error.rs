//! What stops a stage, and what stops the pipeline.

use std::time::Duration;

use crate::{
    ledger::{LedgerError, LedgerErrorKind},
    machine::IllegalEvent,
    model::{Problem, ProblemKind, Timestamp},
};

/// What stops the whole pipeline.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] LedgerError),
    /// The lake could not be reached or refused us, before any work was begun.
    #[error("the lake failed")]
    Lake(#[from] adls_io::Error),
    /// The service could not be reached or refused us, before any work was begun.
    #[error("the service failed")]
    Service(#[from] aoai_batch_client::Error),
    /// What earlier runs have left could not be looked up: nothing is sent before that.
    #[error("the look around before the start failed: {0}")]
    Start(String),
    /// An option cannot be used.
    #[error("{0}")]
    Options(String),
    /// A bug.
    #[error("a bug in the state machine")]
    Machine(#[from] IllegalEvent),
}

/// Why a stage could not do its work; the state stays, and it is tried again.
#[derive(Debug)]
pub(crate) struct StageError {
    pub(crate) kind: ProblemKind,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
    /// Time alone will not mend it.
    pub(crate) lasting: bool,
    /// How long the other side asked to wait.
    pub(crate) wait: Option<Duration>,
    /// It is the ledger that cannot be reached.
    pub(crate) ledger_away: bool,
}

pub(crate) type StageResult<T> = Result<T, StageError>;

impl From<adls_io::PathError> for PipelineError {
    fn from(error: adls_io::PathError) -> Self {
        Self::Options(error.to_string())
    }
}

impl StageError {
    pub(crate) fn local(message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self {
            kind: ProblemKind::Local,
            message: message.into(),
            hint,
            lasting: true,
            wait: None,
            ledger_away: false,
        }
    }

    pub(crate) fn problem(&self, before: Option<&Problem>, now: Timestamp) -> Problem {
        Problem {
            kind: self.kind,
            message: self.message.clone(),
            hint: self.hint.map(str::to_owned),
            lasting: self.lasting,
            since: before.map_or(now, |problem| problem.since),
        }
    }
}

impl From<LedgerError> for StageError {
    fn from(error: LedgerError) -> Self {
        let ledger_away = error.kind == LedgerErrorKind::Unavailable;
        Self {
            kind: ProblemKind::Local,
            message: chain(&error),
            hint: Some("it is tried again by itself; check the ledger's database"),
            lasting: !ledger_away,
            wait: None,
            ledger_away,
        }
    }
}

impl From<adls_io::PathError> for StageError {
    fn from(error: adls_io::PathError) -> Self {
        Self::local(
            format!("a result path is not possible: {error}"),
            Some("shorten the names of file and directory"),
        )
    }
}

impl From<adls_io::Error> for StageError {
    fn from(error: adls_io::Error) -> Self {
        use adls_io::ErrorKind as K;
        let hint = match error.kind {
            K::PermissionDenied => Some(
                "give this user (or identity) the right to read and write there; it is tried again by itself",
            ),
            K::NoFilesystem => Some(
                "make the filesystem (container) available again; nothing is lost, it is tried again by itself",
            ),
            K::StorageFull => Some("make room; nothing is lost, it is tried again by itself"),
            K::Unavailable => Some("it is tried again by itself; check the network and the lake's status"),
            _ => None,
        };
        let lasting = !matches!(error.kind, K::Unavailable | K::Io);
        Self {
            kind: ProblemKind::Lake,
            message: chain(&error),
            hint,
            lasting,
            wait: None,
            ledger_away: false,
        }
    }
}

impl From<aoai_batch_client::Error> for StageError {
    fn from(error: aoai_batch_client::Error) -> Self {
        use aoai_batch_client::ErrorKind as K;
        let hint = match error.kind() {
            K::Unauthorized => {
                Some("check the key or the identity's role (Cognitive Services OpenAI Contributor)")
            }
            K::Connection => Some("check service.endpoint, the network and private link"),
            K::QuotaExceeded => Some("delete files that nobody needs, or wait until running batches end"),
            _ => None,
        };
        let kind = match error.kind() {
            K::QuotaExceeded | K::Throttled => ProblemKind::Quota,
            K::Local => ProblemKind::Lake,
            _ => ProblemKind::Service,
        };
        let lasting = matches!(error.kind(), K::Unauthorized | K::Rejected);
        Self { kind, message: chain(&error), hint, lasting, wait: error.retry_after(), ledger_away: false }
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
