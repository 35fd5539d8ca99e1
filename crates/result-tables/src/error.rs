//! What can go wrong.

/// A field of the request that cannot be a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is no path.
    #[error(
        "`{0}` is no field: expected names joined by dots, such as `body.metadata.ticket`, or a JSON pointer, such as `/body/messages/0/content`"
    )]
    NoPath(String),
    /// A column has that name already.
    #[error("`{0}` is a column already")]
    Taken(String),
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Two columns of one name.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The line is no result line.
    #[error("row {row}: not a result line: {message}")]
    Answer {
        /// Counted from 1.
        row: u64,
        /// What is wrong.
        message: String,
    },
    /// The line is no request line.
    #[error("row {row}: not a request line: {message}")]
    Request {
        /// Counted from 1.
        row: u64,
        /// What is wrong.
        message: String,
    },
    /// The table could not be written.
    #[error("the table cannot be written: {0}")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}
