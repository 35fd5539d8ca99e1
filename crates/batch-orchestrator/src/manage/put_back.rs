//! What failed in a finished job, as a new input.

use adls_io::{Condition, DataLake, DataLakeExt, ErrorKind, Location, ReadOptions};
use futures::TryStreamExt;

use crate::{
    collect::{MANIFEST_MAX_BYTES, MANIFEST_NAME, Manifest, Measure},
    ledger::{JobQuery, JobView, Ledger, LedgerError},
    model::{Artifact, JobKey, JobRecord, JobState, RawInput},
};

/// Which lines of a finished job are sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resend {
    /// Those without a successful answer: the file `<stem>_failed`.
    Failed,
    /// Those whose answer does not conform to the schema that they asked for: the file `<stem>_nonconforming`.
    Nonconforming,
    /// All of them: the archived input.
    All,
}

impl Resend {
    /// What the new file's name says.
    fn tag(self) -> &'static str {
        match self {
            Self::Failed => "retry",
            Self::Nonconforming => "again",
            Self::All => "all",
        }
    }
}

/// Why lines cannot be put back.
#[derive(Debug, thiserror::Error)]
pub enum PutBackError {
    /// The job is under way, or was never begun.
    #[error("job {0} is {1}: only what is done can be sent again")]
    NotDone(JobKey, &'static str),
    /// There is nothing of that kind.
    #[error("there is no {0}: nothing is to be sent again")]
    Nothing(Location),
    /// The input is not archived: it was replaced while its batch ran.
    #[error("the input of job {0} was replaced while its batch ran: it is not in the archive")]
    Replaced(JobKey),
    /// Somebody changed it since it was published.
    #[error("{0} is not what was published: its hash is not that of the manifest")]
    Changed(Location),
    /// It was put back before, and waits.
    #[error("{0} is there already, and waits for a run")]
    Waiting(Location),
    /// It was put back before, and is a job.
    #[error("it was sent again before, as job {0}")]
    SentBefore(JobKey),
    /// The name is no legal path.
    #[error("it has no place in the inbox")]
    Path(#[from] adls_io::PathError),
    /// The lake failed.
    #[error("the lake failed")]
    Lake(#[from] adls_io::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] LedgerError),
}

/// Puts lines of a finished job into the inbox, beside where its input was, as a file of their own: the next run, or a worker
/// that watches, takes it like any other. The name is the job's, so each kind of lines of a job is put back once; answers with
/// the place.
///
/// # Errors
/// [`PutBackError`]; then nothing has changed.
pub async fn put_back(
    lake: &dyn DataLake,
    ledger: &dyn Ledger,
    view: &JobView,
    resend: Resend,
) -> Result<Location, PutBackError> {
    let job = &view.job;
    let JobState::Done { target, raw, .. } = &job.state else {
        return Err(PutBackError::NotDone(job.key.clone(), job.state.name()));
    };
    let from = match (resend, raw) {
        (Resend::Failed, _) => target.error.join(&target.file_name("failed"))?,
        (Resend::Nonconforming, _) => target.error.join(&target.file_name("nonconforming"))?,
        (Resend::All, RawInput::Archived { location }) => location.clone(),
        (Resend::All, RawInput::Replaced) => return Err(PutBackError::Replaced(job.key.clone())),
    };
    let name = name(&target.stem, &target.extension, job, resend);
    let to = job.input.location.parent().join(&name)?;
    // Once it was taken, its place is free again.
    let query = JobQuery { input: Some(to.clone()), ..JobQuery::default() };
    // One that was dropped was taken away before anything of it was sent.
    let was_sent = |view: &JobView| !matches!(view.job.state, JobState::Dropped { .. });
    if let Some(sent) = ledger.view(&query).await?.into_iter().rfind(was_sent) {
        return Err(PutBackError::SentBefore(sent.job.key));
    }
    let mut body = match lake.read(&from, ReadOptions::default()).await {
        Ok(read) => read.body,
        Err(error) if error.is_absent() => {
            return Err(PutBackError::Nothing(from));
        }
        Err(error) => return Err(error.into()),
    };
    let published = published_sha256(lake, [&target.processed, &target.error], &from).await?;
    let (mut writer, mut measure) = (lake.create(&to).await?, Measure::default());
    while let Some(chunk) = body.try_next().await? {
        measure.add(&chunk);
        writer.write(chunk).await?;
    }
    let Artifact { location: changed, sha256: found, .. } = measure.finish(from);
    if published.is_some_and(|published| published != found) {
        return Err(PutBackError::Changed(changed));
    }
    match writer.commit(Condition::IfAbsent).await {
        Ok(_) => Ok(to),
        Err(error) if error.kind == ErrorKind::AlreadyExists => Err(PutBackError::Waiting(to)),
        Err(error) => Err(error.into()),
    }
}

/// What the manifest says of a published file, or of the archived input; `None` if there is no manifest to ask.
async fn published_sha256(
    lake: &dyn DataLake,
    directories: [&Location; 2],
    file: &Location,
) -> Result<Option<String>, PutBackError> {
    for directory in directories {
        let at = directory.join(MANIFEST_NAME)?;
        let Ok(bytes) = lake.read_all(&at, MANIFEST_MAX_BYTES).await else { continue };
        if let Some(manifest) = Manifest::parse(&bytes) {
            return Ok(manifest.sha256_of(&file.to_string()).map(str::to_owned));
        }
    }
    Ok(None)
}

/// `<stem>.<tag>-<job><extension>`; what was put back before loses the mark of that time.
fn name(stem: &str, extension: &str, job: &JobRecord, resend: Resend) -> String {
    let short = &job.key.0[..job.key.0.len().min(8)];
    let is_mark = |mark: &str| {
        let tags = [Resend::Failed, Resend::Nonconforming, Resend::All];
        tags.iter().any(|resend| {
            mark.strip_prefix(resend.tag()).and_then(|rest| rest.strip_prefix('-')).is_some_and(|digits| {
                digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            })
        })
    };
    let stem = match stem.rsplit_once('.') {
        Some((stem, mark)) if is_mark(mark) => stem,
        _ => stem,
    };
    format!("{stem}.{}-{short}{extension}", resend.tag())
}

#[cfg(test)]
mod tests {
    use adls_io::{ETag, LakePath};

    use super::*;
    use crate::model::{InputSnapshot, Timestamp};

    #[test]
    fn a_file_that_is_put_back_again_has_one_mark() {
        let location = Location::new("in", LakePath::parse("a.jsonl").unwrap());
        let job = JobRecord {
            key: JobKey("0123456789abcdef01234567".into()),
            input: InputSnapshot { location, etag: ETag("1".into()), size: 1, modified_ms: 0 },
            state: JobState::Seen,
            cancel: None,
            version: 0,
            failures: 0,
            problem: None,
            due_at: Timestamp(0),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        };
        assert_eq!(name("a", ".jsonl", &job, Resend::Failed), "a.retry-01234567.jsonl");
        assert_eq!(name("a.retry-89abcdef", ".jsonl", &job, Resend::All), "a.all-01234567.jsonl");
        assert_eq!(name("a.retry-soon", "", &job, Resend::Nonconforming), "a.retry-soon.again-01234567");
    }
}
