//! Errors for people: what is wrong, why, and what to do.

use std::fmt;

use batch_orchestrator::{PipelineError, ledger::LedgerError, ledger::LedgerErrorKind};

use crate::exit::{self, Exit};

/// What ends a command.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hints: Vec<String>,
    pub(crate) exit: Exit,
}

pub(crate) type CliResult<T> = Result<T, CliError>;

impl CliError {
    /// Something wrong with the arguments or the configuration.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hints: Vec::new(), exit: exit::USAGE }
    }

    /// Something that the service or the lake would not do.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { exit: exit::UNREACHABLE, ..Self::usage(message) }
    }

    /// Something that the service would not do.
    pub(crate) fn service(error: &aoai_batch_client::Error) -> Self {
        use aoai_batch_client::ErrorKind as K;
        let text = Self::unreachable("the service cannot be used").caused_by(error);
        match error.kind() {
            K::Connection => text.hint("check service.endpoint, the network, and private link; nothing was sent"),
            K::Unauthorized => text.hint(
                "check the key that service.key_env names, or the role of the identity that service.auth means",
            ),
            K::NotFound => {
                text.hint("check service.endpoint and service.api: a wrong version is answered with 404")
            }
            _ => text.hint("run again later; nothing is lost"),
        }
    }

    /// Something that the lake would not do.
    pub(crate) fn lake(error: &adls_io::Error) -> Self {
        use adls_io::ErrorKind as K;
        let text = Self::unreachable("the lake cannot be used").caused_by(error);
        match error.kind {
            K::NotFound => text.hint("create the directory that lake.input names, or correct it"),
            K::NoFilesystem => text.hint("create the filesystem that lake.input names, or correct it"),
            K::PermissionDenied => {
                text.hint("give this user or identity the right to read and write there; `aoai-batch doctor` lists what is needed")
            }
            K::Unavailable => text.hint("check the account's name, lake.endpoint and the network; nothing is lost, run again"),
            K::Invalid => text.hint("correct [lake] in the configuration, or use another account"),
            _ => text,
        }
    }

    /// The same with what to try.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with what is behind it.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same with the chain of its causes; what a message repeats of its cause is said once.
    pub(crate) fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if !self.causes.last().is_some_and(|last| last.contains(&text)) && !self.message.contains(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// As JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({ "error": {
            "message": self.message, "causes": self.causes, "hints": self.hints, "exit_code": self.exit.0,
        }})
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  caused by: {cause}")?;
        }
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        use LedgerErrorKind as K;
        let text = Self::usage(format!("failed to {}", error.operation)).caused_by(&error);
        match error.kind {
            K::InUse => text.hint("wait until it has finished, or name another ledger in ledger.url"),
            K::Newer => text.hint("install the newer version; this one will not touch the ledger"),
            K::Corrupt => text.hint(
                "restore it from a backup, or move it away: the claim markers in the lake keep other runs from \
                 sending the same files again",
            ),
            K::Unusable => {
                text.hint("ledger.url must be on a local disk with room, in a directory that this user may write")
            }
            K::Unavailable | K::Fenced => Self { exit: exit::UNREACHABLE, ..text }.hint("run again"),
        }
    }
}

impl From<PipelineError> for CliError {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Ledger(error) => error.into(),
            PipelineError::Lake(error) => Self::lake(&error),
            PipelineError::Service(error) => Self::service(&error),
            error @ PipelineError::Start(_) => {
                Self { exit: exit::UNREACHABLE, ..Self::usage(error.to_string()) }
                    .hint("run again: before anything is sent, it must be known what was sent before")
            }
            PipelineError::Options(message) => Self::usage(message),
            PipelineError::Machine(error) => Self {
                exit: exit::BUG,
                ..Self::usage("this is a bug in aoai-batch").caused_by(&error)
            }
            .hint("nothing is lost: the state was not changed; please report it with the output of `status`"),
        }
    }
}
