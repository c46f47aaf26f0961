//! Rows become columns: gathered in groups, then written one column after the other.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::{Cell, Column, ExportError, Kind, ROWS_PER_GROUP};

pub(super) struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: &'static [Column],
    /// The rows of the group under way.
    rows: Vec<Vec<Cell>>,
}

impl<W: Write + Send> Writer<W> {
    pub(super) fn new(out: W, columns: &'static [Column]) -> Result<Self, ExportError> {
        let fields = columns
            .iter()
            .map(|column| {
                let (physical, logical) = match column.kind {
                    Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                    Kind::Instant => (
                        Physical::INT64,
                        Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
                    ),
                    Kind::Integer => (Physical::INT64, None),
                    Kind::Milliseconds => (Physical::DOUBLE, None),
                };
                let field = Type::primitive_type_builder(column.name, physical)
                    .with_repetition(Repetition::OPTIONAL)
                    .with_logical_type(logical)
                    .build()?;
                Ok(Arc::new(field))
            })
            .collect::<Result<_, ExportError>>()?;
        let schema = Type::group_type_builder("vigie")
            .with_fields(fields)
            .build()?;
        let properties = WriterProperties::builder()
            .set_created_by(concat!("vigie ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::GZIP(Default::default()))
            .build();
        Ok(Self {
            file: SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?,
            columns,
            rows: Vec::new(),
        })
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) -> Result<(), ExportError> {
        self.rows.push(cells);
        if self.rows.len() >= ROWS_PER_GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, ExportError> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        Ok(self.file.into_inner()?)
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.file.next_row_group()?;
        for (idx, column) in self.columns.iter().enumerate() {
            let Some(writer) = group.next_column()? else {
                break;
            };
            let cells: Vec<&Cell> = rows.iter().filter_map(|row| row.get(idx)).collect();
            write_column(writer, column.kind, &cells)?;
        }
        group.close()?;
        Ok(())
    }
}

fn write_column(
    mut writer: SerializedColumnWriter<'_>,
    kind: Kind,
    cells: &[&Cell],
) -> Result<(), ExportError> {
    // 1 where there is a value, 0 where there is none.
    let there: Vec<i16> = cells
        .iter()
        .map(|cell| i16::from(!matches!(cell, Cell::Empty)))
        .collect();
    match kind {
        Kind::Text => {
            let texts: Vec<ByteArray> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Text(text) => Some(text.as_str().into()),
                    Cell::Empty | Cell::Instant(_) | Cell::Integer(_) | Cell::Microseconds(_) => {
                        None
                    }
                })
                .collect();
            let writer = writer.typed::<ByteArrayType>();
            writer.write_batch(&texts, Some(&there), None)?;
        }
        Kind::Instant | Kind::Integer => {
            let numbers: Vec<i64> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Instant(at) => Some(at.unix_ms()),
                    Cell::Integer(number) => Some(*number),
                    Cell::Empty | Cell::Text(_) | Cell::Microseconds(_) => None,
                })
                .collect();
            let writer = writer.typed::<Int64Type>();
            writer.write_batch(&numbers, Some(&there), None)?;
        }
        Kind::Milliseconds => {
            let lengths: Vec<f64> = cells
                .iter()
                .filter_map(|cell| match cell {
                    // Whole microseconds of any latency are exact in an f64.
                    Cell::Microseconds(us) => Some(*us as f64 / 1_000.0),
                    Cell::Empty | Cell::Text(_) | Cell::Instant(_) | Cell::Integer(_) => None,
                })
                .collect();
            let writer = writer.typed::<DoubleType>();
            writer.write_batch(&lengths, Some(&there), None)?;
        }
    }
    writer.close()?;
    Ok(())
}
