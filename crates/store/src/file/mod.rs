//! Keeps conversations as JSON files, one file each.
//!
//! [`keyed_queue`] decides what runs when. [`operations`] is what each operation does, [`change`] how what is stored is replaced,
//! and [`locks`] what a lock does. [`scan`] looks through all of them, by their [`names`]; [`renewal`] and [`removal`] are about
//! their [`age`]. [`state_file`] and [`directory`] do it to the disk. Every file has its name from [`file_name`],
//! which no choice of id can lead out of the directory.

mod age;
mod case_sensitivity;
mod change;
mod cleanup;
mod directory;
mod entries;
mod error;
mod file_lock;
pub mod file_name;
mod group_sync;
mod keyed_queue;
mod locks;
mod names;
mod operations;
mod other_files;
#[cfg(windows)]
mod passing_denial;
mod place;
mod record_file;
mod removal;
mod renewal;
mod scan;
mod state_file;
pub mod state_owner;
mod temporary;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use self::case_sensitivity::CaseSensitivity;
use self::keyed_queue::{Concurrency, KeyedQueue};
use self::operations::Operations;
use crate::stats::Stats;
use crate::{Operation, Store, Ticket};

pub struct FileConfig {
    /// Absolute; made at the first save.
    pub dir: PathBuf,
    /// The end of each file's name, with its dot, such as `.json`.
    pub extension: String,
    /// A save waits until file and directory are on the disk.
    pub durable: bool,
}

pub struct FileStore {
    queue: KeyedQueue,
    operations: Arc<Operations>,
}

impl FileStore {
    /// Touches no file.
    pub fn new(config: FileConfig) -> Self {
        FileStore::with_case(config, CaseSensitivity::default())
    }

    fn with_case(config: FileConfig, case: CaseSensitivity) -> Self {
        let concurrency = if config.durable { Concurrency::DURABLE } else { Concurrency::NOT_DURABLE };
        let operations = Arc::new(Operations::new(config, case));
        let worker = operations.clone();
        FileStore { queue: KeyedQueue::new(concurrency, move |request| worker.run(request)), operations }
    }
}

impl Store for FileStore {
    fn submit(&self, operations: Vec<Operation>) {
        self.queue.submit(operations);
    }

    /// Nothing stays open between operations, so there is nothing to release.
    fn close(&self, ticket: Ticket) {
        self.queue.close(ticket);
    }

    fn observe(&self, stats: Arc<Stats>) {
        self.operations.directory.observe(stats);
    }

    fn location(&self, id: &str) -> String {
        self.operations.location(id).display().to_string()
    }
}
