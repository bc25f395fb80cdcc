//! The native side of one storage object: file, SQLite or Redis.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowkit_store::lock::keeper::{self, Lock};
use flowkit_store::sweeper::Swept;
use flowkit_store::{Request, Store};
use napi::Env;
use napi::bindgen_prelude::{Result, Unknown};
use napi_derive::napi;

use super::dispatcher::{Dispatcher, PendingPromises};
use super::lock::Condition;
use super::raw::Text;
use super::scan::ScanOptions;
use super::snapshots::{ShortForm, SnapshotTable};
use super::stats::{Counted, Stats};

/// The kinds of operations; `operation.kind` has their names in lower case. A number crosses the boundary, which costs the
/// JavaScript thread 60 ns less than a text (measured, a load of 2 KB from memory: 1.9 µs).
#[napi]
pub enum Kind {
    Load,
    /// A load that renews the expiry.
    Refresh,
    /// A load with the age of the conversation.
    Aged,
    Save,
    Has,
    Touch,
    Delete,
    Cas,
    Enter,
    Leave,
    Scan,
}

impl Kind {
    /// Builds the request for `id`. `text` is the JSON of a state, for the kinds that store one; `ttl` is in seconds, 0 by default.
    pub fn request(
        self,
        id: String,
        text: Option<Text>,
        ttl: Option<u32>,
        condition: Option<Condition>,
        scan: Option<ScanOptions>,
    ) -> Request {
        let ttl = ttl.unwrap_or(0);
        if let Some(scan) = scan {
            return Request::Scan(scan.scan(id, ttl));
        }
        if let Some(condition) = condition {
            return condition.request(self, id, text, ttl);
        }
        match self {
            Kind::Load | Kind::Refresh => Request::Load { id, ttl, refresh: matches!(self, Kind::Refresh) },
            Kind::Aged => Request::LoadAged { id, ttl },
            Kind::Save => Request::Save { id, text: text.map(|text| text.0).unwrap_or_default().into(), ttl },
            Kind::Has => Request::Has { id, ttl },
            Kind::Touch => Request::Touch { id, ttl },
            Kind::Delete => Request::Delete { id },
            // These have a condition or a scan. Without one, JavaScript passed no object, which is a bug there.
            Kind::Cas | Kind::Enter | Kind::Leave | Kind::Scan => Condition::default().request(self, id, text, ttl),
        }
    }
}

/// A store and the way to it. Arguments are checked before they get here (`lib/state.js`).
#[napi]
pub struct StorageHandle {
    store: Arc<dyn Store>,
    pending: Rc<PendingPromises>,
    /// `None` if JavaScript counts the operations.
    counted: Option<Arc<Counted>>,
}

impl StorageHandle {
    pub fn new(dispatcher: &Dispatcher, store: Arc<dyn Store>) -> Self {
        let pending = dispatcher.adopt(&store);
        StorageHandle { store, pending, counted: None }
    }

    /// Counts commits and sweeps in `stats`. With `swept_ttl`, in seconds, a thread removes what has expired.
    pub fn observed(dispatcher: &Dispatcher, store: Arc<dyn Store>, swept_ttl: Option<u32>, stats: &Stats) -> Self {
        let store = match swept_ttl {
            Some(ttl) => Swept::new(store, ttl),
            None => store,
        };
        stats.observe(&*store);
        StorageHandle::new(dispatcher, store)
    }

    /// Counts operations, too.
    pub fn counting(self, stats: &Stats) -> Self {
        StorageHandle { counted: Some(stats.counted()), ..self }
    }

    /// Puts a request on the hand-over list and returns its promise.
    pub fn enqueue<'env>(&self, env: &'env Env, request: Request) -> Result<Unknown<'env>> {
        self.pending.enqueue(env, &self.store, request, None, self.counted.as_ref())
    }
}

#[napi]
impl StorageHandle {
    /// Puts an operation on the hand-over list. The promise resolves to what `MemoryHandle.submit` returns.
    #[allow(clippy::too_many_arguments, reason = "an object for them would cost more than the operation")]
    #[napi(ts_return_type = "Promise<import('./lib/handle.js').Result>", catch_unwind)]
    pub fn submit<'env>(
        &self,
        env: &'env Env,
        kind: Kind,
        id: String,
        #[napi(ts_arg_type = "string | undefined")] text: Option<Text>,
        ttl: Option<u32>,
        condition: Option<Condition>,
        scan: Option<ScanOptions>,
    ) -> Result<Unknown<'env>> {
        self.enqueue(env, kind.request(id, text, ttl, condition, scan))
    }

    /// Puts a save on the hand-over list whose state lacks `count` entries from `first` on of the snapshot with this number. The
    /// first `more` entries that it has are remembered. Throws, and does nothing, if that does not fit.
    #[napi(ts_return_type = "Promise<import('./lib/handle.js').Result>", catch_unwind)]
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
    ) -> Result<Unknown<'env>> {
        let text = table.splice(ShortForm { number, first, count, more }, text)?;
        self.enqueue(env, Request::Save { id, text, ttl: ttl.unwrap_or(0) })
    }

    /// Puts a load, of either kind, on the hand-over list. The promise resolves to the text, to `undefined`, or to `[short, first, count, bytes]` if the
    /// history begins with `count` entries, from `first` on, of the snapshot as it is now. `short` lacks these.
    #[napi(ts_return_type = "Promise<import('./lib/handle.js').Result>", catch_unwind)]
    pub fn load_short<'env>(
        &self,
        env: &'env Env,
        table: &SnapshotTable,
        number: u32,
        kind: Kind,
        id: String,
        ttl: Option<u32>,
    ) -> Result<Unknown<'env>> {
        let request = kind.request(id, None, ttl, None, None);
        self.pending.enqueue(env, &self.store, request, table.get(number), self.counted.as_ref())
    }

    /// Renews the lock of `owner` on conversation `id` while the event loop is blocked, for `hold` milliseconds at most. To be
    /// called when the lock is had, and after each renewal.
    #[napi(catch_unwind)]
    pub fn keep_lock(&self, id: String, owner: String, lease: u32, hold: u32, ttl: u32) {
        let until = Instant::now() + Duration::from_millis(hold.into());
        keeper::keep(Lock { store: Arc::downgrade(&self.store), id, owner, lease, ttl, until });
    }

    /// Waits for everything submitted before, then releases what the store opened. Nothing is submitted afterwards.
    #[napi(ts_return_type = "Promise<void>", catch_unwind)]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        self.pending.close(env, &self.store)
    }

    /// Returns where `id` is kept, as an error message names it.
    #[napi(catch_unwind)]
    pub fn location(&self, id: String) -> String {
        self.store.location(&id)
    }
}

/// Renews the lock of `owner` no longer, in whatever store.
#[napi(catch_unwind)]
pub fn let_lock_go(owner: String) {
    keeper::let_go(&owner);
}
