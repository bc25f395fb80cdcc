//! The native side of `MemoryStorage`: answers on the spot, so it needs no promise of its own.

use napi::Env;
use napi::bindgen_prelude::{Result, Unknown};
use napi_derive::napi;

use super::raw::{Text, text_to_value, to_value};
use flowkit_store::memory::MemoryStore;

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
        MemoryHandle { store: MemoryStore::new() }
    }

    /// Stores `text` under `id`.
    #[napi(catch_unwind)]
    pub fn save(&self, id: String, #[napi(ts_arg_type = "string")] text: Text) {
        self.store.save(id, text.0);
    }

    /// Answers the text under `id`, or `undefined`.
    #[napi(ts_return_type = "string | undefined", catch_unwind)]
    pub fn load<'env>(&self, env: &'env Env, id: String) -> Result<Unknown<'env>> {
        self.store.load(&id, |text| match text {
            Some(text) => text_to_value(env, text),
            None => to_value(env, ()),
        })
    }

    /// Forgets `id`.
    #[napi(catch_unwind)]
    pub fn delete(&self, id: String) {
        self.store.delete(&id);
    }

    /// Forgets everything.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.store.clear();
    }

    /// Where `id` is kept, as an error message names it.
    #[napi(catch_unwind)]
    pub fn place(&self, _id: String) -> String {
        "this process's memory".to_owned()
    }
}
