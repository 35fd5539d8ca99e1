//! The bytes of a part as the service gets them, by whichever way.

use std::sync::{Arc, Mutex, PoisonError};

use adls_io::{DataLake, ErrorKind, ReadOptions};
use aoai_batch_client::{ByteStream, JsonLines, LineItem, Reopen};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{FutureExt, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use crate::{
    error::{StageError, StageResult},
    machine::PartEvent,
    model::{InputSnapshot, PartPlan, ProblemKind, hex},
};

/// What the lake said while the bytes were read: whoever passes them on only knows that it failed.
#[derive(Debug, Clone, Default)]
pub(super) struct LakeFault(Arc<Mutex<Option<(ErrorKind, String)>>>);

impl LakeFault {
    fn set(&self, error: &adls_io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((error.kind, error.to_string()));
    }

    /// What reading means for the part, if the lake is what failed.
    pub(super) fn take(&self) -> Option<StageResult<PartEvent>> {
        let (kind, message) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(match kind {
            ErrorKind::NotFound | ErrorKind::Precondition => Ok(PartEvent::InputGone),
            _ => Err(StageError {
                kind: ProblemKind::Lake,
                message,
                hint: None,
                lasting: false,
                wait: None,
                ledger_away: false,
            }),
        })
    }
}

/// The bytes of a part, and what became known of them while they were read.
pub(super) struct PartBytes {
    pub(super) open: Reopen,
    pub(super) fault: LakeFault,
    pub(super) passed: Passed,
}

/// The hash of the bytes that passed, once all of them have.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed(Arc<Mutex<Option<String>>>);

impl Passed {
    /// SHA-256; `None` if they did not pass to their end.
    pub(super) fn sha256(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bytes as they are, looked at. Who is told their number beforehand does not ask for their end.
    fn watch(&self, bytes: ByteStream, number: u64) -> ByteStream {
        let (told, mut hash, mut left) = (self.0.clone(), Sha256::new(), number);
        bytes
            .inspect_ok(move |chunk| {
                hash.update(chunk);
                left = left.saturating_sub(chunk.len() as u64);
                if left == 0 {
                    let sha256 = hex(&hash.finalize_reset());
                    told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(sha256);
                }
            })
            .boxed()
    }
}

/// Opens the part's byte range at the version of the snapshot; `new_model` rewrites the lines' `model`.
pub(super) fn part_bytes(
    lake: &Arc<dyn DataLake>,
    input: &InputSnapshot,
    plan: &PartPlan,
    new_model: Option<&str>,
) -> PartBytes {
    let (fault, passed) = (LakeFault::default(), Passed::default());
    let (lake, at, seen, watched) = (lake.clone(), input.location.clone(), fault.clone(), passed.clone());
    let number = plan.upload_bytes;
    let options =
        ReadOptions { offset: plan.offset, length: Some(plan.bytes), if_match: Some(input.etag.clone()) };
    let new_model = new_model.map(|name| Bytes::from(serde_json::to_vec(name).unwrap_or_default()));
    let open = move || {
        let (lake, at, seen, watched) = (lake.clone(), at.clone(), seen.clone(), watched.clone());
        let (options, new_model) = (options.clone(), new_model.clone());
        async move {
            let keep = move |error: adls_io::Error| {
                seen.set(&error);
                std::io::Error::other(error)
            };
            let read = lake.read(&at, options).await.map_err(keep.clone())?;
            let bytes = read.body.map_err(keep);
            let bytes = match new_model {
                Some(model) => rewrite(bytes.boxed(), model),
                None => bytes.boxed(),
            };
            Ok(watched.watch(bytes, number))
        }
        .boxed()
    };
    PartBytes { open: Box::new(open), fault, passed }
}

/// Replaces the `model` of every line. Only that value changes: the rest of the line stays byte for byte.
fn rewrite(bytes: ByteStream, model: Bytes) -> ByteStream {
    let state = (bytes, JsonLines::new(usize::MAX), false);
    futures::stream::try_unfold(state, move |(mut bytes, mut lines, ended)| {
        let model = model.clone();
        async move {
            if ended {
                return Ok(None);
            }
            let chunk = bytes.try_next().await?;
            let mut out = BytesMut::new();
            let ended = chunk.is_none();
            if let Some(chunk) = chunk {
                lines.push(chunk);
                while let Some(LineItem::Line(line)) = lines.next_line() {
                    put(&mut out, &line.bytes, &model)?;
                }
            } else if let Some(LineItem::Line(line)) =
                std::mem::replace(&mut lines, JsonLines::new(0)).finish()
            {
                put(&mut out, &line.bytes, &model)?;
            }
            Ok(Some((out.freeze(), (bytes, lines, ended))))
        }
    })
    .boxed()
}

fn put(out: &mut BytesMut, line: &[u8], model: &[u8]) -> std::io::Result<()> {
    let span = model_span(line).ok_or_else(|| std::io::Error::other("a validated line lost its model"))?;
    out.put_slice(&line[..span.start]);
    out.put_slice(model);
    out.put_slice(&line[span.end..]);
    out.put_u8(b'\n');
    Ok(())
}

/// Where in the line the JSON text of `body.model` stands.
fn model_span(line: &[u8]) -> Option<std::ops::Range<usize>> {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        body: Body<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        model: &'a serde_json::value::RawValue,
    }
    let model = serde_json::from_slice::<Line<'_>>(line).ok()?.body.model.get();
    // The raw value borrows from the line, so the distance of their addresses is its position.
    let start = (model.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    Some(start..start + model.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_model_of_the_body_changes() {
        let line =
            br#"{"model":"no","custom_id":"1","body":{"x":{"model":"no"}, "model" : "old" ,"y":"model"}}"#;
        let mut out = BytesMut::new();
        put(&mut out, line, b"\"new-name\"").unwrap();
        assert_eq!(
            out,
            &br#"{"model":"no","custom_id":"1","body":{"x":{"model":"no"}, "model" : "new-name" ,"y":"model"}}
"#[..]
        );
    }

    #[tokio::test]
    async fn rewriting_does_not_depend_on_chunks_or_line_ends() {
        let text = b"{\"body\":{\"model\":\"a\"}}\r\n{\"body\":{\"model\":\"bb\"}}";
        for size in 1..text.len() {
            let chunks: Vec<_> = text.chunks(size).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
            let out: Vec<Bytes> =
                rewrite(futures::stream::iter(chunks).boxed(), Bytes::from_static(b"\"m\""))
                    .try_collect()
                    .await
                    .unwrap();
            assert_eq!(out.concat(), b"{\"body\":{\"model\":\"m\"}}\n{\"body\":{\"model\":\"m\"}}\n");
        }
    }
}
