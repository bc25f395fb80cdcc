//! Conditional writes and locks. The record of a conversation's lock is a row of a table beside the states', and changes in one
//! transaction with the state.

use super::super::error::{ErrorKind, StoreError};
use super::super::lock::{Entered, Step, look, step};
use super::super::{Answer, Outcome, Request};
use super::connection::{Connection, Param, Value};
use super::errors::SqliteError;
use super::schema::COLUMNS_OF;
use super::statement::{Input, Reads, Statement, Values};
use super::statements::Statements;
use super::table::Table;
use crate::clock::wall_millis;

/// The statements on the table of locks, which is made at the first lock. Its name is that of the states' table and `_locks`.
pub struct LockStatements {
    pub table: Table,
    pub create: String,
    pub read: Statement,
    write: Statement,
    remove: Statement,
}

impl LockStatements {
    pub fn new(states: &Table) -> Self {
        let table = Table { name: format!("{}_locks", states.name), path: states.path.clone() };
        let name = table.quoted();
        LockStatements {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {name} (conversation TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID"
            ),
            read: Statement {
                kind: "readLock",
                // Named as a state, since JavaScript reads both by the same code.
                sql: format!("SELECT record AS state FROM {name} WHERE conversation = ? COLLATE BINARY"),
                params: &[Input::Id],
                reads: Reads::Text,
                is_write: false,
            },
            write: Statement {
                kind: "writeLock",
                sql: format!(
                    "INSERT INTO {name} (conversation, record) VALUES (?, ?) \
                     ON CONFLICT(conversation) DO UPDATE SET record = excluded.record"
                ),
                params: &[Input::Id, Input::Text],
                reads: Reads::Nothing,
                is_write: true,
            },
            remove: Statement {
                kind: "removeLock",
                sql: format!("DELETE FROM {name} WHERE conversation = ? COLLATE BINARY"),
                params: &[Input::Id],
                reads: Reads::Nothing,
                is_write: true,
            },
            table,
        }
    }

    /// Returns all statements, to be run by JavaScript. Their text is a record.
    pub fn all(&self) -> [&Statement; 3] {
        [&self.read, &self.write, &self.remove]
    }

    /// Returns why the table cannot keep locks; `None` if it can, or if that is not known.
    fn refusal(&self, connection: &mut dyn Connection) -> Option<StoreError> {
        let rows = connection.run(COLUMNS_OF, &[Param::Text(&self.table.name)]).ok()?;
        let mut names: Vec<_> = rows.iter().filter_map(|row| text(row.first())).collect();
        names.sort_unstable();
        if names.is_empty() || names == ["conversation", "record"] {
            return None;
        }
        let reason =
            format!("{} has the columns ({}), so that it cannot keep locks", self.table.location(), names.join(", "));
        Some(StoreError::new(ErrorKind::InvalidOptions, reason))
    }
}

/// Does a conditional write or an operation on a lock, inside the open transaction. An `Err` is SQLite's.
pub fn perform(
    statements: &Statements,
    connection: &mut dyn Connection,
    request: &Request,
) -> Result<Outcome, SqliteError> {
    match try_perform(statements, connection, request) {
        Err(error) => match statements.locks.refusal(connection) {
            Some(refusal) => Ok(Err(refusal)),
            None => Err(error),
        },
        outcome => outcome,
    }
}

fn try_perform(
    statements: &Statements,
    connection: &mut dyn Connection,
    request: &Request,
) -> Result<Outcome, SqliteError> {
    let locks = &statements.locks;
    let now = wall_millis();
    let ttl = match request {
        Request::Cas { ttl, .. } | Request::Enter { ttl, .. } => *ttl,
        _ => 0,
    };
    let values = Values::new(request.id(), ttl, now);
    let time = request.time_to_keep(now);
    let needs_record = !matches!(request, Request::Cas { holder: None, .. });
    let record = if needs_record {
        connection.execute(&locks.create)?;
        read_record(locks, connection, request)?
    } else {
        None
    };
    let stored = match request {
        Request::Cas { .. } => statements.stored(connection, values)?,
        _ => None,
    };
    let Step { record: changed, writes, mut answer } = step(request, record.as_deref(), stored.as_deref(), now);
    if let (true, Request::Cas { text, .. }) = (writes, request) {
        statements.put(connection, request.id(), text.as_deref(), time)?;
    }
    if let (Answer::Entered(Entered::Held { text, .. }), Request::Enter { wants_text, .. }) = (&mut answer, request) {
        if ttl > 0 {
            statements.keep(connection, values, time)?;
        }
        if *wants_text {
            match statements.state(connection, values)? {
                Ok(found) => *text = found,
                // The lock is not taken: whoever wants it learns why nothing can be loaded.
                Err(error) => return Ok(Err(error)),
            }
        }
    }
    if needs_record && changed != record {
        match &changed {
            Some(record) => locks.write.run(connection, Values { text: record, ..values })?,
            None => locks.remove.run(connection, values)?,
        };
    }
    Ok(Ok(answer))
}

/// Returns the answer of an `Enter` that only has to wait on; `None` if it must be done in a transaction.
pub fn try_look(statements: &Statements, connection: &mut dyn Connection, request: &Request) -> Option<Answer> {
    let Request::Enter { .. } = request else { return None };
    // An error, such as that there is no table yet, is met again in the transaction.
    let record = read_record(&statements.locks, connection, request).ok()?;
    look(request, record.as_deref(), wall_millis()).map(Answer::Entered)
}

fn read_record(
    locks: &LockStatements,
    connection: &mut dyn Connection,
    request: &Request,
) -> Result<Option<String>, SqliteError> {
    let rows = locks.read.run(connection, Values::new(request.id(), 0, 0))?;
    Ok(rows.first().and_then(|row| text(row.first())).map(str::to_owned))
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Text(text) | Value::InvalidText(text)) => Some(text),
        _ => None,
    }
}
