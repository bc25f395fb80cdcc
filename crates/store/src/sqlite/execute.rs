//! An operation as a statement.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::error::{ErrorKind, StoreError};
use super::super::{Answer, Outcome, Request};
use super::connection::{Connection, Stored};
use super::errors::SqliteError;
use super::table::Table;

/// Does what is asked. A failure is SQLite's; an outcome may still be an error, where the row is none of ours.
pub fn execute(connection: &mut dyn Connection, table: &Table, request: &Request) -> Result<Outcome, SqliteError> {
    Ok(Ok(match request {
        Request::Save { id, text, .. } => {
            connection.upsert(table, id, text, now())?;
            Answer::Done
        }
        Request::Delete { id } => {
            connection.delete(table, id)?;
            Answer::Done
        }
        Request::Load { id } => match connection.get(table, id)? {
            Stored::Nothing => Answer::Text(None),
            Stored::Text(text) => Answer::Text(Some(text)),
            Stored::Foreign(what) => return Ok(Err(foreign(table, id, what))),
        },
        #[cfg(test)]
        Request::Append { id, text } => match connection.get(table, id)? {
            Stored::Text(before) => connection.upsert(table, id, &(before + text), now()).map(|()| Answer::Done)?,
            _ => connection.upsert(table, id, text, now()).map(|()| Answer::Done)?,
        },
    }))
}

fn foreign(table: &Table, id: &str, what: &str) -> StoreError {
    let place = table.location();
    StoreError::new(ErrorKind::Corrupt, format!("{place} holds {what} as the state of conversation {id:?}"))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
