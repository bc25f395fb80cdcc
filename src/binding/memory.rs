//! The native side of `MemoryStorage`. It returns results within the call, so it needs no promise of its own.

use flowkit_store::memory::{MemoryAnswer, MemoryStore};
use napi::Env;
use napi::bindgen_prelude::{Result, Unknown};
use napi_derive::napi;

use super::handle::Kind;
use super::raw::{Text, text_to_value, to_value};

/// The same methods as `StorageHandle`, without the wait.
#[napi]
pub struct MemoryHandle {
    store: MemoryStore,
}

#[napi]
impl MemoryHandle {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        super::quiet_panics();
        MemoryHandle { store: MemoryStore::default() }
    }

    /// Does an operation and returns the text of a load, `undefined`, or a boolean.
    #[napi(ts_return_type = "string | boolean | undefined", catch_unwind)]
    pub fn submit<'env>(
        &self,
        env: &'env Env,
        kind: Kind,
        id: String,
        #[napi(ts_arg_type = "string | undefined")] text: Option<Text>,
        ttl: Option<u32>,
    ) -> Result<Unknown<'env>> {
        self.store.run(kind.request(id, text, ttl), |answer| match answer {
            MemoryAnswer::Text(Some(text)) => text_to_value(env, text),
            MemoryAnswer::Text(None) | MemoryAnswer::Done => to_value(env, ()),
            MemoryAnswer::Flag(flag) => to_value(env, flag),
        })
    }

    /// Removes everything.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.store.clear();
    }

    /// Returns where `id` is kept, as an error message names it.
    #[napi(catch_unwind)]
    pub fn location(&self, _id: String) -> String {
        "this process's memory".to_owned()
    }
}
