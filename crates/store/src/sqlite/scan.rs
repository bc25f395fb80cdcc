//! Looks through the conversations of a table, a page at a time. Each page is a short read of its own, so that no reader keeps the
//! WAL from being copied. It is bounded by time: a row with a large state takes many times as long as one with a small state.

use std::time::{Duration, Instant};

use super::super::error::{ErrorKind, StoreError};
use super::connection::{Param, Row, Value};
use super::errors::SqliteError;
use super::facts::{Facts, number, text};
use super::free_pages;
use super::position::Position;
use super::statement::integer;
use super::statements::{HAS_TIME, Statements, TIME};
use super::table::Table;
use crate::lock::Record;
use crate::retention::{EARLIEST, known_time};
use crate::scan::{Action, Page, Scan, Verdict};

/// Runs one statement and returns its rows.
pub type Run<'a> = dyn FnMut(&str, &[Param<'_>]) -> Result<Vec<Row>, SqliteError> + 'a;

/// No page begins another query after this time. Those that save wait for it.
const LONGEST: Duration = Duration::from_millis(4);

/// The connection that a look goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To a file of ours: free pages may be given back.
    Own,
    /// Beside the user's.
    Sidecar,
    /// The user's, through JavaScript. Some databases there end a text at its first NUL.
    Inline,
}

/// How many rows a query reads, and how many if it finds all in an index.
const ROWS: usize = 100;
const INDEXED_ROWS: usize = 1_000;

/// The longest id, in bytes: see the checks of `lib/state.js`. What is longer was not saved by us.
const LONGEST_ID: usize = 1_024;

/// The statements of looks through one table.
pub struct ScanStatements {
    name: String,
    /// Removes the conversation `?` if its time is a number up to `?`.
    remove_old: String,
}

impl ScanStatements {
    pub fn new(table: &Table) -> Self {
        let name = table.quoted();
        let remove_old =
            format!("DELETE FROM {name} WHERE id = ? COLLATE BINARY AND {HAS_TIME} BETWEEN {EARLIEST} AND ?");
        ScanStatements { name, remove_old }
    }
}

/// Does one page of `scan` at `now`, inside a transaction if it removes. An `Err` is SQLite's.
pub fn page(
    statements: &Statements,
    run: &mut Run<'_>,
    scan: &Scan,
    now: u64,
    way: Way,
) -> Result<Result<Page, StoreError>, SqliteError> {
    Look { statements, run, scan, now, way, only_looks: false, is_stuck: false }.page()
}

/// Does a page of a removal up to the first conversation that is to be removed. Returns `None` if that is the first one, or if
/// something else is to be written: that needs a transaction. So a sweep that finds nothing takes no lock.
pub fn look(statements: &Statements, run: &mut Run<'_>, scan: &Scan, now: u64, way: Way) -> Option<Page> {
    let mut look = Look { statements, run, scan, now, way, only_looks: true, is_stuck: false };
    let page = look.page().ok()?.ok();
    page.filter(|_| !look.is_stuck)
}

struct Look<'a, 'r> {
    statements: &'a Statements,
    run: &'a mut Run<'r>,
    scan: &'a Scan,
    now: u64,
    way: Way,
    only_looks: bool,
    /// It only looks, and the first thing to do is to write.
    is_stuck: bool,
}

impl Look<'_, '_> {
    fn page(&mut self) -> Result<Result<Page, StoreError>, SqliteError> {
        let facts = Facts::read(self.statements, self.run)?;
        let Some((mut position, mut is_behind)) = self.begin(&facts) else { return Ok(Err(Scan::bad_cursor())) };
        let mut page = Page::default();
        if position == Position::FreePages {
            return self.give_back(page).map(Ok);
        }
        let is_full = |page: &Page| page.matched >= u64::from(self.scan.most);
        let (removes, by_id) = (self.scan.removes(), matches!(position, Position::Id(_)));
        let began = Instant::now();
        // The cursor cannot say that nothing was looked at: the row that the first page begins with would be left out.
        let mut has_looked = false;
        loop {
            let query = self.query(&facts, &position, is_behind);
            let rows = (self.run)(&query.sql, &[Param::Text(position.key())])?;
            let (count, matched) = (rows.len(), page.matched);
            let from = position.key().to_owned();
            for mut row in rows {
                self.unescape(&mut row);
                let key = row.first().and_then(text).unwrap_or_default();
                if by_id && !key.starts_with(&self.scan.prefix) {
                    return self.end(page).map(Ok);
                }
                if is_full(&page)
                    || (removes && has_looked && began.elapsed() > LONGEST)
                    || !self.row(&facts, &row, by_id, &mut page)?
                {
                    self.is_stuck = self.only_looks && position.key() == from && page.kept + page.unknown == 0;
                    page.cursor = Some(position.to_cursor());
                    return Ok(Ok(page));
                }
                position.set_key(key.to_owned());
                is_behind = true;
                has_looked = true;
            }
            if count < query.rows {
                return self.end(page).map(Ok);
            }
            if position.key() == from {
                return Ok(Err(self.no_ids()));
            }
            // Inside a transaction, what is only looked at keeps those that save waiting.
            let finds_none = removes && !self.only_looks && page.matched == matched;
            if is_full(&page) || finds_none || began.elapsed() > LONGEST {
                page.cursor = Some(position.to_cursor());
                return Ok(Ok(page));
            }
        }
    }

    /// Returns where the page begins, and whether the row there is done; `None` if the cursor is none of ours.
    fn begin(&self, facts: &Facts) -> Option<(Position, bool)> {
        if let Some(cursor) = &self.scan.cursor {
            return match Position::parse(cursor)? {
                Position::Row(_) if !facts.has_rowids => None,
                Position::FreePages if !self.scan.removes() => None,
                position => Some((position, true)),
            };
        }
        let is_indexed = !self.scan.removes() && !self.needs_time() && !self.scan.wants_details();
        let by_id = !facts.has_rowids || !self.scan.prefix.is_empty() || is_indexed;
        Some(if by_id {
            (Position::Id(self.scan.prefix.clone()), false)
        } else {
            (Position::Row(i64::MIN.to_string()), false)
        })
    }

    fn needs_time(&self) -> bool {
        let may_be_absent = self.scan.ttl > 0 && !matches!(self.scan.action, Action::Remove { .. });
        self.scan.before.is_some() || self.scan.wants_details() || may_be_absent
    }

    /// Returns the query for the rows from `position` on: rows `[key, id, size, time]`.
    fn query(&self, facts: &Facts, position: &Position, is_behind: bool) -> Query {
        let size = if self.scan.wants_details() { facts.size } else { "0" };
        let time = if self.needs_time() { TIME } else { "NULL" };
        let compare = if is_behind { ">" } else { ">=" };
        let rows = if size == "0" && time == "NULL" { INDEXED_ROWS } else { ROWS };
        let name = &self.statements.scan.name;
        let id = if self.way == Way::Inline { "json_quote(id)" } else { "id" };
        let sql = match position {
            Position::Row(_) => format!(
                "SELECT CAST(rowid AS TEXT) AS a, CASE typeof(id) WHEN 'text' THEN {id} END AS b, {size} AS c, {time} AS d \
                 FROM {name} WHERE rowid {compare} CAST(? AS INTEGER) ORDER BY rowid LIMIT {rows}"
            ),
            // Ids that are no texts are not ours.
            _ => format!(
                "SELECT {id} AS a, NULL AS b, {size} AS c, {time} AS d \
                 FROM {name} WHERE id {compare} ? COLLATE BINARY AND typeof(id) = 'text' \
                 ORDER BY id COLLATE BINARY LIMIT {rows}"
            ),
        };
        Query { sql, rows }
    }

    /// Does one row. Returns whether that was possible: who only looks removes nothing.
    fn row(&mut self, facts: &Facts, row: &Row, by_id: bool, page: &mut Page) -> Result<bool, SqliteError> {
        let Some(id) = row.get(usize::from(!by_id)).and_then(text) else { return Ok(true) };
        if id.is_empty() || id.len() > LONGEST_ID || !id.starts_with(&self.scan.prefix) {
            return Ok(true);
        }
        let time = row.get(3).and_then(number).and_then(known_time);
        let verdict = self.scan.judge(time, self.now);
        if verdict != Verdict::Matches {
            page.leave(verdict);
            return Ok(true);
        }
        if matches!(self.scan.action, Action::Remove { .. })
            && self.scan.before.is_some()
            && self.is_locked(facts, id)?
        {
            page.leave(Verdict::Kept);
            return Ok(true);
        }
        if self.scan.removes() {
            if self.only_looks {
                return Ok(false);
            }
            self.remove(id)?;
        }
        let size = row.get(2).and_then(number).and_then(|size| u64::try_from(size).ok());
        page.add(self.scan, id, size.unwrap_or(0), time);
        Ok(true)
    }

    /// Undoes what the query did to keep a NUL.
    fn unescape(&self, row: &mut Row) {
        for value in row.iter_mut().take(2) {
            if let Value::Text(text) = value
                && self.way == Way::Inline
                && let Ok(id) = serde_json::from_str(text)
                && text.starts_with('"')
            {
                *text = id;
            }
        }
    }

    fn is_locked(&mut self, facts: &Facts, id: &str) -> Result<bool, SqliteError> {
        if !facts.has_locks {
            return Ok(false);
        }
        let rows = (self.run)(&self.statements.locks.read.sql, &[Param::Text(id)])?;
        let record = rows.first().and_then(|row| row.first()).and_then(text);
        // Somebody who waits keeps it, too: the turn is about to begin.
        Ok(record.is_some_and(|record| Record::parse(record, self.now).to_text().is_some()))
    }

    /// The condition is in the statement: what is saved or touched meanwhile stays, also if there is no transaction.
    fn remove(&mut self, id: &str) -> Result<(), SqliteError> {
        let Some(before) = self.scan.before else {
            return (self.run)(&self.statements.delete.sql, &[Param::Text(id)]).map(drop);
        };
        // A time in the future counts as now.
        let last = if self.now < before { u64::MAX } else { before - 1 };
        (self.run)(&self.statements.scan.remove_old, &[Param::Text(id), integer(last)]).map(drop)
    }

    /// Returns the page behind which there are no more rows.
    fn end(&mut self, mut page: Page) -> Result<Page, SqliteError> {
        if self.scan.removes() && self.way == Way::Own && free_pages::are_many(self.run)? {
            page.cursor = Some(Position::FreePages.to_cursor());
        }
        Ok(page)
    }

    fn give_back(&mut self, mut page: Page) -> Result<Page, SqliteError> {
        self.is_stuck = self.only_looks;
        if !self.only_looks && self.way == Way::Own && free_pages::give_back(self.run)? {
            page.cursor = Some(Position::FreePages.to_cursor());
        }
        Ok(page)
    }

    fn no_ids(&self) -> StoreError {
        let place = self.statements.table.location();
        StoreError::new(ErrorKind::Corrupt, format!("{place} holds ids that are not UTF-8"))
    }
}

struct Query {
    sql: String,
    /// How many rows it returns at most.
    rows: usize,
}
