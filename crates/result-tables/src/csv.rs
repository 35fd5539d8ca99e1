//! CSV: RFC 4180, UTF-8 without a mark, a header.

use std::io::Write;

use super::{
    error::TableError,
    row::{COLUMNS, Cell, Row},
};

pub(crate) struct CsvTable<W: Write>(csv::Writer<W>);

fn failed(error: csv::Error) -> TableError {
    TableError::Write(Box::new(error))
}

impl<W: Write> CsvTable<W> {
    pub(crate) fn new<'a>(fields: impl Iterator<Item = &'a str>, to: W) -> Result<Self, TableError> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(COLUMNS.iter().map(|(name, _)| *name).chain(fields)).map_err(failed)?;
        Ok(Self(writer))
    }

    pub(crate) fn write(&mut self, row: &Row<'_>) -> Result<(), TableError> {
        for cell in row.cells() {
            match cell {
                Cell::Text(text) => self.0.write_field(text.unwrap_or_default()),
                Cell::Number(Some(number)) => self.0.write_field(number.to_string()),
                Cell::Number(None) => self.0.write_field(""),
            }
            .map_err(failed)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(failed)
    }

    pub(crate) fn finish(self) -> Result<W, TableError> {
        self.0
            .into_inner()
            .map_err(|error| TableError::Write(Box::new(std::io::Error::other(error.to_string()))))
    }
}
