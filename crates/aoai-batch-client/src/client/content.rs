//! A file's content as one stream, whatever happens to the connections below it.

use bytes::{Buf, Bytes};
use futures::{StreamExt, stream};
use reqwest::{
    Response, StatusCode, Version,
    header::{CONTENT_RANGE, RANGE, TRANSFER_ENCODING},
};
use tokio::time::timeout;

use super::{
    request::Call,
    send::{Sender, refusal, within},
};
use crate::{
    ContentStream,
    error::{Error, Result},
};

/// Opens a file at `offset`.
pub(super) async fn content(sender: &Sender, call: Call, offset: u64) -> Result<ContentStream> {
    let opened = sender.retrying(&call, || open(sender, &call, offset)).await?;
    let total = opened.total;
    let sender = sender.clone();
    let state = Reading { sender, call, position: offset, total, open: Some(opened), failures: 0, end: None };
    let body =
        stream::try_unfold(
            state,
            |mut state| async move { Ok(state.next().await?.map(|chunk| (chunk, state))) },
        );
    Ok(ContentStream { total, body: body.boxed() })
}

/// A connection that delivers bytes from the position asked for.
struct Opened {
    /// `None`: the position is the end of the file, or beyond.
    response: Option<Response>,
    /// Bytes to leave out: the service ignored the range.
    skip: u64,
    total: Option<u64>,
    /// Whether the end of this answer is certainly the end of the file.
    certain: bool,
}

async fn open(sender: &Sender, call: &Call, position: u64) -> Result<Opened> {
    let mut request = sender.request(call).await?;
    if position > 0 {
        request = request.header(RANGE, format!("bytes={position}-"));
    }
    let response = within(sender.read_timeout(), call, sender.send(call, request)).await?;
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let (first, total) = parse_range(range.unwrap_or_default());
    match response.status() {
        // Nothing from here on, if the service does not contradict itself.
        StatusCode::RANGE_NOT_SATISFIABLE if position > 0 && total.is_none_or(|total| total <= position) => {
            let total = total.or(Some(position));
            Ok(Opened { response: None, skip: 0, total, certain: true })
        }
        StatusCode::PARTIAL_CONTENT if first == Some(position) => {
            Ok(Opened { response: Some(response), skip: 0, total, certain: false })
        }
        StatusCode::PARTIAL_CONTENT => {
            let got = range.unwrap_or("no range");
            Err(Error::unreadable(call, format!("asked for byte {position}, got {got}"), None))
        }
        status if status.is_success() => {
            let total = response.content_length();
            // A body that ends with its connection may as well have been cut.
            let certain =
                response.version() > Version::HTTP_11 || response.headers().contains_key(TRANSFER_ENCODING);
            Ok(Opened { response: Some(response), skip: position, total, certain })
        }
        _ => Err(refusal(call, response).await),
    }
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
    /// Where an uncertain end was met.
    end: Option<u64>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(opened) = &mut self.open else {
                self.reopen().await?;
                continue;
            };
            let Some(response) = &mut opened.response else { return Ok(None) };
            match timeout(self.sender.read_timeout(), response.chunk()).await {
                Ok(Ok(Some(mut chunk))) => {
                    let skipped = usize::try_from(opened.skip).unwrap_or(usize::MAX).min(chunk.len());
                    opened.skip -= skipped as u64;
                    chunk.advance(skipped);
                    if !chunk.is_empty() {
                        self.position += chunk.len() as u64;
                        self.failures = 0;
                        return Ok(Some(chunk));
                    }
                }
                Ok(Ok(None)) => match self.total {
                    Some(total) if self.position >= total => return Ok(None),
                    None if opened.skip == 0 && (opened.certain || self.end == Some(self.position)) => {
                        return Ok(None);
                    }
                    // Ask whether there is more.
                    None if opened.skip == 0 => {
                        self.end = Some(self.position);
                        self.open = None;
                    }
                    _ => self.broken(None).await?,
                },
                Ok(Err(error)) => self.broken(Some(error)).await?,
                Err(_) => self.broken(None).await?,
            }
        }
    }

    /// Opens the rest.
    async fn reopen(&mut self) -> Result<()> {
        let (sender, call, position) = (&self.sender, &self.call, self.position);
        let opened = sender.retrying(call, || open(sender, call, position)).await?;
        if let Some(now) = opened.total
            && (now < position || self.total.is_some_and(|total| total != now))
        {
            let message = "the file changed its length while it was read".to_owned();
            return Err(Error::unreadable(call, message, None));
        }
        self.total = self.total.or(opened.total);
        self.open = Some(opened);
        Ok(())
    }

    /// The connection ended early: wait before the rest is opened, unless that has failed too often.
    async fn broken(&mut self, error: Option<reqwest::Error>) -> Result<()> {
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
