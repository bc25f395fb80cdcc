//! The writer of one database file: takes operations over from any thread and starts the thread that does them.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::error::StoreError;
use super::super::{Answer, Ticket};
use super::connection::Open;
use super::health::Health;
use super::job::Job;
use super::queue::{Backlog, Command, Limits};

/// Does the commands of a backlog until the thread has to end.
pub type Serve = fn(&Writer, Backlog);

/// Shared by all stores on one file. The thread starts with an operation. It ends, its connection closed, if the last store
/// is gone and everything is done, if it is idle, or if it is stopped. A later operation starts another.
pub struct Writer {
    pub limits: Limits,
    pub open: Open,
    /// Runs the thread.
    serve: Serve,
    /// Belongs to the thread, which holds the lock until it ends. So there is one thread at a time, also while one ends and
    /// the next starts.
    pub health: Mutex<Health>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Stores that are neither closed nor dropped.
    stores: usize,
    /// Jobs that are submitted and not settled.
    unfinished: usize,
    /// The way to the thread; `None` if none runs. Commands are sent, and the thread ends, under the lock: so none is sent
    /// to a thread that no longer looks.
    commands: Option<Sender<Vec<Command>>>,
}

impl Writer {
    pub fn new(open: Open, limits: Limits, serve: Serve) -> Arc<Self> {
        Arc::new(Writer { limits, open, serve, health: Mutex::default(), state: Mutex::default() })
    }

    /// Adds a store. Each calls [`Writer::leave`] in the end.
    pub fn join(&self) {
        self.state.lock().stores += 1;
    }

    /// Takes over `jobs`. They share a transaction, up to the limits.
    pub fn submit(self: &Arc<Self>, jobs: Vec<Job>) {
        let mut state = self.state.lock();
        if state.commands.is_none() {
            match self.start() {
                Ok(commands) => state.commands = Some(commands),
                Err(error) => {
                    drop(state);
                    let reason = StoreError::no_thread(&error);
                    return jobs.into_iter().for_each(|job| job.reject_unstarted(&reason));
                }
            }
        }
        state.unfinished += jobs.len();
        state.send(jobs.into_iter().map(Command::Job).collect());
    }

    fn start(self: &Arc<Self>) -> std::io::Result<Sender<Vec<Command>>> {
        let (sender, receiver) = channel();
        let writer = self.clone();
        let serve = move || (writer.serve)(&writer, Backlog::new(receiver));
        thread::Builder::new().name("flowkit-sqlite".into()).spawn(serve)?;
        Ok(sender)
    }

    /// A store leaves. Settles `ticket`, if there is one, behind everything that was submitted before.
    pub fn leave(&self, ticket: Option<Ticket>) {
        let mut state = self.state.lock();
        state.stores -= 1;
        if state.commands.is_some() {
            return state.send(vec![Command::Leave(ticket)]);
        }
        drop(state);
        if let Some(ticket) = ticket {
            ticket.settle(Ok(Answer::Done));
        }
    }

    /// Blocks until everything is done, at most until `deadline`. Returns immediately if nothing is to be done: the user's
    /// transactions begin with this call.
    pub fn drain(&self, deadline: Instant) {
        let state = self.state.lock();
        if state.unfinished > 0 {
            self.wait(state, Command::Drain, deadline);
        }
    }

    /// Blocks until everything is done, the connection is closed and the thread ends, at most until `deadline`.
    pub fn stop(&self, deadline: Instant) {
        self.wait(self.state.lock(), Command::Stop, deadline);
    }

    fn wait(&self, state: parking_lot::MutexGuard<'_, State>, command: fn(Sender<()>) -> Command, deadline: Instant) {
        let (ack, done) = channel();
        state.send(vec![command(ack)]);
        drop(state);
        // Ends with an error in any case: the time is over, or the acknowledgement was dropped.
        let _ = done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    /// Returns whether no store is left, so that the thread may end. Called by the thread.
    pub fn is_unused(&self) -> bool {
        self.state.lock().stores == 0
    }

    /// Called by the thread: it has settled so many jobs.
    pub fn finished(&self, jobs: usize) {
        self.state.lock().unfinished -= jobs;
    }

    /// Called by the thread, which has no connection. Returns whether it must end; if not, more was sent meanwhile.
    pub fn retire(&self, backlog: &mut Backlog) -> bool {
        let mut state = self.state.lock();
        if backlog.is_empty() {
            state.commands = None;
        }
        state.commands.is_none()
    }

    /// The thread dies of a panic. What was sent to it is dropped, which rejects it; the next operation starts another.
    pub fn abandon(&self) {
        let mut state = self.state.lock();
        state.commands = None;
        state.unfinished = 0;
    }
}

impl State {
    /// Sends to the thread, if one runs.
    fn send(&self, commands: Vec<Command>) {
        if let Some(thread) = &self.commands {
            // The receiver is dropped only after `commands` is `None`.
            let _ = thread.send(commands);
        }
    }
}
