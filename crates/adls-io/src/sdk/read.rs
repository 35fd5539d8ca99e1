//! Reading, in ranges of one version: the crate gathers each answer in memory before it hands it out.

use std::sync::Arc;

use azure_core_legacy::prelude::{IfMatchCondition, Range};
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::{client::SdkClient, operations::with_headers};
use crate::{
    ETag, EntryKind, Error, ErrorKind, Location, ReadOptions, ReadStream, Result,
    azure::{
        answer::{etag, quoted},
        dfs::Dfs,
    },
    condition::{check_version, range},
};

/// Bytes of one range; a read holds one of them.
const RANGE: u64 = 4 << 20;

/// Opens a file.
pub(super) async fn read(client: Arc<SdkClient>, at: &Location, options: ReadOptions) -> Result<ReadStream> {
    // A look first: the crate asks for a range always, which the service refuses for an empty file.
    let entry = client.head("read", at).await?;
    if entry.kind == EntryKind::Directory {
        return Err(Error::new(ErrorKind::WrongType, "read", at, "the path is a directory"));
    }
    check_version("read", at, options.if_match.as_ref(), &entry.etag)?;
    let (start, length) = range(at, &options, entry.size)?;
    let transfer = (client, at.clone(), entry.etag.clone(), start);
    let body = stream::try_unfold(transfer, move |(client, at, etag, next)| async move {
        let left = (start + length).saturating_sub(next);
        if left == 0 {
            return Ok(None);
        }
        let bytes = get(&client, &at, &etag, next, left.min(RANGE)).await?;
        let next = next + bytes.len() as u64;
        Ok(Some((bytes, (client, at, etag, next))))
    });
    Ok(ReadStream { entry, body: body.boxed() })
}

/// At most `length` bytes of this version; at least one.
async fn get(client: &SdkClient, at: &Location, version: &ETag, start: u64, length: u64) -> Result<Bytes> {
    let file = client.file(at);
    // For a range with an end, the crate would ask for a checksum as well, which is a matter of blobs. The header
    // replaces the open range.
    let exact = [("x-ms-range", format!("bytes={start}-{}", start + length - 1))];
    let done = client.call("read", at, |context| {
        file.read()
            .range(Range::from(start..))
            .if_match_condition(IfMatchCondition::Match(quoted(version)))
            .context(with_headers(context, &exact))
            .into_future()
    });
    let answer = done.await?.value;
    check_version("read", at, Some(version), &etag(&answer.etag))?;
    let from = answer.content_range.map_or(0, |range| range.start());
    if from != start {
        let message = format!("asked for the bytes from {start}, got those from {from}");
        return Err(Error::new(ErrorKind::Io, "read", at, message));
    }
    let mut bytes = answer.data;
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    if bytes.is_empty() {
        let message = format!("broke off at byte {start}: the answer is empty");
        return Err(Error::new(ErrorKind::Io, "read", at, message));
    }
    Ok(bytes)
}
