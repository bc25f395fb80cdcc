//! One dispatcher for each JavaScript thread: it keeps the waiting promises and settles them in turns.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use napi::Env;
use napi::bindgen_prelude::{Function, Result, Unknown};
use napi_derive::napi;
use slab::Slab;

use super::exchange::Exchange;
use super::failure::Failure;
use super::raw::{Deferred, Wake, text_to_value, to_value};
use flowkit_store::error::{ErrorKind, StoreError};
use flowkit_store::{Operation, Outcome, Request, Store, Ticket};

/// Hands operations to their stores and settles their promises.
#[napi]
pub struct Dispatcher {
    shared: Rc<Waiting>,
}

/// The promises of this thread that wait for an outcome.
pub struct Waiting {
    exchange: Arc<Exchange>,
    deferreds: RefCell<Slab<Deferred>>,
}

#[napi]
impl Dispatcher {
    /// `onWake` is called when outcomes are waiting. It must not settle them itself but schedule a call of `settle()`
    /// with `setImmediate`: Node runs up to a thousand wake-ups before it looks at timers and sockets again.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, on_wake: Function<'_, (), ()>) -> Result<Self> {
        super::quiet_panics();
        let exchange = Arc::new(Exchange::new(Wake::new(&env, &on_wake)?));
        // After the wake-up function was made: hooks run last-in first-out, and ours has to come first.
        env.add_env_cleanup_hook(exchange.clone(), |exchange| exchange.shut_down())?;
        Ok(Dispatcher { shared: Rc::new(Waiting { exchange, deferreds: RefCell::default() }) })
    }

    /// Gives the operations called since the last time to their stores. To be called once per microtask.
    #[napi(catch_unwind)]
    pub fn hand_over(&self) {
        self.shared.exchange.hand_over();
    }

    /// The same; where a single operation waits, it may be done within the call, if its store can do that without blocking.
    /// Answers whether it was: then `settle()` is to be called at once.
    #[napi(catch_unwind)]
    pub fn hand_over_at_once(&self) -> bool {
        self.shared.exchange.hand_over_at_once()
    }

    /// Settles a bounded number of promises. Answers whether more are waiting: then call again, from a new turn.
    #[napi(catch_unwind)]
    pub fn settle(&self, env: Env) -> Result<bool> {
        let (turn, more) = self.shared.exchange.take_turn();
        for finished in turn {
            let deferred = self.shared.deferreds.borrow_mut().try_remove(finished.token);
            if let Some(deferred) = deferred {
                settle_one(&env, deferred, finished.outcome)?;
            }
        }
        if self.shared.deferreds.borrow().is_empty() {
            self.shared.exchange.wake().keep_alive(&env, false);
        }
        Ok(more)
    }

    /// Whether operations are pending, which keeps the process alive.
    #[napi(catch_unwind)]
    pub fn has_ref(&self) -> bool {
        !self.shared.deferreds.borrow().is_empty()
    }

    /// Blocks until every save and delete called so far is answered, at most `milliseconds`. Only for the end of the
    /// process.
    #[napi(catch_unwind)]
    pub fn drain(&self, milliseconds: u32) {
        self.shared.exchange.drain(Instant::now() + Duration::from_millis(milliseconds.into()));
    }
}

impl Dispatcher {
    /// Takes a newly made store into care.
    pub fn adopt(&self, store: &Arc<dyn Store>) -> Rc<Waiting> {
        self.shared.exchange.register(store);
        self.shared.clone()
    }

    /// The same as `handOver()`, for when the database itself calls us, between two microtasks.
    pub fn hand_over_anywhere(&self) -> Box<dyn Fn() + Send + Sync> {
        let exchange = self.shared.exchange.clone();
        Box::new(move || exchange.hand_over())
    }
}

impl Waiting {
    /// Puts an operation on the hand-over list and answers its promise.
    pub fn enqueue<'env>(&self, env: &'env Env, store: &Arc<dyn Store>, request: Request) -> Result<Unknown<'env>> {
        let (deferred, promise) = Deferred::new(env)?;
        let mut deferreds = self.deferreds.borrow_mut();
        if deferreds.is_empty() {
            self.exchange.wake().keep_alive(env, true);
        }
        let token = deferreds.insert(deferred);
        drop(deferreds);
        let ticket = Ticket::new(token, request.is_write(), self.exchange.clone());
        self.exchange.enqueue(store, Operation { request, ticket });
        Ok(promise)
    }
}

fn settle_one(env: &Env, deferred: Deferred, outcome: Outcome) -> Result<()> {
    match outcome {
        Ok(None) => deferred.resolve(env, to_value(env, ())?),
        Ok(Some(text)) => match text_to_value(env, &text) {
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
