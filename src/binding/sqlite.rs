//! Opening a `SQLiteStorage`.

use std::sync::Arc;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use flowkit_store::sqlite::{SqliteConfig, SqliteStore};

/// The options of `SQLiteStorage`, checked and complete.
#[napi(object, object_to_js = false)]
pub struct SqliteOptions {
    /// Absolute path.
    pub path: String,
    pub table: String,
}

/// The file is opened at the first operation, on the writer thread.
#[napi(catch_unwind)]
pub fn open_sqlite(dispatcher: &Dispatcher, options: SqliteOptions) -> StorageHandle {
    let SqliteOptions { path, table } = options;
    StorageHandle::new(dispatcher, Arc::new(SqliteStore::new(SqliteConfig { path: path.into(), table })))
}
