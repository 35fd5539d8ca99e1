//! `GET /files/{id}/content`, whole or in part.

use std::io::SeekFrom;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::handlers::missing;
use crate::{
    server::{ApiError, Call},
    state::Shared,
};

pub(crate) async fn content(state: &Shared, call: &Call, headers: &HeaderMap) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let body = {
        let files = state.files();
        let file = files.get(&call.id, now).ok_or_else(|| missing(&call.id))?;
        file.body().cloned().ok_or_else(|| missing(&call.id))?
    };
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = if state.config.files.ignore_range { None } else { range };
    let wanted = range.map_or(Wanted::All, |range| Wanted::parse(range, body.bytes));
    let (status, start, length) = match wanted {
        Wanted::All => (StatusCode::OK, 0, body.bytes),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Nothing => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", body.bytes));
            return Ok(response);
        }
    };
    let disk = |error: std::io::Error| ApiError::internal("read a file", &error);
    let mut file = tokio::fs::File::open(body.path()).await.map_err(disk)?;
    file.seek(SeekFrom::Start(start)).await.map_err(disk)?;
    let chunks = ReaderStream::with_capacity(file.take(length), 64 * 1024);
    let mut response = Response::new(Body::from_stream(chunks));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let value = format!("bytes {start}-{}/{}", start + length - 1, body.bytes);
        set(&mut response, header::CONTENT_RANGE, &value);
    }
    Ok(response)
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Which bytes a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// All: the header is of a kind that may be ignored.
    All,
    Part {
        first: u64,
        last: u64,
    },
    /// None that exist.
    Nothing,
}

impl Wanted {
    fn parse(header: &str, size: u64) -> Self {
        let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
        else {
            return Self::All;
        };
        match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first > last => Self::All,
            (Ok(first), _) if first >= size => Self::Nothing,
            (Ok(first), Ok(last)) => Self::Part { first, last: last.min(size - 1) },
            (Ok(first), Err(_)) if last.is_empty() => Self::Part { first, last: size - 1 },
            (Err(_), Ok(0)) if first.is_empty() => Self::Nothing,
            (Err(_), Ok(_)) if first.is_empty() && size == 0 => Self::Nothing,
            (Err(_), Ok(count)) if first.is_empty() => {
                Self::Part { first: size.saturating_sub(count), last: size - 1 }
            }
            _ => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        let part = |first, last| Wanted::Part { first, last };
        assert_eq!(Wanted::parse("bytes=2-4", 10), part(2, 4));
        assert_eq!(Wanted::parse("bytes=2-", 10), part(2, 9));
        assert_eq!(Wanted::parse("bytes=2-99", 10), part(2, 9));
        assert_eq!(Wanted::parse("bytes=-3", 10), part(7, 9));
        assert_eq!(Wanted::parse("bytes=-30", 10), part(0, 9));
        assert_eq!(Wanted::parse("bytes=10-", 10), Wanted::Nothing);
        assert_eq!(Wanted::parse("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(Wanted::parse("bytes=4-2", 10), Wanted::All);
        assert_eq!(Wanted::parse("lines=1-2", 10), Wanted::All);
        assert_eq!(Wanted::parse("bytes=0-1,3-4", 10), Wanted::All);
    }
}
