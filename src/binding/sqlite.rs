//! Opening a `SQLiteStorage`.

use std::sync::Arc;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use super::stats::Stats;
use flowkit_store::sqlite::journal::Journal;
use flowkit_store::sqlite::{SqliteConfig, SqliteStore};

/// The options of `SQLiteStorage`, checked and complete.
#[napi(object, object_to_js = false)]
pub struct SqliteOptions {
    /// Absolute path.
    pub path: String,
    pub table: String,
    #[napi(ts_type = "'wal' | 'delete'")]
    pub journal: String,
    /// Overwrites what is deleted or replaced, also in the WAL.
    pub secure_delete: bool,
    /// Seconds; absent if this storage removes nothing by itself.
    pub swept_ttl: Option<u32>,
}

/// The file is opened at the first operation, on the writer thread.
#[napi(catch_unwind)]
pub fn open_sqlite(dispatcher: &Dispatcher, stats: &Stats, options: SqliteOptions) -> StorageHandle {
    let SqliteOptions { path, table, journal, secure_delete, swept_ttl } = options;
    let journal = if journal == "delete" { Journal::Delete } else { Journal::Wal };
    let store = SqliteStore::new(SqliteConfig { path: path.into(), table, journal, secure_delete });
    StorageHandle::observed(dispatcher, Arc::new(store), swept_ttl, stats).counting(stats)
}
