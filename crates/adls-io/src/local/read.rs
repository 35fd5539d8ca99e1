//! Reading local files.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use futures::StreamExt;

use super::errors::io_error;
use super::lake::blocking;
use super::spot::Spot;
use super::stamp::Version;
use crate::condition::{check_version, range};
use crate::{ByteStream, EntryKind, Error, ErrorKind, Location, ReadOptions, ReadStream, Result};

const CHUNK: u64 = 512 * 1024;

/// Opens a file and checks that it is what the caller wants.
pub(super) fn open(spot: Spot, options: &ReadOptions) -> Result<ReadStream> {
    let found = spot.existing()?;
    if found.kind == EntryKind::Directory {
        return Err(spot.error(ErrorKind::WrongType, "the path is a directory"));
    }
    let mut file = spot.open()?;
    // From here on only the handle counts: the name may be given to another file at any time.
    let version = Version::of_open(&file).map_err(|e| spot.io(e))?;
    let mut entry = found.entry(spot.at.clone());
    (entry.size, entry.etag, entry.modified_ms) = (version.size, version.etag(), version.modified_ms());
    check_version("read", &spot.at, options.if_match.as_ref(), &entry.etag)?;
    let (offset, remaining) = range(&spot.at, options, version.size)?;
    file.seek(SeekFrom::Start(offset)).map_err(|e| spot.io(e))?;
    let reader = Reader { file, at: spot.at, version, remaining };
    Ok(ReadStream { entry, body: stream(reader) })
}

struct Reader {
    file: File,
    at: Location,
    version: Version,
    remaining: u64,
}

fn stream(reader: Reader) -> ByteStream {
    futures::stream::try_unfold(reader, |mut reader| async move {
        if reader.remaining == 0 {
            return Ok(None);
        }
        let at = reader.at.clone();
        blocking("read", &at, move || Ok(Some((reader.next()?, reader)))).await
    })
    .boxed()
}

impl Reader {
    fn next(&mut self) -> Result<Bytes> {
        let wanted = self.remaining.min(CHUNK);
        let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let read = (&self.file).take(wanted).read_to_end(&mut chunk);
        let read = read.map_err(|e| io_error("read", &self.at, e))? as u64;
        // Checked before the chunk is handed out, so that no byte of another version ever leaves.
        let now = Version::of_open(&self.file).map_err(|e| io_error("read", &self.at, e))?;
        if now != self.version {
            let message = "the file changed while it was read";
            return Err(Error::new(ErrorKind::Precondition, "read", &self.at, message));
        }
        if read < wanted {
            let message = format!("the file ended {} bytes early", self.remaining - read);
            return Err(Error::new(ErrorKind::Io, "read", &self.at, message));
        }
        self.remaining -= read;
        Ok(Bytes::from(chunk))
    }
}
