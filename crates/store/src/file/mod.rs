//! Conversations as JSON files, one file each.
//!
//! [`lanes`] decides who runs when, [`conversations`] what an operation does, [`access`] and [`directory`] do it to the
//! disk. Every file has its name from [`file_name`], which no choice of id can lead out of the directory.

mod access;
mod case;
mod conversations;
mod directory;
mod fault;
pub mod file_name;
mod group_sync;
mod lanes;
mod plain;
pub mod state_owner;
mod sweep;
mod temporary;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use self::case::Case;
use self::conversations::Conversations;
use self::lanes::{Crew, Lanes};
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
    lanes: Lanes,
    conversations: Arc<Conversations>,
}

impl FileStore {
    /// Touches no file.
    pub fn new(config: FileConfig) -> Self {
        FileStore::with_case(config, Case::default())
    }

    fn with_case(config: FileConfig, case: Case) -> Self {
        let crew = if config.durable { Crew::WAITING } else { Crew::BUSY };
        let conversations = Arc::new(Conversations::new(config, case));
        let worker = conversations.clone();
        FileStore { lanes: Lanes::new(crew, move |request| worker.run(request)), conversations }
    }
}

impl Store for FileStore {
    fn submit(&self, operations: Vec<Operation>) {
        self.lanes.submit(operations);
    }

    fn place(&self, id: &str) -> String {
        self.conversations.place(id).display().to_string()
    }
}
