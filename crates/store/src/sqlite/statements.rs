//! Operations as SQL statements. The path, the sidecar and the inline path (`lib/sqlite-table.js`) all use this table.

use std::sync::{Arc, OnceLock};

use rusqlite::ffi;

use super::super::error::{ErrorKind, StoreError};
use super::super::stats::Stats;
use super::super::{Answer, Outcome, Request};
use super::connection::{Connection, Param, Row, Value};
use super::errors::SqliteError;
use super::facts::number;
use super::locks::{self, LockStatements};
use super::scan::{self, ScanStatements, Way};
use super::statement::{Input, Reads, Statement, Values};
use super::table::Table;
use crate::clock::wall_millis;
use crate::retention::{Age, Aged, EARLIEST, known_time, refresh_before};

/// The condition that the time of a row is a number. Other programs may have written a text, or none at all.
///
/// `+` takes the affinity of the column away: one of text would compare numbers as texts.
pub const HAS_TIME: &str = "typeof(updated_at) IN ('integer', 'real') AND +updated_at";

/// The time of a row in ms; NULL if it is no number.
pub const TIME: &str = "CASE WHEN typeof(updated_at) IN ('integer', 'real') THEN CAST(updated_at AS INTEGER) END";

/// The statements for one table, made once.
pub struct Statements {
    pub table: Table,
    /// Overwrites what is deleted or replaced, also in the WAL.
    pub erases: bool,
    /// Where their transactions are counted. Set at most once. A job has it from here: it would cost a count of references of its own.
    pub stats: OnceLock<Arc<Stats>>,
    pub locks: LockStatements,
    pub scan: ScanStatements,
    load: Statement,
    /// Loads, and returns the time behind the state.
    load_aged: Statement,
    save: Statement,
    has: Statement,
    pub delete: Statement,
    /// Finds a conversation whose expiry a load renews.
    due: Statement,
    /// Renews the expiry, and never makes it sooner.
    renew: Statement,
    /// Has what is locked live for the lease at least. What has no known age keeps having none.
    hold: Statement,
    #[cfg(test)]
    append: Statement,
}

impl Statements {
    pub fn new(table: Table) -> Self {
        let name = table.quoted();
        // COLLATE BINARY: `User` and `user` stay two conversations, whatever collation the column was declared with.
        let is_id = "id = ? COLLATE BINARY";
        // Without an expiry the time behind a large state is not read.
        let is_there = format!("{is_id} AND (? = 0 OR NOT ({HAS_TIME} BETWEEN {EARLIEST} AND ?))");
        let write = |kind, sql, params| Statement { kind, sql, params, reads: Reads::Nothing, is_write: true };
        let read = |kind, sql, params, reads| Statement { kind, sql, params, reads, is_write: false };
        const THERE: [Input; 3] = [Input::Id, Input::Horizon, Input::Horizon];
        const DUE: [Input; 4] = [Input::Id, Input::Horizon, Input::Horizon, Input::RenewBefore];
        const RENEWED: [Input; 5] = [Input::Time, Input::Id, Input::Horizon, Input::Horizon, Input::RenewBefore];
        Statements {
            stats: OnceLock::new(),
            load: read("load", format!("SELECT state FROM {name} WHERE {is_there}"), &THERE, Reads::Text),
            load_aged: read(
                "loadAged",
                format!("SELECT state, {TIME} FROM {name} WHERE {is_there}"),
                &THERE,
                Reads::Text,
            ),
            save: write(
                "save",
                format!(
                    "INSERT INTO {name} (id, state, updated_at) VALUES (?, ?, ?) \
                     ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at"
                ),
                &[Input::Id, Input::Text, Input::Time],
            ),
            has: read("has", format!("SELECT 1 FROM {name} WHERE {is_there}"), &THERE, Reads::Presence),
            delete: write("delete", format!("DELETE FROM {name} WHERE {is_id}"), &[Input::Id]),
            due: read(
                "due",
                format!("SELECT 1 FROM {name} WHERE {is_there} AND NOT ({HAS_TIME} > ?)"),
                &DUE,
                Reads::Presence,
            ),
            renew: write(
                "renew",
                format!("UPDATE {name} SET updated_at = ? WHERE {is_there} AND NOT ({HAS_TIME} > ?)"),
                &RENEWED,
            ),
            hold: write(
                "hold",
                format!("UPDATE {name} SET updated_at = ? WHERE {is_there} AND {HAS_TIME} BETWEEN {EARLIEST} AND ?"),
                &RENEWED,
            ),
            #[cfg(test)]
            append: write(
                "append",
                format!(
                    "INSERT INTO {name} (id, state, updated_at) VALUES (?, ?, ?) \
                     ON CONFLICT(id) DO UPDATE SET state = state || excluded.state"
                ),
                &[Input::Id, Input::Text, Input::Time],
            ),
            locks: LockStatements::new(&table),
            scan: ScanStatements::new(&table),
            erases: false,
            table,
        }
    }

    /// Returns all statements, to be prepared in advance or to be run by JavaScript.
    pub fn all(&self) -> [&Statement; 7] {
        [&self.load, &self.save, &self.has, &self.delete, &self.due, &self.renew, &self.hold]
    }

    /// Runs `request`. An `Err` is SQLite's; an outcome can still be an error if no `save` of ours wrote the row.
    pub fn perform(&self, connection: &mut dyn Connection, request: &Request) -> Result<Outcome, SqliteError> {
        let now = wall_millis();
        match request {
            Request::Load { id, ttl, refresh } => {
                let values = Values::new(id, *ttl, now);
                let state = self.state(connection, values)?;
                if *refresh && *ttl > 0 && state != Ok(None) {
                    let renewal = Values { renew_before: refresh_before(*ttl, now), ..values };
                    self.renew_if_allowed(connection, renewal)?;
                }
                Ok(state.map(Answer::Text))
            }
            Request::LoadAged { id, ttl } => {
                let mut rows = self.load_aged.run(connection, Values::new(id, *ttl, now))?;
                let time = rows.first_mut().and_then(Row::pop);
                let saved_at = time.as_ref().and_then(number).and_then(known_time);
                let state = self.loaded(rows, id);
                let aged = |text| Aged { text, age: Age::of(saved_at, *ttl) };
                Ok(state.map(|text| Answer::Aged(text.map(aged))))
            }
            Request::Has { id, ttl } => {
                let rows = self.has.run(connection, Values::new(id, *ttl, now))?;
                Ok(Ok(Answer::Flag(!rows.is_empty())))
            }
            Request::Touch { id, ttl } => {
                let values = Values::new(id, *ttl, now);
                let is_there = !self.has.run(connection, values)?.is_empty();
                if is_there {
                    self.renew.run(connection, values)?;
                }
                Ok(Ok(Answer::Flag(is_there)))
            }
            Request::Save { id, text, .. } => self.put(connection, id, Some(text), now).map(done),
            Request::Delete { id } => self.put(connection, id, None, now).map(done),
            Request::Scan(scan) => {
                let way = way_over(connection);
                let mut run = |sql: &str, params: &[Param<'_>]| connection.run(sql, params);
                Ok(scan::page(self, &mut run, scan, now, way)?.map(Answer::Page))
            }
            Request::Cas { .. } | Request::Enter { .. } | Request::Leave { .. } => {
                locks::perform(self, connection, request)
            }
            #[cfg(test)]
            Request::Append { id, text } => {
                self.append.run(connection, Values { text, ..Values::new(id, 0, now) }).map(|_| done(()))
            }
        }
    }

    /// Renews the expiry for a load, which succeeds also if a trigger of the table refuses that.
    fn renew_if_allowed(&self, connection: &mut dyn Connection, renewal: Values<'_>) -> Result<(), SqliteError> {
        match self.renew.run(connection, renewal) {
            Err(error) if error.primary() == ffi::SQLITE_CONSTRAINT && connection.in_transaction() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Returns the outcome of a request that finds nothing to write; `None` if it must be done in a transaction. An error is met
    /// there again.
    pub fn try_look(&self, connection: &mut dyn Connection, request: &Request) -> Option<Outcome> {
        let now = wall_millis();
        match request {
            Request::Load { id, ttl, .. } => {
                let values = Values::new(id, *ttl, now);
                let renewal = Values { renew_before: refresh_before(*ttl, now), ..values };
                if *ttl > 0 && !self.due.run(connection, renewal).ok()?.is_empty() {
                    return None;
                }
                Some(self.state(connection, values).ok()?.map(Answer::Text))
            }
            Request::Scan(scan) => {
                let way = way_over(connection);
                let mut run = |sql: &str, params: &[Param<'_>]| connection.run(sql, params);
                Some(Ok(Answer::Page(scan::look(self, &mut run, scan, now, way)?)))
            }
            _ => locks::try_look(self, connection, request).map(Ok),
        }
    }

    /// Returns the bytes stored under `id`, to compare with; empty if there is something that is no text.
    pub fn stored(&self, connection: &mut dyn Connection, values: Values<'_>) -> Result<Option<Vec<u8>>, SqliteError> {
        let rows = self.load.run(connection, values)?;
        Ok(rows.into_iter().next().map(|row| match row.into_iter().next() {
            Some(Value::Text(text)) => text.into_bytes(),
            _ => Vec::new(),
        }))
    }

    /// Has the conversation live for the lease of its lock. `time` as [`Request::time_to_keep`] returns it.
    pub fn keep(&self, connection: &mut dyn Connection, values: Values<'_>, time: u64) -> Result<(), SqliteError> {
        self.hold.run(connection, Values { time, renew_before: time, ..values }).map(drop)
    }

    /// Returns the state of the conversation, or the error of a load.
    pub fn state(
        &self,
        connection: &mut dyn Connection,
        values: Values<'_>,
    ) -> Result<Result<Option<String>, StoreError>, SqliteError> {
        let rows = self.load.run(connection, values)?;
        Ok(self.loaded(rows, values.id))
    }

    /// Stores `text` under `id`, with the time `time`; deletes if it is `None`.
    pub fn put(
        &self,
        connection: &mut dyn Connection,
        id: &str,
        text: Option<&str>,
        time: u64,
    ) -> Result<(), SqliteError> {
        let values = Values { text: text.unwrap_or_default(), ..Values::new(id, 0, time) };
        let statement = if text.is_some() { &self.save } else { &self.delete };
        statement.run(connection, values).map(drop)
    }

    /// Returns the state in the first of `rows`, or an error that names what is there instead; `None` if there is no row.
    fn loaded(&self, rows: Vec<Row>, id: &str) -> Result<Option<String>, StoreError> {
        rows.into_iter().next().map(|row| self.text(row, id)).transpose()
    }

    /// Returns the state in `row`, or an error that names what is there instead.
    fn text(&self, row: Row, id: &str) -> Result<String, StoreError> {
        let found = match row.into_iter().next() {
            Some(Value::Text(text)) => return Ok(text),
            Some(Value::InvalidText(_)) => "text that is not UTF-8",
            Some(Value::Blob) => "a BLOB",
            Some(Value::Integer(_) | Value::Real) => "a number",
            Some(Value::Null) | None => "NULL",
        };
        let location = self.table.location();
        Err(StoreError::new(
            ErrorKind::Corrupt,
            format!("{location} holds {found} as the state of conversation {id:?}"),
        ))
    }
}

fn way_over(connection: &dyn Connection) -> Way {
    if connection.is_sidecar() { Way::Sidecar } else { Way::Own }
}

fn done((): ()) -> Outcome {
    Ok(Answer::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_as_many_parameters_as_they_name() {
        let statements = Statements::new(Table::new("/x.db".as_ref(), "t".into()));
        for Statement { sql, params, .. } in statements.all() {
            assert_eq!(sql.matches('?').count(), params.len(), "{sql}");
            assert!(params.len() <= super::super::statement::MOST_PARAMS);
        }
    }
}
