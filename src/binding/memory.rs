//! The native side of `MemoryStorage`. It returns results within the call, so it needs no promise of its own.

use std::sync::Arc;
use std::time::Instant;

use flowkit_store::Request;
use flowkit_store::incremental::Entries;
use flowkit_store::memory::{Limits, MemoryAnswer, MemoryStore};
use napi::Env;
use napi::bindgen_prelude::{Result, Unknown};
use napi_derive::napi;

use super::age::aged_to_value;
use super::failure::Failure;
use super::handle::Kind;
use super::lock::{Condition, held_to_value, written_to_value};
use super::raw::{Text, text_to_value, to_value};
use super::scan::ScanOptions;

/// The options of `MemoryStorage`, checked and complete.
#[napi(object, object_to_js = false)]
pub struct MemoryOptions {
    /// Absent for no limit.
    pub max_conversations: Option<f64>,
    /// Absent for no limit.
    pub max_bytes: Option<f64>,
    /// Seconds; absent if this storage removes nothing by itself.
    pub swept_ttl: Option<u32>,
}
use super::snapshots::{ShortForm, SnapshotTable, cut_to_value};
use super::stats::{Counted, Stats};

/// The same methods as `StorageHandle`, without the wait.
#[napi]
pub struct MemoryHandle {
    store: Arc<MemoryStore>,
    counted: Arc<Counted>,
}

#[napi]
impl MemoryHandle {
    #[napi(constructor, catch_unwind)]
    pub fn new(options: MemoryOptions, stats: &Stats) -> Self {
        let MemoryOptions { max_conversations, max_bytes, swept_ttl } = options;
        let limit = |given: Option<f64>| given.map(|limit| limit as u64);
        let limits = Limits { conversations: limit(max_conversations), bytes: limit(max_bytes) };
        let store = MemoryStore::new(limits, swept_ttl);
        let counted = stats.counted();
        store.observe(counted.stats.clone());
        MemoryHandle { store, counted }
    }

    /// Does an operation at `now`, in ms since 1970. Returns the text of a load or of a page, a boolean, what a lock or a conditional
    /// write replies, a `Failure`, or `undefined`.
    #[allow(clippy::too_many_arguments, reason = "an object for them would cost more than the operation")]
    #[napi(ts_return_type = "import('./lib/handle.js').Result | Failure", catch_unwind)]
    pub fn submit<'env>(
        &self,
        env: &'env Env,
        now: f64,
        kind: Kind,
        id: String,
        #[napi(ts_arg_type = "string | undefined")] text: Option<Text>,
        ttl: Option<u32>,
        condition: Option<Condition>,
        scan: Option<ScanOptions>,
    ) -> Result<Unknown<'env>> {
        self.run(env, kind.request(id, text, ttl, condition, scan), now, None)
    }

    /// Saves a state that lacks some of its entries, as `StorageHandle.saveShort` does.
    #[napi(ts_return_type = "import('./lib/handle.js').Result | Failure", catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "numbers cross the boundary faster than an object")]
    pub fn save_short<'env>(
        &self,
        env: &'env Env,
        table: &SnapshotTable,
        number: u32,
        first: u32,
        count: u32,
        more: u32,
        id: String,
        #[napi(ts_arg_type = "string")] text: Text,
        ttl: Option<u32>,
        now: f64,
    ) -> Result<Unknown<'env>> {
        let text = table.splice(ShortForm { number, first, count, more }, text)?;
        self.run(env, Request::Save { id, text, ttl: ttl.unwrap_or(0) }, now, None)
    }

    /// Loads a state without the entries that are remembered, as `StorageHandle.loadShort` does.
    #[napi(ts_return_type = "import('./lib/handle.js').Result | Failure", catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "numbers cross the boundary faster than an object")]
    pub fn load_short<'env>(
        &self,
        env: &'env Env,
        table: &SnapshotTable,
        number: u32,
        kind: Kind,
        id: String,
        ttl: Option<u32>,
        now: f64,
    ) -> Result<Unknown<'env>> {
        let entries = table.get(number);
        self.run(env, kind.request(id, None, ttl, None, None), now, entries.as_deref())
    }

    /// Returns how much is kept, and how many conversations were forgotten because of the limits.
    #[napi(catch_unwind)]
    pub fn usage(&self) -> MemoryUsage {
        let usage = self.store.usage();
        MemoryUsage {
            conversations: usage.conversations() as f64,
            bytes: usage.bytes() as f64,
            evicted: usage.evicted() as f64,
        }
    }

    /// Notes from now on, or no longer, what is forgotten because of the limits.
    #[napi(catch_unwind)]
    pub fn note_evictions(&self, wanted: bool) {
        self.store.note_evictions(wanted);
    }

    /// Takes what was forgotten since the last time.
    #[napi(catch_unwind)]
    pub fn take_evicted(&self) -> Vec<Evicted> {
        let evicted = self.store.take_evicted().into_iter();
        evicted.map(|(id, size)| Evicted { conversation_id: id.into(), size: size as f64 }).collect()
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

impl MemoryHandle {
    fn run<'env>(
        &self,
        env: &'env Env,
        request: Request,
        now: f64,
        entries: Option<&Entries>,
    ) -> Result<Unknown<'env>> {
        let (method, saved, began) = (request.method(), request.text_size() as u64, Instant::now());
        self.store.run(request, now as u64, |answer| {
            // It never waits, so that only its end is counted.
            self.counted.stats.record(method, began.elapsed(), answer.end(), saved);
            answer_to_value(env, answer, entries)
        })
    }
}

/// How much is kept.
#[napi(object, object_from_js = false)]
pub struct MemoryUsage {
    pub conversations: f64,
    /// Of ids and texts.
    pub bytes: f64,
    pub evicted: f64,
}

/// A conversation that was forgotten because of the limits.
#[napi(object, object_from_js = false)]
pub struct Evicted {
    pub conversation_id: String,
    /// The bytes of id and text.
    pub size: f64,
}

/// Converts an answer. A load leaves out the `entries` that JavaScript remembers.
fn answer_to_value<'env>(env: &'env Env, answer: MemoryAnswer<'_>, entries: Option<&Entries>) -> Result<Unknown<'env>> {
    match answer {
        MemoryAnswer::Text(Some(text)) => cut_to_value(env, entries, text),
        MemoryAnswer::Text(None) | MemoryAnswer::Done => to_value(env, ()),
        MemoryAnswer::Aged(None) => to_value(env, ()),
        MemoryAnswer::Aged(Some((text, age))) => aged_to_value(env, text, age),
        MemoryAnswer::Flag(flag) => to_value(env, flag),
        MemoryAnswer::Held(text) => held_to_value(env, 0, text),
        MemoryAnswer::Written(written) => written_to_value(env, written),
        MemoryAnswer::Page(page) => text_to_value(env, &page.to_json()),
        MemoryAnswer::Failed(error) => to_value(env, Failure::from(error)),
    }
}
