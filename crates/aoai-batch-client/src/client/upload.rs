//! Multipart uploads, streamed.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::multipart::{Form, Part};
use tokio::sync::Notify;

use super::{request::Call, send::Sender};
use crate::{
    ByteStream, FileObject, Upload, UploadBody,
    error::{Error, Result},
};

/// The body is passed on in pieces of this size, so that a big block does not look like a stalled upload.
const PIECE: usize = 64 << 10;

/// Sends a file. Tries again only where nothing can have arrived, and only if the body can be opened again.
pub(super) async fn upload(sender: &Sender, call: &Call, upload: Upload) -> Result<FileObject> {
    let Upload { filename, expires_after, body } = upload;
    // reqwest escapes quotes, but leaves line breaks in the part's header.
    if filename.contains(char::is_control) {
        return Err(Error::local(call.operation, &call.url, "the filename holds control characters"));
    }
    let seconds = expires_after.map(|expiry| expiry.seconds);
    match body {
        UploadBody::Once { length, stream } => send(sender, call, &filename, seconds, length, stream).await,
        UploadBody::Replayable { length, open } => {
            sender
                .retrying(call, || async {
                    let stream = open().await.map_err(|error| unreadable(call, &error.to_string()))?;
                    send(sender, call, &filename, seconds, length, stream).await
                })
                .await
        }
    }
}

async fn send(
    sender: &Sender,
    call: &Call,
    filename: &str,
    expires_after: Option<u64>,
    length: Option<u64>,
    stream: ByteStream,
) -> Result<FileObject> {
    let watch = Arc::new(Watch::default());
    let body = reqwest::Body::wrap_stream(watched(stream, length, Arc::clone(&watch)));
    let file = match length {
        Some(length) => Part::stream_with_length(body, length),
        None => Part::stream(body),
    };
    // A part without a content type is refused.
    let file = file
        .file_name(filename.to_owned())
        .mime_str("application/octet-stream")
        .map_err(|error| Error::local(call.operation, &call.url, error.to_string()))?;
    let mut form = Form::new().text("purpose", "batch");
    if let Some(seconds) = expires_after {
        // The REST reference spells these with dots; the brackets of the SDKs are OpenAI's.
        form = form
            .text("expires_after.seconds", seconds.to_string())
            .text("expires_after.anchor", "created_at");
    }
    let request = sender.request(call).await?.multipart(form.part("file", file));
    let stalled =
        async { while tokio::time::timeout(sender.read_timeout(), watch.taken.notified()).await.is_ok() {} };
    let answer = tokio::select! {
        answer = sender.answer(call, request) => answer,
        () = stalled => Err(Error::timed_out(call)),
    };
    match (answer, watch.fault.get()) {
        // The end of the form was not sent: the service never had a whole request.
        (Err(error), Some(fault)) if error.status().is_none() => Err(unreadable(call, fault)),
        (answer, _) => answer?.json(call),
    }
}

/// What is known about a body that is being sent.
#[derive(Default)]
struct Watch {
    /// A piece was taken.
    taken: Notify,
    /// Why the source cannot be sent to its end.
    fault: OnceLock<String>,
}

/// The stream in pieces. Ends with an error if it does not hold exactly `length` bytes: the connection would cut the
/// form, or wait for the rest.
fn watched(stream: ByteStream, length: Option<u64>, watch: Arc<Watch>) -> ByteStream {
    let state = (stream, Bytes::new(), length.unwrap_or(u64::MAX));
    let pieces = stream::try_unfold(state, move |(mut stream, mut block, mut left)| {
        let watch = Arc::clone(&watch);
        async move {
            while block.is_empty() {
                let fault = match (stream.next().await, length) {
                    (Some(Ok(next)), _) if next.len() as u64 <= left => {
                        left -= next.len() as u64;
                        block = next;
                        continue;
                    }
                    (Some(Ok(_)), _) => format!("it holds more than {} bytes", length.unwrap_or(u64::MAX)),
                    (Some(Err(error)), _) => error.to_string(),
                    (None, Some(length)) if left > 0 => {
                        format!("it holds {} bytes instead of {length}", length - left)
                    }
                    (None, _) => return Ok(None),
                };
                let _ = watch.fault.set(fault.clone());
                return Err(std::io::Error::other(fault));
            }
            watch.taken.notify_one();
            let piece = block.split_to(PIECE.min(block.len()));
            Ok(Some((piece, (stream, block, left))))
        }
    });
    pieces.boxed()
}

fn unreadable(call: &Call, why: &str) -> Error {
    Error::local(call.operation, &call.url, format!("the file to upload cannot be read: {why}"))
}
