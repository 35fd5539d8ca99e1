//! What the service reads: a file of its own, or a blob in the lake.

use adls_io::Location;
use aoai_batch_client::{BatchId, FileId};

use super::Timestamp;

/// The input of a batch, as the service gets it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceInput {
    /// A file at the service: uploaded, or imported.
    File(FileId),
    /// A copy in the work directory, which the service reads with its own identity.
    Blob {
        /// Where the copy is.
        at: Location,
    },
}

impl ServiceInput {
    /// The file at the service, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&FileId> {
        match self {
            Self::File(id) => Some(id),
            Self::Blob { .. } => None,
        }
    }

    /// The copy in the lake, if it is one.
    #[must_use]
    pub fn blob(&self) -> Option<&Location> {
        match self {
            Self::File(_) => None,
            Self::Blob { at } => Some(at),
        }
    }
}

/// What went before, and may have left something behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Strays {
    /// Inputs of earlier generations.
    pub inputs: Vec<ServiceInput>,
    /// Whether there may be more service files of our name: the clean-up must list.
    pub must_list: bool,
    /// Batches that failed without cost; kept for the manifest.
    pub failed_batches: Vec<BatchId>,
    /// Imports that failed.
    #[serde(default)]
    pub setbacks: Setbacks,
}

/// Generations that came to nothing, by nobody's fault that could be told from the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setbacks {
    /// How many in all.
    pub count: u32,
    /// Since when, without a success in between.
    pub since: Option<Timestamp>,
}
