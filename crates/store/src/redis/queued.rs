//! An operation that waits to be sent, or for its reply.

use tokio::time::Instant;

use super::commands::{self, Progress};
use super::errors;
use crate::{Operation, Outcome, Request};

/// The memory of an operation beside its id and text, in bytes.
const OVERHEAD: usize = 128;

pub struct Queued {
    pub operation: Operation,
    /// How far it is, of those that take several stages.
    pub progress: Progress,
    /// How many of its commands are in flight.
    pub commands: usize,
    pub since: Instant,
    /// Its place in the order of calls, counted by the queue.
    pub place: u64,
    /// True if it was sent and its reply did not come: it may have taken effect.
    pub in_doubt: bool,
    /// True if a connection was given up as it waited for this reply, or got a wrong one.
    pub was_stalled: bool,
}

impl Queued {
    pub fn new(operation: Operation) -> Self {
        Queued {
            operation,
            progress: Progress::default(),
            commands: 0,
            since: Instant::now(),
            place: 0,
            in_doubt: false,
            was_stalled: false,
        }
    }

    pub fn size(&self) -> usize {
        size(&self.operation.request) + self.progress.size()
    }

    pub fn id(&self) -> &str {
        self.operation.request.id()
    }

    /// Returns whether nothing else of its conversation may be in flight beside it ([`Request::is_idempotent`]).
    pub fn is_barrier(&self) -> bool {
        !self.operation.request.is_idempotent()
    }

    /// Returns whether it is a write that may have taken effect already.
    pub fn is_write_in_doubt(&self) -> bool {
        self.in_doubt && self.operation.request.is_write()
    }

    /// Settles the operation. A write in doubt that fails ends as a time-out, also if the server refused it when it was
    /// sent again: a refusal would deny that the first sending may have taken effect.
    pub fn settle(self, outcome: Outcome) {
        let is_write_in_doubt = self.is_write_in_doubt();
        let outcome = outcome.map_err(|error| if is_write_in_doubt { errors::in_doubt(error) } else { error });
        self.operation.ticket.settle(outcome);
    }
}

/// Returns what a request occupies, in bytes, or its replies if they are long.
pub fn size(request: &Request) -> usize {
    OVERHEAD + request.size() + commands::expected_bytes(request)
}
