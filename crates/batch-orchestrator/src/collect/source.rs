//! Where the results of a batch are: in a file at the service, or in a blob in the lake. Both are read as one stream.

use std::fmt;

use adls_io::{ErrorKind as LakeErrorKind, Location, ReadOptions};
use aoai_batch_client::{Batch, ErrorKind, FileId};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::{
    error::StageResult,
    model::{PartRecord, ServiceInput, Submission},
    reconcile::Context,
};

/// A file that belongs to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file at the service.
    File(FileId),
    /// A blob in the lake.
    Blob(Location),
}

impl From<&ServiceInput> for Source {
    fn from(input: &ServiceInput) -> Self {
        match input {
            ServiceInput::File(id) => Self::File(id.clone()),
            ServiceInput::Blob { at } => Self::Blob(at.clone()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(id) => f.write_str(&id.0),
            Self::Blob(at) => at.fmt(f),
        }
    }
}

impl Source {
    /// Streams its bytes; `None` if there is nothing.
    pub(super) async fn open(
        &self,
        context: &Context,
    ) -> StageResult<Option<BoxStream<'static, StageResult<Bytes>>>> {
        match self {
            Self::File(id) => match context.service.file_content(id, 0).await {
                Ok(content) => Ok(Some(content.body.map_err(Into::into).boxed())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Blob(at) => match context.lake.read(at, ReadOptions::default()).await {
                Ok(read) => Ok(Some(read.body.map_err(Into::into).boxed())),
                Err(error) if error.kind == LakeErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }
}

/// Which of the two result files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Successful lines.
    Output,
    /// Failed lines.
    Error,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Output => "output",
            Self::Error => "error",
        })
    }
}

/// A result file as the batch tells it.
pub(super) enum Told {
    /// No file.
    NoFile,
    /// No blob, though a batch of blobs always names them.
    NoBlob,
    /// It is there, or was.
    At(Source),
    /// It is none of ours: it must not be read.
    Foreign(String),
}

/// Where a batch says that one of its result files is.
///
/// URLs are untrusted: they must lie in a directory that was given to this attempt.
pub(super) fn told(
    context: &Context,
    part: &PartRecord,
    submission: Option<&Submission>,
    batch: &Batch,
    kind: Kind,
) -> StageResult<Told> {
    let Some(submission) = submission.filter(|submission| submission.input.blob().is_some()) else {
        let id = match kind {
            Kind::Output => &batch.output_file_id,
            Kind::Error => &batch.error_file_id,
        };
        return Ok(id.clone().map_or(Told::NoFile, |id| Told::At(Source::File(id))));
    };
    let url = match kind {
        Kind::Output => &batch.output_blob,
        Kind::Error => &batch.error_blob,
    };
    let Some(url) = url else { return Ok(Told::NoBlob) };
    let at = context.urls()?.locate(url);
    if let Some(at) = at {
        for generation in 1..=submission.generation {
            let directory = context.layout.results(&part.key, generation)?;
            let below = at.path.relative_to(&directory.path).is_some_and(|rest| !rest.is_root());
            if at.filesystem == directory.filesystem && below {
                return Ok(Told::At(Source::Blob(at)));
            }
        }
    }
    let url = url.split('?').next().unwrap_or_default();
    Ok(Told::Foreign(format!(
        "the {kind} blob of batch {} is {url}, which is not in the folder that was given for it",
        batch.id.0
    )))
}
