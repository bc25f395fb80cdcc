//! An open connection at work: many operations, one transaction.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::ffi;

use super::super::Outcome;
use super::connection::Connection;
use super::errors::{Failure, Trouble};
use super::execute::execute;
use super::job::Job;
use super::patience::Patience;
use super::place;
use super::returns::{may_be_the_guest, returned};
use super::schema;
use super::table::Table;

pub struct Session {
    connection: Box<dyn Connection>,
    /// The tables that were found fit on this connection.
    checked: HashSet<String>,
    spoiled: bool,
    may_only_read: bool,
    /// See [`Session::distrusts_the_log`].
    distrusts_the_log: bool,
}

impl Session {
    /// `distrusts_the_log`: what the session before said last.
    pub fn new(connection: Box<dyn Connection>, distrusts_the_log: bool) -> Self {
        Session { connection, checked: HashSet::new(), spoiled: false, may_only_read: false, distrusts_the_log }
    }

    /// Whether the -wal may hold changes that the disk has lost. A system reports a failed sync once and takes what it
    /// could not write for written: a later commit behind it would be synced, acknowledged, and unreadable after a power
    /// loss.
    pub fn distrusts_the_log(&self) -> bool {
        self.distrusts_the_log
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

    /// Does `jobs` in order and answers one outcome for each. When it returns, every success is committed.
    pub fn run(&mut self, jobs: &[Job], patience: Patience) -> Vec<Outcome> {
        let mut run = Run { readers: patience.fresh(), writers: patience, outcomes: Vec::with_capacity(jobs.len()) };
        let refused = self.check_tables(jobs, &mut run.readers);
        if refused.is_empty() {
            self.settle(jobs, 0..jobs.len(), &mut run);
            return run.outcomes;
        }
        // The operations on a table that is refused leave the others in peace.
        for job in jobs {
            match refused.get(&job.table.name) {
                Some(trouble) => run.outcomes.push(Err(job.refuse(trouble))),
                None => self.settle(std::slice::from_ref(job), 0..1, &mut run),
            }
        }
        run.outcomes
    }

    fn check_tables(&mut self, jobs: &[Job], patience: &mut Patience) -> HashMap<String, Trouble> {
        let mut refused = HashMap::new();
        for Job { table, .. } in jobs {
            if self.checked.contains(&table.name) || refused.contains_key(&table.name) {
                continue;
            }
            match patience.retry(|| schema::ensure(self.connection.as_mut(), table)) {
                Ok(()) => {
                    self.checked.insert(table.name.clone());
                }
                Err(trouble) => {
                    self.note(&trouble, table);
                    refused.insert(table.name.clone(), trouble);
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
            Err(trouble) if part.len() == 1 => run.outcomes.push(self.finish(&part[0], Err(trouble))),
            Err(trouble) => {
                self.note(&trouble, &part[0].table);
                let middle = range.start + part.len() / 2;
                self.settle(jobs, range.start..middle, run);
                self.settle(jobs, middle..range.end, run);
            }
        }
    }

    /// One transaction around `jobs`. An error means that none of them took effect.
    fn together(&mut self, jobs: &[Job], patience: &mut Patience) -> Result<Vec<Outcome>, Trouble> {
        loop {
            self.empty_the_log()?;
            patience.retry(|| Ok(self.connection.begin()?))?;
            let result = self.perform_all(jobs).and_then(|outcomes| {
                // A reader may keep a commit waiting; the transaction stays open meanwhile.
                patience.retry(|| Ok(self.connection.commit()?))?;
                Ok(outcomes)
            });
            let trouble = match result {
                Ok(outcomes) => return Ok(outcomes),
                Err(trouble) => trouble,
            };
            if self.connection.in_transaction() {
                let _ = self.connection.rollback();
                self.spoiled |= self.connection.in_transaction();
            }
            if !patience.allows_another(&trouble) {
                return Err(trouble);
            }
        }
    }

    /// Moves what a distrusted log holds to the database file, by writes and syncs of their own.
    fn empty_the_log(&mut self) -> Result<(), Trouble> {
        // A guest's log is kept open by its owner, who has not read back what failed: it is overwritten, not continued.
        if self.distrusts_the_log && !self.connection.is_guest() {
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        self.distrusts_the_log = false;
        Ok(())
    }

    /// Within a transaction: the failure of one statement is the affair of its own operation, unless it ended the
    /// transaction, or was only a lock, or has made its store give everything back: then what was done before it in this
    /// transaction has to be given back too.
    fn perform_all(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, Trouble> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            let was_returned = job.is_returned();
            let result = self.perform(job).map_err(Trouble::from);
            if let Err(trouble) = &result
                && (trouble.is_busy() || !self.connection.in_transaction() || job.is_returned() != was_returned)
            {
                return Err(trouble.clone());
            }
            outcomes.push(self.finish(job, result));
        }
        Ok(outcomes)
    }

    fn perform(&mut self, job: &Job) -> Result<Outcome, Failure> {
        if job.is_returned() {
            return Ok(Err(returned()));
        }
        let result = execute(self.connection.as_mut(), &job.table, &job.operation.request);
        if let (Err(failure), Some(returns)) = (&result, &job.returns)
            && self.connection.is_guest()
            && may_be_the_guest(failure)
        {
            returns.begin(&failure.message);
        }
        result
    }

    fn finish(&mut self, job: &Job, result: Result<Outcome, Trouble>) -> Outcome {
        result.unwrap_or_else(|trouble| {
            self.note(&trouble, &job.table);
            if job.is_returned() {
                return Err(returned());
            }
            if let Trouble::Sqlite(failure) = &trouble
                && failure.primary() == ffi::SQLITE_ERROR
            {
                // Such as "no such table": someone changed it. The next batch looks again.
                self.checked.remove(&job.table.name);
            }
            Err(trouble.explain(&job.table))
        })
    }

    fn note(&mut self, trouble: &Trouble, table: &Table) {
        if let Trouble::Sqlite(failure) = trouble {
            self.spoiled |= failure.spoils_the_connection();
            self.distrusts_the_log |= failure.primary() == ffi::SQLITE_IOERR;
            self.may_only_read |= failure.code == ffi::SQLITE_READONLY && place::may_write_database(&table.path);
        }
    }
}

/// What one batch has come to so far.
struct Run {
    /// Waits for the write lock; once it is spent, every further write fails at once.
    writers: Patience,
    /// Loads have their own: in WAL mode they succeed while others hold the write lock.
    readers: Patience,
    outcomes: Vec<Outcome>,
}
