//! What stands beside the result lines: tables, and the check of structured answers. Results and requests are in one order, so
//! both are read once, side by side.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use adls_io::{ErrorKind, Location};
use aoai_batch_client::Line;
use result_tables::TableWriter;
use structured_check::{Checker, Outcome};

use super::{
    lines::{LineReader, Requests, custom_id},
    new_file::NewFile,
    publish::Publish,
};
use crate::{
    error::StageError,
    model::{Artifact, JobRecord, Publication},
    options::{OutputOptions, OutputOrder},
    reconcile::Context,
};

/// What was written beside the results.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) artifacts: Vec<Artifact>,
    /// Answers that are not what their request asked for; `None` where that is not checked.
    pub(super) nonconforming: Option<u64>,
}

/// One of the result files.
#[derive(Clone, Copy)]
pub(super) struct Results<'a> {
    pub(super) lines: &'a Location,
    /// `output` or `error`.
    pub(super) what: &'a str,
    pub(super) directory: &'a Location,
    /// Only an answer can conform to something.
    pub(super) are_answers: bool,
}

/// Writes what is configured.
pub(super) async fn beside(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
    all: &[Results<'_>],
) -> Result<Beside, Publish> {
    let options = &context.options.output;
    let mut beside = Beside { nonconforming: options.check_schemas.then_some(0), ..Beside::default() };
    for results in all {
        if !options.formats.is_empty() || (options.check_schemas && results.are_answers) {
            one(context, job, publication, results, &mut beside).await?;
        }
    }
    Ok(beside)
}

async fn one(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
    results: &Results<'_>,
    beside: &mut Beside,
) -> Result<(), Publish> {
    let (lake, options) = (context.lake.as_ref(), &context.options.output);
    let mut tables = tables(context, publication, results)?;
    let mut check = (options.check_schemas && results.are_answers).then(Checker::default);
    let target = &publication.target;
    let beside_errors = |what: &str| target.error.join(&target.file_name(what));
    let mut again = NewFile::new(lake, beside_errors("nonconforming")?);
    let mut report = NewFile::new(lake, beside_errors("violations")?);

    let mut requests = match wants_requests(options, check.is_some()) {
        true => requests(context, job, publication).await?,
        false => None,
    };
    let mut answers = LineReader::open(lake, results.lines, None).await?;
    while let Some(answer) = answers.next().await? {
        let request = match (&mut requests, custom_id(&answer.bytes)) {
            (Some(requests), Some(id)) => requests.find(&id).await?,
            _ => None,
        };
        for table in &mut tables {
            table.write(&answer, request.as_ref()).await?;
        }
        if let (Some(checker), Some(request)) = (&mut check, &request) {
            let found =
                checker.check(&request.bytes, &answer.bytes).map_err(|error| unreadable(results, &error))?;
            if matches!(found, Outcome::Nonconforming(_)) {
                *beside.nonconforming.get_or_insert(0) += 1;
                again.push(&request.bytes).await?;
                again.push(b"\n").await?;
            }
            if let Some(line) = told(&answer, &found) {
                report.push(line.as_bytes()).await?;
            }
        }
    }
    for table in tables {
        beside.artifacts.extend(table.finish().await?);
    }
    for file in [again, report] {
        beside.artifacts.extend(file.finish().await?.map_err(Publish::Conflict)?);
    }
    Ok(())
}

fn wants_requests(options: &OutputOptions, check: bool) -> bool {
    // In another order they cannot be read side by side.
    options.order == OutputOrder::Input && (check || !options.request_fields.is_empty())
}

/// What a report says of an answer that is not as it was asked for.
fn told(answer: &Line, outcome: &Outcome) -> Option<String> {
    let id = custom_id(&answer.bytes);
    let said = match outcome {
        Outcome::Nonconforming(violations) => {
            serde_json::json!({ "custom_id": id, "violations": violations })
        }
        Outcome::SchemaUnusable(reason) => serde_json::json!({ "custom_id": id, "schema_unusable": reason }),
        Outcome::NotAsked | Outcome::Conforms | Outcome::Refused => return None,
    };
    Some(format!("{said}\n"))
}

fn unreadable(results: &Results<'_>, error: &dyn std::fmt::Display) -> Publish {
    Publish::Conflict(format!("{}: {error}", results.lines))
}

/// The requests of the job: from its input, wherever that is by now. `None` if it was replaced.
async fn requests(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
) -> Result<Option<Requests>, Publish> {
    let archived = publication.raw_directory().join(&publication.target.raw_name())?;
    for at in [&job.input.location, &archived] {
        match LineReader::open(context.lake.as_ref(), at, Some(job.input.etag.clone())).await {
            Ok(reader) => return Ok(Some(Requests::new(reader))),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Precondition) => {}
            Err(error) => return Err(error.into()),
        }
    }
    tracing::warn!(job = %job.key, "the input was replaced: tables have no fields of the requests, and nothing is checked");
    Ok(None)
}

/// Bytes on their way from a table's writer, which knows no waiting, to the lake.
#[derive(Clone, Default)]
struct Passage(Arc<Mutex<Vec<u8>>>);

impl Passage {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Passage {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A table that is being written.
struct Table<'a> {
    writer: TableWriter<Passage>,
    passage: Passage,
    file: NewFile<'a>,
}

fn tables<'a>(
    context: &'a Context,
    publication: &Publication,
    results: &Results<'_>,
) -> Result<Vec<Table<'a>>, Publish> {
    let options = &context.options.output;
    let table = |format: &result_tables::TableFormat| {
        let passage = Passage::default();
        let writer = TableWriter::new(*format, options.request_fields.clone(), passage.clone());
        let writer = writer.map_err(|error| Publish::Failed(StageError::local(error.to_string(), None)))?;
        let (target, extension) = (&publication.target, format.extension());
        // Beside the results of an input that is called so, too.
        let mark = if target.extension.strip_prefix('.') == Some(extension) { "_table" } else { "" };
        let name = format!("{}_{}{mark}.{extension}", target.stem, results.what);
        let file = NewFile::new(context.lake.as_ref(), results.directory.join(&name)?);
        Ok(Table { writer, passage, file })
    };
    options.formats.iter().map(table).collect()
}

impl Table<'_> {
    async fn write(&mut self, answer: &Line, request: Option<&Line>) -> Result<(), Publish> {
        let request = request.map(|request| request.bytes.as_ref());
        self.writer.write(&answer.bytes, request).map_err(|error| Publish::Conflict(error.to_string()))?;
        Ok(self.file.push(&self.passage.take()).await?)
    }

    async fn finish(mut self) -> Result<Option<Artifact>, Publish> {
        self.writer.finish().map_err(|error| Publish::Conflict(error.to_string()))?;
        self.file.push(&self.passage.take()).await?;
        self.file.finish().await?.map_err(Publish::Conflict)
    }
}
