//! The two result files while they are written.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use serde_json::{Value, json};
use tempfile::TempPath;
use uuid::Uuid;

use super::Usage;
use crate::{config::ErrorLineShape, files::StoredBody};

/// Output and error file of one batch.
#[derive(Debug)]
pub(crate) struct Sheets {
    output: Draft,
    errors: Draft,
    shape: ErrorLineShape,
    pub(crate) usage: Usage,
}

/// A finished result file.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) body: StoredBody,
    pub(crate) lines: u64,
}

#[derive(Debug)]
struct Draft {
    file: BufWriter<File>,
    path: TempPath,
    bytes: u64,
    lines: u64,
}

impl Sheets {
    pub(crate) fn create(dir: &Path, shape: ErrorLineShape) -> io::Result<Self> {
        Ok(Self { output: Draft::create(dir)?, errors: Draft::create(dir)?, shape, usage: Usage::default() })
    }

    pub(crate) fn success(&mut self, custom_id: &str, (usage, body): &(Usage, Value)) -> io::Result<()> {
        self.usage.add(*usage);
        self.output.line(&json!({"custom_id": custom_id, "response": response(200, body), "error": null}))
    }

    /// The odd rows that users have reported: counted as done, but with nothing in them.
    pub(crate) fn status_zero(&mut self, custom_id: &str) -> io::Result<()> {
        self.output
            .line(&json!({"custom_id": custom_id, "response": response(0, &Value::Null), "error": null}))
    }

    pub(crate) fn failure(
        &mut self,
        custom_id: &str,
        status: u16,
        code: &str,
        message: &str,
    ) -> io::Result<()> {
        match self.shape {
            ErrorLineShape::Response => {
                let body = json!({"error": {"code": code, "message": message}});
                self.failure_with_body(custom_id, status, &body)
            }
            ErrorLineShape::Error => self.unfinished(custom_id, code, message),
        }
    }

    /// A failure that came with a body of its own.
    pub(crate) fn failure_with_body(&mut self, custom_id: &str, status: u16, body: &Value) -> io::Result<()> {
        match self.shape {
            ErrorLineShape::Response => self
                .errors
                .line(&json!({"custom_id": custom_id, "response": response(status, body), "error": null})),
            ErrorLineShape::Error => {
                let code = body["error"]["code"].as_str().map_or_else(|| status.to_string(), str::to_owned);
                let message = body["error"]["message"].as_str().unwrap_or("no message");
                self.unfinished(custom_id, &code, message)
            }
        }
    }

    /// A line without any response, in the only shape there is for that.
    pub(crate) fn unfinished(&mut self, custom_id: &str, code: &str, message: &str) -> io::Result<()> {
        self.errors.line(&json!({
            "id": format!("batch_req_{}", Uuid::new_v4().simple()),
            "custom_id": custom_id,
            "response": null,
            "error": {"code": code, "message": message},
        }))
    }

    pub(crate) fn finish(self) -> io::Result<(Sheet, Sheet)> {
        Ok((self.output.finish()?, self.errors.finish()?))
    }
}

fn response(status: u16, body: &Value) -> Value {
    json!({"body": body, "request_id": Uuid::new_v4().to_string(), "status_code": status})
}

impl Draft {
    fn create(dir: &Path) -> io::Result<Self> {
        let (file, path) = tempfile::Builder::new().tempfile_in(dir)?.into_parts();
        Ok(Self { file: BufWriter::with_capacity(128 * 1024, file), path, bytes: 0, lines: 0 })
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        let mut text = serde_json::to_vec(value)?;
        text.push(b'\n');
        self.bytes += text.len() as u64;
        self.lines += 1;
        self.file.write_all(&text)
    }

    fn finish(mut self) -> io::Result<Sheet> {
        self.file.flush()?;
        Ok(Sheet { body: StoredBody::new(self.path, self.bytes, String::new()), lines: self.lines })
    }
}
