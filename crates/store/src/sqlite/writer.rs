//! The thread that has a database file. Everything waiting goes into one transaction and one sync; between two batches it may
//! lend its connection for a single write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::error::{ErrorKind, StoreError};
use super::super::{Answer, Outcome, Ticket};
use super::connection::Open;
use super::errors::BatchError;
use super::job::Job;
use super::queue::{Limits, Queue, Task, Work};
use super::retry_budget::RetryBudget;
use super::session::Session;

/// Shared by all stores on one file. The thread starts with the first operation and ends, its connection closed, when
/// the last store is gone and everything is done; a later operation starts another.
pub struct Writer {
    pub queue: Queue,
    open: Open,
    /// The open connection. [`Queue`] says whose turn it is, so that nobody waits for this lock.
    session: Mutex<Option<Session>>,
    /// Goes from each session to the next: [`Session::wal_suspect`].
    wal_suspect: AtomicBool,
}

impl Writer {
    pub fn new(open: Open, limits: Limits) -> Arc<Self> {
        let queue = Queue::new(limits);
        Arc::new(Writer { queue, open, session: Mutex::default(), wal_suspect: AtomicBool::new(false) })
    }

    /// Takes over `jobs`.
    pub fn submit(self: &Arc<Self>, jobs: Vec<Job>) {
        self.add(jobs.into_iter().map(Work::Job).collect());
    }

    /// Settles `ticket` after everything submitted before. A store leaves the writer with it.
    pub fn close(self: &Arc<Self>, ticket: Ticket) {
        self.queue.leave();
        self.add(vec![Work::Close(ticket)]);
    }

    fn add(self: &Arc<Self>, work: Vec<Work>) {
        if !self.queue.push(work) {
            return;
        }
        let writer = self.clone();
        let started = thread::Builder::new().name("flowkit-sqlite".into()).spawn(move || writer.serve());
        if let Err(error) = started {
            let reason = StoreError::new(ErrorKind::Unavailable, "the system refuses another thread")
                .with_cause(None, error.to_string());
            for work in self.queue.abandon() {
                match work {
                    Work::Job(job) => job.operation.ticket.settle(Err(reason.clone())),
                    Work::Close(ticket) => ticket.settle(Ok(Answer::Done)),
                }
            }
        }
    }

    fn serve(&self) {
        let _guard = Guard(self);
        loop {
            let connected = self.session.lock().is_some();
            match self.queue.next(connected) {
                Task::Batch(jobs) => self.work(&mut self.session.lock(), jobs),
                Task::Close { ticket, is_last } => {
                    if is_last {
                        disconnect(&mut self.session.lock());
                    }
                    ticket.settle(Ok(Answer::Done));
                }
                Task::Disconnect => disconnect(&mut self.session.lock()),
                Task::End => return,
            }
        }
    }

    fn look_after(&self, session: &mut Option<Session>) {
        if let Some(session) = session {
            self.wal_suspect.store(session.wal_suspect(), Ordering::Relaxed);
        }
        if session.as_ref().is_some_and(Session::is_spoiled) {
            disconnect(session);
        }
    }

    fn work(&self, session: &mut Option<Session>, jobs: Vec<Job>) {
        let outcomes = catch_unwind(AssertUnwindSafe(|| self.answer(session, &jobs))).unwrap_or_else(|panic| {
            disconnect(session);
            jobs.iter().map(|_| Err(StoreError::panicked(&*panic))).collect()
        });
        self.look_after(session);
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.settle(outcome);
        }
    }

    fn answer(&self, session: &mut Option<Session>, jobs: &[Job]) -> Vec<Outcome> {
        let budget = RetryBudget::until(Instant::now() + self.queue.limits().lock_timeout);
        if let Some(stale) = session.take_if(|session| !session.is_current()) {
            stale.retire();
        }
        let again = budget.fresh();
        let outcomes = self.attempt(session, jobs, budget);
        if !session.as_ref().is_some_and(Session::may_only_read) {
            return outcomes;
        }
        // Nothing took effect, so that all of it may be done again, and in order.
        disconnect(session);
        self.attempt(session, jobs, again)
    }

    fn attempt(&self, session: &mut Option<Session>, jobs: &[Job], mut budget: RetryBudget) -> Vec<Outcome> {
        match self.connect(session, &mut budget) {
            Ok(session) => session.run(jobs, budget),
            Err(error) => jobs.iter().map(|job| Err(job.refuse(&error))).collect(),
        }
    }

    fn connect<'a>(
        &self,
        session: &'a mut Option<Session>,
        budget: &mut RetryBudget,
    ) -> Result<&'a mut Session, BatchError> {
        match session {
            Some(session) => Ok(session),
            None => {
                let connection = budget.retry(|| (self.open)())?;
                Ok(session.insert(Session::new(connection, self.wal_suspect.load(Ordering::Relaxed))))
            }
        }
    }
}

/// Closing checkpoints, which is work that might go wrong.
fn disconnect(session: &mut Option<Session>) {
    let old = session.take();
    let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
}

/// Should the thread die after all, what waits is rejected, and the next operation starts another.
struct Guard<'a>(&'a Writer);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            disconnect(&mut self.0.session.lock());
            drop(self.0.queue.abandon());
        }
    }
}
