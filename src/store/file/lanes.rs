//! Who runs when: in order within a conversation, side by side across conversations.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::error::StoreError;
use crate::store::runtime::runtime;
use crate::store::{Operation, Outcome, Request, Ticket};

/// How many operations of one store run at once. Disks answer several requests together, so more than the cores; but
/// each one holds a thread and a state in memory.
pub const WORKERS: usize = 16;

/// After so many turns a worker queues up for its thread again. Without this, two busy stores keep all threads of the
/// pool for as long as they are busy, and the operations of a third are never answered.
const TURNS: usize = 32;

type Run = Box<dyn Fn(&Request) -> Outcome + Send + Sync>;

/// A queue for each conversation that has something to do, and workers that serve one queue at a time.
///
/// The lock is held for a few pushes and pops, never across input or output: the JavaScript thread takes it too.
pub struct Lanes {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    run: Run,
}

#[derive(Default)]
struct State {
    /// A lane is here exactly while it is in `ready` or in the hands of a worker.
    lanes: HashMap<Arc<str>, VecDeque<Operation>>,
    ready: VecDeque<Arc<str>>,
    workers: usize,
    unanswered: usize,
    closed: bool,
    closing: Vec<Ticket>,
}

impl Lanes {
    pub fn new(run: impl Fn(&Request) -> Outcome + Send + Sync + 'static) -> Self {
        Lanes { shared: Arc::new(Shared { state: Mutex::default(), run: Box::new(run) }) }
    }

    /// Takes over `operations` in call order. Does not block.
    pub fn submit(&self, operations: Vec<Operation>) {
        let mut refused = Vec::new();
        let mut state = self.shared.state.lock();
        for operation in operations {
            match &operation.request {
                Request::Close => {
                    state.closed = true;
                    state.closing.push(operation.ticket);
                }
                _ if state.closed => refused.push(operation.ticket),
                Request::Save { id, .. } | Request::Load { id } | Request::Delete { id } => {
                    let key = lane_key(id);
                    state.append(key, operation);
                }
            }
        }
        let closed = state.closed_by_now();
        let hired = WORKERS.min(state.lanes.len()).saturating_sub(state.workers);
        state.workers += hired;
        drop(state);
        for _ in 0..hired {
            Shared::start_worker(self.shared.clone());
        }
        refused.into_iter().for_each(|ticket| ticket.settle(Err(StoreError::closed())));
        closed.into_iter().for_each(|ticket| ticket.settle(Ok(None)));
    }
}

/// Ids that differ in case alone share a lane. On a file system that ignores case, `User` may find and remove the plain
/// file `user.json` of another program, just when `user` puts its own state there: two lanes would lose that state.
fn lane_key(id: &str) -> Arc<str> {
    let key = if id.is_ascii() { id.to_ascii_lowercase() } else { id.to_uppercase().to_lowercase() };
    key.into()
}

impl State {
    fn append(&mut self, key: Arc<str>, operation: Operation) {
        self.unanswered += 1;
        let State { lanes, ready, .. } = self;
        let lane = lanes.entry(key.clone()).or_insert_with(|| {
            ready.push_back(key);
            VecDeque::new()
        });
        lane.push_back(operation);
    }

    /// The closes whose time has come: everything submitted before them is answered.
    fn closed_by_now(&mut self) -> Vec<Ticket> {
        if self.unanswered == 0 { std::mem::take(&mut self.closing) } else { Vec::new() }
    }

    /// What the worker of a lane does next. Saves of one conversation that wait in a row are done at once, by storing
    /// the last: the others would be overwritten before anyone had a right to see them, and each costs two disk syncs.
    fn take_turn(&mut self, key: &Arc<str>) -> Vec<Operation> {
        let lane = self.lanes.get_mut(key).expect("a ready lane exists");
        let mut turn: Vec<Operation> = lane.pop_front().into_iter().collect();
        while let (Some(done), Some(next)) = (turn.last(), lane.front())
            && let (Request::Save { id, .. }, Request::Save { id: next_id, .. }) = (&done.request, &next.request)
            && id == next_id
        {
            turn.extend(lane.pop_front());
        }
        turn
    }
}

impl Shared {
    fn start_worker(self: Arc<Self>) {
        runtime().spawn_blocking(move || self.work());
    }

    fn work(self: Arc<Self>) {
        for _ in 0..TURNS {
            let Some((key, turn)) = self.next() else { return };
            let answered = turn.len();
            self.perform(turn);
            self.finish(key, answered);
        }
        self.start_worker();
    }

    fn next(&self) -> Option<(Arc<str>, Vec<Operation>)> {
        let mut state = self.state.lock();
        let Some(key) = state.ready.pop_front() else {
            // Under the lock that saw nothing to do: otherwise a submit in between would count on this worker, and its
            // operation would wait for ever.
            state.workers -= 1;
            return None;
        };
        let turn = state.take_turn(&key);
        Some((key, turn))
    }

    fn perform(&self, mut turn: Vec<Operation>) {
        let Some(Operation { request, ticket }) = turn.pop() else { return };
        // A panic rejects this operation and no other, and the lane goes on.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)(&request)))
            .unwrap_or_else(|payload| Err(StoreError::panicked(&*payload)));
        for overwritten in turn {
            overwritten.ticket.settle(outcome.clone());
        }
        ticket.settle(outcome);
    }

    fn finish(&self, key: Arc<str>, answered: usize) {
        let mut state = self.state.lock();
        state.unanswered -= answered;
        if state.lanes.get(&key).is_some_and(|lane| !lane.is_empty()) {
            // To the back of the row: a conversation that is saved without end must not keep others waiting.
            state.ready.push_back(key);
        } else {
            state.lanes.remove(&key);
        }
        let closed = state.closed_by_now();
        drop(state);
        closed.into_iter().for_each(|ticket| ticket.settle(Ok(None)));
    }
}
