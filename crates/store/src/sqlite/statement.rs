//! One SQL statement, and the values of its parameters.

use super::connection::{Connection, Param, Row};
use super::errors::SqliteError;
use crate::retention::horizon;

/// The value of a `?` of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The conversation's id.
    Id,
    /// The JSON text of its state.
    Text,
    /// The time to keep with it: that of the operation, or later while it is locked. In milliseconds since 1970, as all times.
    Time,
    /// It must have been saved or touched later to be there; 0 if none expires.
    Horizon,
    /// It is renewed only if it was saved and touched up to then.
    RenewBefore,
}

/// The meaning of the rows of a statement.
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

pub const MOST_PARAMS: usize = 5;

/// The sources of a statement's parameters. Times are in ms since 1970.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pub id: &'a str,
    pub text: &'a str,
    pub time: u64,
    pub horizon: u64,
    pub renew_before: u64,
}

impl<'a> Values<'a> {
    /// Returns the values for the conversation `id` at `now`. `ttl` is in seconds.
    pub fn new(id: &'a str, ttl: u32, now: u64) -> Self {
        Values { id, text: "", time: now, horizon: horizon(ttl, now).unwrap_or(0), renew_before: now }
    }
}

impl Statement {
    /// Runs the statement with `values`.
    pub fn run(&self, connection: &mut dyn Connection, values: Values<'_>) -> Result<Vec<Row>, SqliteError> {
        let mut params = [Param::Integer(0); MOST_PARAMS];
        for (param, input) in params.iter_mut().zip(self.params) {
            *param = match input {
                Input::Id => Param::Text(values.id),
                Input::Text => Param::Text(values.text),
                Input::Time => integer(values.time),
                Input::Horizon => integer(values.horizon),
                Input::RenewBefore => integer(values.renew_before),
            };
        }
        connection.run(&self.sql, &params[..self.params.len()])
    }
}

/// Returns a time as a parameter.
pub fn integer<'a>(time: u64) -> Param<'a> {
    Param::Integer(i64::try_from(time).unwrap_or(i64::MAX))
}
