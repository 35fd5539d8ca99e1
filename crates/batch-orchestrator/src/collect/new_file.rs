//! A file under its final name that is written piece by piece, if there is anything to write.

use adls_io::{Condition, DataLake, ErrorKind, LakeWriter, Location};
use bytes::BytesMut;

use super::artifact::{Measure, measure};
use crate::{error::StageResult, model::Artifact};

/// Bytes are handed to the lake in blocks of this size.
const BLOCK: usize = 256 << 10;

/// Such a file; nothing appears before it is whole.
pub(super) struct NewFile<'a> {
    lake: &'a dyn DataLake,
    at: Location,
    writer: Option<Box<dyn LakeWriter>>,
    measure: Measure,
    block: BytesMut,
}

impl<'a> NewFile<'a> {
    pub(super) fn new(lake: &'a dyn DataLake, at: Location) -> Self {
        Self { lake, at, writer: None, measure: Measure::default(), block: BytesMut::new() }
    }

    /// Appends bytes.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> StageResult<()> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> StageResult<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.lake.create(&self.at).await?),
        };
        let block = self.block.split().freeze();
        self.measure.add(&block);
        Ok(writer.write(block).await?)
    }

    /// Publishes it, and reads back what stands there now: what was written, or what somebody wrote before. `Ok(None)` if nothing
    /// was to be written; `Err` in the answer if what stands there is something else.
    pub(super) async fn finish(mut self) -> StageResult<Result<Option<Artifact>, String>> {
        if !self.block.is_empty() {
            self.flush().await?;
        }
        let Some(writer) = self.writer else { return Ok(Ok(None)) };
        match writer.commit(Condition::IfAbsent).await {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let written = self.measure.finish(self.at.clone());
        Ok(match measure(self.lake, &self.at).await? {
            Some(found) if found == written => Ok(Some(found)),
            _ => Err(format!("{} is not what was written", self.at)),
        })
    }
}
