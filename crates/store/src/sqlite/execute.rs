//! An operation as a statement.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::error::{ErrorKind, StoreError};
use super::super::{Outcome, Request};
use super::connection::{Connection, Stored};
use super::errors::Failure;
use super::table::Table;

/// Does what is asked. A failure is SQLite's; an outcome may still be an error, where the row is none of ours.
pub fn execute(connection: &mut dyn Connection, table: &Table, request: &Request) -> Result<Outcome, Failure> {
    Ok(Ok(match request {
        Request::Save { id, text } => {
            connection.upsert(table, id, text, now())?;
            None
        }
        Request::Delete { id } => {
            connection.delete(table, id)?;
            None
        }
        Request::Load { id } => match connection.get(table, id)? {
            Stored::Nothing => None,
            Stored::Text(text) => Some(text),
            Stored::Foreign(what) => return Ok(Err(foreign(table, id, what))),
        },
        Request::Close => None,
    }))
}

fn foreign(table: &Table, id: &str, what: &str) -> StoreError {
    let place = table.place();
    StoreError::new(ErrorKind::Corrupt, format!("{place} holds {what} as the state of conversation {id:?}"))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
