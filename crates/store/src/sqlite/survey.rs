//! Looks at a database file and at a table in it without changing anything, for those who look after it.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::super::error::StoreError;
use super::bundled;
use super::connection::{Connection, Value};
use super::db_file;
use super::errors::BatchError;
use super::facts::number;
use super::registry::canonical;
use super::schema;
use super::table::Table;

/// How long a statement waits for a lock of another program.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Finds the tables of the file that somebody made.
const TABLES: &str = "SELECT name FROM pragma_table_list \
    WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name";

/// Lists at most so many problems.
const INTEGRITY: &str = "PRAGMA integrity_check(20)";

/// Returns the facts as JSON. `is_deep` reads the whole file, to check that it is sound.
///
/// `unfit` says why the table cannot hold conversations; `null` if it can.
///
/// # Errors
///
/// The file cannot be opened, is no database, or is locked for more than [`PATIENCE`].
pub fn survey(path: &Path, table: String, is_deep: bool) -> Result<String, StoreError> {
    let path = canonical(path);
    let table = Table::new(&path, table);
    look(&path, &table, is_deep).map_err(|error| explain(error, &path, &table))
}

/// Returns the error in the terms of the public contract. A WAL that cannot be written shows at the first statement.
pub fn explain(error: BatchError, path: &Path, table: &Table) -> StoreError {
    let error = match error {
        BatchError::Sqlite(failure) => db_file::explain(failure, path),
        refused => refused,
    };
    error.explain(table)
}

fn look(path: &Path, table: &Table, is_deep: bool) -> Result<String, BatchError> {
    let mut connection = bundled::open_as_it_is(path, PATIENCE)?;
    let connection = connection.as_mut();
    let tables = texts(connection, TABLES)?;
    let unfit = match schema::check(connection, table) {
        Ok(()) => None,
        Err(BatchError::Refused(error)) => Some(error.reason),
        Err(error) => return Err(error),
    };
    let mut facts = json!({
        "tables": tables,
        "unfit": unfit,
        "journal": texts(connection, "PRAGMA journal_mode")?.pop(),
        "pageSize": integer(connection, "PRAGMA page_size")?,
        "pages": integer(connection, "PRAGMA page_count")?,
        "freePages": integer(connection, "PRAGMA freelist_count")?,
        "autoVacuum": integer(connection, "PRAGMA auto_vacuum")?,
    });
    if unfit.is_none() {
        let strange =
            format!("SELECT count(*) FROM {} WHERE typeof(id) <> 'text' OR typeof(state) <> 'text'", table.quoted());
        facts["noText"] = integer(connection, &strange)?.into();
        let locks = Table::new(path, format!("{}_locks", table.name));
        let has_locks = tables.contains(&locks.name);
        let count = format!("SELECT count(*) FROM {}", locks.quoted());
        facts["locks"] = if has_locks { integer(connection, &count)? } else { 0 }.into();
    }
    if is_deep {
        // A file that is damaged may fail in the middle of the check.
        let problems = texts(connection, INTEGRITY).unwrap_or_else(|error| vec![error.explain(table).reason]);
        let problems: Vec<_> = problems.into_iter().filter(|problem| problem != "ok").collect();
        facts["problems"] = problems.into();
    }
    Ok(facts.to_string())
}

/// Returns the first column of all rows.
fn texts(connection: &mut dyn Connection, sql: &str) -> Result<Vec<String>, BatchError> {
    let rows = connection.run(sql, &[])?;
    let text = |value: Value| match value {
        Value::Text(text) | Value::InvalidText(text) => Some(text),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().and_then(text)).collect())
}

/// Returns the number in the first column of the first row; 0 if there is none.
pub fn integer(connection: &mut dyn Connection, sql: &str) -> Result<i64, BatchError> {
    let rows = connection.run(sql, &[])?;
    Ok(rows.first().and_then(|row| row.first()).and_then(number).unwrap_or(0))
}
