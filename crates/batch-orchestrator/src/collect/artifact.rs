//! Writing a file to the lake while hashing it; and proving afterwards that it is there.

use adls_io::{Condition, DataLake, ErrorKind, Location, ReadOptions};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use memchr::memchr_iter;
use sha2::{Digest, Sha256};

use crate::{error::StageResult, model::Artifact};

/// Length, lines and hash of bytes that pass by.
#[derive(Default)]
pub(crate) struct Measure {
    bytes: u64,
    lines: u64,
    hash: Sha256,
}

impl Measure {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.lines += memchr_iter(b'\n', bytes).count() as u64;
        self.hash.update(bytes);
    }

    pub(crate) fn finish(self, location: Location) -> Artifact {
        let sha256 = crate::model::hex(&self.hash.finalize());
        Artifact { location, bytes: self.bytes, lines: self.lines, sha256 }
    }
}

/// Writes a stream under a name in the work directory, replacing what an earlier try left there.
pub(crate) async fn write_artifact(
    lake: &dyn DataLake,
    at: &Location,
    bytes: impl Stream<Item = Bytes> + Send,
) -> StageResult<Artifact> {
    write_results(lake, at, bytes.map(Ok), Condition::Always).await
}

/// Writes a stream that may fail; nothing appears under the name if it does.
pub(crate) async fn write_results(
    lake: &dyn DataLake,
    at: &Location,
    bytes: impl Stream<Item = StageResult<Bytes>> + Send,
    condition: Condition,
) -> StageResult<Artifact> {
    let mut bytes = std::pin::pin!(bytes);
    let mut writer = lake.create(at).await?;
    let mut measure = Measure::default();
    while let Some(block) = bytes.next().await {
        let block = block?;
        measure.add(&block);
        writer.write(block).await?;
    }
    writer.commit(condition).await?;
    Ok(measure.finish(at.clone()))
}

/// Reads a file back and measures it; `None` if there is none.
pub(crate) async fn measure(lake: &dyn DataLake, at: &Location) -> StageResult<Option<Artifact>> {
    let read = match lake.read(at, ReadOptions::default()).await {
        Ok(read) => read,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut body = read.body;
    let mut measure = Measure::default();
    while let Some(block) = body.try_next().await? {
        measure.add(&block);
    }
    Ok(Some(measure.finish(at.clone())))
}
