//! Decides what runs when: in order within a conversation, side by side across conversations.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::StoreError;
use crate::thread_pool;
use crate::{Answer, Operation, Outcome, Request, Ticket};

/// How the operations of a store are spread over threads.
#[derive(Clone, Copy, Debug)]
pub struct Concurrency {
    /// How many operations run at the same time. Each one holds a thread and a state in memory.
    pub workers: usize,
    /// How many writes of as many conversations one worker may do in a row before it settles them, if more wait than there
    /// are workers. Settling each by itself would wake the JavaScript thread (measured: half of what that thread then does
    /// for a save).
    pub batch: usize,
}

impl Concurrency {
    /// For saves that wait for the disk. Disks serve several requests together, so this is more than there are cores. No
    /// batches: a finished save must not wait for the sync of another one.
    pub const DURABLE: Concurrency = Concurrency { workers: 16, batch: 1 };
    /// For saves that do not wait. They compete for the lock of the directory (measured with 64 chains of saves: 17 % less
    /// processor time and 18 % more saves than with 16 workers). Node itself uses as many threads.
    pub const NOT_DURABLE: Concurrency = Concurrency { workers: 4, batch: 4 };
}

/// After so many batches a worker queues up for its thread again. Without this, two busy stores keep all threads of the
/// pool while they are busy, and the operations of a third one are never done.
const BATCHES_PER_TASK: usize = 32;

type Run = Box<dyn Fn(&Request) -> Outcome + Send + Sync>;

/// A queue for each conversation that has something to do, and workers that serve one queue at a time.
///
/// The lock is held for a few pushes and pops, never across input or output: the JavaScript thread takes it too.
pub struct KeyedQueue {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    concurrency: Concurrency,
    run: Run,
}

/// Operations of one queue that are done by doing the last of them.
struct WorkItem {
    key: Arc<str>,
    operations: Vec<Operation>,
}

#[derive(Default)]
struct State {
    /// A queue is here exactly while its key is in `ready` or a worker serves it.
    queues: HashMap<Arc<str>, VecDeque<Operation>>,
    ready: VecDeque<Arc<str>>,
    workers: usize,
    unsettled: usize,
    closing: Vec<Ticket>,
}

impl KeyedQueue {
    pub fn new(concurrency: Concurrency, run: impl Fn(&Request) -> Outcome + Send + Sync + 'static) -> Self {
        KeyedQueue { shared: Arc::new(Shared { state: Mutex::default(), concurrency, run: Box::new(run) }) }
    }

    /// Takes over `operations` in call order. Does not block.
    pub fn submit(&self, operations: Vec<Operation>) {
        let mut state = self.shared.state.lock();
        for operation in operations {
            let key = queue_key(operation.request.id());
            state.append(key, operation);
        }
        let to_spawn = self.shared.concurrency.workers.min(state.queues.len()).saturating_sub(state.workers);
        state.workers += to_spawn;
        drop(state);
        for _ in 0..to_spawn {
            Shared::start_worker(self.shared.clone());
        }
    }

    /// Settles `ticket` once everything submitted before is settled.
    pub fn close(&self, ticket: Ticket) {
        let mut state = self.shared.state.lock();
        state.closing.push(ticket);
        let closed = state.take_closed();
        drop(state);
        settle_closed(closed);
    }
}

fn settle_closed(tickets: Vec<Ticket>) {
    for ticket in tickets {
        ticket.settle(Ok(Answer::Done));
    }
}

/// Returns the key of the queue for `id`. Ids that differ in case alone share a queue. On a file system that ignores case,
/// `User` may find and remove the foreign file `user.json`, just when `user` puts its own state there: with two queues
/// that state would be lost.
fn queue_key(id: &str) -> Arc<str> {
    let key = if id.is_ascii() { id.to_ascii_lowercase() } else { id.to_uppercase().to_lowercase() };
    key.into()
}

impl State {
    fn append(&mut self, key: Arc<str>, operation: Operation) {
        self.unsettled += 1;
        let State { queues, ready, .. } = self;
        let queue = queues.entry(key.clone()).or_insert_with(|| {
            ready.push_back(key);
            VecDeque::new()
        });
        queue.push_back(operation);
    }

    /// Returns the closes that may be settled now: everything submitted before them is settled.
    fn take_closed(&mut self) -> Vec<Ticket> {
        if self.unsettled == 0 { std::mem::take(&mut self.closing) } else { Vec::new() }
    }

    /// Takes what a worker does next. Saves of one conversation that wait in a row are coalesced by storing the last: the
    /// others would be overwritten before anyone had a right to see them, and each costs two disk syncs.
    fn take_item(&mut self) -> Option<WorkItem> {
        let key = self.ready.pop_front()?;
        let queue = self.queues.get_mut(&key).expect("a ready queue exists");
        let mut operations: Vec<Operation> = queue.pop_front().into_iter().collect();
        while let (Some(last), Some(next)) = (operations.last(), queue.front())
            && last.request.is_replaced_by(&next.request)
        {
            operations.extend(queue.pop_front());
        }
        Some(WorkItem { key, operations })
    }

    /// Returns whether the next item begins with a write of one conversation. A write of many takes long, and whoever shared its batch
    /// would wait for it.
    fn next_is_write(&self) -> bool {
        let queue = self.ready.front().and_then(|key| self.queues.get(key));
        let next = queue.and_then(VecDeque::front).map(|operation| &operation.request);
        next.is_some_and(|request| request.is_write() && !request.id().is_empty())
    }

    /// Takes the items that a worker does before it settles them: one, or several writes if more wait than there are workers.
    fn take_batch(&mut self, concurrency: Concurrency) -> Vec<WorkItem> {
        let share = self.ready.len().div_ceil(concurrency.workers).min(concurrency.batch);
        let mut batch = Vec::with_capacity(share);
        let writes = self.next_is_write();
        batch.extend(self.take_item());
        while writes && batch.len() < share && self.next_is_write() {
            batch.extend(self.take_item());
        }
        batch
    }
}

impl Shared {
    fn start_worker(self: Arc<Self>) {
        let worker = self.clone();
        if let Err(error) = thread_pool::run(move || worker.work()) {
            self.give_up_worker(&error);
        }
    }

    /// There is no thread for a worker. If there is none at all, nobody will do what waits: it is rejected.
    fn give_up_worker(&self, error: &StoreError) {
        let mut state = self.state.lock();
        state.workers -= 1;
        if state.workers > 0 {
            return;
        }
        state.ready.clear();
        let rejected: Vec<_> = state.queues.drain().flat_map(|(_, queue)| queue).collect();
        state.unsettled -= rejected.len();
        let closed = state.take_closed();
        drop(state);
        for operation in rejected {
            operation.ticket.settle(Err(error.clone()));
        }
        settle_closed(closed);
    }

    fn work(self: Arc<Self>) {
        for _ in 0..BATCHES_PER_TASK {
            let batch = self.next_batch();
            if batch.is_empty() {
                return;
            }
            let done: Vec<_> = batch.into_iter().map(|item| (self.perform(&item), item)).collect();
            for (outcome, item) in done {
                self.settle(outcome, item);
            }
        }
        self.start_worker();
    }

    fn next_batch(&self) -> Vec<WorkItem> {
        let mut state = self.state.lock();
        let batch = state.take_batch(self.concurrency);
        if batch.is_empty() {
            // Under the lock that saw nothing to do: otherwise a submit in between would count on this worker, and its
            // operation would never be done.
            state.workers -= 1;
        }
        batch
    }

    /// Does one item. A panic is the outcome of this item and of no other, and the queue goes on.
    fn perform(&self, item: &WorkItem) -> Outcome {
        let Some(Operation { request, .. }) = item.operations.last() else { return Ok(Answer::Done) };
        catch_unwind(AssertUnwindSafe(|| (self.run)(request)))
            .unwrap_or_else(|payload| Err(StoreError::panicked(&*payload)))
    }

    fn settle(&self, outcome: Outcome, item: WorkItem) {
        let WorkItem { key, mut operations } = item;
        let settled = operations.len();
        let last = operations.pop();
        for replaced in operations {
            replaced.ticket.settle(outcome.clone());
        }
        if let Some(last) = last {
            last.ticket.settle(outcome);
        }
        let mut state = self.state.lock();
        state.unsettled -= settled;
        if state.queues.get(&key).is_some_and(|queue| !queue.is_empty()) {
            // To the back of the row: a conversation that is saved without end must not keep others waiting.
            state.ready.push_back(key);
        } else {
            state.queues.remove(&key);
        }
        let closed = state.take_closed();
        drop(state);
        settle_closed(closed);
    }
}
