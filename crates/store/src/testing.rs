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

/// An operation and where its outcome arrives.
pub fn operation(request: Request) -> (Operation, Answer) {
    let (sender, receiver) = mpsc::channel();
    let is_write = request.is_write();
    let ticket = Ticket::new(0, is_write, Arc::new(Channel(sender)));
    (Operation { request, ticket }, Answer(receiver))
}

/// The outcome of one operation, once it is there.
pub struct Answer(mpsc::Receiver<Outcome>);

impl Answer {
    /// Waits at most 30 seconds: a promise that never settles fails the test instead of hanging it.
    pub fn wait(self) -> Outcome {
        self.0.recv_timeout(Duration::from_secs(30)).expect("the operation was never settled")
    }
}

/// Submits one request and waits for its outcome.
pub fn run(store: &dyn Store, request: Request) -> Outcome {
    let (operation, answer) = operation(request);
    store.submit(vec![operation]);
    answer.wait()
}

pub fn save(id: &str, text: &str) -> Request {
    Request::Save { id: id.to_owned(), text: text.to_owned() }
}

pub fn load(id: &str) -> Request {
    Request::Load { id: id.to_owned() }
}

pub fn delete(id: &str) -> Request {
    Request::Delete { id: id.to_owned() }
}
