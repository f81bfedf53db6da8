//! Statements and rows: what stands between this crate's types and SQLite's five.
//!
//! Everything is a bound parameter; the text of a statement is known at compile time or made of constants only.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Sqlite, ValueRef as _};

use super::error::{damaged, fault};
use crate::error::{Error, Result};
use crate::types::{
    BlobHash, CallId, ChunkId, CollectionId, DocumentId, JobId, LeaseToken, MessageId, SessionId,
    Timestamp, VersionId,
};

/// One of SQLite's values.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// A statement with its parameters.
#[must_use = "a statement does nothing until it runs"]
pub(super) struct Sql {
    text: Cow<'static, str>,
    values: Vec<Value>,
    is_prepared: bool,
}

/// Statements that run one after the other in one way to the connection's thread and back, which costs more than most
/// statements. Their parameters are `?`: a numbered one would be counted through all.
#[must_use = "statements do nothing until they run"]
pub(super) struct Batch(Sql);

/// A statement known at compile time; it stays prepared.
pub(super) fn sql(text: &'static str) -> Sql {
    Sql { text: Cow::Borrowed(text), values: Vec::new(), is_prepared: true }
}

/// A statement that repeats constant pieces; `prepared` keeps it for the next time.
pub(super) fn built_sql(text: String, prepared: bool) -> Sql {
    Sql { text: Cow::Owned(text), values: Vec::new(), is_prepared: prepared }
}

impl Sql {
    /// Binds the next parameter.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// This statement and then `next`.
    pub(super) fn then(self, next: impl Into<Batch>) -> Batch {
        Batch::from(self).then(next)
    }

    fn query(self) -> Query<'static, Sqlite, SqliteArguments> {
        let query = match self.text {
            Cow::Borrowed(text) => sqlx::query(text),
            Cow::Owned(text) => sqlx::query(AssertSqlSafe(text)),
        };
        let bind = |query: Query<'static, Sqlite, SqliteArguments>, value| match value {
            Value::Null => query.bind(None::<i64>),
            Value::Int(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Blob(value) => query.bind(value),
        };
        self.values.into_iter().fold(query.persistent(self.is_prepared), bind)
    }

    /// Runs it and says how many rows it touched.
    pub(super) async fn run(self, conn: &mut SqliteConnection) -> Result<u64> {
        Ok(self.query().execute(conn).await.map_err(fault)?.rows_affected())
    }

    /// Its only row.
    pub(super) async fn one(self, conn: &mut SqliteConnection) -> Result<SqliteRow> {
        self.query().fetch_one(conn).await.map_err(fault)
    }

    /// Its first row, where there is one.
    pub(super) async fn maybe(self, conn: &mut SqliteConnection) -> Result<Option<SqliteRow>> {
        self.query().fetch_optional(conn).await.map_err(fault)
    }

    /// All its rows.
    pub(super) async fn all(self, conn: &mut SqliteConnection) -> Result<Vec<SqliteRow>> {
        self.query().fetch_all(conn).await.map_err(fault)
    }
}

impl From<Sql> for Batch {
    fn from(statement: Sql) -> Self {
        let n_parameters = statement.text.matches('?').count();
        debug_assert_eq!(n_parameters, statement.values.len(), "{}", statement.text);
        Self(statement)
    }
}

impl Batch {
    /// These statements and then `next`.
    pub(super) fn then(mut self, next: impl Into<Self>) -> Self {
        let Self(next) = next.into();
        self.0.text = Cow::Owned(format!("{};\n{}", self.0.text, next.text));
        self.0.values.extend(next.values);
        self.0.is_prepared &= next.is_prepared;
        self
    }

    /// As [`Batch::then`], where there is something to follow.
    pub(super) fn maybe_then(self, next: Option<Sql>) -> Self {
        match next {
            Some(next) => self.then(next),
            None => self,
        }
    }

    /// The rows of all of them, in their order.
    pub(super) async fn all(self, conn: &mut SqliteConnection) -> Result<Vec<SqliteRow>> {
        self.0.all(conn).await
    }
}

/// Reads a row's columns by their names.
pub(super) trait Columns {
    /// The column as a `T`.
    fn col<T: Column>(&self, name: &str) -> Result<T>;

    /// The column's JSON as a `T`.
    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T>;

    /// The column's JSON as a `T`, where it is not null.
    fn maybe_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>>;

    /// The column by the name that `parse` knows.
    fn named<T>(&self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T>;
}

impl Columns for SqliteRow {
    fn col<T: Column>(&self, name: &str) -> Result<T> {
        T::read(self, name)
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        from_json(self.try_get(name).map_err(fault)?)
    }

    fn maybe_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.col::<Option<String>>(name)?.as_deref().map(from_json).transpose()
    }

    fn named<T>(&self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        parse(self.try_get(name).map_err(fault)?).ok_or_else(|| damaged(name))
    }
}

/// What can be read from a column.
pub(super) trait Column: Sized {
    /// Reads it.
    fn read(row: &SqliteRow, name: &str) -> Result<Self>;
}

impl<T: Column> Column for Option<T> {
    fn read(row: &SqliteRow, name: &str) -> Result<Self> {
        let null = row.try_get_raw(name).map_err(fault)?.is_null();
        if null { Ok(None) } else { T::read(row, name).map(Some) }
    }
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Column for $type {
            fn read(row: &SqliteRow, name: &str) -> Result<Self> {
                row.try_get(name).map_err(fault)
            }
        }
    )+};
}
plain!(i64, f64, String, Vec<u8>);

macro_rules! narrowed {
    ($($type:ty),+) => {$(
        impl Column for $type {
            fn read(row: &SqliteRow, name: &str) -> Result<Self> {
                <$type>::try_from(i64::read(row, name)?).map_err(|_| damaged("a number"))
            }
        }

        impl From<$type> for Value {
            fn from(number: $type) -> Self {
                Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    )+};
}
narrowed!(u32, u64, usize);

macro_rules! ids {
    ($($id:ty),+) => {$(
        impl Column for $id {
            fn read(row: &SqliteRow, name: &str) -> Result<Self> {
                let bytes: &[u8] = row.try_get(name).map_err(fault)?;
                bytes.try_into().map(Self::from_bytes).map_err(|_| damaged("an id"))
            }
        }

        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Blob(id.as_bytes().to_vec())
            }
        }
    )+};
}
ids!(CallId, ChunkId, CollectionId, DocumentId, JobId, LeaseToken, MessageId, SessionId, VersionId);
ids!(BlobHash);

impl Column for bool {
    fn read(row: &SqliteRow, name: &str) -> Result<Self> {
        Ok(i64::read(row, name)? != 0)
    }
}

impl Column for f32 {
    #[allow(clippy::cast_possible_truncation, reason = "it was an f32 when it was stored")]
    fn read(row: &SqliteRow, name: &str) -> Result<Self> {
        Ok(f64::read(row, name)? as f32)
    }
}

impl Column for Timestamp {
    fn read(row: &SqliteRow, name: &str) -> Result<Self> {
        i64::read(row, name).map(Self::from_millis)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::Real(f64::from(number))
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.as_millis())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// `value` as stored JSON.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("Something could not be stored.").with_source(error))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| damaged("JSON").with_source(error))
}

/// Ids as the JSON array of hex strings that `unhex(value)` over `json_each` reads: one parameter, however many.
pub(super) fn hex_list<'a>(ids: impl IntoIterator<Item = &'a [u8; 16]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    let mut list = String::from("[");
    for id in ids {
        list.push_str(if list.len() == 1 { "\"" } else { ",\"" });
        for byte in id {
            list.push(digit(byte >> 4));
            list.push(digit(byte & 15));
        }
        list.push('"');
    }
    list.push(']');
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_one_json_parameter() {
        assert_eq!(hex_list([]), "[]");
        let (a, b) = ([0x0f; 16], [0xa0; 16]);
        assert_eq!(
            hex_list([&a, &b]),
            format!("[\"{}\",\"{}\"]", "0f".repeat(16), "a0".repeat(16))
        );
    }
}
