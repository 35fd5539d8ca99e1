//! Reading: one streamed answer, taken up again where it broke, always of the same version.

use std::{sync::Arc, time::Duration};

use azure_core::http::{AsyncResponseBody, Method, Request};
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::{
    answer::{Answer, quoted},
    client::{Call, Client, Reply},
    dfs::Dfs,
    refusal::unreachable_words,
};
use crate::{
    ByteStream, ETag, EntryKind, Error, ErrorKind, Location, ReadOptions, ReadStream, Result,
    condition::{check_version, range},
};

/// Breaks in a row, without one byte between them, after which a read is given up.
const MAX_BREAKS: u32 = 5;

/// Opens a file.
pub(super) async fn read(client: Arc<Client>, at: &Location, options: ReadOptions) -> Result<ReadStream> {
    if at.path.is_root() {
        return Err(Error::new(ErrorKind::WrongType, "read", at, "the path is a directory"));
    }
    if options.length == Some(0) {
        return read_nothing(&client, at, &options).await;
    }
    let whole = options.offset == 0 && options.length.is_none();
    let wanted = (!whole).then_some((options.offset, options.length));
    let reply = match get(&client, at, wanted, options.if_match.as_ref()).await {
        Ok(reply) => reply,
        // 416: an empty file, or an offset at its end or past it.
        Err(error) if error.code.as_deref() == Some("InvalidRange") => {
            return read_nothing(&client, at, &options).await;
        }
        // A condition may be looked at before the kind.
        Err(error) if is_about_the_kind(error.kind) => {
            check_is_file(at, client.head("read", at).await?.kind)?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    let entry = Answer(&reply.headers).entry(at);
    check_is_file(at, entry.kind)?;
    check_version("read", at, options.if_match.as_ref(), &entry.etag)?;
    let (start, length) = range(at, &options, entry.size)?;
    check_start(at, &reply, start)?;
    let body = Transfer {
        client,
        at: at.clone(),
        etag: entry.etag.clone(),
        next: start,
        end: start + length,
        breaks: 0,
    };
    Ok(ReadStream { body: body.stream(Some(reply.body)), entry })
}

fn is_about_the_kind(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Invalid | ErrorKind::WrongType | ErrorKind::Precondition)
}

/// Where no byte is wanted, or there is none: the same checks as for every read, but no body.
async fn read_nothing(client: &Client, at: &Location, options: &ReadOptions) -> Result<ReadStream> {
    let entry = client.head("read", at).await?;
    check_is_file(at, entry.kind)?;
    check_version("read", at, options.if_match.as_ref(), &entry.etag)?;
    let (_, length) = range(at, options, entry.size)?;
    if length > 0 {
        let message = "the service sees no such range, though the file is large enough";
        return Err(Error::new(ErrorKind::Io, "read", at, message));
    }
    Ok(ReadStream { entry, body: stream::empty().boxed() })
}

async fn get(
    client: &Client,
    at: &Location,
    range: Option<(u64, Option<u64>)>,
    if_match: Option<&ETag>,
) -> Result<Reply<AsyncResponseBody>> {
    let mut request = Request::new(client.endpoint.path(at), Method::Get);
    if let Some((offset, length)) = range {
        let last = length.map(|length| offset.saturating_add(length - 1).to_string()).unwrap_or_default();
        request.insert_header("x-ms-range", format!("bytes={offset}-{last}"));
    }
    if let Some(etag) = if_match {
        request.insert_header("if-match", quoted(etag));
    }
    client.open(Call { operation: "read", at, request }).await
}

fn check_is_file(at: &Location, kind: EntryKind) -> Result<()> {
    match kind {
        EntryKind::File => Ok(()),
        EntryKind::Directory => Err(Error::new(ErrorKind::WrongType, "read", at, "the path is a directory")),
    }
}

/// A proxy that drops the range would give other bytes than were asked for.
fn check_start<B>(at: &Location, reply: &Reply<B>, wanted: u64) -> Result<()> {
    let start = if reply.status == 206 { Answer(&reply.headers).range_start().unwrap_or(0) } else { 0 };
    if start == wanted {
        return Ok(());
    }
    let message = format!("asked for the bytes from {wanted}, got those from {start}");
    Err(Error::new(ErrorKind::Io, "read", at, message))
}

/// A read under way.
struct Transfer {
    client: Arc<Client>,
    at: Location,
    etag: ETag,
    next: u64,
    end: u64,
    /// Breaks in a row.
    breaks: u32,
}

impl Transfer {
    fn stream(self, body: Option<AsyncResponseBody>) -> ByteStream {
        stream::try_unfold((self, body), |(mut transfer, mut body)| async move {
            loop {
                if transfer.next >= transfer.end {
                    return Ok(None);
                }
                let mut open = match body.take() {
                    Some(open) => open,
                    None => transfer.reopen().await?,
                };
                match open.next().await {
                    Some(Ok(chunk)) if !chunk.is_empty() => {
                        let chunk = transfer.take(chunk);
                        return Ok(Some((chunk, (transfer, Some(open)))));
                    }
                    Some(Ok(_)) => body = Some(open),
                    Some(Err(error)) => transfer.broke(Some(&error)).await?,
                    None => transfer.broke(None).await?,
                }
            }
        })
        .boxed()
    }

    /// Counts a chunk; what goes beyond the range is not ours.
    fn take(&mut self, mut chunk: Bytes) -> Bytes {
        let left = self.end - self.next;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.next += chunk.len() as u64;
        self.breaks = 0;
        chunk
    }

    async fn reopen(&self) -> Result<AsyncResponseBody> {
        let range = Some((self.next, Some(self.end - self.next)));
        let reply = get(&self.client, &self.at, range, Some(&self.etag)).await?;
        check_version("read", &self.at, Some(&self.etag), &Answer(&reply.headers).etag())?;
        check_start(&self.at, &reply, self.next)?;
        Ok(reply.body)
    }

    async fn broke(&mut self, error: Option<&azure_core::Error>) -> Result<()> {
        self.breaks += 1;
        let host = self.client.endpoint.dfs().host_str().unwrap_or_default();
        let why = error.map_or_else(|| "the answer ended".to_owned(), |error| unreachable_words(error, host));
        if self.breaks > MAX_BREAKS {
            let message = format!("broke off at byte {} of {}: {why}", self.next, self.end);
            return Err(Error::new(ErrorKind::Io, "read", &self.at, message));
        }
        tracing::debug!(at = %self.at, byte = self.next, %why, "a read is taken up again");
        let wait = self.client.options.retry.wait(self.breaks, None, rand::random());
        tokio::time::sleep(wait.unwrap_or(Duration::ZERO)).await;
        Ok(())
    }
}
