//! Takes operations to the stores in batches and brings their outcomes back in batches.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::raw::Wake;
use super::stats::StorageEvent;
use flowkit_store::incremental::Cut;
use flowkit_store::lock::keeper;
use flowkit_store::stats::End;
use flowkit_store::{Answer, Operation, Outcome, Receiver, Store, Ticket, Token};

/// The limits of what one turn of the event loop settles: bytes of loaded text, and promises. Without them a
/// burst of large loads keeps timers and sockets waiting for hundreds of milliseconds (measured: p99 426 to 1,414 ms
/// against 12 to 20 ms).
const BYTES_PER_TURN: usize = 128 * 1024;
const PROMISES_PER_TURN: usize = 64;

/// How long the end of a thread's environment waits for its un-awaited writes.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The token of an operation that JavaScript does not wait for.
const NO_PROMISE: Token = Token::MAX;

/// A finished operation whose promise is not settled yet.
pub struct Finished {
    pub token: Token,
    pub finish: Finish,
}

/// What JavaScript is told at the end of an operation.
pub enum Finish {
    Outcome(Outcome),
    /// The short form of the text of a load, and the bytes of the text.
    Short(Cut, usize),
}

impl Finish {
    /// The bytes that the JavaScript thread has to copy.
    fn size(&self) -> usize {
        match self {
            Finish::Outcome(outcome) => outcome.as_ref().map_or(0, Answer::size),
            Finish::Short(cut, _) => cut.short.len(),
        }
    }

    /// How the operation is counted.
    pub fn end(&self) -> End {
        match self {
            Finish::Outcome(outcome) => outcome.into(),
            Finish::Short(_, size) => End::Done { loaded: *size as u64 },
        }
    }
}

#[derive(Default)]
struct Inbox {
    finished: VecDeque<Finished>,
    /// The JavaScript thread was woken and will call `settle()`.
    is_awake: bool,
    /// Writes that are not finished.
    open_writes: usize,
    /// What happened to storages by itself.
    events: Vec<StorageEvent>,
}

/// One for each JavaScript thread. Shared with every store that owes an outcome.
pub struct CompletionQueue {
    wake: Wake,
    outgoing: Mutex<Vec<(Arc<dyn Store>, Operation)>>,
    inbox: Mutex<Inbox>,
    writes_done: Condvar,
    stores: Mutex<Vec<Weak<dyn Store>>>,
}

impl CompletionQueue {
    pub fn new(wake: Wake) -> Self {
        CompletionQueue {
            wake,
            outgoing: Mutex::default(),
            inbox: Mutex::default(),
            writes_done: Condvar::new(),
            stores: Mutex::default(),
        }
    }

    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Remembers a store, so that it can be released when the environment ends.
    pub fn register(&self, store: &Arc<dyn Store>) {
        let mut stores = self.stores.lock();
        stores.retain(|known| known.strong_count() > 0);
        stores.push(Arc::downgrade(store));
    }

    /// Puts an operation on the list of the current tick.
    pub fn enqueue(&self, store: &Arc<dyn Store>, operation: Operation) {
        if operation.request.is_write() {
            self.inbox.lock().open_writes += 1;
        }
        self.outgoing.lock().push((store.clone(), operation));
    }

    /// Hands the operations of this tick over to their stores, one batch for each store, in call order.
    pub fn hand_over(&self) {
        distribute(std::mem::take(&mut *self.outgoing.lock()));
    }

    /// Takes the outcomes to settle in this turn of the event loop. Returns also whether some are left for the next.
    pub fn next_batch(&self) -> (Vec<Finished>, bool) {
        let mut inbox = self.inbox.lock();
        let mut bytes = 0;
        let mut count = 0;
        while count < inbox.finished.len() && count < PROMISES_PER_TURN && bytes < BYTES_PER_TURN {
            bytes += inbox.finished[count].finish.size();
            count += 1;
        }
        let batch = inbox.finished.drain(..count).collect();
        inbox.is_awake = !inbox.finished.is_empty();
        (batch, inbox.is_awake)
    }

    /// Passes on what happened to a storage by itself. Keeps nothing alive, and is lost if the process ends first.
    pub fn notify(&self, event: StorageEvent) {
        let mut inbox = self.inbox.lock();
        inbox.events.push(event);
        let must_wake = !std::mem::replace(&mut inbox.is_awake, true);
        drop(inbox);
        if must_wake {
            self.wake.call();
        }
    }

    pub fn has_events(&self) -> bool {
        !self.inbox.lock().events.is_empty()
    }

    pub fn take_events(&self) -> Vec<StorageEvent> {
        std::mem::take(&mut self.inbox.lock().events)
    }

    /// Takes all outcomes: the process ends, and nobody will settle them.
    pub fn take_all(&self) -> Vec<Finished> {
        self.inbox.lock().finished.drain(..).collect()
    }

    /// Blocks the JavaScript thread until every write is finished, at most until `deadline`. Only for the end of the
    /// process or of the thread.
    pub fn drain(self: &Arc<Self>, deadline: Instant) {
        self.hand_over();
        self.give_back_locks();
        let mut inbox = self.inbox.lock();
        while inbox.open_writes > 0 {
            if self.writes_done.wait_until(&mut inbox, deadline).timed_out() {
                break;
            }
        }
        drop(inbox);
        for store in self.stores() {
            store.release(deadline);
        }
    }

    /// Gives back the locks that are held, so that nobody has to wait for the lease. Behind all writes.
    fn give_back_locks(self: &Arc<Self>) {
        for store in self.stores() {
            for request in keeper::take_leaves(&store) {
                self.inbox.lock().open_writes += 1;
                let ticket = Ticket::new(NO_PROMISE, request.is_write(), self.clone());
                store.submit(vec![Operation { request, ticket }]);
            }
        }
    }

    fn stores(&self) -> Vec<Arc<dyn Store>> {
        self.stores.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Puts the end of an operation into line for the JavaScript thread. Called from any thread.
    pub fn finish(&self, token: Token, is_write: bool, finish: Finish) {
        let mut inbox = self.inbox.lock();
        inbox.finished.push_back(Finished { token, finish });
        if is_write {
            inbox.open_writes -= 1;
            if inbox.open_writes == 0 {
                self.writes_done.notify_all();
            }
        }
        let must_wake = !std::mem::replace(&mut inbox.is_awake, true);
        drop(inbox);
        if must_wake {
            self.wake.call();
        }
    }

    /// Finishes un-awaited writes: the environment is being torn down. Wakes no one afterwards.
    pub fn shut_down(self: &Arc<Self>) {
        self.drain(Instant::now() + TEARDOWN_TIMEOUT);
        self.wake.disconnect();
    }
}

fn distribute(operations: Vec<(Arc<dyn Store>, Operation)>) {
    let mut batches: Vec<(Arc<dyn Store>, Vec<Operation>)> = Vec::new();
    for (store, operation) in operations {
        match batches.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &store)) {
            Some((_, batch)) => batch.push(operation),
            None => batches.push((store, vec![operation])),
        }
    }
    for (store, batch) in batches {
        // Nobody catches what the hand-over throws: a panic would end the process as an unhandled rejection, and keep the
        // batches behind it pending. Dropped tickets reject their operations.
        let _ = catch_unwind(AssertUnwindSafe(|| store.submit(batch)));
    }
}

impl Receiver for CompletionQueue {
    fn receive(&self, token: Token, is_write: bool, outcome: Outcome) {
        self.finish(token, is_write, Finish::Outcome(outcome));
    }
}
