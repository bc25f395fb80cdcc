//! An operation that waits to be sent, or for its reply.

use tokio::time::Instant;

use crate::{Operation, Request};

/// The memory of an operation beside its id and text, in bytes.
const OVERHEAD: usize = 128;

pub struct Queued {
    pub operation: Operation,
    pub since: Instant,
    /// It was sent through a connection that then ended without its reply: it may have taken effect.
    pub in_doubt: bool,
}

impl Queued {
    pub fn new(operation: Operation) -> Self {
        Queued { operation, since: Instant::now(), in_doubt: false }
    }

    pub fn size(&self) -> usize {
        size(&self.operation.request)
    }

    pub fn id(&self) -> &str {
        self.operation.request.id()
    }

    /// Returns whether nothing else of its conversation may be in flight beside it ([`Request::is_idempotent`]).
    pub fn is_barrier(&self) -> bool {
        !self.operation.request.is_idempotent()
    }
}

/// Returns what a request occupies, in bytes.
pub fn size(request: &Request) -> usize {
    OVERHEAD + request.size()
}
