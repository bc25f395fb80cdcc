//! What a look through a table has to know of it and of its database.

use super::connection::{Param, Value};
use super::errors::SqliteError;
use super::scan::Run;
use super::statements::Statements;

/// The facts that the database tells about the table.
pub struct Facts {
    /// The function that returns the size of a text without reading all of it, if there is one (SQLite 3.43).
    pub size: &'static str,
    pub has_rowids: bool,
    /// There is a table of locks beside it.
    pub has_locks: bool,
}

impl Facts {
    pub fn read(statements: &Statements, run: &mut Run<'_>) -> Result<Self, SqliteError> {
        let sql = "SELECT sqlite_version() AS a, \
            (SELECT wr FROM pragma_table_list(?) WHERE schema = 'main') AS b, \
            (SELECT count(*) FROM pragma_table_xinfo(?) WHERE schema = 'main' AND name IN ('conversation', 'record')) AS c";
        let names = [Param::Text(&statements.table.name), Param::Text(&statements.locks.table.name)];
        let rows = run(sql, &names)?;
        let fact = |index: usize| rows.first().and_then(|row| row.get(index));
        let version = fact(0).and_then(text).unwrap_or_default();
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let is_new = (parts.next(), parts.next()) >= (Some(3), Some(43));
        Ok(Facts {
            size: if is_new { "octet_length(state)" } else { "length(CAST(state AS BLOB))" },
            has_rowids: fact(1).and_then(number) == Some(0),
            has_locks: fact(2).and_then(number) == Some(2),
        })
    }
}

/// Returns the text in a value; `None` if it is another kind of value, or not UTF-8.
pub fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns the number in a value, which may be a text; `None` if there is none.
pub fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
