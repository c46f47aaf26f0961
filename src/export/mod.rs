//! Tables for other tools: CSV and Parquet, row by row.
//!
//! A [`Table`] takes rows and writes them as they come; it never holds more than
//! [`ROWS_PER_GROUP`] of them. What the rows are is not its business.

mod parquet;

use std::io::Write;

use crate::sla::window::Timestamp;

/// So many rows are gathered before they are written column by column.
const ROWS_PER_GROUP: usize = 50_000;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; a unit ends it.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Kind,
}

/// What stands in a column. Any cell may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// An instant: RFC 3339 in UTC to the millisecond; in Parquet a timestamp of milliseconds.
    Instant,
    /// A whole number.
    Integer,
    /// A length of time in milliseconds with at most three decimals, from whole microseconds; in
    /// Parquet a double.
    Milliseconds,
}

/// What stands in a row under one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// See [`Kind::Text`].
    Text(String),
    /// See [`Kind::Instant`].
    Instant(Timestamp),
    /// See [`Kind::Integer`].
    Integer(i64),
    /// See [`Kind::Milliseconds`], in microseconds.
    Microseconds(i64),
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Empty, Into::into)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Cell {
    fn from(at: Timestamp) -> Self {
        Self::Instant(at)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Commas, quotes where needed, CRLF, UTF-8, a first line of names (RFC 4180).
    Csv,
    /// Apache Parquet, its pages compressed with gzip.
    Parquet,
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The format refused.
    #[error(transparent)]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// A table under way.
pub struct Table<W: Write + Send>(Writer<W>);

enum Writer<W: Write + Send> {
    Csv(Box<csv::Writer<W>>),
    Parquet(Box<parquet::Writer<W>>),
}

impl<W: Write + Send> Table<W> {
    /// A table of these columns.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(out: W, format: Format, columns: &'static [Column]) -> Result<Self, ExportError> {
        Ok(Self(match format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(out);
                writer
                    .write_record(columns.iter().map(|column| column.name))
                    .map_err(csv_error)?;
                Writer::Csv(Box::new(writer))
            }
            Format::Parquet => Writer::Parquet(Box::new(parquet::Writer::new(out, columns)?)),
        }))
    }

    /// Appends a row: one cell a column, of the column's kind or empty.
    ///
    /// # Errors
    /// What the file system says.
    pub fn row(&mut self, cells: Vec<Cell>) -> Result<(), ExportError> {
        match &mut self.0 {
            Writer::Csv(writer) => writer
                .write_record(cells.iter().map(in_text))
                .map_err(csv_error),
            Writer::Parquet(writer) => writer.row(cells),
        }
    }

    /// Writes what is left, and gives back what it was written into.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(self) -> Result<W, ExportError> {
        match self.0 {
            Writer::Csv(writer) => writer
                .into_inner()
                .map_err(|error| ExportError::Io(error.into_error())),
            Writer::Parquet(writer) => writer.finish(),
        }
    }
}

fn in_text(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Instant(at) => at.to_string(),
        Cell::Integer(number) => number.to_string(),
        Cell::Microseconds(us) => {
            let text = format!("{}.{:03}", us / 1_000, us % 1_000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

fn csv_error(error: csv::Error) -> ExportError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => ExportError::Io(source),
        other => ExportError::Io(std::io::Error::other(format!("{other:?}"))),
    }
}
