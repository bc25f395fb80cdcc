//! Opens a `FileStorage`.

use std::sync::Arc;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use super::stats::Stats;
use flowkit_store::file::{FileConfig, FileStore};

/// The options of `FileStorage`, checked and complete.
#[napi(object, object_to_js = false)]
pub struct FileOptions {
    /// Absolute path.
    pub dir: String,
    pub extension: String,
    pub durable: bool,
    /// Seconds; absent if this storage removes nothing by itself.
    pub swept_ttl: Option<u32>,
}

/// Opens a store. Touches no file: the directory is made at the first save.
#[napi(catch_unwind)]
pub fn open_file(dispatcher: &Dispatcher, stats: &Stats, options: FileOptions) -> StorageHandle {
    let FileOptions { dir, extension, durable, swept_ttl } = options;
    let store = FileStore::new(FileConfig { dir: dir.into(), extension, durable });
    StorageHandle::observed(dispatcher, Arc::new(store), swept_ttl, stats).counting(stats)
}
