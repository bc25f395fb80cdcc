//! Keeps conversations: in memory, in files, in Redis, in SQLite. Pure Rust: nothing here knows of Node.
//!
//! [`Request`] is an operation as data, [`Store`] is what every backend promises, [`Ticket`] is the duty to settle one
//! operation. A backend has one `match` over the requests, and its queues use only the properties of a request.

pub mod clock;
pub mod error;
pub mod file;
pub mod incremental;
pub mod lock;
pub mod memory;
mod method;
mod private_fs;
pub mod redis;
mod request;
pub mod retention;
pub mod runtime;
pub mod scan;
pub mod sqlite;
mod state_text;
pub mod stats;
pub mod sweeper;
mod thread_pool;

#[cfg(any(fuzzing, test))]
pub mod testing;

use std::sync::Arc;
use std::time::Instant;

use error::{ErrorKind, StoreError};
pub use method::Method;
pub use request::{Answer, Outcome, Request};
pub use state_text::StateText;
use stats::Stats;

/// A request and the promise that waits for it.
#[derive(Debug)]
pub struct Operation {
    pub request: Request,
    pub ticket: Ticket,
}

/// Keeps conversations.
///
/// Operations on one conversation take effect in the order of submission. Every ticket is settled within a bounded time,
/// also with the server gone and with the disk full.
pub trait Store: Send + Sync + 'static {
    /// Takes over `operations`, in call order. Called on the JavaScript thread: it must not block.
    fn submit(&self, operations: Vec<Operation>);

    /// Takes over an operation of our own, such as a slice of a sweep. Called on any thread; must not block. A store may do it
    /// later, at a time that suits it better, or drop it.
    fn submit_in_background(&self, operation: Operation) {
        self.submit(vec![operation]);
    }

    /// Settles `ticket` once everything submitted before is settled, and releases what the store itself opened. Nothing is
    /// submitted afterwards. Called on the JavaScript thread: it must not block.
    fn close(&self, ticket: Ticket);

    /// Returns where `id` is kept, as an error message names it. Holds no password.
    fn location(&self, id: &str) -> String;

    /// Counts its commits in `stats`, and tells it what happens by itself. Called at most once, before anything is submitted.
    fn observe(&self, stats: Arc<Stats>) {
        let _ = stats;
    }

    /// Leaves things tidy for others by `deadline`: the process, or this thread's environment, is about to end, and all
    /// writes are done. The store stays usable. Called on the JavaScript thread; may block until `deadline`.
    fn release(&self, deadline: Instant) {
        let _ = deadline;
    }
}

/// Names a waiting promise; only the receiver knows which.
pub type Token = usize;

/// Takes outcomes. Called from any thread; must not block for long and must not panic.
pub trait Receiver: Send + Sync {
    fn receive(&self, token: Token, is_write: bool, outcome: Outcome);
}

/// The duty to settle one operation, exactly once. A ticket that is dropped (a panic unwound through its owner) settles as
/// `Internal`, so that no promise can be left hanging.
pub struct Ticket {
    token: Token,
    is_write: bool,
    receiver: Option<Arc<dyn Receiver>>,
}

impl Ticket {
    pub fn new(token: Token, is_write: bool, receiver: Arc<dyn Receiver>) -> Self {
        Ticket { token, is_write, receiver: Some(receiver) }
    }

    /// Ends the operation with `outcome`.
    pub fn settle(mut self, outcome: Outcome) {
        self.pass_on(outcome);
    }

    fn pass_on(&mut self, outcome: Outcome) {
        if let Some(receiver) = self.receiver.take() {
            receiver.receive(self.token, self.is_write, outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.receiver.is_some() {
            self.pass_on(Err(StoreError::new(
                ErrorKind::Internal,
                "the operation was dropped unsettled, which is a bug in this package",
            )));
        }
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Ticket({})", self.token)
    }
}
