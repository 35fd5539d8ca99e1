//! From method and URL to the operation that is meant.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::{ApiError, Query};

/// The operations of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `POST /files`
    UploadFile,
    /// `POST /files/import`
    ImportFile,
    /// `GET /files/{id}`
    GetFile,
    /// `GET /files`
    ListFiles,
    /// `DELETE /files/{id}`
    DeleteFile,
    /// `GET /files/{id}/content`
    FileContent,
    /// `POST /batches`
    CreateBatch,
    /// `GET /batches/{id}`
    GetBatch,
    /// `GET /batches`
    ListBatches,
    /// `POST /batches/{id}/cancel`
    CancelBatch,
    /// `PUT /{account}/{filesystem}?resource=filesystem`, or the Blob form of it
    LakeCreateFilesystem,
    /// `HEAD /{account}/{filesystem}?resource=filesystem`, or the Blob form of it
    LakeFilesystemProperties,
    /// `DELETE /{account}/{filesystem}?resource=filesystem`, or the Blob form of it
    LakeDeleteFilesystem,
    /// `PUT /{account}/{filesystem}/{path}?resource=file|directory`
    LakeCreatePath,
    /// `PUT /{account}/{filesystem}/{path}` with `x-ms-rename-source`
    LakeRename,
    /// `PATCH /{account}/{filesystem}/{path}?action=append`
    LakeAppend,
    /// `PATCH /{account}/{filesystem}/{path}?action=flush`
    LakeFlush,
    /// `GET /{account}/{filesystem}/{path}`
    LakeRead,
    /// `HEAD /{account}/{filesystem}/{path}`
    LakeHead,
    /// `GET /{account}/{filesystem}?resource=filesystem`
    LakeList,
    /// `DELETE /{account}/{filesystem}/{path}`
    LakeDelete,
    /// `PUT ...?comp=lease`
    LakeLease,
    /// Whatever else goes to a storage account.
    LakeOther,
}

/// Which surface a request came in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiForm {
    /// `/openai/v1/...`
    V1,
    /// `/openai/...?api-version=`, with the year-month-day part of it.
    Dated(String),
}

impl ApiForm {
    /// Whether this surface has what came with `version` (`YYYY-MM-DD`); the v1 surface has everything.
    pub(crate) fn since(&self, version: &str) -> bool {
        match self {
            Self::V1 => true,
            Self::Dated(own) => own.as_str() >= version,
        }
    }

    /// The same of what the v1 surface does not have.
    pub(crate) fn dated_since(&self, version: &str) -> bool {
        *self != Self::V1 && self.since(version)
    }
}

/// A request that names an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) form: ApiForm,
    pub(crate) operation: Operation,
    /// The file or batch id, where the operation has one.
    pub(crate) id: String,
}

impl Call {
    pub(crate) fn parse(method: &Method, path: &str, query: &Query) -> Result<Self, ApiError> {
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        if segments.first() != Some(&"openai") {
            return Err(ApiError::resource_not_found());
        }
        let form = if segments.get(1) == Some(&"v1") {
            segments.drain(..2);
            ApiForm::V1
        } else {
            segments.drain(..1);
            let version =
                query.get("api-version").and_then(version_date).ok_or_else(ApiError::resource_not_found)?;
            ApiForm::Dated(version.to_owned())
        };
        let dated = form != ApiForm::V1;
        let (operation, id) = match (method.as_str(), segments.as_slice()) {
            ("POST", ["files"]) => (Operation::UploadFile, ""),
            ("POST", ["files", "import"]) if dated => (Operation::ImportFile, ""),
            ("GET", ["files"]) => (Operation::ListFiles, ""),
            // What a client asks for when it takes an empty result id for a real one.
            ("GET", ["files", "content"]) => return Err(ApiError::resource_not_found()),
            ("GET", ["files", id]) => (Operation::GetFile, *id),
            ("DELETE", ["files", id]) => (Operation::DeleteFile, *id),
            ("GET", ["files", id, "content"]) => (Operation::FileContent, *id),
            ("POST", ["batches"]) => (Operation::CreateBatch, ""),
            ("GET", ["batches"]) => (Operation::ListBatches, ""),
            ("GET", ["batches", id]) => (Operation::GetBatch, *id),
            ("POST", ["batches", id, "cancel"]) => (Operation::CancelBatch, *id),
            _ => return Err(ApiError::resource_not_found()),
        };
        Ok(Self { form, operation, id: id.to_owned() })
    }
}

/// The date of `YYYY-MM-DD` or `YYYY-MM-DD-preview`.
fn version_date(version: &str) -> Option<&str> {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let shaped = date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped.then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, url: &str) -> Result<Call, ApiError> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Call::parse(method, path, &Query::parse(query))
    }

    #[test]
    fn both_forms_name_the_same_operation() {
        let dated = parse(&Method::GET, "/openai/batches/b1?api-version=2024-10-21").unwrap();
        let v1 = parse(&Method::GET, "/openai/v1/batches/b1").unwrap();
        assert_eq!((dated.operation, dated.id.as_str()), (Operation::GetBatch, "b1"));
        assert_eq!((v1.operation, v1.id.as_str()), (Operation::GetBatch, "b1"));
        assert_eq!(dated.form, ApiForm::Dated("2024-10-21".into()));
    }

    #[test]
    fn slashes_collapse() {
        let call = parse(&Method::POST, "//openai//batches?api-version=2025-04-01-preview").unwrap();
        assert_eq!(call.operation, Operation::CreateBatch);
    }

    #[test]
    fn the_api_version_must_have_the_form_of_one() {
        for version in
            ["", "?api-version=", "?api-version=v1", "?api-version=2024-1-1", "?api-version=2024-10-21-beta"]
        {
            assert!(parse(&Method::GET, &format!("/openai/files{version}")).is_err(), "{version}");
        }
    }

    #[test]
    fn import_is_dated_only_and_deployments_have_no_batches() {
        assert!(parse(&Method::POST, "/openai/v1/files/import").is_err());
        assert!(parse(&Method::POST, "/openai/files/import?api-version=2024-10-21").is_ok());
        assert!(parse(&Method::POST, "/openai/deployments/d/batches?api-version=2024-10-21").is_err());
        assert!(parse(&Method::GET, "/openai/v1/files//content").is_err());
        assert!(parse(&Method::GET, "/devstoreaccount1/openai/v1/files").is_err());
    }

    #[test]
    fn forms_know_what_they_have() {
        assert!(!ApiForm::Dated("2024-10-21".into()).since("2025-03-01"));
        assert!(ApiForm::Dated("2025-03-01".into()).since("2025-03-01"));
        assert!(ApiForm::V1.since("2099-01-01"));
    }
}
