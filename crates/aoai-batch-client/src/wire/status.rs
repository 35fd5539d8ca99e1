//! States. Unknown ones are kept, for the service adds new ones at any time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// State of a file. `Processed`, `Error` and `Deleted` are final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileStatus {
    /// Uploaded (documented as never returned by Azure).
    Uploaded,
    /// Waiting to be processed.
    Pending,
    /// Being processed.
    Running,
    /// Ready for use.
    Processed,
    /// Processing failed; see [`FileObject::status_details`](crate::FileObject::status_details).
    Error,
    /// Being deleted.
    Deleting,
    /// Deleted.
    Deleted,
    /// Anything newer than this crate.
    Unknown(String),
}

/// State of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchStatus {
    /// The input file is being validated.
    Validating,
    /// The input file failed the validation; nothing was billed. Final.
    Failed,
    /// Running.
    InProgress,
    /// Results are being prepared.
    Finalizing,
    /// Done. Final.
    Completed,
    /// Not done within the window; partial results. Final.
    Expired,
    /// Being cancelled (up to 10 minutes).
    Cancelling,
    /// Cancelled; partial results, which are billed. Final.
    Cancelled,
    /// Anything newer than this crate. Not final.
    Unknown(String),
}

/// Spelling, and back: case and underscores do not matter (`Validating`, `InProgress` were captured).
macro_rules! spelled {
    ($type:ident { $($variant:ident = $name:literal $(| $also:literal)*),* $(,)? }) => {
        impl $type {
            /// As the service spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(name) => name,
                }
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                let plain: String =
                    text.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
                $(if [$name $(, $also)*].iter().any(|name| name.replace('_', "") == plain) {
                    return Self::$variant;
                })*
                Self::Unknown(text.to_owned())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Option::<String>::deserialize(deserializer)?;
                Ok(Self::from(text.as_deref().unwrap_or_default()))
            }
        }
    };
}

spelled!(FileStatus {
    Uploaded = "uploaded",
    Pending = "pending",
    Running = "running" | "not_running",
    Processed = "processed",
    Error = "error",
    Deleting = "deleting",
    Deleted = "deleted",
});

spelled!(BatchStatus {
    Validating = "validating",
    Failed = "failed",
    InProgress = "in_progress",
    Finalizing = "finalizing",
    Completed = "completed",
    Expired = "expired",
    Cancelling = "cancelling" | "canceling",
    Cancelled = "cancelled" | "canceled",
});

impl FileStatus {
    /// Whether it will not change any more.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Processed | Self::Error | Self::Deleted)
    }
}

impl BatchStatus {
    /// Whether it will not change any more. An unknown status is not final.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Failed | Self::Completed | Self::Expired | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_that_was_seen_is_understood() {
        for (text, status) in [
            ("Validating", BatchStatus::Validating),
            ("InProgress", BatchStatus::InProgress),
            ("in_progress", BatchStatus::InProgress),
            ("canceled", BatchStatus::Cancelled),
            ("Cancelled", BatchStatus::Cancelled),
            ("cancelling", BatchStatus::Cancelling),
        ] {
            assert_eq!(BatchStatus::from(text), status, "{text}");
        }
        assert_eq!(FileStatus::from("notRunning"), FileStatus::Running);
        let new = BatchStatus::from("paused_by_moon");
        assert_eq!((new.as_str(), new.is_terminal()), ("paused_by_moon", false));
    }

    #[test]
    fn both_spellings_of_cancelled_and_expired_are_final() {
        for text in ["cancelled", "canceled", "expired", "failed", "completed"] {
            assert!(BatchStatus::from(text).is_terminal(), "{text}");
        }
    }
}
