//! The table.

use std::{fmt, io::Write};

use serde_json::value::RawValue;

#[cfg(feature = "parquet")]
use super::parquet::ParquetTable;
use super::{
    answer::parse,
    csv::CsvTable,
    error::{FieldError, TableError},
    field::RequestField,
    row::COLUMNS,
};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// RFC 4180, UTF-8, with a header.
    Csv,
    /// Row groups of about 8 MiB, Snappy.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl TableFormat {
    /// How names of such files end, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }
}

enum Kind<W: Write + Send> {
    Csv(CsvTable<W>),
    #[cfg(feature = "parquet")]
    Parquet(ParquetTable<W>),
}

/// Writes a table, row by row.
pub struct TableWriter<W: Write + Send> {
    kind: Kind<W>,
    fields: Vec<RequestField>,
    rows: u64,
}

impl<W: Write + Send> fmt::Debug for TableWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Write + Send> TableWriter<W> {
    /// An empty table, with these columns beside the ones that every table has.
    ///
    /// # Errors
    /// If two columns have one name, or nothing can be written.
    pub fn new(format: TableFormat, fields: Vec<RequestField>, to: W) -> Result<Self, TableError> {
        let mut names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        for field in &fields {
            if names.contains(&field.name()) {
                return Err(FieldError::Taken(field.name().to_owned()).into());
            }
            names.push(field.name());
        }
        let own = fields.iter().map(RequestField::name);
        let kind = match format {
            TableFormat::Csv => Kind::Csv(CsvTable::new(own, to)?),
            #[cfg(feature = "parquet")]
            TableFormat::Parquet => Kind::Parquet(ParquetTable::new(own, to)?),
        };
        Ok(Self { kind, fields, rows: 0 })
    }

    /// Adds the row of a result line; its request is needed only for fields of it, which stay empty without.
    ///
    /// # Errors
    /// If a line is not what it should be, or the table cannot be written.
    pub fn write(&mut self, answer: &[u8], request: Option<&[u8]>) -> Result<(), TableError> {
        self.rows += 1;
        let row = self.rows;
        let mut parsed =
            parse(answer).map_err(|error| TableError::Answer { row, message: error.to_string() })?;
        parsed.fields = vec![None; self.fields.len()];
        if let Some(request) = request.filter(|_| !self.fields.is_empty()) {
            let request: &RawValue = serde_json::from_slice(request)
                .map_err(|error| TableError::Request { row, message: error.to_string() })?;
            for (value, field) in parsed.fields.iter_mut().zip(&self.fields) {
                *value = field.of(request);
            }
        }
        match &mut self.kind {
            Kind::Csv(table) => table.write(&parsed),
            #[cfg(feature = "parquet")]
            Kind::Parquet(table) => table.write(&parsed),
        }
    }

    /// Ends the table. What was written without this is no whole file.
    ///
    /// # Errors
    /// If the rest cannot be written.
    pub fn finish(self) -> Result<W, TableError> {
        match self.kind {
            Kind::Csv(table) => table.finish(),
            #[cfg(feature = "parquet")]
            Kind::Parquet(table) => table.finish(),
        }
    }
}
