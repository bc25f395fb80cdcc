//! Who runs when: in order within a conversation, side by side across conversations.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::StoreError;
use crate::runtime::runtime;
use crate::{Operation, Outcome, Request, Ticket};

/// How the operations of a store are spread over threads.
#[derive(Clone, Copy, Debug)]
pub struct Crew {
    /// How many operations run at once. Each one holds a thread and a state in memory.
    pub workers: usize,
    /// How many saves of as many conversations one worker may do in a row before it answers them, where more wait than
    /// there are workers. Each answer by itself would wake the JavaScript thread (measured: half of what it then has to
    /// do for a save).
    pub together: usize,
}

impl Crew {
    /// For saves that wait for the disk. Disks answer several requests together, so more than the cores, and nobody's
    /// answer is held back by another's wait.
    pub const WAITING: Crew = Crew { workers: 16, together: 1 };
    /// For saves that do not. They fight over the lock of the directory (measured at 64 chains: 17 % less processor
    /// time and 18 % more saves than with 16); as many as Node itself would use.
    pub const BUSY: Crew = Crew { workers: 4, together: 4 };
}

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
    crew: Crew,
    run: Run,
}

/// What a worker does next in one lane: operations that are done by doing the last.
struct Turn {
    key: Arc<str>,
    operations: Vec<Operation>,
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
    pub fn new(crew: Crew, run: impl Fn(&Request) -> Outcome + Send + Sync + 'static) -> Self {
        Lanes { shared: Arc::new(Shared { state: Mutex::default(), crew, run: Box::new(run) }) }
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
        let hired = self.shared.crew.workers.min(state.lanes.len()).saturating_sub(state.workers);
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

    /// What a worker does next. Saves of one conversation that wait in a row are done at once, by storing the last: the
    /// others would be overwritten before anyone had a right to see them, and each costs two disk syncs.
    fn take_turn(&mut self) -> Option<Turn> {
        let key = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&key).expect("a ready lane exists");
        let mut operations: Vec<Operation> = lane.pop_front().into_iter().collect();
        while let (Some(done), Some(next)) = (operations.last(), lane.front())
            && let (Request::Save { id, .. }, Request::Save { id: next_id, .. }) = (&done.request, &next.request)
            && id == next_id
        {
            operations.extend(lane.pop_front());
        }
        Some(Turn { key, operations })
    }

    /// Whether the lane whose turn is next begins with a save.
    fn next_saves(&self) -> bool {
        let lane = self.ready.front().and_then(|key| self.lanes.get(key));
        lane.and_then(VecDeque::front).is_some_and(|operation| matches!(operation.request, Request::Save { .. }))
    }

    /// The turns that a worker takes together: one, or several saves where more wait than there are workers.
    fn take_turns(&mut self, crew: Crew) -> Vec<Turn> {
        let share = self.ready.len().div_ceil(crew.workers).min(crew.together);
        let mut turns = Vec::with_capacity(share);
        let saves = self.next_saves();
        turns.extend(self.take_turn());
        while saves && turns.len() < share && self.next_saves() {
            turns.extend(self.take_turn());
        }
        turns
    }
}

impl Shared {
    fn start_worker(self: Arc<Self>) {
        runtime().spawn_blocking(move || self.work());
    }

    fn work(self: Arc<Self>) {
        for _ in 0..TURNS {
            let turns = self.next();
            if turns.is_empty() {
                return;
            }
            let done: Vec<_> = turns.into_iter().map(|turn| (self.perform(&turn), turn)).collect();
            for (outcome, turn) in done {
                self.finish(outcome, turn);
            }
        }
        self.start_worker();
    }

    fn next(&self) -> Vec<Turn> {
        let mut state = self.state.lock();
        let turns = state.take_turns(self.crew);
        if turns.is_empty() {
            // Under the lock that saw nothing to do: otherwise a submit in between would count on this worker, and its
            // operation would wait for ever.
            state.workers -= 1;
        }
        turns
    }

    /// A panic is the outcome of this turn and of no other, and the lane goes on.
    fn perform(&self, turn: &Turn) -> Outcome {
        let Some(Operation { request, .. }) = turn.operations.last() else { return Ok(None) };
        catch_unwind(AssertUnwindSafe(|| (self.run)(request)))
            .unwrap_or_else(|payload| Err(StoreError::panicked(&*payload)))
    }

    fn finish(&self, outcome: Outcome, turn: Turn) {
        let Turn { key, mut operations } = turn;
        let answered = operations.len();
        let last = operations.pop();
        for overwritten in operations {
            overwritten.ticket.settle(outcome.clone());
        }
        if let Some(last) = last {
            last.ticket.settle(outcome);
        }
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
