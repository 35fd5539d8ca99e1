//! Reading a file once: its measures, and its lines for the books.

use adls_io::{DataLake, Location, ReadOptions};
use aoai_batch_client::{JsonLines, LineItem};
use futures::TryStreamExt;

use super::{
    conservation::{Conservation, Misfit, Results},
    report::AuditKind,
};
use crate::{collect::Measure, model::Artifact};

/// What the lines of a file are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expecting {
    /// Requests of the input.
    Requests,
    /// Results.
    Results(Results),
    /// Not looked at.
    Anything,
}

/// Reads a file, measures it, and enters its lines into the books; `None` if there is none. Each misfit is told with its line.
pub(crate) async fn check_file(
    lake: &dyn DataLake,
    at: &Location,
    expecting: Expecting,
    books: &mut Conservation,
    mut misfit: impl FnMut(u64, Misfit) + Send,
) -> adls_io::Result<Option<Artifact>> {
    let mut body = match lake.read(at, ReadOptions::default()).await {
        Ok(read) => read.body,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut measure = Measure::default();
    let mut lines = JsonLines::new(usize::MAX);
    let mut each = |item: LineItem| {
        let LineItem::Line(line) = item else { return };
        // A byte order mark, and blank lines, are not requests; the service passes over them.
        let bytes = if line.number == 1 { line.bytes.strip_prefix(b"\xef\xbb\xbf") } else { None };
        let bytes = bytes.unwrap_or(&line.bytes);
        if bytes.trim_ascii().is_empty() {
            return;
        }
        let taken = match expecting {
            Expecting::Requests => request(bytes).and_then(|id| books.expect(&id)),
            Expecting::Results(results) => books.take(results, bytes),
            Expecting::Anything => Ok(()),
        };
        if let Err(found) = taken {
            misfit(line.number, found);
        }
    };
    while let Some(chunk) = body.try_next().await? {
        measure.add(&chunk);
        if matches!(expecting, Expecting::Anything) {
            continue;
        }
        lines.push(chunk);
        while let Some(item) = lines.next_line() {
            each(item);
        }
    }
    if let Some(item) = lines.finish() {
        each(item);
    }
    Ok(Some(measure.finish(at.clone())))
}

fn request(bytes: &[u8]) -> Result<String, Misfit> {
    #[derive(serde::Deserialize)]
    struct Line {
        custom_id: String,
    }
    serde_json::from_slice::<Line>(bytes)
        .map(|line| line.custom_id)
        .map_err(|error| (AuditKind::UnreadableLine, format!("it is no request line: {error}")))
}
