//! One file as the service knows it.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::StoredBody;
use crate::{clock::Stamp, config::WireConfig};

#[derive(Debug, Clone)]
pub(crate) struct FileRecord {
    pub(crate) id: String,
    pub(crate) filename: String,
    pub(crate) purpose: String,
    pub(crate) created_at: Stamp,
    /// Not in lists before.
    pub(crate) visible_at: Stamp,
    /// Unix seconds; gone from then on.
    pub(crate) expires_at: Option<i64>,
    pub(crate) state: FileState,
}

#[derive(Debug, Clone)]
pub(crate) enum FileState {
    /// Its content is still being fetched.
    Importing,
    Stored {
        body: Arc<StoredBody>,
        ready_at: Stamp,
    },
    Failed {
        body: Option<Arc<StoredBody>>,
        why: String,
        at: Stamp,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileStatus {
    Pending,
    Processed,
    Error,
}

impl FileStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processed => "processed",
            Self::Error => "error",
        }
    }
}

impl FileRecord {
    pub(crate) fn status_at(&self, now: Stamp) -> FileStatus {
        match &self.state {
            FileState::Stored { ready_at, .. } if *ready_at <= now => FileStatus::Processed,
            FileState::Failed { at, .. } if *at <= now => FileStatus::Error,
            FileState::Importing | FileState::Stored { .. } | FileState::Failed { .. } => FileStatus::Pending,
        }
    }

    pub(crate) fn is_expired(&self, now: Stamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now.unix_seconds())
    }

    /// Output and error files do not count towards the quota.
    pub(crate) fn is_result(&self) -> bool {
        self.purpose == "batch_output"
    }

    pub(crate) fn body(&self) -> Option<&Arc<StoredBody>> {
        match &self.state {
            FileState::Importing => None,
            FileState::Stored { body, .. } => Some(body),
            FileState::Failed { body, .. } => body.as_ref(),
        }
    }

    pub(crate) fn to_json(&self, now: Stamp, wire: &WireConfig) -> Value {
        let status = self.status_at(now);
        let details = match &self.state {
            FileState::Failed { why, .. } if status == FileStatus::Error => Value::from(why.as_str()),
            _ => Value::Null,
        };
        let mut file = json!({
            "id": self.id,
            "object": "file",
            "created_at": self.created_at.unix_seconds(),
            "filename": (!wire.omit_filenames).then_some(&self.filename),
            "purpose": self.purpose,
            "status": capitalised(status.name(), wire.capitalised_statuses),
            "expires_at": self.expires_at,
            "status_details": details,
        });
        if let Some(body) = self.body() {
            file["bytes"] = body.bytes.into();
        }
        file
    }
}

/// The status in the spelling that is configured.
pub(crate) fn capitalised(status: &str, wanted: bool) -> String {
    let mut letters = status.chars();
    match letters.next() {
        Some(first) if wanted => first.to_ascii_uppercase().to_string() + letters.as_str(),
        _ => status.to_owned(),
    }
}

/// Uploads have 32 hex digits without dashes in their ids.
pub(crate) fn input_id() -> String {
    format!("file-{}", Uuid::new_v4().simple())
}

/// Results have a UUID with dashes.
pub(crate) fn result_id() -> String {
    format!("file-{}", Uuid::new_v4())
}
