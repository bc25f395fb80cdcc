//! Holds the operations that wait to be sent, in the order of their calls.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::config::Limits;
use super::in_flight::InFlight;
use super::queued::{Queued, size};
use crate::Operation;

/// The limits of one pipeline. All its replies arrive together, so a larger one would hold back the early operations.
const BYTES_PER_PIPELINE: usize = 256 * 1024;
const OPERATIONS_PER_PIPELINE: usize = 128;

pub struct Queue {
    waiting: VecDeque<Queued>,
    bytes: usize,
    /// How many of them are barriers.
    barriers: usize,
    /// When a reply last came. An operation behind many others does not run out of time while those move on.
    progress: Instant,
}

impl Queue {
    pub fn new() -> Self {
        Queue { waiting: VecDeque::new(), bytes: 0, barriers: 0, progress: Instant::now() }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn push(&mut self, queued: Queued) {
        self.add(&queued);
        self.waiting.push_back(queued);
    }

    fn add(&mut self, queued: &Queued) {
        self.bytes += queued.size();
        self.barriers += usize::from(queued.is_barrier());
    }

    /// Returns whether `operation` may join the ones that wait for a connection. A single one always may, however large, and
    /// so may a burst while the connection is only being made.
    pub fn has_room(&self, operation: &Operation, limits: &Limits) -> bool {
        self.deadline(limits.grace).is_none_or(|end_of_grace| Instant::now() < end_of_grace)
            || (self.waiting.len() < limits.operations && self.bytes + size(&operation.request) <= limits.bytes)
    }

    /// Puts back what was sent and got no reply, in front of everything else.
    pub fn put_back(&mut self, operations: Vec<Queued>) {
        for mut queued in operations.into_iter().rev() {
            queued.in_doubt = true;
            self.add(&queued);
            self.waiting.push_front(queued);
        }
    }

    fn pop(&mut self) -> Option<Queued> {
        self.remove(0)
    }

    fn remove(&mut self, index: usize) -> Option<Queued> {
        let queued = self.waiting.remove(index)?;
        self.bytes -= queued.size();
        self.barriers -= usize::from(queued.is_barrier());
        Some(queued)
    }

    /// Takes the next operations for one pipeline. Returns `None` if none may be sent now.
    pub fn take_pipeline(&mut self, in_flight: &InFlight) -> Option<Vec<Queued>> {
        if self.barriers > 0 || in_flight.has_barriers() {
            return self.take_between_barriers(in_flight);
        }
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

    /// The same if there are barriers. Leaves out operations that a barrier of their conversation keeps back, and barriers
    /// behind operations of their conversation that are in flight. Other conversations go on.
    fn take_between_barriers(&mut self, in_flight: &InFlight) -> Option<Vec<Queued>> {
        let mut taken: Vec<Queued> = Vec::new();
        let mut bytes = 0;
        let mut kept_back: HashSet<String> = HashSet::new();
        let mut index = 0;
        while taken.len() < OPERATIONS_PER_PIPELINE
            && let Some(next) = self.waiting.get(index)
        {
            let id = next.id();
            let may_not_pass = kept_back.contains(id)
                || in_flight.has_barrier(id)
                || next.is_barrier() && (in_flight.has(id) || taken.iter().any(|queued| queued.id() == id));
            if may_not_pass {
                kept_back.insert(id.to_owned());
                index += 1;
                continue;
            }
            bytes += next.size();
            if bytes > BYTES_PER_PIPELINE && !taken.is_empty() {
                break;
            }
            if next.is_barrier() {
                kept_back.insert(id.to_owned());
            }
            taken.extend(self.remove(index));
        }
        (!taken.is_empty()).then_some(taken)
    }

    pub fn note_progress(&mut self) {
        self.progress = Instant::now();
    }

    /// Returns when the operation at the head runs out of time, given how long one may wait for a connection.
    pub fn deadline(&self, wait: Duration) -> Option<Instant> {
        let head = self.waiting.front()?;
        Some(head.since.max(self.progress) + wait)
    }

    /// Takes an operation at the head that has run out of time.
    pub fn take_expired(&mut self, wait: Duration) -> Option<Queued> {
        let late = self.deadline(wait)? <= Instant::now();
        late.then(|| self.pop()).flatten()
    }

    /// Takes everything, in order.
    pub fn take_all(&mut self) -> Vec<Queued> {
        self.bytes = 0;
        self.barriers = 0;
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;
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
        assert_eq!(ids(&queue.take_pipeline(&InFlight::default()).unwrap()), ["a"]);
        assert_eq!(ids(&queue.take_pipeline(&InFlight::default()).unwrap()), ["b"]);
        assert_eq!(ids(&queue.take_pipeline(&InFlight::default()).unwrap()), ["c", "d"]);
        assert!(queue.take_pipeline(&InFlight::default()).is_none());
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn what_is_put_back_comes_first_and_in_order() {
        let mut queue = queue_of(vec![load("a"), load("b"), load("c")]);
        let sent = queue.take_pipeline(&InFlight::default()).unwrap();
        queue.push(queued(load("d")));
        queue.put_back(sent);
        let taken = queue.take_pipeline(&InFlight::default()).unwrap();
        assert_eq!(ids(&taken), ["a", "b", "c", "d"]);
        assert!(taken[0].in_doubt && !taken[3].in_doubt);
    }

    fn append(id: &str) -> Request {
        Request::Append { id: id.to_owned(), text: "1".to_owned() }
    }

    #[test]
    fn a_barrier_is_alone_in_its_conversation_and_holds_up_no_other() {
        let requests = [save("a", "1"), append("a"), load("a"), append("b"), load("c"), append("b"), load("d")];
        let mut queue = queue_of(requests.into());
        let mut in_flight = InFlight::default();
        let sent = queue.take_pipeline(&in_flight).unwrap();
        assert_eq!(ids(&sent), ["a", "b", "c", "d"]);
        in_flight.pretend(sent);
        assert!(queue.take_pipeline(&in_flight).is_none(), "all that waits is behind something in flight");
        drop(in_flight.take_all());
        let sent = queue.take_pipeline(&in_flight).unwrap();
        assert!(ids(&sent) == ["a", "b"] && sent.iter().all(Queued::is_barrier));
        in_flight.pretend(sent);
        queue.push(queued(load("e")));
        assert_eq!(ids(&queue.take_pipeline(&in_flight).unwrap()), ["e"]);
        drop(in_flight.take_all());
        assert_eq!(ids(&queue.take_pipeline(&in_flight).unwrap()), ["a"]);
        assert!(queue.is_empty() && queue.bytes == 0 && queue.barriers == 0);
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
