//! Submitting operations from Rust tests.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::{Operation, Outcome, Receiver, Request, Store, Ticket, Token};

struct Channel(mpsc::Sender<Outcome>);

impl Receiver for Channel {
    fn receive(&self, _token: Token, _is_write: bool, outcome: Outcome) {
        let _ = self.0.send(outcome);
    }
}

/// The outcome of one operation, once it is there.
pub struct Pending(mpsc::Receiver<Outcome>);

impl Pending {
    /// Returns whether the outcome is there. Takes it, if so.
    pub fn is_settled(&self) -> bool {
        self.0.try_recv().is_ok()
    }

    /// Waits at most two minutes: a promise that never settles fails the test instead of hanging it.
    pub fn wait(self) -> Outcome {
        self.0.recv_timeout(Duration::from_secs(120)).expect("the operation was never settled")
    }
}

/// A ticket, and where its outcome arrives.
pub fn ticket(is_write: bool) -> (Ticket, Pending) {
    let (sender, receiver) = mpsc::channel();
    (Ticket::new(0, is_write, Arc::new(Channel(sender))), Pending(receiver))
}

/// An operation, and where its outcome arrives.
pub fn operation(request: Request) -> (Operation, Pending) {
    let (ticket, pending) = ticket(request.is_write());
    (Operation { request, ticket }, pending)
}

/// Submits one request and waits for its outcome.
pub fn run(store: &dyn Store, request: Request) -> Outcome {
    let (operation, pending) = operation(request);
    store.submit(vec![operation]);
    pending.wait()
}

/// Closes the store and waits for the end of it.
pub fn close(store: &dyn Store) -> Outcome {
    let (ticket, pending) = ticket(false);
    store.close(ticket);
    pending.wait()
}

pub fn save(id: &str, text: &str) -> Request {
    Request::Save { id: id.to_owned(), text: text.into(), ttl: 0 }
}

pub fn load(id: &str) -> Request {
    Request::Load { id: id.to_owned(), ttl: 0, refresh: false }
}

pub fn delete(id: &str) -> Request {
    Request::Delete { id: id.to_owned() }
}

/// The outcome of a load that finds `text`.
pub fn found(text: impl Into<String>) -> Outcome {
    Ok(crate::Answer::Text(Some(text.into())))
}

/// The outcome of a load that finds nothing.
pub const ABSENT: Outcome = Ok(crate::Answer::Text(None));

/// The outcome of a save or a delete.
pub const DONE: Outcome = Ok(crate::Answer::Done);
