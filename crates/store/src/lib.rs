//! What a store promises, and what every store shares. Pure Rust: nothing here knows of Node.

pub mod error;
pub mod file;
pub mod memory;
pub mod redis;
pub mod runtime;
pub mod sqlite;

#[cfg(any(fuzzing, test))]
pub mod testing;

use std::sync::Arc;
use std::time::Instant;

use error::{ErrorKind, StoreError};

/// What a finished operation answers: the JSON text of a load that found something, nothing otherwise.
pub type Outcome = Result<Option<String>, StoreError>;

/// One operation on one conversation. Ids are checked before they get here: well-formed, 1 to 1,024 bytes.
#[derive(Debug)]
pub enum Request {
    /// Store `text`, whole, in place of whatever was stored under `id`.
    Save { id: String, text: String },
    /// Answer the text stored under `id`, or nothing.
    Load { id: String },
    /// Forget `id`; succeeds also where nothing is stored.
    Delete { id: String },
    /// Wait for everything submitted before, then release what the store itself opened.
    Close,
}

impl Request {
    /// Whether losing this operation at the end of the process would lose data.
    pub fn is_write(&self) -> bool {
        matches!(self, Request::Save { .. } | Request::Delete { .. })
    }
}

/// A request and the promise that waits for it.
#[derive(Debug)]
pub struct Operation {
    pub request: Request,
    pub ticket: Ticket,
}

/// A place that keeps conversations.
///
/// Operations on one conversation take effect in the order of submission. Every ticket is settled within a bounded
/// time, with the server gone and with the disk full.
pub trait Store: Send + Sync + 'static {
    /// Takes over `operations`, in call order. Called on the JavaScript thread: it must not block.
    fn submit(&self, operations: Vec<Operation>);

    /// Does one save or delete within the call, if that blocks on nothing and everything submitted before is done. Otherwise
    /// answers nothing, and nothing was done: then it is to be submitted. Called on the JavaScript thread.
    fn write_at_once(&self, request: &Request) -> Option<Outcome> {
        let _ = request;
        None
    }

    /// Where `id` is kept, as an error message names it. Holds no password.
    fn place(&self, id: &str) -> String;

    /// The process (or this thread's environment) is about to end and all writes are done: leave things tidy for
    /// others by `deadline`. The store stays usable. Called on the JavaScript thread, may block until `deadline`.
    fn release(&self, deadline: Instant) {
        let _ = deadline;
    }
}

/// Names a waiting promise; only the receiver knows which.
pub type Token = usize;

/// Where outcomes go. Called from any thread; must not block for long and must not panic.
pub trait Receiver: Send + Sync {
    fn receive(&self, token: Token, is_write: bool, outcome: Outcome);
}

/// The duty to answer one operation, exactly once. Dropping it unanswered (a panic unwound through its owner) answers
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

    /// Answers the operation.
    pub fn settle(mut self, outcome: Outcome) {
        self.answer(outcome);
    }

    fn answer(&mut self, outcome: Outcome) {
        if let Some(receiver) = self.receiver.take() {
            receiver.receive(self.token, self.is_write, outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.receiver.is_some() {
            self.answer(Err(StoreError::new(
                ErrorKind::Internal,
                "the operation was dropped unanswered, which is a bug in this package",
            )));
        }
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Ticket({})", self.token)
    }
}
