//! The lines of a file in the lake, one after the other.

use std::borrow::Cow;

use adls_io::{DataLake, ETag, Location, ReadOptions};
use aoai_batch_client::{JsonLines, Line, LineItem};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::error::StageResult;

/// Reads lines; holds no more than a block of them.
pub(super) struct LineReader {
    body: BoxStream<'static, StageResult<Bytes>>,
    /// `None` when the last one is read.
    lines: Option<JsonLines>,
}

impl LineReader {
    /// Opens a file, at one version if that matters.
    pub(super) async fn open(
        lake: &dyn DataLake,
        at: &Location,
        if_match: Option<ETag>,
    ) -> adls_io::Result<Self> {
        let read = lake.read(at, ReadOptions { if_match, ..ReadOptions::default() }).await?;
        Ok(Self { body: read.body.map_err(Into::into).boxed(), lines: Some(JsonLines::new(usize::MAX)) })
    }

    /// The next line that is not blank.
    pub(super) async fn next(&mut self) -> StageResult<Option<Line>> {
        loop {
            let Some(lines) = &mut self.lines else { return Ok(None) };
            let item = match lines.next_line() {
                Some(item) => Some(item),
                None => match self.body.try_next().await? {
                    Some(chunk) => {
                        lines.push(chunk);
                        continue;
                    }
                    None => self.lines.take().and_then(JsonLines::finish),
                },
            };
            match item {
                Some(LineItem::Line(mut line)) => {
                    // A mark at the beginning of a file is no part of its first line.
                    if line.number == 1 && line.bytes.starts_with(b"\xef\xbb\xbf") {
                        line.bytes = line.bytes.slice(3..);
                    }
                    if !line.bytes.trim_ascii().is_empty() {
                        return Ok(Some(line));
                    }
                }
                Some(LineItem::TooLong { .. }) | None => {}
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    custom_id: Cow<'a, str>,
}

/// The `custom_id` of a line; `None` if it has none.
pub(super) fn custom_id(line: &[u8]) -> Option<Cow<'_, str>> {
    serde_json::from_slice::<Named<'_>>(line).ok().map(|named| named.custom_id)
}

/// The requests that belong to results, where both are in one order: each file is read once.
pub(super) struct Requests {
    reader: LineReader,
}

impl Requests {
    pub(super) fn new(reader: LineReader) -> Self {
        Self { reader }
    }

    /// The request with this id, which must come after the one that was asked for before; `None` if there is none.
    pub(super) async fn find(&mut self, id: &str) -> StageResult<Option<Line>> {
        while let Some(line) = self.reader.next().await? {
            if custom_id(&line.bytes).as_deref() == Some(id) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}
