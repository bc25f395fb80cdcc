//! The operations that wait to be sent, in the order of their calls.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::config::Limits;
use crate::{Operation, Request};

/// What goes into one pipeline. All its answers arrive together, so a larger one would hold back the early operations.
const BYTES_PER_PIPELINE: usize = 256 * 1024;
const OPERATIONS_PER_PIPELINE: usize = 128;

/// What an operation occupies beside its text.
const OVERHEAD: usize = 128;

pub struct Queued {
    pub operation: Operation,
    since: Instant,
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
}

fn size(request: &Request) -> usize {
    OVERHEAD + request.size()
}

pub struct Queue {
    waiting: VecDeque<Queued>,
    bytes: usize,
    /// When an operation was last answered. An operation behind a long line does not run out of time while the line
    /// moves.
    progress: Instant,
}

impl Queue {
    pub fn new() -> Self {
        Queue { waiting: VecDeque::new(), bytes: 0, progress: Instant::now() }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn push(&mut self, queued: Queued) {
        self.bytes += queued.size();
        self.waiting.push_back(queued);
    }

    /// Whether `operation` may join the ones that wait for a connection. A single one always may, however large, and
    /// so may a burst while the connection is only being made.
    pub fn has_room(&self, operation: &Operation, limits: &Limits) -> bool {
        self.deadline(limits.grace).is_none_or(|end_of_grace| Instant::now() < end_of_grace)
            || (self.waiting.len() < limits.operations && self.bytes + size(&operation.request) <= limits.bytes)
    }

    /// Puts back what was sent and not answered, in front of everything else.
    pub fn put_back(&mut self, operations: Vec<Queued>) {
        for mut queued in operations.into_iter().rev() {
            queued.in_doubt = true;
            self.bytes += queued.size();
            self.waiting.push_front(queued);
        }
    }

    fn pop(&mut self) -> Option<Queued> {
        let queued = self.waiting.pop_front()?;
        self.bytes -= queued.size();
        Some(queued)
    }

    /// The next operations for one pipeline. None when there is nothing to send now.
    pub fn take_pipeline(&mut self) -> Option<Vec<Queued>> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < OPERATIONS_PER_PIPELINE {
            let Some(head) = self.waiting.front() else { break };
            bytes += head.size();
            if bytes > BYTES_PER_PIPELINE && !taken.is_empty() {
                break;
            }
            taken.extend(self.pop());
        }
        (!taken.is_empty()).then_some(taken)
    }

    pub fn note_progress(&mut self) {
        self.progress = Instant::now();
    }

    /// When the operation at the head runs out of time, given how long one may wait for a connection.
    pub fn deadline(&self, wait: Duration) -> Option<Instant> {
        let head = self.waiting.front()?;
        Some(head.since.max(self.progress) + wait)
    }

    /// An operation at the head that has run out of time.
    pub fn take_expired(&mut self, wait: Duration) -> Option<Queued> {
        let late = self.deadline(wait)? <= Instant::now();
        late.then(|| self.pop()).flatten()
    }

    /// Everything, in order.
    pub fn take_all(&mut self) -> Vec<Queued> {
        self.bytes = 0;
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{load, operation, save};

    fn queue_of(requests: Vec<Request>) -> Queue {
        let mut queue = Queue::new();
        for request in requests {
            queue.push(queued(request));
        }
        queue
    }

    fn queued(request: Request) -> Queued {
        Queued::new(operation(request).0)
    }

    fn ids(taken: &[Queued]) -> Vec<&str> {
        taken.iter().map(|queued| queued.operation.request.id()).collect()
    }

    #[test]
    fn a_large_operation_travels_alone() {
        let large = "x".repeat(BYTES_PER_PIPELINE);
        let mut queue = queue_of(vec![save("a", "1"), save("b", &large), save("c", "1"), load("d")]);
        assert_eq!(ids(&queue.take_pipeline().unwrap()), ["a"]);
        assert_eq!(ids(&queue.take_pipeline().unwrap()), ["b"]);
        assert_eq!(ids(&queue.take_pipeline().unwrap()), ["c", "d"]);
        assert!(queue.take_pipeline().is_none());
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn what_is_put_back_comes_first_and_in_order() {
        let mut queue = queue_of(vec![load("a"), load("b"), load("c")]);
        let sent = queue.take_pipeline().unwrap();
        queue.push(queued(load("d")));
        queue.put_back(sent);
        let taken = queue.take_pipeline().unwrap();
        assert_eq!(ids(&taken), ["a", "b", "c", "d"]);
        assert!(taken[0].in_doubt && !taken[3].in_doubt);
    }

    #[test]
    fn one_operation_is_let_in_however_large_and_a_second_is_not() {
        let limits = Limits { bytes: 1_000, operations: 2, grace: Duration::ZERO, ..Limits::default() };
        let large = || operation(save("a", &"x".repeat(5_000))).0;
        let mut queue = Queue::new();
        assert!(queue.has_room(&large(), &limits));
        queue.push(Queued::new(large()));
        assert!(!queue.has_room(&operation(load("b")).0, &limits));
        assert!(queue.has_room(&operation(load("b")).0, &Limits { grace: Duration::from_secs(60), ..limits }));
        let mut queue = queue_of(vec![load("a")]);
        assert!(queue.has_room(&operation(load("b")).0, &limits));
        queue.push(queued(load("b")));
        assert!(!queue.has_room(&operation(load("c")).0, &limits));
    }
}
