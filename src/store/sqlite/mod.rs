//! Conversations as rows of a table in an SQLite database file that we own.

use std::path::PathBuf;

use super::{Operation, Store};

pub struct SqliteConfig {
    /// Absolute; made, with its directory, at the first operation.
    pub path: PathBuf,
    /// The table's name, unquoted.
    pub table: String,
}

pub struct SqliteStore {
    config: SqliteConfig,
}

impl SqliteStore {
    pub fn new(config: SqliteConfig) -> Self {
        SqliteStore { config }
    }
}

impl Store for SqliteStore {
    fn submit(&self, operations: Vec<Operation>) {
        drop(operations);
    }

    fn place(&self, id: &str) -> String {
        format!("{}/{id}", self.config.path.display())
    }
}
