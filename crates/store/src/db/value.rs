//! Values and rows: what both databases have in common.
//!
//! Columns are text, 64-bit integers, booleans or bytes; times are Unix milliseconds, and JSON is text. That is all
//! that a query may bind and all that a row may hold, so one query text serves both databases.

use super::{Error, Place};

/// A value to bind or a value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(String),
    Bytes(Vec<u8>),
}

macro_rules! from {
    ($($type:ty => |$value:ident| $make:expr;)+) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $make
            }
        }
    )+};
}

from! {
    i64 => |value| Self::Integer(value);
    u16 => |value| Self::Integer(i64::from(value));
    u32 => |value| Self::Integer(i64::from(value));
    bool => |value| Self::Boolean(value);
    String => |value| Self::Text(value);
    &str => |value| Self::Text(value.to_owned());
    &String => |value| Self::Text(value.clone());
    Vec<u8> => |value| Self::Bytes(value);
    &[u8] => |value| Self::Bytes(value.to_vec());
    mask_core::time::Time => |value| Self::Integer(value.unix_millis());
    mask_core::workspace::Owner => |value| Self::Integer(value.number());
    mask_core::id::LinkId => |value| Self::Text(value.to_string());
    mask_core::id::KeyId => |value| Self::Text(value.to_string());
    mask_core::id::WebhookId => |value| Self::Text(value.to_string());
    mask_core::id::DomainId => |value| Self::Text(value.to_string());
    mask_core::id::PageId => |value| Self::Text(value.to_string());
    mask_core::id::UserId => |value| Self::Text(value.to_string());
    mask_core::id::SessionId => |value| Self::Text(value.to_string());
    mask_core::id::MemberId => |value| Self::Text(value.to_string());
    mask_core::id::InvitationId => |value| Self::Text(value.to_string());
    mask_core::actor::Actor => |value| Self::Text(value.to_string());
    mask_core::id::EventId => |value| Self::Text(value.to_string());
    mask_core::event::EventKind => |value| Self::Integer(i64::from(value.number()));
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A list of values of different types, to bind.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::db::Value::from($value)),*] };
}
pub(crate) use values;

/// A row, its values in the order of the query's columns.
#[derive(Debug)]
pub(crate) struct Row(pub(super) Vec<Value>);

impl Row {
    /// Reads the row's values in order; `table` is named when one cannot be read.
    pub(crate) fn columns(self, table: &'static str) -> Columns {
        let row = match self.0.first() {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Integer(number)) => number.to_string(),
            _ => "?".to_owned(),
        };
        Columns { values: self.0.into_iter(), table, row }
    }
}

/// The values of a row, read in order.
pub(crate) struct Columns {
    values: std::vec::IntoIter<Value>,
    table: &'static str,
    row: String,
}

impl Columns {
    /// The error for a value that cannot be what this column holds.
    pub(crate) fn corrupt(&self, column: &'static str) -> Error {
        Error::Corrupt(Place { table: self.table, column, row: self.row.clone() })
    }

    /// A column that may be NULL, made into something.
    pub(crate) fn optional<T>(
        &mut self,
        column: &'static str,
        make: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.values.next() {
            Some(Value::Null) => Ok(None),
            Some(value) => make(value).map(Some).ok_or_else(|| self.corrupt(column)),
            None => Err(self.corrupt(column)),
        }
    }

    /// A column that is never NULL, made into something.
    pub(crate) fn required<T>(
        &mut self,
        column: &'static str,
        make: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, Error> {
        self.optional(column, make)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<String, Error> {
        self.required(column, Value::into_text)
    }

    pub(crate) fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, Error> {
        self.optional(column, Value::into_text)
    }

    pub(crate) fn integer(&mut self, column: &'static str) -> Result<i64, Error> {
        self.required(column, |value| value.as_integer())
    }

    pub(crate) fn optional_integer(&mut self, column: &'static str) -> Result<Option<i64>, Error> {
        self.optional(column, |value| value.as_integer())
    }

    pub(crate) fn boolean(&mut self, column: &'static str) -> Result<bool, Error> {
        self.optional_boolean(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_boolean(&mut self, column: &'static str) -> Result<Option<bool>, Error> {
        self.optional(column, |value| match value {
            Value::Boolean(value) => Some(value),
            // SQLite has no booleans of its own.
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        })
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<Vec<u8>, Error> {
        self.required(column, Value::into_bytes)
    }

    /// A text that `parse` must accept.
    pub(crate) fn parsed<T, E>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Error> {
        self.required(column, |value| parse(&value.into_text()?).ok())
    }

    /// A text that `parse` must accept where it is not NULL.
    pub(crate) fn optional_parsed<T, E>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        self.optional(column, |value| parse(&value.into_text()?).ok())
    }

    pub(crate) fn time(&mut self, column: &'static str) -> Result<mask_core::time::Time, Error> {
        self.integer(column).map(mask_core::time::Time::from_unix_millis)
    }

    pub(crate) fn optional_time(&mut self, column: &'static str) -> Result<Option<mask_core::time::Time>, Error> {
        Ok(self.optional_integer(column)?.map(mask_core::time::Time::from_unix_millis))
    }
}

impl Value {
    /// A number that fits a smaller type.
    pub(crate) fn into_small<T: TryFrom<i64>>(self) -> Option<T> {
        self.as_integer().and_then(|number| T::try_from(number).ok())
    }

    /// A kind of event, as its number.
    pub(crate) fn into_kind(self) -> Option<mask_core::event::EventKind> {
        self.as_integer().and_then(mask_core::event::EventKind::from_number)
    }

    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    fn into_text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }
}
