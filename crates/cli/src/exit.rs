//! The exit codes. Others script against them: they are never reused for anything else.

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

/// Everything is done.
pub(crate) const OK: Exit = Exit(0);
/// Usage or configuration.
pub(crate) const USAGE: Exit = Exit(2);
/// Done, but some files or lines ended in error.
pub(crate) const WITH_ERRORS: Exit = Exit(3);
/// Interrupted with work in flight; the state is saved, run again to resume.
pub(crate) const INTERRUPTED: Exit = Exit(4);
/// The service or the lake could not be reached, or refused us.
pub(crate) const UNREACHABLE: Exit = Exit(5);
/// A bug.
pub(crate) const BUG: Exit = Exit(70);

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
