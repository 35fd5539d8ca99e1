//! Variants of the wire format.

use serde::{Deserialize, Serialize};

/// Variants that clients have met in answers of the real service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireConfig {
    /// How an absent result file is written, and whether an empty error file exists.
    pub result_ids: ResultIds,
    /// `"Validating"` instead of `"validating"` (batches and files).
    pub capitalised_statuses: bool,
    /// ISO 8601 strings instead of unix seconds (batches).
    pub iso_dates: bool,
    /// Lists of batches under `value` instead of `data`.
    pub value_lists: bool,
    /// Files do not tell their names.
    pub omit_filenames: bool,
    /// Batches do not tell their input file.
    pub omit_input_file_ids: bool,
    /// Shape of a failed line in the error file.
    pub error_lines: ErrorLineShape,
    /// Code of the error lines for what a cancel left undone; none = such lines are in neither file.
    pub cancelled_line_code: Option<String>,
}

/// The ways in which result ids were seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultIds {
    /// `null` where there is no file.
    #[default]
    Null,
    /// `""` where there is no file.
    Empty,
    /// `null`, but a completed batch always has an error file, of zero bytes if no line failed.
    EmptyErrorFile,
}

/// The two shapes of a failed line that clients have to accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorLineShape {
    /// `response` holds status and error body, `error` is null.
    #[default]
    Response,
    /// `response` is null, `error` holds code and message.
    Error,
}
