//! What waits for the writer of one database file, and who uses it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::super::{Request, Ticket};
use super::job::Job;

/// The bounds of one transaction, and of the wait for it.
#[derive(Clone, Copy)]
pub struct Limits {
    pub operations: usize,
    /// Of ids and texts.
    pub bytes: usize,
    /// How long a batch waits for locks that others hold.
    pub patience: Duration,
    /// After how long without work the connection is closed and the thread ends. An open connection, however idle,
    /// keeps others from switching the journal mode and from locking the file whole.
    pub idle: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { operations: 1024, bytes: 8 * 1024 * 1024, patience: Duration::from_secs(5), idle: None }
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
    /// The thread is doing what it took.
    is_at_work: bool,
    /// Another thread has borrowed the connection.
    is_lent: bool,
    /// It was since the thread last looked.
    was_lent: bool,
    /// The thread waits for it.
    is_missed: bool,
    /// The owner of the file is closing: as if no store were left.
    is_shut: bool,
}

pub struct Queue {
    limits: Limits,
    state: Mutex<State>,
    work: Condvar,
    disconnected: Condvar,
    /// Everything is done, or the thread has ended.
    rested: Condvar,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        Queue {
            limits,
            state: Mutex::default(),
            work: Condvar::new(),
            disconnected: Condvar::new(),
            rested: Condvar::new(),
        }
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
        state.is_at_work = false;
        self.rested.notify_all();
        self.disengage(&mut state);
        state.jobs.drain(..).collect()
    }

    /// Waits for the next task. `connected`: the thread has a connection.
    pub fn next(&self, connected: bool) -> Task {
        let mut state = self.state.lock();
        state.is_at_work = false;
        loop {
            while state.is_lent {
                state.is_missed = true;
                self.work.wait(&mut state);
            }
            if !connected && state.is_engaged {
                self.disengage(&mut state);
            }
            if connected && state.must_disconnect {
                state.is_at_work = true;
                return Task::Disconnect;
            }
            if let Some(task) = self.take(&mut state) {
                state.is_at_work = true;
                return task;
            }
            self.rested.notify_all();
            let is_over = state.users == 0 || state.is_shut;
            if is_over || self.is_idle(&mut state) {
                if connected {
                    // Nobody may borrow it meanwhile: he would wait for the lock on it.
                    state.is_at_work = true;
                    return Task::Disconnect;
                }
                // Under the lock: whoever comes next sees that it has to start a thread.
                state.has_thread = false;
                self.rested.notify_all();
                return Task::End;
            }
        }
    }

    /// Waits for work. Answers whether there was none for so long that the thread may end.
    fn is_idle(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let Some(idle) = self.limits.idle else {
            self.work.wait(state);
            return false;
        };
        let is_over = self.work.wait_for(state, idle).timed_out();
        let was_lent = std::mem::take(&mut state.was_lent);
        is_over && !was_lent && !state.is_lent && state.jobs.is_empty() && !state.must_disconnect
    }

    /// Lends the connection, which the thread has, to another thread, if nothing comes before what that wants to do. It has
    /// to be given back at once.
    pub fn borrow(&self) -> bool {
        let mut state = self.state.lock();
        let is_free = state.is_engaged && !state.is_at_work && !state.is_lent && state.jobs.is_empty();
        // Otherwise the state stays as it is: the connection may be lent to another thread.
        let lends = is_free && !state.must_disconnect && !state.is_shut;
        state.is_lent |= lends;
        state.was_lent |= lends;
        lends
    }

    /// Ends [`Queue::borrow`]. Wakes the thread only where it waits for that: it would take longer than the write.
    pub fn give_back(&self) {
        let mut state = self.state.lock();
        state.is_lent = false;
        if std::mem::take(&mut state.is_missed) {
            self.work.notify_one();
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
            bytes += job.size();
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

    /// Waits until everything is done, at most until `deadline`.
    pub fn drain(&self, deadline: Instant) {
        let mut state = self.state.lock();
        while state.has_thread && (state.is_at_work || !state.jobs.is_empty()) {
            if self.rested.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
    }

    /// Has everything done, the connection closed and the thread ended; waits for it, at most until `deadline`.
    pub fn shut(&self, deadline: Instant) {
        let mut state = self.state.lock();
        state.is_shut = true;
        self.work.notify_one();
        while state.has_thread && !self.rested.wait_until(&mut state, deadline).timed_out() {}
    }
}
