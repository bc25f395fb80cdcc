//! A connection of ours beside the user's own SQLite connection, off the event loop.

use std::path::Path;
use std::sync::Arc;

use napi::bindgen_prelude::{FnArgs, Function, Result, Unknown};
use napi::{Either, Env};
use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::{Kind, StorageHandle};
use super::raw::{Text, to_value};
use super::snapshots::{ShortForm, SnapshotTable};
use super::stats::Stats;
use flowkit_store::sqlite::sidecar::load_extension::capture_connection;
use flowkit_store::sqlite::sidecar::store::SidecarStore;
use flowkit_store::{Request, Store};

/// One table of the user's database, on the connection beside the user's.
#[napi]
pub struct SqliteSidecar {
    store: Arc<SidecarStore>,
    /// Seconds.
    swept_ttl: Option<u32>,
}

#[napi]
impl SqliteSidecar {
    /// Returns the handle that submits operations to the store. Its commits are counted in `stats`.
    #[napi(catch_unwind)]
    pub fn handle(&self, dispatcher: &Dispatcher, stats: &Stats) -> StorageHandle {
        StorageHandle::observed(dispatcher, self.store.clone() as Arc<dyn Store>, self.swept_ttl, stats)
    }

    /// Blocks until everything submitted so far is done or handed back.
    #[napi(catch_unwind)]
    pub fn drain(&self) {
        self.store.drain();
    }

    /// Returns why operations are handed back; `null` if they are not.
    #[napi(catch_unwind)]
    pub fn why_handed_back(&self) -> Option<String> {
        self.store.why_handed_back()
    }

    /// Takes the texts of the operations of this store that were handed back since the last time, in order; `undefined` for
    /// one without a text. From the first one on every operation is handed back, so they are the last ones submitted. Their
    /// promises are rejected with the code `HANDED_BACK`.
    #[napi(ts_return_type = "Array<string | undefined>", catch_unwind)]
    pub fn take_handed_back(&self) -> Vec<Option<String>> {
        self.store.take_handed_back().into_iter().map(Request::into_text).collect()
    }

    /// Returns whether a backup is running that our commits would make begin anew.
    #[napi(catch_unwind)]
    pub fn is_backup_running(&self) -> bool {
        self.store.is_backup_running()
    }

    /// Returns whether the user's own connection may read now: it would find all that is committed and wait for no lock.
    #[napi(catch_unwind)]
    pub fn may_read_on_user_connection(&self) -> bool {
        self.store.may_read_on_user_connection()
    }

    /// Returns whether `writeNow` may succeed, as far as that can be told without the write.
    #[napi(catch_unwind)]
    pub fn may_write_now(&self) -> bool {
        self.store.may_write_now()
    }

    /// Does a write within the call, on this thread, and returns whether it is done. It waits neither for the disk nor for a
    /// lock. `false` means that nothing happened: submit the operation. To be called only if nothing of this storage is in
    /// flight, and no write of this conversation from another storage on this database.
    #[napi(catch_unwind)]
    pub fn write_now(
        &self,
        kind: Kind,
        id: String,
        #[napi(ts_arg_type = "string | undefined")] text: Option<Text>,
    ) -> bool {
        self.store.write_now(&kind.request(id, text, None, None, None))
    }

    /// Does a save of a short form within the call, as `writeNow` does. If that is not possible, hands it over to `later` and
    /// returns the promise, as `StorageHandle.saveShort` does: the snapshot has changed with the save.
    #[napi(ts_return_type = "undefined | Promise<import('./lib/handle.js').Result>", catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "numbers cross the boundary faster than an object")]
    pub fn save_short<'env>(
        &self,
        env: &'env Env,
        later: &StorageHandle,
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
        let request = Request::Save { id, text, ttl: ttl.unwrap_or(0) };
        if self.store.write_now(&request) { to_value(env, ()) } else { later.enqueue(env, request) }
    }
}

/// Opens a connection beside the user's, or returns why there must be none. `load` calls the user's `db.loadExtension` with
/// the arguments it is given; what it throws is thrown here. The table exists already; `path` is for error messages. `swept_ttl` is
/// in seconds; absent if this storage removes nothing by itself.
#[napi(catch_unwind)]
pub fn open_sqlite_sidecar(
    dispatcher: &Dispatcher,
    load: Function<'_, FnArgs<(String, String)>, ()>,
    path: String,
    table: String,
    swept_ttl: Option<u32>,
) -> Result<Either<SqliteSidecar, String>> {
    let (loaded, user) = capture_connection(|file, entry| load.call(FnArgs::from((file.to_owned(), entry.to_owned()))));
    loaded?;
    let hand_over = dispatcher.hand_over_anywhere();
    Ok(match user.and_then(|user| SidecarStore::new(user, hand_over, Path::new(&path), table)) {
        Ok(store) => Either::A(SqliteSidecar { store: Arc::new(store), swept_ttl }),
        Err(reason) => Either::B(reason),
    })
}
