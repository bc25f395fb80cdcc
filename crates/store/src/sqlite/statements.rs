//! Operations as SQL statements. The path, the sidecar and the inline path (`lib/sqlite-table.js`) all use this table.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::error::{ErrorKind, StoreError};
use super::super::{Answer, Outcome, Request};
use super::connection::{Connection, Param, Row, Value};
use super::errors::SqliteError;
use super::table::Table;

/// What a `?` of a statement stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The conversation's id.
    Id,
    /// The JSON text of its state.
    Text,
    /// The time of the operation, in milliseconds since 1970.
    Now,
}

/// What the rows of a statement mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The rows are ignored.
    Nothing,
    /// The first column of the first row is a state. No row means that there is none.
    Text,
    /// The question is only whether there is a row.
    Presence,
}

/// One operation as a statement.
pub struct Statement {
    /// The operation, as JavaScript names it.
    pub kind: &'static str,
    pub sql: String,
    /// At most [`MOST_PARAMS`].
    pub params: &'static [Input],
    pub reads: Reads,
    pub is_write: bool,
}

const MOST_PARAMS: usize = 3;

/// The statements for one table, made once.
pub struct Statements {
    pub table: Table,
    load: Statement,
    save: Statement,
    has: Statement,
    delete: Statement,
    #[cfg(test)]
    append: Statement,
}

impl Statements {
    pub fn new(table: Table) -> Self {
        let name = table.quoted();
        // COLLATE BINARY: `User` and `user` stay two conversations, whatever collation the column was declared with.
        Statements {
            load: Statement {
                kind: "load",
                sql: format!("SELECT state FROM {name} WHERE id = ? COLLATE BINARY"),
                params: &[Input::Id],
                reads: Reads::Text,
                is_write: false,
            },
            save: Statement {
                kind: "save",
                sql: format!(
                    "INSERT INTO {name} (id, state, updated_at) VALUES (?, ?, ?) \
                     ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at"
                ),
                params: &[Input::Id, Input::Text, Input::Now],
                reads: Reads::Nothing,
                is_write: true,
            },
            has: Statement {
                kind: "has",
                sql: format!("SELECT 1 FROM {name} WHERE id = ? COLLATE BINARY"),
                params: &[Input::Id],
                reads: Reads::Presence,
                is_write: false,
            },
            delete: Statement {
                kind: "delete",
                sql: format!("DELETE FROM {name} WHERE id = ? COLLATE BINARY"),
                params: &[Input::Id],
                reads: Reads::Nothing,
                is_write: true,
            },
            #[cfg(test)]
            append: Statement {
                kind: "append",
                sql: format!(
                    "INSERT INTO {name} (id, state, updated_at) VALUES (?, ?, ?) \
                     ON CONFLICT(id) DO UPDATE SET state = state || excluded.state"
                ),
                params: &[Input::Id, Input::Text, Input::Now],
                reads: Reads::Nothing,
                is_write: true,
            },
            table,
        }
    }

    /// Returns all statements, to be prepared in advance or to be run by JavaScript.
    pub fn all(&self) -> [&Statement; 4] {
        [&self.load, &self.save, &self.has, &self.delete]
    }

    /// Runs `request`. An `Err` is SQLite's; an outcome can still be an error if no `save` of ours wrote the row.
    pub fn perform(&self, connection: &mut dyn Connection, request: &Request) -> Result<Outcome, SqliteError> {
        let (statement, text) = match request {
            Request::Load { .. } => (&self.load, ""),
            Request::Save { text, .. } => (&self.save, text.as_str()),
            Request::Has { .. } => (&self.has, ""),
            Request::Delete { .. } => (&self.delete, ""),
            #[cfg(test)]
            Request::Append { text, .. } => (&self.append, text.as_str()),
        };
        let mut params = [Param::Integer(0); MOST_PARAMS];
        for (param, input) in params.iter_mut().zip(statement.params) {
            *param = match input {
                Input::Id => Param::Text(request.id()),
                Input::Text => Param::Text(text),
                Input::Now => Param::Integer(now()),
            };
        }
        let rows = connection.run(&statement.sql, &params[..statement.params.len()])?;
        Ok(self.answer(statement.reads, rows, request.id()))
    }

    fn answer(&self, reads: Reads, rows: Vec<Row>, id: &str) -> Outcome {
        Ok(match reads {
            Reads::Nothing => Answer::Done,
            Reads::Presence => Answer::Flag(!rows.is_empty()),
            Reads::Text => Answer::Text(match rows.into_iter().next() {
                None => None,
                Some(row) => Some(self.text(row, id)?),
            }),
        })
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

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_as_many_parameters_as_they_name() {
        let statements = Statements::new(Table::new("/x.db".as_ref(), "t".into()));
        for Statement { sql, params, .. } in statements.all() {
            assert_eq!(sql.matches('?').count(), params.len(), "{sql}");
            assert!(params.len() <= MOST_PARAMS);
        }
    }
}
