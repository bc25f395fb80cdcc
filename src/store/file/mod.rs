//! Conversations as JSON files, one file each.

use std::path::PathBuf;

use super::{Operation, Store};

pub struct FileConfig {
    /// Absolute; made at the first save.
    pub dir: PathBuf,
    /// What follows the name, with its dot, such as `.json`.
    pub extension: String,
    /// Whether a save waits until file and directory are on the disk.
    pub durable: bool,
}

pub struct FileStore {
    config: FileConfig,
}

impl FileStore {
    pub fn new(config: FileConfig) -> Self {
        FileStore { config }
    }
}

impl Store for FileStore {
    fn submit(&self, operations: Vec<Operation>) {
        drop(operations);
    }

    fn place(&self, id: &str) -> String {
        format!("{}/{id}", self.config.dir.display())
    }
}
