//! The thread that has a database file open. Everything waiting goes into one transaction and one sync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::super::error::{ErrorKind, StoreError};
use super::super::{Answer, Outcome};
use super::batch;
use super::errors::BatchError;
use super::health::Health;
use super::job::Job;
use super::queue::{Backlog, Next};
use super::retry_budget::RetryBudget;
use super::session::Session;
use super::writer::Writer;

/// Runs the thread.
pub fn serve(writer: &Writer, mut backlog: Backlog) {
    // Dropped in the order from last to first. So, after a panic, first the connection closes; then a new thread may start;
    // then what waits is rejected.
    let _guard = Guard(writer);
    let mut health = writer.health.lock();
    let mut worker = Worker { writer, session: None, health: &mut health };
    loop {
        // Without a store nothing is left to wait for.
        let idle = if writer.is_unused() { Some(Duration::ZERO) } else { writer.limits.idle };
        let mut ack = None;
        match backlog.next(&writer.limits, idle) {
            Next::Batch(jobs) => {
                worker.work(jobs);
                continue;
            }
            Next::Leave(ticket) => {
                if writer.is_unused() {
                    worker.disconnect();
                }
                if let Some(ticket) = ticket {
                    ticket.settle(Ok(Answer::Done));
                }
                continue;
            }
            Next::Drain(done) => {
                drop(done);
                continue;
            }
            Next::Stop(done) => ack = Some(done),
            Next::Idle => {}
        }
        worker.disconnect();
        let is_over = writer.retire(&mut backlog);
        drop(ack);
        if is_over {
            return;
        }
    }
}

struct Worker<'a> {
    writer: &'a Writer,
    session: Option<Session>,
    health: &'a mut Health,
}

impl Worker<'_> {
    fn work(&mut self, jobs: Vec<Job>) {
        let outcomes = catch_unwind(AssertUnwindSafe(|| self.run(&jobs))).unwrap_or_else(|panic| {
            self.disconnect();
            jobs.iter().map(|_| Err(StoreError::panicked(&*panic))).collect()
        });
        if self.health.needs_reopen() {
            self.disconnect();
        }
        let count = jobs.len();
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.settle(outcome);
        }
        self.writer.finished(count);
    }

    /// Does `jobs` in order and returns one outcome for each. When it returns, every success is committed.
    fn run(&mut self, jobs: &[Job]) -> Vec<Outcome> {
        let budget = RetryBudget::until(Instant::now() + self.writer.limits.lock_timeout);
        if let Some(stale) = self.session.take_if(|session| !session.is_current()) {
            stale.retire();
        }
        let again = budget.fresh();
        let outcomes = self.attempt(jobs, budget);
        // If no write took effect, all of it can be done again, and in order.
        if *self.health != Health::ReopenAndRepeat || jobs.iter().zip(&outcomes).any(may_have_written) {
            return outcomes;
        }
        self.disconnect();
        self.attempt(jobs, again)
    }

    fn attempt(&mut self, jobs: &[Job], mut budget: RetryBudget) -> Vec<Outcome> {
        match connect(&mut self.session, self.writer, &mut budget) {
            Ok(session) => batch::run(session, self.health, jobs, budget),
            Err(error) => jobs.iter().map(|job| Err(job.refuse(&error))).collect(),
        }
    }

    /// Closes the connection, if there is one. Closing checkpoints, which is work that might go wrong.
    fn disconnect(&mut self) {
        let session = self.session.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(session)));
        self.health.reopened();
    }
}

fn connect<'a>(
    session: &'a mut Option<Session>,
    writer: &Writer,
    budget: &mut RetryBudget,
) -> Result<&'a mut Session, BatchError> {
    match session {
        Some(session) => Ok(session),
        None => Ok(session.insert(Session::new(budget.retry(|| (writer.open)())?))),
    }
}

fn may_have_written((job, outcome): (&Job, &Outcome)) -> bool {
    let may_be_done = match outcome {
        Ok(_) => true,
        Err(error) => error.kind == ErrorKind::Timeout,
    };
    may_be_done && job.operation.request.is_write()
}

/// Should the thread die after all, what waits is rejected, and the next operation starts another.
struct Guard<'a>(&'a Writer);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.abandon();
        }
    }
}
