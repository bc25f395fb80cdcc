//! The pages of a file of ours that hold nothing, and their way back to the system.
//!
//! A new file is made with `auto_vacuum = INCREMENTAL`. A map then tells who uses a page, so that the last pages of the file can be
//! moved into the free ones, a few at a time. The map also leads past a large state to the time behind it.

use std::path::Path;

use super::connection::{Connection, Value};
use super::errors::SqliteError;
use super::scan::Run;

/// How many pages are given back at a time: about 4 ms (measured).
const GIVE_BACK: &str = "PRAGMA incremental_vacuum(256)";

/// So many free pages stay, and a sixteenth of the file: what is saved next needs them.
const SPARE_PAGES: i64 = 16;
const SPARE_PART: i64 = 16;

/// `PRAGMA auto_vacuum` of a file whose free pages can be given back.
const INCREMENTAL: i64 = 2;

/// Prepares the file at `path`, which `connection` has open, if it is empty. What is in use stays as it is.
///
/// Asks the file system: a query maps the shared memory, which must not happen before it is known that there is some.
pub fn prepare(connection: &mut dyn Connection, path: &Path) -> Result<(), SqliteError> {
    let is_empty = path.metadata().is_ok_and(|file| file.len() == 0);
    if is_empty { connection.execute("PRAGMA auto_vacuum = INCREMENTAL") } else { Ok(()) }
}

/// Returns whether so many pages are free that some are to be given back.
pub fn are_many(run: &mut Run<'_>) -> Result<bool, SqliteError> {
    if read(run, "PRAGMA auto_vacuum")? != INCREMENTAL {
        return Ok(false);
    }
    let (free, all) = (read(run, "PRAGMA freelist_count")?, read(run, "PRAGMA page_count")?);
    Ok(free > SPARE_PAGES + all / SPARE_PART)
}

/// Gives some pages back, inside a transaction. Returns whether there are more.
pub fn give_back(run: &mut Run<'_>) -> Result<bool, SqliteError> {
    if !are_many(run)? {
        return Ok(false);
    }
    let before = read(run, "PRAGMA freelist_count")?;
    run(GIVE_BACK, &[])?;
    Ok(read(run, "PRAGMA freelist_count")? < before && are_many(run)?)
}

fn read(run: &mut Run<'_>, pragma: &str) -> Result<i64, SqliteError> {
    let rows = run(pragma, &[])?;
    Ok(match rows.first().and_then(|row| row.first()) {
        Some(Value::Integer(number)) => *number,
        _ => 0,
    })
}
