//! Result lines on local disk while they are put in order: only their places are in memory.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::results::Slot;
use crate::error::{StageError, StageResult};

/// Lines are written and handed on in blocks of this size.
const BLOCK: usize = 512 << 10;
/// Blocks on the way between disk and lake.
const QUEUE: usize = 2;

/// A temporary file that vanishes with its handle, whatever happens to the process.
pub(crate) struct Spool {
    file: tokio::fs::File,
    pending: Vec<u8>,
    length: u64,
}

impl Spool {
    pub(crate) fn new(directory: Option<&Path>) -> StageResult<Self> {
        let file = match directory {
            Some(directory) => tempfile::tempfile_in(directory),
            None => tempfile::tempfile(),
        };
        let file = file.map_err(|error| spool_error(&error))?;
        Ok(Self { file: tokio::fs::File::from_std(file), pending: Vec::new(), length: 0 })
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
        let written = self.file.write_all(&self.pending).await;
        self.pending.clear();
        written.map_err(|error| spool_error(&error))
    }

    /// Ends the writing.
    pub(crate) async fn finish(mut self) -> StageResult<SpooledLines> {
        self.flush().await?;
        self.file.flush().await.map_err(|error| spool_error(&error))?;
        Ok(SpooledLines(Arc::new(Mutex::new(self.file.into_std().await))))
    }
}

/// A spool that is complete.
pub(crate) struct SpooledLines(Arc<Mutex<File>>);

impl SpooledLines {
    /// Streams the lines of these slots, each with a line feed.
    pub(crate) fn lines(&self, slots: Vec<Slot>) -> impl Stream<Item = StageResult<Bytes>> + Send + use<> {
        let (blocks, mut queue) = mpsc::channel(QUEUE);
        let file = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = read_back(&mut file, &slots, &blocks) {
                // Nobody listens if the writer failed first; it has its own error.
                let _ = blocks.blocking_send(Err(spool_error(&error)));
            }
        });
        futures::stream::poll_fn(move |context| queue.poll_recv(context))
    }
}

fn read_back(
    file: &mut File,
    slots: &[Slot],
    blocks: &mpsc::Sender<StageResult<Bytes>>,
) -> std::io::Result<()> {
    let mut block = BytesMut::with_capacity(BLOCK);
    for slot in slots {
        let (Slot::Output { offset, length } | Slot::Error { offset, length }) = *slot else { continue };
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
