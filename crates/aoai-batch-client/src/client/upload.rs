//! Multipart uploads, streamed.

use reqwest::multipart::{Form, Part};

use super::{request::Call, send::Sender};
use crate::{
    ByteStream, FileObject, Upload, UploadBody,
    error::{Error, Result},
};

/// Sends a file. Tries again only where nothing can have arrived, and only if the body can be opened again.
pub(super) async fn upload(sender: &Sender, call: &Call, upload: Upload) -> Result<FileObject> {
    let Upload { filename, expires_after, body } = upload;
    let seconds = expires_after.map(|expiry| expiry.seconds);
    match body {
        UploadBody::Once { length, stream } => send(sender, call, &filename, seconds, length, stream).await,
        UploadBody::Replayable { length, open } => {
            sender
                .retrying(call, || async {
                    let stream = open().await.map_err(|error| unreadable(call, &error))?;
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
    let body = reqwest::Body::wrap_stream(stream);
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
    let response = sender.answer(call, request).await?;
    let body = response.bytes().await.map_err(|error| {
        Error::unreadable(call, "the answer was cut".into(), Some(Box::new(error.without_url())))
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::unreadable(call, format!("the answer cannot be read: {error}"), Some(Box::new(error)))
    })
}

fn unreadable(call: &Call, error: &std::io::Error) -> Error {
    Error::local(call.operation, &call.url, format!("the file to upload cannot be read: {error}"))
}
