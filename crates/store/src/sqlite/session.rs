//! An open connection at work: many operations, one transaction.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::ffi;

use super::super::Outcome;
use super::connection::Connection;
use super::db_file;
use super::errors::{BatchError, SqliteError};
use super::handback::{may_succeed_on_user_connection, returned};
use super::job::Job;
use super::retry_budget::RetryBudget;
use super::schema;
use super::table::Table;

pub struct Session {
    connection: Box<dyn Connection>,
    /// The tables that were found fit on this connection.
    checked: HashSet<String>,
    spoiled: bool,
    may_only_read: bool,
    /// See [`Session::wal_suspect`].
    wal_suspect: bool,
}

impl Session {
    /// `wal_suspect`: what the session before said last.
    pub fn new(connection: Box<dyn Connection>, wal_suspect: bool) -> Self {
        Session { connection, checked: HashSet::new(), spoiled: false, may_only_read: false, wal_suspect }
    }

    /// Whether the -wal may hold changes that the disk has lost. A system reports a failed sync once and takes what it
    /// could not write for written: a later commit behind it would be synced, acknowledged, and unreadable after a power
    /// loss.
    pub fn wal_suspect(&self) -> bool {
        self.wal_suspect
    }

    pub fn is_current(&self) -> bool {
        self.connection.is_current()
    }

    /// Whether an error was seen after which a fresh connection is better.
    pub fn is_spoiled(&self) -> bool {
        self.spoiled
    }

    /// Whether a write was turned away although the files may be written. What SQLite cannot open for writing, for
    /// whatever reason, it opens for reading: after a moment of too many open files, all saves would be denied.
    pub fn may_only_read(&self) -> bool {
        self.may_only_read
    }

    pub fn retire(self) {
        self.connection.retire();
    }

    /// Does `jobs` in order and answers one outcome for each. When it handback, every success is committed.
    pub fn run(&mut self, jobs: &[Job], budget: RetryBudget) -> Vec<Outcome> {
        let mut run = Run { readers: budget.fresh(), writers: budget, outcomes: Vec::with_capacity(jobs.len()) };
        let refused = self.check_tables(jobs, &mut run.readers);
        if refused.is_empty() {
            self.settle(jobs, 0..jobs.len(), &mut run);
            return run.outcomes;
        }
        // The operations on a table that is refused leave the others in peace.
        for job in jobs {
            match refused.get(&job.statements.table.name) {
                Some(error) => run.outcomes.push(Err(job.refuse(error))),
                None => self.settle(std::slice::from_ref(job), 0..1, &mut run),
            }
        }
        run.outcomes
    }

    fn check_tables(&mut self, jobs: &[Job], budget: &mut RetryBudget) -> HashMap<String, BatchError> {
        let mut refused = HashMap::new();
        for Job { statements, .. } in jobs {
            let table = &statements.table;
            if self.checked.contains(&table.name) || refused.contains_key(&table.name) {
                continue;
            }
            match budget.retry(|| schema::ensure(self.connection.as_mut(), table)) {
                Ok(()) => {
                    self.checked.insert(table.name.clone());
                }
                Err(error) => {
                    self.note(&error, table);
                    refused.insert(table.name.clone(), error);
                }
            }
        }
        refused
    }

    /// Does `range` in one transaction. If that fails as a whole, does it in halves, so that in the end only those
    /// operations fail that cannot be done on their own.
    fn settle(&mut self, jobs: &[Job], range: Range<usize>, run: &mut Run) {
        let part = &jobs[range.clone()];
        if !part.iter().any(|job| job.operation.request.is_write()) {
            for job in part {
                let outcome = run.readers.retry(|| Ok(self.perform(job)?));
                run.outcomes.push(self.finish(job, outcome));
            }
            return;
        }
        match self.together(part, &mut run.writers) {
            Ok(outcomes) => run.outcomes.extend(outcomes),
            Err(error) if part.len() == 1 => run.outcomes.push(self.finish(&part[0], Err(error))),
            Err(error) => {
                self.note(&error, &part[0].statements.table);
                let middle = range.start + part.len() / 2;
                self.settle(jobs, range.start..middle, run);
                self.settle(jobs, middle..range.end, run);
            }
        }
    }

    /// One transaction around `jobs`. An error means that none of them took effect.
    fn together(&mut self, jobs: &[Job], budget: &mut RetryBudget) -> Result<Vec<Outcome>, BatchError> {
        loop {
            self.checkpoint_truncate()?;
            budget.retry(|| Ok(self.connection.begin()?))?;
            let result = self.perform_all(jobs).and_then(|outcomes| {
                // A reader may keep a commit waiting; the transaction stays open meanwhile.
                budget.retry(|| Ok(self.connection.commit()?))?;
                Ok(outcomes)
            });
            let error = match result {
                Ok(outcomes) => return Ok(outcomes),
                Err(error) => error,
            };
            if self.connection.in_transaction() {
                let _ = self.connection.rollback();
                self.spoiled |= self.connection.in_transaction();
            }
            if !budget.allows_another(&error) {
                return Err(error);
            }
        }
    }

    /// Moves what a distrusted log holds to the database file, by writes and syncs of their own.
    fn checkpoint_truncate(&mut self) -> Result<(), BatchError> {
        // A guest's log is kept open by its owner, who has not read back what failed: it is overwritten, not continued.
        if self.wal_suspect && !self.connection.is_sidecar() {
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        self.wal_suspect = false;
        Ok(())
    }

    /// Within a transaction: the failure of one statement is the affair of its own operation, unless it ended the
    /// transaction, or was only a lock, or has made its store give everything back: then what was done before it in this
    /// transaction has to be given back too.
    fn perform_all(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, BatchError> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            let was_returned = job.is_handed_back();
            let result = self.perform(job).map_err(BatchError::from);
            if let Err(error) = &result
                && (error.is_busy() || !self.connection.in_transaction() || job.is_handed_back() != was_returned)
            {
                return Err(error.clone());
            }
            outcomes.push(self.finish(job, result));
        }
        Ok(outcomes)
    }

    fn perform(&mut self, job: &Job) -> Result<Outcome, SqliteError> {
        if job.is_handed_back() {
            return Ok(Err(returned()));
        }
        let result = job.statements.perform(self.connection.as_mut(), &job.operation.request);
        if let (Err(failure), Some(handback)) = (&result, &job.handback)
            && self.connection.is_sidecar()
            && may_succeed_on_user_connection(failure)
        {
            handback.begin(&failure.message);
        }
        result
    }

    fn finish(&mut self, job: &Job, result: Result<Outcome, BatchError>) -> Outcome {
        result.unwrap_or_else(|error| {
            self.note(&error, &job.statements.table);
            if job.is_handed_back() {
                return Err(returned());
            }
            if let BatchError::Sqlite(failure) = &error
                && failure.primary() == ffi::SQLITE_ERROR
            {
                // Such as "no such table": someone changed it. The next batch looks again.
                self.checked.remove(&job.statements.table.name);
            }
            Err(error.explain(&job.statements.table))
        })
    }

    fn note(&mut self, error: &BatchError, table: &Table) {
        if let BatchError::Sqlite(failure) = error {
            self.spoiled |= failure.requires_reopen();
            self.wal_suspect |= failure.primary() == ffi::SQLITE_IOERR;
            self.may_only_read |= failure.code == ffi::SQLITE_READONLY && db_file::may_write_database(&table.path);
        }
    }
}

/// What one batch has come to so far.
struct Run {
    /// Waits for the write lock; once it is spent, every further write fails at once.
    writers: RetryBudget,
    /// Loads have their own: in WAL mode they succeed while others hold the write lock.
    readers: RetryBudget,
    outcomes: Vec<Outcome>,
}
