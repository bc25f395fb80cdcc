//! The native side of one storage object: file, SQLite or Redis.

use std::rc::Rc;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Result, Unknown};
use napi_derive::napi;

use super::dispatcher::{Dispatcher, Waiting};
use super::raw::Text;
use flowkit_store::{Request, Store};

/// A store and the way to it. Every method answers a promise; arguments are checked before (`lib/state.js`).
#[napi]
pub struct StorageHandle {
    store: Arc<dyn Store>,
    waiting: Rc<Waiting>,
}

impl StorageHandle {
    pub fn new(dispatcher: &Dispatcher, store: Arc<dyn Store>) -> Self {
        let waiting = dispatcher.adopt(&store);
        StorageHandle { store, waiting }
    }
}

#[napi]
impl StorageHandle {
    /// Stores `text` under `id`.
    #[napi(ts_return_type = "Promise<void>", catch_unwind)]
    pub fn save<'env>(
        &self,
        env: &'env Env,
        id: String,
        #[napi(ts_arg_type = "string")] text: Text,
    ) -> Result<Unknown<'env>> {
        self.waiting.enqueue(env, &self.store, Request::Save { id, text: text.0 })
    }

    /// Answers the text under `id`, or `undefined`.
    #[napi(ts_return_type = "Promise<string | undefined>", catch_unwind)]
    pub fn load<'env>(&self, env: &'env Env, id: String) -> Result<Unknown<'env>> {
        self.waiting.enqueue(env, &self.store, Request::Load { id })
    }

    /// Forgets `id`.
    #[napi(ts_return_type = "Promise<void>", catch_unwind)]
    pub fn delete<'env>(&self, env: &'env Env, id: String) -> Result<Unknown<'env>> {
        self.waiting.enqueue(env, &self.store, Request::Delete { id })
    }

    /// Waits for everything before it, then releases what the store opened.
    #[napi(ts_return_type = "Promise<void>", catch_unwind)]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        self.waiting.enqueue(env, &self.store, Request::Close)
    }

    /// Where `id` is kept, as an error message names it.
    #[napi(catch_unwind)]
    pub fn place(&self, id: String) -> String {
        self.store.place(&id)
    }
}
