//! Values on their way into the database and out of it.

use std::error::Error;
use std::fmt;

use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use super::{DbError, Result, damaged};

/// A value that a statement is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of a statement, each made a [`Value`].
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::store::db::Value::from($value)),*] };
}
pub(in crate::store) use values;

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

/// Counts, which are far from the limit; one beyond it is written as the limit.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) if *of == Type::INT8 => value.to_sql(of, out),
            Self::Integer(value) if *of == Type::INT4 => i32::try_from(*value)?.to_sql(of, out),
            // PostgreSQL's texts hold no NUL; what a service answered may.
            Self::Text(value) if <&str as ToSql>::accepts(of) => {
                value.replace('\0', "\u{fffd}").to_sql(of, out)
            }
            Self::Bytes(value) if *of == Type::BYTEA => value.to_sql(of, out),
            Self::Integer(_) | Self::Text(_) | Self::Bytes(_) => {
                Err(format!("a value was given where the statement takes {of}").into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// What stands in one column of one row.
#[derive(Clone, Copy)]
pub(in crate::store) enum Cell<'r> {
    Null,
    Integer(i64),
    Text(&'r str),
    Bytes(&'r [u8]),
}

impl<'r> Cell<'r> {
    pub(super) fn of_sqlite(value: ValueRef<'r>) -> Result<Self> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Text(value) => Self::Text(
                std::str::from_utf8(value)
                    .map_err(|_| damaged("a text is not UTF-8".to_owned()))?,
            ),
            ValueRef::Blob(value) => Self::Bytes(value),
            ValueRef::Real(value) => {
                return Err(damaged(format!("{value} stands where no fraction may")));
            }
        })
    }
}

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(
        of: &Type,
        raw: &'r [u8],
    ) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *of {
            Type::INT8 => Self::Integer(i64::from_sql(of, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(of, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(of, raw)?.into()),
            Type::BYTEA => Self::Bytes(raw),
            _ => Self::Text(<&str>::from_sql(of, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(of: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::BYTEA].contains(of)
            || <&str as FromSql>::accepts(of)
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Integer(value) => write!(f, "{value}, which is out of range"),
            Self::Text(_) => f.write_str("a text that should not be one"),
            Self::Bytes(bytes) => write!(f, "{} bytes that should not be so", bytes.len()),
        }
    }
}

/// What a column can be read as.
pub(in crate::store) trait Column: Sized {
    /// It, if it fits.
    fn from_cell(cell: Cell<'_>) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn from_cell(cell: Cell<'_>) -> Option<Self> {
                match cell {
                    Cell::Integer(value) => value.try_into().ok(),
                    Cell::Null | Cell::Text(_) | Cell::Bytes(_) => None,
                }
            }
        }
    )*};
}
integers!(i64, u64, u32, u16, usize);

impl Column for bool {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Integer(0) => Some(false),
            Cell::Integer(1) => Some(true),
            Cell::Integer(_) | Cell::Null | Cell::Text(_) | Cell::Bytes(_) => None,
        }
    }
}

impl Column for String {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(value) => Some(value.to_owned()),
            Cell::Integer(_) | Cell::Null | Cell::Bytes(_) => None,
        }
    }
}

impl Column for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Bytes(value) => Some(value.to_vec()),
            Cell::Integer(_) | Cell::Null | Cell::Text(_) => None,
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        Vec::from_cell(cell)?.try_into().ok()
    }
}

impl<T: Column> Column for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            Cell::Integer(_) | Cell::Text(_) | Cell::Bytes(_) => T::from_cell(cell).map(Some),
        }
    }
}

/// A row that is read as something else than it holds is damage, too.
impl From<std::num::TryFromIntError> for DbError {
    fn from(error: std::num::TryFromIntError) -> Self {
        damaged(error.to_string())
    }
}
