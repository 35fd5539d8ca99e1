//! Parquet, in row groups of bounded size.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};

use super::{
    error::TableError,
    row::{COLUMNS, Cell, Kind, Row},
};

/// A row group is written when it has so many bytes or rows.
const GROUP_BYTES: usize = 8 << 20;
const GROUP_ROWS: usize = 100_000;

pub(crate) struct ParquetTable<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// The values of a row group; a level of 0 is a value that is not there.
enum Column {
    Text { values: Vec<ByteArray>, levels: Vec<i16> },
    Number { values: Vec<i64>, levels: Vec<i16> },
}

fn failed(error: ParquetError) -> TableError {
    TableError::Write(Box::new(error))
}

impl<W: Write + Send> ParquetTable<W> {
    pub(crate) fn new<'a>(fields: impl Iterator<Item = &'a str>, to: W) -> Result<Self, TableError> {
        let all = COLUMNS.into_iter().chain(fields.map(|name| (name, Kind::Text)));
        let (mut types, mut columns) = (Vec::new(), Vec::new());
        for (name, kind) in all {
            let column = match kind {
                Kind::Text => Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                    .with_logical_type(Some(LogicalType::String)),
                Kind::Number => Type::primitive_type_builder(name, Physical::INT64),
            };
            types.push(Arc::new(column.with_repetition(Repetition::OPTIONAL).build().map_err(failed)?));
            columns.push(match kind {
                Kind::Text => Column::Text { values: Vec::new(), levels: Vec::new() },
                Kind::Number => Column::Number { values: Vec::new(), levels: Vec::new() },
            });
        }
        let schema = Type::group_type_builder("result").with_fields(types).build().map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        Ok(Self { writer, columns, rows: 0, bytes: 0 })
    }

    pub(crate) fn write(&mut self, row: &Row<'_>) -> Result<(), TableError> {
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            match (column, cell) {
                (Column::Text { values, levels }, Cell::Text(text)) => {
                    levels.push(i16::from(text.is_some()));
                    if let Some(text) = text {
                        self.bytes += text.len();
                        values.push(text.as_bytes().to_vec().into());
                    }
                }
                (Column::Number { values, levels }, Cell::Number(number)) => {
                    levels.push(i16::from(number.is_some()));
                    self.bytes += 8;
                    values.extend(number);
                }
                // Columns and cells come from one list.
                _ => {}
            }
        }
        self.rows += 1;
        if self.bytes >= GROUP_BYTES || self.rows >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column().map_err(failed)? else { break };
            match column {
                Column::Text { values, levels } => {
                    writer
                        .typed::<ByteArrayType>()
                        .write_batch(values, Some(levels), None)
                        .map_err(failed)?;
                    values.clear();
                    levels.clear();
                }
                Column::Number { values, levels } => {
                    writer.typed::<Int64Type>().write_batch(values, Some(levels), None).map_err(failed)?;
                    values.clear();
                    levels.clear();
                }
            }
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<W, TableError> {
        self.flush()?;
        self.writer.into_inner().map_err(failed)
    }
}
