//! `POST /files`: a multipart form, streamed to disk.

use std::{io, sync::Arc};

use axum::{
    extract::{FromRequest, Multipart, Request, multipart::Field},
    http::StatusCode,
    response::Response,
};

use super::{BodyWriter, FileRecord, FileState, StoredBody, input_id};
use crate::{
    clock::Stamp,
    server::{ApiError, ApiForm, Call, Created},
    state::Shared,
};

/// Shortest and longest expiry in seconds. Documents disagree about the shortest; this is the most lenient.
const EXPIRY: std::ops::RangeInclusive<i64> = 3_600..=2_592_000;
const PURPOSES: [&str; 4] = ["batch", "fine-tune", "assistants", "evals"];

pub(crate) async fn upload(state: &Shared, call: &Call, request: Request) -> Result<Response, ApiError> {
    let unreadable =
        |error: &dyn std::fmt::Display| ApiError::invalid(format!("The form cannot be read: {error}"));
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|error| unreadable(&error))?;
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(|error| unreadable(&error))? {
        form.take(state, field).await?;
    }
    form.into_file(state, &call.form).map(|file| admit(state, call, file))?
}

/// Inserts the file under the quota and answers as its surface does.
pub(super) fn admit(state: &Shared, call: &Call, file: FileRecord) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let body = file.to_json(now, &state.config.wire);
    let location = format!("{}/openai/files/{}", state.url, file.id);
    state.files().admit(file, &state.config.files, now)?;
    let status = if call.form == ApiForm::V1 { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Created::at(&location, status, &body))
}

/// What the form said. The first thing wrong with it is kept until all of it is read: answering earlier would close
/// the connection under the client's hands.
#[derive(Default)]
struct Form {
    purpose: Option<String>,
    file: Option<(String, Arc<StoredBody>)>,
    expiry_seconds: Option<String>,
    expiry_anchor: Option<String>,
    problem: Option<ApiError>,
}

impl Form {
    async fn take(&mut self, state: &Shared, field: Field<'_>) -> Result<(), ApiError> {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            return self.take_file(state, field).await;
        }
        let text = field.text().await.map_err(|error| ApiError::invalid(error.to_string()))?;
        match name.as_str() {
            "purpose" => self.purpose = Some(text),
            "expires_after.seconds" | "expires_after[seconds]" => self.expiry_seconds = Some(text),
            "expires_after.anchor" | "expires_after[anchor]" => self.expiry_anchor = Some(text),
            _ => {}
        }
        Ok(())
    }

    async fn take_file(&mut self, state: &Shared, mut field: Field<'_>) -> Result<(), ApiError> {
        let filename = field.file_name().unwrap_or_default().to_owned();
        if field.content_type().is_none_or(str::is_empty) {
            self.complain(ApiError::invalid("The file has no or an empty content type specified."));
        } else if filename.is_empty() {
            self.complain(ApiError::invalid("The file has no name."));
        }
        let max = state.config.files.max_bytes;
        let disk = |error: io::Error| ApiError::internal("store a file", &error);
        let mut writer = BodyWriter::create(state.body_dir()).await.map_err(disk)?;
        while let Some(chunk) = field.chunk().await.map_err(|error| ApiError::invalid(error.to_string()))? {
            if self.problem.is_some() {
                continue;
            }
            if writer.bytes() + chunk.len() as u64 > max {
                self.complain(too_large(max));
                continue;
            }
            writer.write(&chunk).await.map_err(disk)?;
        }
        self.file = Some((filename, writer.finish().await.map_err(disk)?));
        Ok(())
    }

    fn complain(&mut self, problem: ApiError) {
        self.problem.get_or_insert(problem);
    }

    fn into_file(self, state: &Shared, form: &ApiForm) -> Result<FileRecord, ApiError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let purpose = check_purpose(self.purpose.as_deref(), form)?;
        let now = state.clock.now();
        let expires_at = if form.since("2025-03-01") {
            expiry(self.expiry_seconds.as_deref(), self.expiry_anchor.as_deref(), now)?
        } else {
            // Older versions ignore it without a word.
            None
        };
        let (filename, body) = self.file.ok_or_else(|| ApiError::invalid("The form has no part 'file'."))?;
        Ok(new_file(state, filename, purpose, expires_at, stored(state, body, now)))
    }
}

/// A record created now.
pub(super) fn new_file(
    state: &Shared,
    filename: String,
    purpose: String,
    expires_at: Option<i64>,
    kind: impl FnOnce(&str) -> FileState,
) -> FileRecord {
    let now = state.clock.now();
    let state_of_file = kind(&filename);
    FileRecord {
        id: input_id(),
        filename,
        purpose,
        created_at: now,
        visible_at: now.plus(state.config.files.list_lag),
        expires_at,
        state: state_of_file,
    }
}

/// The state of a file whose body is here: processed in a while, unless told to fail.
pub(super) fn stored(
    state: &Shared,
    body: Arc<StoredBody>,
    now: Stamp,
) -> impl FnOnce(&str) -> FileState + use<> {
    let at = now.plus(state.config.files.processing);
    let fail = state.config.files.fail_processing_of.clone();
    move |filename| match fail {
        Some(part) if filename.contains(&part) => {
            FileState::Failed { body: Some(body), why: "processing failed as configured".to_owned(), at }
        }
        _ => FileState::Stored { body, ready_at: at },
    }
}

pub(super) fn too_large(max: u64) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "invalidPayload",
        format!("File is too large. The maximum is {max} bytes."),
    )
}

pub(super) fn check_purpose(purpose: Option<&str>, form: &ApiForm) -> Result<String, ApiError> {
    match purpose {
        Some("batch") if !form.since("2024-07-01") => Err(ApiError::invalid("Invalid value for purpose.")),
        Some(purpose) if PURPOSES.contains(&purpose) => Ok(purpose.to_owned()),
        _ => Err(ApiError::invalid("Invalid value for purpose.")),
    }
}

fn expiry(seconds: Option<&str>, anchor: Option<&str>, now: Stamp) -> Result<Option<i64>, ApiError> {
    let (seconds, anchor) = match (seconds, anchor) {
        (None, None) => return Ok(None),
        (Some(seconds), Some(anchor)) => (seconds, anchor),
        _ => return Err(ApiError::invalid("expires_after needs both anchor and seconds.")),
    };
    if anchor != "created_at" {
        return Err(ApiError::invalid("expires_after.anchor must be 'created_at'."));
    }
    match seconds.parse::<i64>() {
        Ok(seconds) if EXPIRY.contains(&seconds) => Ok(Some(now.unix_seconds() + seconds)),
        _ => Err(ApiError::invalid(format!(
            "expires_after.seconds must be between {} and {}.",
            EXPIRY.start(),
            EXPIRY.end()
        ))),
    }
}
