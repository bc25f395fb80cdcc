//! Holds the operations that wait to be sent, in the order of their calls.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::config::Limits;
use super::in_flight::InFlight;
use super::pipeline::Pipeline;
use super::queued::{Queued, size};
use crate::Operation;

pub struct Queue {
    waiting: VecDeque<Queued>,
    /// The conversations that have a barrier in flight, or one that waits for what is in flight. Holds what came behind.
    held: HashMap<String, VecDeque<Queued>>,
    bytes: usize,
    /// Counts what was pushed, so that the order of calls can be restored.
    pushed: u64,
    /// When a reply last came. An operation behind many others does not run out of time while those move on.
    progress: Instant,
}

impl Queue {
    pub fn new() -> Self {
        Queue { waiting: VecDeque::new(), held: HashMap::new(), bytes: 0, pushed: 0, progress: Instant::now() }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty()
    }

    pub fn push(&mut self, mut queued: Queued) {
        queued.place = self.pushed;
        self.pushed += 1;
        self.bytes += queued.size();
        self.waiting.push_back(queued);
    }

    /// Puts in front what goes on with another stage.
    pub fn resume(&mut self, queued: Queued) {
        self.bytes += queued.size();
        self.waiting.push_front(queued);
    }

    /// Returns whether `operation` may join the ones that wait for a connection. A single one always may, however large, and
    /// so may a burst while the connection is only being made.
    pub fn has_room(&self, operation: &Operation, limits: &Limits) -> bool {
        self.deadline(limits.grace).is_none_or(|end_of_grace| Instant::now() < end_of_grace)
            || (self.waiting.len() < limits.operations && self.bytes + size(&operation.request) <= limits.bytes)
    }

    /// Puts back what was sent, as nothing is in flight any more. All that waits is in the order of calls again.
    pub fn put_back(&mut self, operations: Vec<Queued>) {
        self.bytes += operations.iter().map(Queued::size).sum::<usize>();
        self.waiting.extend(operations);
        self.waiting.extend(self.held.drain().flat_map(|(_, operations)| operations));
        self.waiting.make_contiguous().sort_by_key(|queued| queued.place);
    }

    /// Takes the next operations for one pipeline. Returns `None` if none may be sent now.
    ///
    /// A barrier is alone in flight for its conversation. What is behind it is held, and other conversations go on.
    pub fn take_pipeline(&mut self, in_flight: &InFlight) -> Option<Vec<Queued>> {
        let mut pipeline = Pipeline::default();
        self.held.retain(|id, held| in_flight.has(id) || !pipeline.take_held(held));
        while let Some(next) = self.waiting.pop_front() {
            if let Some(held) = self.held.get_mut(next.id()) {
                held.push_back(next);
            } else if next.is_barrier() && (in_flight.has(next.id()) || pipeline.has(next.id())) {
                self.held.insert(next.id().to_owned(), VecDeque::from([next]));
            } else if !pipeline.has_room(&next) {
                self.waiting.push_front(next);
                break;
            } else {
                if next.is_barrier() {
                    self.held.insert(next.id().to_owned(), VecDeque::new());
                }
                pipeline.push(next);
            }
        }
        self.bytes -= pipeline.bytes;
        (!pipeline.operations.is_empty()).then_some(pipeline.operations)
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
        let expired = late.then(|| self.waiting.pop_front()).flatten()?;
        self.bytes -= expired.size();
        Some(expired)
    }

    /// Takes everything, in order.
    pub fn take_all(&mut self) -> Vec<Queued> {
        self.put_back(Vec::new());
        self.bytes = 0;
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pipeline::BYTES_PER_PIPELINE;
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
        assert!(sent.len() == 2 && sent.iter().all(Queued::is_barrier));
        in_flight.pretend(sent);
        queue.push(queued(load("e")));
        assert_eq!(ids(&queue.take_pipeline(&in_flight).unwrap()), ["e"]);
        drop(in_flight.take_all());
        assert_eq!(ids(&queue.take_pipeline(&in_flight).unwrap()), ["a"]);
        assert!(queue.take_pipeline(&in_flight).is_none() && queue.is_empty() && queue.bytes == 0);
    }

    #[test]
    fn many_barriers_of_one_conversation_are_each_looked_at_once() {
        const COUNT: usize = 100_000;
        let mut queue = queue_of((0..COUNT).map(|_| append("a")).collect());
        let mut in_flight = InFlight::default();
        for _ in 0..COUNT {
            let sent = queue.take_pipeline(&in_flight).unwrap();
            assert_eq!(ids(&sent), ["a"]);
            in_flight.pretend(sent);
            assert!(queue.take_pipeline(&in_flight).is_none());
            in_flight.forget_oldest();
        }
        assert!(queue.take_pipeline(&in_flight).is_none() && queue.is_empty() && queue.bytes == 0);
    }

    #[test]
    fn what_was_held_behind_a_barrier_is_put_back_in_the_order_of_calls() {
        let mut queue = queue_of(vec![append("a"), load("b"), append("a"), save("a", "1"), append("b"), load("c")]);
        let sent = queue.take_pipeline(&InFlight::default()).unwrap();
        assert_eq!(ids(&sent), ["a", "b", "c"]);
        queue.push(queued(load("d")));
        queue.put_back(sent);
        assert_eq!(ids(&queue.take_all()), ["a", "b", "a", "a", "b", "c", "d"]);
    }

    proptest::proptest! {
        #[test]
        fn each_conversation_keeps_its_order_and_a_barrier_is_alone(
            kinds in proptest::collection::vec((0..4u8, proptest::bool::ANY), 0..300),
            settled in proptest::collection::vec(0..3usize, 0..300),
        ) {
            let request = |(id, is_barrier): &(u8, bool)| {
                let id = id.to_string();
                if *is_barrier { append(&id) } else { load(&id) }
            };
            let mut queue = queue_of(kinds.iter().map(request).collect());
            let mut in_flight = InFlight::default();
            let mut flying: VecDeque<Vec<(String, bool)>> = VecDeque::new();
            let mut last: HashMap<String, u64> = HashMap::new();
            let mut settled = settled.into_iter();
            while !queue.is_empty() {
                let sent = queue.take_pipeline(&in_flight);
                assert!(sent.is_some() || !flying.is_empty() || queue.is_empty(), "it is stuck");
                if let Some(sent) = sent {
                    let mut beside: Vec<(String, bool)> = flying.iter().flatten().cloned().collect();
                    for queued in &sent {
                        let (id, is_barrier) = (queued.id().to_owned(), queued.is_barrier());
                        assert!(!beside.iter().any(|(other, barrier)| *other == id && (*barrier || is_barrier)));
                        assert!(last.insert(id.clone(), queued.place).is_none_or(|before| before < queued.place));
                        beside.push((id, is_barrier));
                    }
                    flying.push_back(sent.iter().map(|queued| (queued.id().to_owned(), queued.is_barrier())).collect());
                    in_flight.pretend(sent);
                }
                for _ in 0..settled.next().unwrap_or(1) {
                    flying.pop_front();
                    in_flight.forget_oldest();
                }
            }
        }
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
