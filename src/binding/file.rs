//! Opens a `FileStorage`.

use std::sync::Arc;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use flowkit_store::file::{FileConfig, FileStore};

/// The options of `FileStorage`, checked and complete.
#[napi(object, object_to_js = false)]
pub struct FileOptions {
    /// Absolute path.
    pub dir: String,
    pub extension: String,
    pub durable: bool,
}

/// Opens a store. Touches no file: the directory is made at the first save.
#[napi(catch_unwind)]
pub fn open_file(dispatcher: &Dispatcher, options: FileOptions) -> StorageHandle {
    let FileOptions { dir, extension, durable } = options;
    StorageHandle::new(dispatcher, Arc::new(FileStore::new(FileConfig { dir: dir.into(), extension, durable })))
}
