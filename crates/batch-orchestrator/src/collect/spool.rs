//! Result lines while they are put in order: few in memory, many on local disk, where only their places are in memory.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, future::Either};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::results::Slot;
use crate::error::{StageError, StageResult};

/// Lines are written and handed on in blocks of this size; what fits into one never touches the disk.
const BLOCK: usize = 512 << 10;
/// Blocks on the way between disk and lake.
const QUEUE: usize = 2;

/// Result lines, in the order in which they came.
pub(crate) struct Spool {
    directory: Option<PathBuf>,
    /// A temporary file that vanishes with its handle, whatever happens to the process; made when it is needed.
    file: Option<tokio::fs::File>,
    pending: Vec<u8>,
    length: u64,
}

impl Spool {
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        Self { directory: directory.map(Path::to_owned), file: None, pending: Vec::new(), length: 0 }
    }

    /// Where the next line will stand.
    pub(crate) fn position(&self) -> u64 {
        self.length
    }

    /// Appends a line, without its line end.
    pub(crate) async fn push(&mut self, line: &[u8]) -> StageResult<()> {
        self.pending.extend_from_slice(line);
        self.length += line.len() as u64;
        if self.pending.len() >= BLOCK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> StageResult<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = match &self.directory {
                    Some(directory) => tempfile::tempfile_in(directory),
                    None => tempfile::tempfile(),
                };
                let file = file.map_err(|error| spool_error(&error))?;
                none.insert(tokio::fs::File::from_std(file))
            }
        };
        let written = file.write_all(&self.pending).await;
        self.pending.clear();
        written.map_err(|error| spool_error(&error))
    }

    /// Ends the writing.
    pub(crate) async fn finish(mut self) -> StageResult<SpooledLines> {
        if self.file.is_none() {
            return Ok(SpooledLines::Memory(self.pending.into()));
        }
        self.flush().await?;
        let Some(mut file) = self.file else { return Ok(SpooledLines::Memory(Bytes::new())) };
        file.flush().await.map_err(|error| spool_error(&error))?;
        Ok(SpooledLines::File(Arc::new(Mutex::new(file.into_std().await))))
    }
}

/// A spool that is complete.
pub(crate) enum SpooledLines {
    Memory(Bytes),
    File(Arc<Mutex<File>>),
}

impl SpooledLines {
    /// Streams the lines of these slots, each with a line feed.
    pub(crate) fn lines(&self, slots: Vec<Slot>) -> impl Stream<Item = StageResult<Bytes>> + Send + use<> {
        match self {
            Self::Memory(bytes) => {
                let text = gather(bytes, &slots);
                Either::Left(futures::stream::iter(text.map(Ok)))
            }
            Self::File(file) => Either::Right(from_file(file.clone(), slots)),
        }
        .boxed()
    }
}

/// The lines of these slots in one piece; nothing if there are none.
fn gather(spool: &Bytes, slots: &[Slot]) -> Option<Bytes> {
    let mut text = BytesMut::with_capacity(spool.len() + slots.len());
    for slot in slots {
        let (Slot::Output { offset, length } | Slot::Error { offset, length, .. }) = *slot else { continue };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        text.extend_from_slice(&spool[start..start + length as usize]);
        text.extend_from_slice(b"\n");
    }
    (!text.is_empty()).then(|| text.freeze())
}

fn from_file(file: Arc<Mutex<File>>, slots: Vec<Slot>) -> impl Stream<Item = StageResult<Bytes>> + Send {
    let (blocks, mut queue) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = read_back(&mut file, &slots, &blocks) {
            // Nobody listens if the writer failed first; it has its own error.
            let _ = blocks.blocking_send(Err(spool_error(&error)));
        }
    });
    futures::stream::poll_fn(move |context| queue.poll_recv(context))
}

fn read_back(
    file: &mut File,
    slots: &[Slot],
    blocks: &mpsc::Sender<StageResult<Bytes>>,
) -> std::io::Result<()> {
    let mut block = BytesMut::with_capacity(BLOCK);
    for slot in slots {
        let (Slot::Output { offset, length } | Slot::Error { offset, length, .. }) = *slot else { continue };
        let start = block.len();
        block.resize(start + length as usize, 0);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut block[start..])?;
        block.extend_from_slice(b"\n");
        if block.len() >= BLOCK && blocks.blocking_send(Ok(block.split().freeze())).is_err() {
            return Ok(());
        }
    }
    if !block.is_empty() {
        let _ = blocks.blocking_send(Ok(block.freeze()));
    }
    Ok(())
}

fn spool_error(error: &std::io::Error) -> StageError {
    StageError::local(
        format!("the spool file for results failed: {error}"),
        Some("make room in the temporary directory, or name another one in run.spool_dir"),
    )
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    /// Lines of so many bytes, read back in the opposite order.
    async fn reversed(count: usize, bytes: usize) -> (bool, Vec<u8>) {
        let mut spool = Spool::new(None);
        let mut slots = Vec::new();
        for number in 0..count {
            let line = vec![b'a' + u8::try_from(number % 26).unwrap(); bytes];
            let length = u32::try_from(bytes).unwrap();
            slots.push(Slot::Output { offset: spool.position(), length });
            spool.push(&line).await.unwrap();
        }
        slots.reverse();
        slots.push(Slot::Missing);
        let spooled = spool.finish().await.unwrap();
        let in_memory = matches!(spooled, SpooledLines::Memory(_));
        let blocks: Vec<Bytes> = spooled.lines(slots).try_collect().await.unwrap();
        (in_memory, blocks.concat())
    }

    #[tokio::test]
    async fn few_lines_stay_in_memory_and_many_come_back_the_same() {
        let expected = |count: usize, bytes: usize| {
            let line = |number: usize| {
                let mut line = vec![b'a' + u8::try_from(number % 26).unwrap(); bytes];
                line.push(b'\n');
                line
            };
            (0..count).rev().flat_map(line).collect::<Vec<u8>>()
        };
        for (count, bytes, memory) in [(0, 1, true), (3, 10, true), (9, 100_000, false), (4, 600_000, false)]
        {
            let (in_memory, text) = reversed(count, bytes).await;
            assert_eq!(in_memory, memory, "{count} lines of {bytes}");
            assert!(text == expected(count, bytes), "{count} lines of {bytes}");
        }
    }
}
