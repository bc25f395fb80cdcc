//! Many operations in one transaction.

use std::time::{Duration, Instant};

use rusqlite::ffi;

use super::super::error::{ErrorKind, StoreError};
use super::super::stats::count_shared;
use super::super::{Outcome, Request};
use super::erasure;
use super::errors::{BatchError, SqliteError};
use super::handback::handed_back;
use super::health::Health;
use super::job::Job;
use super::retry_budget::RetryBudget;
use super::session::Session;

/// How long a deletion waits for the readers of the WAL.
const LONGEST_ERASURE: Duration = Duration::from_secs(5);

/// Does `jobs` in order and returns one outcome for each. When it returns, every success is committed.
pub fn run(session: &mut Session, health: &mut Health, jobs: &[Job], budget: RetryBudget) -> Vec<Outcome> {
    let outcomes = jobs.iter().map(|_| None).collect();
    let readers = budget.fresh();
    let batch = Batch { session, health, jobs, outcomes, writers: budget, readers, has_timed_out: false };
    batch.run()
}

struct Batch<'a> {
    session: &'a mut Session,
    health: &'a mut Health,
    jobs: &'a [Job],
    /// One for each job, `None` until it has ended.
    outcomes: Vec<Option<Outcome>>,
    /// Waits for the write lock. Once it is spent, every further write fails immediately.
    writers: RetryBudget,
    /// Loads have their own: in WAL mode they succeed while others hold the write lock.
    readers: RetryBudget,
    /// An operation ended, its effect unknown, before the ones in front of it.
    has_timed_out: bool,
}

/// A transaction that failed as a whole.
struct Failed {
    error: BatchError,
    /// The commit failed and ended the transaction: it may or may not have taken effect.
    is_effect_unknown: bool,
}

impl From<BatchError> for Failed {
    fn from(error: BatchError) -> Self {
        Failed { error, is_effect_unknown: false }
    }
}

impl Batch<'_> {
    fn run(mut self) -> Vec<Outcome> {
        let refused = self.session.check_tables(self.jobs, &mut self.readers, self.health);
        if refused.is_empty() {
            let indices: Vec<_> = (0..self.jobs.len()).filter(|index| !self.only_reads(*index)).collect();
            self.settle(&indices);
        } else {
            // The operations on a table that cannot be used do not fail the others.
            for (index, job) in self.jobs.iter().enumerate() {
                match refused.get(&job.table().name) {
                    Some(error) => self.outcomes[index] = Some(Err(job.refuse(error))),
                    None => self.settle(&[index]),
                }
            }
        }
        self.outcomes.into_iter().map(|outcome| outcome.expect("every job has ended")).collect()
    }

    /// Returns whether the job is ended: it waits for a lock and all it has to do is to read that somebody has it, or it has
    /// nothing to renew or to remove. So it commits nothing, and does not disturb those that write.
    fn only_reads(&mut self, index: usize) -> bool {
        let job = &self.jobs[index];
        let request = &job.operation.request;
        if !request.may_write_nothing() || job.is_handed_back() {
            return false;
        }
        // Such as a `Leave` in front of it, in this batch, that frees the lock. What has no id is about all.
        let mut before = self.jobs[..index].iter().map(|other| &other.operation.request);
        if before.any(|other| other.id() == request.id() || request.id().is_empty()) {
            return false;
        }
        let Some(outcome) = job.statements.try_look(self.session.connection.as_mut(), request) else {
            return false;
        };
        self.outcomes[index] = Some(outcome);
        true
    }

    /// Does the jobs at `indices` in one transaction. If that fails as a whole, does them in halves, so that in the end only
    /// those operations fail that cannot be done on their own.
    fn settle(&mut self, indices: &[usize]) {
        let jobs = self.jobs;
        let mut writes =
            indices.iter().map(|index| &jobs[*index].operation.request).filter(|request| request.is_write());
        let Some(first) = writes.next() else {
            for &index in indices {
                let result = self.load(&jobs[index]);
                self.finish(index, result);
            }
            return;
        };
        let needs_no_sync = first.needs_no_sync() && writes.all(Request::needs_no_sync);
        let failed = match self.run_in_transaction(indices, needs_no_sync) {
            Ok(results) => {
                for (&index, outcome) in indices.iter().zip(results) {
                    self.outcomes[index] = Some(outcome);
                }
                return self.erase(indices);
            }
            Err(failed) => failed,
        };
        if failed.is_effect_unknown {
            self.time_out(indices, &failed.error);
        }
        let rest: Vec<_> = indices.iter().copied().filter(|index| self.outcomes[*index].is_none()).collect();
        if let ([_], &[index]) = (indices, rest.as_slice()) {
            let result = self.read_instead(&jobs[index]).unwrap_or(Err(failed.error));
            return self.finish(index, result);
        }
        self.record(&failed.error, &jobs[indices[0]]);
        let (first, second) = rest.split_at(rest.len() / 2);
        self.settle(first);
        self.settle(second);
    }

    /// Has what the committed jobs deleted leave the WAL, where that was asked for.
    fn erase(&mut self, indices: &[usize]) {
        let is_erased = |&&index: &&usize| {
            let Job { statements, operation, .. } = &self.jobs[index];
            statements.erases && matches!(&self.outcomes[index], Some(Ok(answer)) if operation.request.erases(answer))
        };
        let erased: Vec<usize> = indices.iter().filter(is_erased).copied().collect();
        if erased.is_empty() {
            return;
        }
        let mut budget = RetryBudget::until(Instant::now() + LONGEST_ERASURE);
        if let Err(error) = erasure::finish(self.session.connection.as_mut(), &mut budget) {
            for index in erased {
                self.outcomes[index] = Some(Err(error.clone()));
            }
        }
    }

    /// Does what can be done of a job that could not write: a load that renews still loads. `None` if there is nothing.
    fn read_instead(&mut self, job: &Job) -> Option<Result<Outcome, BatchError>> {
        let request = job.operation.request.without_write().filter(|_| !job.is_handed_back())?;
        let Batch { session, readers, .. } = self;
        Some(readers.retry(|| Ok(job.statements.perform(session.connection.as_mut(), &request)?)))
    }

    fn load(&mut self, job: &Job) -> Result<Outcome, BatchError> {
        let Batch { session, readers, has_timed_out, .. } = self;
        readers.retry(|| Ok(perform(session, job, *has_timed_out)?))
    }

    /// Does the jobs in one transaction. If it fails, nothing has taken effect, or that is unknown.
    ///
    /// With `needs_no_sync` the commit waits for no disk: the sync of the next commit covers it.
    fn run_in_transaction(&mut self, indices: &[usize], needs_no_sync: bool) -> Result<Vec<Outcome>, Failed> {
        let relaxed = needs_no_sync && self.session.connection.relax_sync();
        let result = self.try_in_transaction(indices);
        if relaxed && self.session.connection.restore_sync().is_err() {
            self.health.require_reopen();
        }
        result
    }

    fn try_in_transaction(&mut self, indices: &[usize]) -> Result<Vec<Outcome>, Failed> {
        loop {
            self.empty_suspect_wal()?;
            self.session.begin_erasing(self.jobs).map_err(BatchError::from)?;
            let Batch { session, writers, .. } = self;
            writers.retry(|| Ok(session.connection.begin()?))?;
            let failed = match self.perform_all(indices) {
                Ok(outcomes) => match self.commit(indices) {
                    Ok(()) => return Ok(outcomes),
                    Err(error) => Failed { error, is_effect_unknown: !self.session.connection.in_transaction() },
                },
                Err(error) => error.into(),
            };
            if self.session.connection.in_transaction() {
                let _ = self.session.connection.rollback();
                if self.session.connection.in_transaction() {
                    self.health.require_reopen();
                }
            }
            if !self.writers.allows_another(&failed.error) {
                return Err(failed);
            }
        }
    }

    /// A reader can keep a commit waiting. The transaction stays open meanwhile.
    fn commit(&mut self, indices: &[usize]) -> Result<(), BatchError> {
        let began = Instant::now();
        let Batch { session, writers, .. } = self;
        writers.retry(|| Ok(session.connection.commit()?))?;
        count_shared(indices.iter().filter_map(|index| self.jobs[*index].statements.stats.get()), began.elapsed());
        Ok(())
    }

    /// Moves the content of a suspect WAL to the database file, with writes and syncs of its own.
    fn empty_suspect_wal(&mut self) -> Result<(), BatchError> {
        if self.health.needs_checkpoint() {
            // The user's connection keeps its own view of a WAL that it did not read back: it overwrites what failed
            // instead of writing behind it.
            if !self.session.connection.is_sidecar() {
                self.session.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
            }
            self.health.checkpointed();
        }
        Ok(())
    }

    /// Runs all jobs in the open transaction. A failed statement fails only its own job, except if SQLite rolled the
    /// transaction back, if the error is a lock, or if the store now hands its jobs back. Then the whole batch fails.
    fn perform_all(&mut self, indices: &[usize]) -> Result<Vec<Outcome>, BatchError> {
        let mut outcomes = Vec::with_capacity(indices.len());
        for &index in indices {
            let job = &self.jobs[index];
            let was_handed_back = job.is_handed_back();
            let result = perform(self.session, job, self.has_timed_out).map_err(BatchError::from);
            if let Err(error) = &result
                && (error.is_busy()
                    || !self.session.connection.in_transaction()
                    || job.is_handed_back() != was_handed_back)
            {
                return Err(error.clone());
            }
            outcomes.push(self.outcome(job, result));
        }
        Ok(outcomes)
    }

    fn finish(&mut self, index: usize, result: Result<Outcome, BatchError>) {
        self.outcomes[index] = Some(self.outcome(&self.jobs[index], result));
    }

    fn outcome(&mut self, job: &Job, result: Result<Outcome, BatchError>) -> Outcome {
        result.unwrap_or_else(|error| {
            self.record(&error, job);
            if job.is_handed_back() {
                return Err(handed_back());
            }
            if let BatchError::Sqlite(error) = &error
                && error.primary() == ffi::SQLITE_ERROR
            {
                // Such as "no such table": someone changed it.
                self.session.forget_table(&job.table().name);
            }
            Err(error.explain(job.table()))
        })
    }

    /// Ends the operations that may not be done twice, and the others on the same conversations: a load in front of such an
    /// operation would see its effect.
    fn time_out(&mut self, indices: &[usize], error: &BatchError) {
        let request = |index: usize| &self.jobs[index].operation.request;
        let once: Vec<_> = indices.iter().filter(|index| !request(**index).is_idempotent()).collect();
        for &index in indices {
            if once.iter().any(|other| request(**other).id() == request(index).id()) {
                self.outcomes[index] = Some(Err(effect_unknown(error, &self.jobs[index])));
                self.has_timed_out = true;
            }
        }
    }

    fn record(&mut self, error: &BatchError, job: &Job) {
        if let BatchError::Sqlite(error) = error {
            self.health.record(error, &job.table().path);
        }
    }
}

/// Runs the statement of a job, or hands the job back. `has_timed_out`: see [`Batch`]. A store that began to hand back then
/// would hand back others than the last ones. The next batch may.
fn perform(session: &mut Session, job: &Job, has_timed_out: bool) -> Result<Outcome, SqliteError> {
    if job.is_handed_back() {
        return Ok(Err(handed_back()));
    }
    let result = job.statements.perform(session.connection.as_mut(), &job.operation.request);
    if let Err(error) = &result
        && !has_timed_out
    {
        job.consider_handing_back(&error.clone().into());
    }
    result
}

fn effect_unknown(error: &BatchError, job: &Job) -> StoreError {
    let StoreError { reason, cause, .. } = error.explain(job.table());
    StoreError { kind: ErrorKind::Timeout, reason: format!("{reason}; whether it took effect is unknown"), cause }
}
