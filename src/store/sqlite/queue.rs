//! What waits for the writer of one database file, and who uses it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::super::{Operation, Request, Ticket};
use super::table::Table;

/// An operation and the table it is about.
pub struct Job {
    pub table: Arc<Table>,
    pub operation: Operation,
}

/// The bounds of one transaction, and of the wait for it.
#[derive(Clone, Copy)]
pub struct Limits {
    pub operations: usize,
    /// Of ids and texts.
    pub bytes: usize,
    /// How long a batch waits for locks that others hold.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { operations: 1024, bytes: 8 * 1024 * 1024, patience: Duration::from_secs(5) }
    }
}

/// What the writer thread is to do next.
pub enum Task {
    Batch(Vec<Job>),
    /// Answer a `close()`; the connection goes with the last user.
    Close {
        ticket: Ticket,
        is_last: bool,
    },
    /// Close the connection, stay.
    Disconnect,
    /// Nobody is left: end the thread.
    End,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Stores that are neither closed nor dropped.
    users: usize,
    has_thread: bool,
    /// The thread has a connection, or is about to open one.
    is_engaged: bool,
    /// Someone asked for the connection to be closed.
    must_disconnect: bool,
    disconnects: u64,
}

pub struct Queue {
    limits: Limits,
    state: Mutex<State>,
    work: Condvar,
    disconnected: Condvar,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        Queue { limits, state: Mutex::default(), work: Condvar::new(), disconnected: Condvar::new() }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub fn join(&self) {
        self.state.lock().users += 1;
    }

    /// A store was dropped. What it submitted is still done.
    pub fn leave(&self) {
        self.state.lock().users -= 1;
        self.work.notify_one();
    }

    /// Adds `jobs`; `leaving` if a `close()` is among them, which ends its store's use. Answers whether the caller has
    /// to start a thread.
    pub fn push(&self, jobs: Vec<Job>, leaving: bool) -> bool {
        let mut state = self.state.lock();
        state.jobs.extend(jobs);
        state.users -= usize::from(leaving);
        self.work.notify_one();
        !std::mem::replace(&mut state.has_thread, true)
    }

    /// There will be no thread, or it has died: everything that waits goes unanswered, which rejects it.
    pub fn abandon(&self) -> Vec<Job> {
        let mut state = self.state.lock();
        state.has_thread = false;
        self.disengage(&mut state);
        state.jobs.drain(..).collect()
    }

    /// Waits for the next task. `connected`: the thread has a connection.
    pub fn next(&self, connected: bool) -> Task {
        let mut state = self.state.lock();
        loop {
            if !connected && state.is_engaged {
                self.disengage(&mut state);
            }
            if connected && state.must_disconnect {
                return Task::Disconnect;
            }
            if let Some(task) = self.take(&mut state) {
                return task;
            }
            if state.users == 0 {
                if connected {
                    return Task::Disconnect;
                }
                // Under the lock: whoever comes next sees that it has to start a thread.
                state.has_thread = false;
                return Task::End;
            }
            self.work.wait(&mut state);
        }
    }

    fn disengage(&self, state: &mut State) {
        state.is_engaged = false;
        state.must_disconnect = false;
        state.disconnects += 1;
        self.disconnected.notify_all();
    }

    fn take(&self, state: &mut State) -> Option<Task> {
        let is_close = |job: &Job| matches!(job.operation.request, Request::Close);
        if state.jobs.front().is_some_and(is_close) {
            let ticket = state.jobs.pop_front()?.operation.ticket;
            return Some(Task::Close { ticket, is_last: state.users == 0 });
        }
        let (mut count, mut bytes) = (0, 0);
        for job in &state.jobs {
            bytes += size(&job.operation.request);
            if is_close(job) || count == self.limits.operations || (count > 0 && bytes > self.limits.bytes) {
                break;
            }
            count += 1;
        }
        state.is_engaged |= count > 0;
        (count > 0).then(|| Task::Batch(state.jobs.drain(..count).collect()))
    }

    /// Has the connection closed after the batch in hand, and waits for it until `deadline`.
    pub fn disconnect(&self, deadline: Instant) {
        let mut state = self.state.lock();
        if !state.is_engaged {
            return;
        }
        let before = state.disconnects;
        state.must_disconnect = true;
        self.work.notify_one();
        while state.disconnects == before && !self.disconnected.wait_until(&mut state, deadline).timed_out() {}
    }
}

fn size(request: &Request) -> usize {
    match request {
        Request::Save { id, text } => id.len() + text.len(),
        Request::Load { id } | Request::Delete { id } => id.len(),
        Request::Close => 0,
    }
}
