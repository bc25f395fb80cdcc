//! One dispatcher for each JavaScript thread: it keeps the pending promises and settles them, some in each turn.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowkit_store::error::{ErrorKind, StoreError};
use flowkit_store::{Answer, Operation, Outcome, Request, Store, Ticket};
use napi::Env;
use napi::bindgen_prelude::{Function, Result, Unknown};
use napi_derive::napi;
use slab::Slab;

use super::completion_queue::CompletionQueue;
use super::failure::Failure;
use super::raw::{Deferred, Wake, text_to_value, to_value};

/// Hands operations over to their stores and settles their promises.
#[napi]
pub struct Dispatcher {
    pending: Rc<PendingPromises>,
}

/// The promises of this thread that wait for an outcome.
pub struct PendingPromises {
    queue: Arc<CompletionQueue>,
    deferreds: RefCell<Slab<Deferred>>,
}

#[napi]
impl Dispatcher {
    /// `onWake` is called when outcomes are waiting. It must not settle them itself but schedule a call of `settle()`
    /// with `setImmediate`: Node runs up to a thousand wake-ups before it looks at timers and sockets again.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, on_wake: Function<'_, (), ()>) -> Result<Self> {
        super::quiet_panics();
        let queue = Arc::new(CompletionQueue::new(Wake::new(&env, &on_wake)?));
        // After the wake-up function was made: hooks run last-in first-out, and ours has to come first.
        env.add_env_cleanup_hook(queue.clone(), |queue| queue.shut_down())?;
        Ok(Dispatcher { pending: Rc::new(PendingPromises { queue, deferreds: RefCell::default() }) })
    }

    /// Hands the operations that were submitted since the last time over to their stores. To be called once per microtask.
    #[napi(catch_unwind)]
    pub fn hand_over(&self) {
        self.pending.queue.hand_over();
    }

    /// Settles a bounded number of promises. Returns whether more are waiting: then call it again, from a new turn.
    #[napi(catch_unwind)]
    pub fn settle(&self, env: Env) -> Result<bool> {
        let (batch, more) = self.pending.queue.next_batch();
        for finished in batch {
            let deferred = self.pending.deferreds.borrow_mut().try_remove(finished.token);
            if let Some(deferred) = deferred {
                settle_one(&env, deferred, finished.outcome)?;
            }
        }
        if self.pending.deferreds.borrow().is_empty() {
            self.pending.queue.wake().keep_alive(&env, false);
        }
        Ok(more)
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
}

impl PendingPromises {
    /// Puts an operation on the hand-over list and returns its promise.
    pub fn enqueue<'env>(&self, env: &'env Env, store: &Arc<dyn Store>, request: Request) -> Result<Unknown<'env>> {
        let (ticket, promise) = self.ticket(env, request.is_write())?;
        self.queue.enqueue(store, Operation { request, ticket });
        Ok(promise)
    }

    /// Closes `store` behind everything that was submitted before and returns the promise of that.
    pub fn close<'env>(&self, env: &'env Env, store: &Arc<dyn Store>) -> Result<Unknown<'env>> {
        let (ticket, promise) = self.ticket(env, false)?;
        self.queue.hand_over();
        store.close(ticket);
        Ok(promise)
    }

    fn ticket<'env>(&self, env: &'env Env, is_write: bool) -> Result<(Ticket, Unknown<'env>)> {
        let (deferred, promise) = Deferred::new(env)?;
        let mut deferreds = self.deferreds.borrow_mut();
        if deferreds.is_empty() {
            self.queue.wake().keep_alive(env, true);
        }
        let token = deferreds.insert(deferred);
        Ok((Ticket::new(token, is_write, self.queue.clone()), promise))
    }
}

fn settle_one(env: &Env, deferred: Deferred, outcome: Outcome) -> Result<()> {
    match outcome {
        Ok(Answer::Done | Answer::Text(None)) => deferred.resolve(env, to_value(env, ())?),
        Ok(Answer::Flag(flag)) => deferred.resolve(env, to_value(env, flag)?),
        Ok(Answer::Text(Some(text))) => match text_to_value(env, &text) {
            Ok(value) => deferred.resolve(env, value),
            Err(error) => {
                let failure = StoreError::new(
                    ErrorKind::Corrupt,
                    format!("its state of {} bytes is longer than a JavaScript string can be", text.len()),
                );
                reject(env, deferred, failure.with_cause(None, error.to_string()))
            }
        },
        Err(error) => reject(env, deferred, error),
    }
}

fn reject(env: &Env, deferred: Deferred, error: StoreError) -> Result<()> {
    deferred.reject(env, to_value(env, Failure::from(error))?)
}
