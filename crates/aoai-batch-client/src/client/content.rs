//! A file's content as one stream, whatever happens to the connections below it.

use bytes::{Buf, Bytes};
use futures::{StreamExt, stream};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_RANGE, RANGE},
};

use super::{request::Call, send::Sender};
use crate::{
    ContentStream,
    error::{Error, Result},
};

/// Opens a file at `offset`.
pub(super) async fn content(sender: &Sender, call: Call, offset: u64) -> Result<ContentStream> {
    let opened = sender.retrying(&call, || open(sender, &call, offset)).await?;
    let total = opened.total;
    let state =
        Reading { sender: sender.clone(), call, position: offset, total, open: Some(opened), failures: 0 };
    let body =
        stream::try_unfold(
            state,
            |mut state| async move { Ok(state.next().await?.map(|chunk| (chunk, state))) },
        );
    Ok(ContentStream { total, body: body.boxed() })
}

/// A connection that delivers bytes from the position asked for.
struct Opened {
    response: Option<Response>,
    /// Bytes to leave out: the service ignored the range.
    skip: u64,
    total: Option<u64>,
}

async fn open(sender: &Sender, call: &Call, position: u64) -> Result<Opened> {
    let mut request = sender.request(call).await?;
    if position > 0 {
        request = request.header(RANGE, format!("bytes={position}-"));
    }
    let response = match sender.answer(call, request).await {
        Ok(response) => response,
        // Nothing beyond the end: the stream was complete.
        Err(error) if error.status() == Some(416) && position > 0 => {
            return Ok(Opened { response: None, skip: 0, total: Some(position) });
        }
        Err(error) => return Err(error),
    };
    if response.status() == StatusCode::PARTIAL_CONTENT {
        let range =
            response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (first, total) = parse_range(range);
        if first.is_some_and(|first| first != position) {
            return Err(Error::unreadable(call, format!("asked for byte {position}, got {range}"), None));
        }
        let total = total.or_else(|| response.content_length().map(|length| position + length));
        return Ok(Opened { response: Some(response), skip: 0, total });
    }
    let total = response.content_length();
    Ok(Opened { response: Some(response), skip: position, total })
}

/// First byte and total of `bytes 5-9/10`.
fn parse_range(text: &str) -> (Option<u64>, Option<u64>) {
    let Some((range, total)) = text.strip_prefix("bytes ").and_then(|rest| rest.split_once('/')) else {
        return (None, None);
    };
    (range.split_once('-').and_then(|(first, _)| first.trim().parse().ok()), total.trim().parse().ok())
}

struct Reading {
    sender: Sender,
    call: Call,
    position: u64,
    total: Option<u64>,
    open: Option<Opened>,
    /// Broken connections in a row that brought nothing.
    failures: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let opened = match &mut self.open {
                Some(opened) => opened,
                None => {
                    let (sender, call, position) = (&self.sender, &self.call, self.position);
                    let opened = sender.retrying(call, || open(sender, call, position)).await?;
                    if opened.total.is_some() && self.total.is_some() && opened.total != self.total {
                        let message = "the file changed its length while it was read".to_owned();
                        return Err(Error::unreadable(call, message, None));
                    }
                    self.open.insert(opened)
                }
            };
            let Some(response) = &mut opened.response else { return Ok(None) };
            match response.chunk().await {
                Ok(Some(mut chunk)) => {
                    let skipped = opened.skip.min(chunk.len() as u64);
                    opened.skip -= skipped;
                    chunk.advance(usize::try_from(skipped).unwrap_or(usize::MAX).min(chunk.len()));
                    if chunk.is_empty() {
                        continue;
                    }
                    self.position += chunk.len() as u64;
                    self.failures = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.total.is_none_or(|total| self.position >= total) => return Ok(None),
                Ok(None) => self.resume(None).await?,
                Err(error) => self.resume(Some(error)).await?,
            }
        }
    }

    /// The connection ended early: wait and open the rest, unless that has failed too often.
    async fn resume(&mut self, error: Option<reqwest::Error>) -> Result<()> {
        self.open = None;
        self.failures += 1;
        let wait = self.sender.retry_options().wait(self.failures, None, rand::random());
        let Some(wait) = wait else {
            let message = match self.total {
                Some(total) => format!("the content broke off at byte {} of {total}", self.position),
                None => format!("the content broke off at byte {}", self.position),
            };
            let source = error.map(|error| Box::new(error.without_url()) as Box<_>);
            return Err(Error::unreadable(&self.call, message, source).after_attempts(self.failures));
        };
        tracing::debug!(position = self.position, "resuming a broken download");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_range("bytes 5-9/10"), (Some(5), Some(10)));
        assert_eq!(parse_range("bytes 5-9/*"), (Some(5), None));
        assert_eq!(parse_range("nonsense"), (None, None));
    }
}
