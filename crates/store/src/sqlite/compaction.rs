//! Gives the space of removed conversations back to the system, all at once.

use std::path::Path;

use serde_json::json;

use super::super::error::StoreError;
use super::bundled;
use super::connection::{Connection, Param};
use super::errors::BatchError;
use super::facts::number;
use super::registry::canonical;
use super::schema;
use super::survey::{PATIENCE, explain, integer};
use super::table::Table;

/// `PRAGMA auto_vacuum` of a file whose free pages can be given back.
const INCREMENTAL: i64 = 2;

/// Finds tables that are not this package's.
const OTHERS: &str = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' \
    AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND lower(name) NOT IN (lower(?), lower(?))";

/// Makes the file as small as its content, and empties the WAL. Returns what was done, as JSON.
///
/// A file that has nothing but conversations gives its free pages back by itself from then on. One that others use too keeps its
/// way.
///
/// # Errors
///
/// The table is missing or another program's, the file is locked for more than [`PATIENCE`], or the disk is full: `VACUUM` writes a
/// copy of the content first. The file is as it was then.
pub fn compact(path: &Path, table: String) -> Result<String, StoreError> {
    let path = canonical(path);
    let table = Table::new(&path, table);
    run(&path, &table).map_err(|error| explain(error, &path, &table))
}

fn run(path: &Path, table: &Table) -> Result<String, BatchError> {
    let mut connection = bundled::open_as_it_is(path, PATIENCE)?;
    let connection = connection.as_mut();
    schema::check(connection, table)?;
    let pages_before = integer(connection, "PRAGMA page_count")?;
    let is_incremental = integer(connection, "PRAGMA auto_vacuum")? == INCREMENTAL;
    let mut switches = false;
    if is_incremental {
        connection.execute("PRAGMA incremental_vacuum")?;
    } else {
        switches = !has_others(connection, table)?;
        if switches {
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")?;
        }
        connection.execute("VACUUM")?;
    }
    // The first column tells whether a reader was in the way.
    let wal_is_busy = integer(connection, "PRAGMA wal_checkpoint(TRUNCATE)")? != 0;
    Ok(json!({
        "way": if is_incremental { "incremental" } else { "whole" },
        "switched": switches,
        "pageSize": integer(connection, "PRAGMA page_size")?,
        "pagesBefore": pages_before,
        "pages": integer(connection, "PRAGMA page_count")?,
        "walIsBusy": wal_is_busy,
    })
    .to_string())
}

fn has_others(connection: &mut dyn Connection, table: &Table) -> Result<bool, BatchError> {
    let locks = format!("{}_locks", table.name);
    let rows = connection.run(OTHERS, &[Param::Text(&table.name), Param::Text(&locks)])?;
    Ok(rows.first().and_then(|row| row.first()).and_then(number) != Some(0))
}
