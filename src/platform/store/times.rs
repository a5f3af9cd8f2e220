//! Times as columns: whole microseconds. Times of clocks that start over with the machine have no column of their own.
use crate::contract::time::{Span, Wall};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

impl ToSql for Wall {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.us().into())
    }
}

impl FromSql for Wall {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Wall> {
        i64::column_result(value).map(Wall::of_us)
    }
}

impl From<Wall> for rusqlite::types::Value {
    fn from(time: Wall) -> Self {
        time.us().into()
    }
}

impl ToSql for Span {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.us().into())
    }
}

impl FromSql for Span {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Span> {
        i64::column_result(value).map(Span::of_us)
    }
}
