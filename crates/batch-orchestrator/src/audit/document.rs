//! A manifest, as far as an audit compares it.

use adls_io::{LakePath, Location};

use crate::model::JobKey;

/// Readers accept newer formats, so everything that is not known is passed over.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Document {
    pub(super) job: JobKey,
    pub(super) input: Input,
    pub(super) counts: Counts,
    pub(super) artifacts: Vec<Named>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Input {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// None of a file that was refused.
    pub(super) lines: Option<u64>,
    pub(super) sha256: Option<String>,
    pub(super) raw: Raw,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Raw {
    state: String,
    path: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) output: u64,
    pub(super) error: u64,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// None of a table.
    pub(super) lines: Option<u64>,
    pub(super) sha256: String,
}

impl Document {
    /// What the job called its result files: `<stem>_output` and the extension of its input.
    pub(super) fn ending(&self, what: &str) -> String {
        let name = self.input.path.rsplit('/').next().unwrap_or_default();
        let extension = name.rfind('.').filter(|at| *at > 0).map_or("", |at| &name[at..]);
        format!("_{what}{extension}")
    }
}

impl Raw {
    /// Where the input is; `None` if it was replaced before it could be archived.
    pub(super) fn archived_at(&self) -> Option<&str> {
        self.path.as_deref().filter(|_| self.state == "archived")
    }
}

/// A path as manifests write them, `filesystem/path`; `None` for anything that is none. They are not believed further than
/// that: the file is only read, in the lake that was asked about.
pub(super) fn location(text: &str) -> Option<Location> {
    let (filesystem, path) = text.split_once('/')?;
    let path = LakePath::parse(path).ok().filter(|path| !path.is_root() && path.as_str() != "")?;
    Some(Location::new(filesystem, path))
}
