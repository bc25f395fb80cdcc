//! One dispatcher for each JavaScript thread: it keeps the pending promises and settles them, some in each turn.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowkit_store::error::StoreError;
use flowkit_store::incremental::Entries;
use flowkit_store::retention::Aged;
use flowkit_store::stats::Begun;
use flowkit_store::{Answer, Operation, Receiver, Request, Store, Ticket};
use napi::Env;
use napi::bindgen_prelude::{Function, Result, Unknown};
use napi_derive::napi;
use slab::Slab;

use super::age::{aged_to_value, too_long};
use super::completion_queue::{CompletionQueue, Finish, Finished};
use super::failure::Failure;
use super::lock::{entered_to_value, written_to_value};
use super::raw::{Deferred, Wake, text_to_value, to_value};
use super::snapshots::{Shortening, short_to_value};
use super::stats::{Counted, StorageEvent};

/// Hands operations over to their stores and settles their promises.
#[napi]
pub struct Dispatcher {
    pending: Rc<PendingPromises>,
}

/// The promises of this thread that wait for an outcome.
pub struct PendingPromises {
    queue: Arc<CompletionQueue>,
    /// When the first operation of this hand-over was enqueued: one reading of the clock is enough for all of them.
    tick: Cell<Option<Instant>>,
    deferreds: RefCell<Slab<Pending>>,
}

struct Pending {
    deferred: Deferred,
    /// `None` if somebody else counts the operation, or nobody does.
    counted: Option<(Arc<Counted>, Begun)>,
}

/// What is still to be done, as [`Dispatcher::settle`] returns it.
const MORE: u32 = 1;
const EVENTS: u32 = 2;

/// A write that failed while the process ended.
#[napi(object, object_from_js = false)]
pub struct FailedWrite {
    /// The number that the storage's `Stats` were made with.
    pub storage: u32,
    pub failure: Failure,
}

#[napi]
impl Dispatcher {
    /// `onWake` is called when outcomes are waiting. It must not settle them itself but schedule a call of `settle()`
    /// with `setImmediate`: Node runs up to a thousand wake-ups before it looks at timers and sockets again.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, on_wake: Function<'_, (), ()>) -> Result<Self> {
        let queue = Arc::new(CompletionQueue::new(Wake::new(&env, &on_wake)?));
        // After the wake-up function was made: hooks run last-in first-out, and ours has to come first.
        env.add_env_cleanup_hook(queue.clone(), |queue| queue.shut_down())?;
        Ok(Dispatcher {
            pending: Rc::new(PendingPromises { queue, tick: Cell::default(), deferreds: RefCell::default() }),
        })
    }

    /// Hands the operations that were submitted since the last time over to their stores. To be called once per microtask.
    #[napi(catch_unwind)]
    pub fn hand_over(&self) {
        self.pending.tick.set(None);
        self.pending.queue.hand_over();
    }

    /// Settles a bounded number of promises. Returns 1 if more are waiting (then call it again, from a new turn), plus 2 if
    /// there are events to take.
    #[napi(catch_unwind)]
    pub fn settle(&self, env: Env) -> Result<u32> {
        let (batch, more) = self.pending.queue.next_batch();
        let now = Instant::now();
        for finished in batch {
            let pending = self.pending.deferreds.borrow_mut().try_remove(finished.token);
            if let Some(mut pending) = pending {
                pending.count(&finished.finish, now);
                settle_one(&env, pending.deferred, finished.finish)?;
            }
        }
        if self.pending.deferreds.borrow().is_empty() {
            self.pending.queue.wake().keep_alive(&env, false);
        }
        let events = self.pending.queue.has_events();
        Ok(if more { MORE } else { 0 } + if events { EVENTS } else { 0 })
    }

    /// Takes what happened to the storages of this thread by itself.
    #[napi(catch_unwind)]
    pub fn take_events(&self) -> Vec<StorageEvent> {
        self.pending.queue.take_events()
    }

    /// Takes the failures of writes whose promises will not be settled: the process ends, and everything is drained.
    #[napi(catch_unwind)]
    pub fn take_failed_writes(&self) -> Vec<FailedWrite> {
        let mut deferreds = self.pending.deferreds.borrow_mut();
        let failed = self.pending.queue.take_all().into_iter().filter_map(|Finished { token, finish }| {
            let (counted, begun) = deferreds.try_remove(token)?.counted?;
            match finish {
                Finish::Outcome(Err(error)) if begun.is_write => {
                    Some(FailedWrite { storage: counted.number, failure: error.into() })
                }
                _ => None,
            }
        });
        failed.collect()
    }

    /// Returns whether operations are pending, which keeps the process alive.
    #[napi(catch_unwind)]
    pub fn has_ref(&self) -> bool {
        !self.pending.deferreds.borrow().is_empty()
    }

    /// Blocks until every write submitted so far is settled, at most `milliseconds`. Only for the end of the process.
    #[napi(catch_unwind)]
    pub fn drain(&self, milliseconds: u32) {
        self.pending.queue.drain(Instant::now() + Duration::from_millis(milliseconds.into()));
    }
}

impl Dispatcher {
    /// Registers a newly made store, so that the end of the thread releases it.
    pub fn adopt(&self, store: &Arc<dyn Store>) -> Rc<PendingPromises> {
        self.pending.queue.register(store);
        self.pending.clone()
    }

    /// Returns `handOver()` as a function, for when the database itself calls us, between two microtasks.
    pub fn hand_over_anywhere(&self) -> Box<dyn Fn() + Send + Sync> {
        let queue = self.pending.queue.clone();
        Box::new(move || queue.hand_over())
    }

    /// Returns what passes events on to this thread, from any thread.
    pub fn notifier(&self) -> impl Fn(StorageEvent) + Send + Sync + use<> {
        let queue = self.pending.queue.clone();
        move |event| queue.notify(event)
    }
}

impl PendingPromises {
    /// Puts an operation on the hand-over list and returns its promise. The result of a load may be without the `entries` that
    /// JavaScript remembers.
    pub fn enqueue<'env>(
        &self,
        env: &'env Env,
        store: &Arc<dyn Store>,
        request: Request,
        entries: Option<Arc<Entries>>,
        counted: Option<&Arc<Counted>>,
    ) -> Result<Unknown<'env>> {
        let counted = counted.map(|counted| (counted.clone(), counted.stats.begin(&request, self.now())));
        let receiver: Arc<dyn Receiver> = match entries {
            Some(entries) => Arc::new(Shortening::new(self.queue.clone(), entries)),
            None => self.queue.clone(),
        };
        let (ticket, promise) = self.ticket(env, request.is_write(), receiver, counted)?;
        self.queue.enqueue(store, Operation { request, ticket });
        Ok(promise)
    }

    /// Closes `store` behind everything that was submitted before and returns the promise of that.
    pub fn close<'env>(&self, env: &'env Env, store: &Arc<dyn Store>) -> Result<Unknown<'env>> {
        let (ticket, promise) = self.ticket(env, false, self.queue.clone(), None)?;
        self.queue.hand_over();
        store.close(ticket);
        Ok(promise)
    }

    fn now(&self) -> Instant {
        let now = self.tick.get().unwrap_or_else(Instant::now);
        self.tick.set(Some(now));
        now
    }

    fn ticket<'env>(
        &self,
        env: &'env Env,
        is_write: bool,
        receiver: Arc<dyn Receiver>,
        counted: Option<(Arc<Counted>, Begun)>,
    ) -> Result<(Ticket, Unknown<'env>)> {
        let (deferred, promise) = Deferred::new(env)?;
        let mut deferreds = self.deferreds.borrow_mut();
        if deferreds.is_empty() {
            self.queue.wake().keep_alive(env, true);
        }
        let token = deferreds.insert(Pending { deferred, counted });
        Ok((Ticket::new(token, is_write, receiver), promise))
    }
}

impl Pending {
    /// Counts the end of the operation.
    fn count(&mut self, finish: &Finish, now: Instant) {
        if let Some((counted, begun)) = self.counted.take() {
            counted.stats.end(begun, finish.end(), now);
        }
    }
}

fn settle_one(env: &Env, deferred: Deferred, finish: Finish) -> Result<()> {
    let outcome = match finish {
        Finish::Outcome(outcome) => outcome,
        Finish::Short(cut, size) => return deferred.resolve(env, short_to_value(env, &cut, size)?),
    };
    match outcome {
        Ok(Answer::Done | Answer::Text(None)) => deferred.resolve(env, to_value(env, ())?),
        Ok(Answer::Flag(flag)) => deferred.resolve(env, to_value(env, flag)?),
        Ok(Answer::Entered(entered)) => deferred.resolve(env, entered_to_value(env, entered)?),
        Ok(Answer::Written(written)) => deferred.resolve(env, written_to_value(env, written)?),
        Ok(Answer::Page(page)) => deferred.resolve(env, text_to_value(env, &page.to_json())?),
        Ok(Answer::Text(Some(text))) => match text_to_value(env, &text) {
            Ok(value) => deferred.resolve(env, value),
            Err(error) => reject(env, deferred, too_long(text.len(), &error)),
        },
        Ok(Answer::Aged(None)) => deferred.resolve(env, to_value(env, ())?),
        Ok(Answer::Aged(Some(Aged { text, age }))) => match aged_to_value(env, &text, age) {
            Ok(value) => deferred.resolve(env, value),
            Err(error) => reject(env, deferred, too_long(text.len(), &error)),
        },
        Err(error) => reject(env, deferred, error),
    }
}

fn reject(env: &Env, deferred: Deferred, error: StoreError) -> Result<()> {
    deferred.reject(env, to_value(env, Failure::from(error))?)
}
