//! Conversations as rows of a table in an SQLite database file.
//!
//! [`SqliteStore`] gives operations to the file's one [`writer`]; the [`registry`] lets all stores on one file share it. The
//! [`writer_thread`] takes all that waits in its [`queue`] and does it as one [`batch`], in one transaction over a
//! [`connection`]; only then are the promises settled. [`statements`] maps each operation to its SQL.
//!
//! [`bundled`] is the connection to a file of our own. [`sidecar`] is the one beside the user's.

mod batch;
mod bundled;
mod connection;
mod db_file;
pub mod double_open;
pub mod errors;
mod handback;
mod health;
mod job;
mod queue;
mod registry;
pub mod result_codes;
mod retry_budget;
pub mod schema;
mod session;
pub mod sidecar;
pub mod statements;
pub mod table;
mod writer;
mod writer_thread;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Operation, Store, Ticket};
use handback::HandBack;
use job::Job;
use statements::Statements;
use table::Table;
use writer::Writer;

pub struct SqliteConfig {
    /// Absolute. The file, with its directory, is made at the first operation.
    pub path: PathBuf,
    /// The table's name, unquoted.
    pub table: String,
}

/// One table of a database file.
pub struct SqliteStore {
    statements: Arc<Statements>,
    writer: Arc<Writer>,
    /// `None` if no other connection could do the operations.
    handback: Option<Arc<HandBack>>,
    /// The store has left the writer.
    closed: AtomicBool,
}

impl SqliteStore {
    pub fn new(config: SqliteConfig) -> Self {
        let writer = registry::join(&config.path);
        SqliteStore::with(writer, Statements::new(Table::new(&config.path, config.table)), None)
    }

    /// Makes a store on a writer that it has joined.
    fn with(writer: Arc<Writer>, statements: Statements, handback: Option<Arc<HandBack>>) -> Self {
        SqliteStore { statements: Arc::new(statements), writer, handback, closed: AtomicBool::new(false) }
    }
}

impl Store for SqliteStore {
    fn submit(&self, operations: Vec<Operation>) {
        let job = |operation| Job { statements: self.statements.clone(), operation, handback: self.handback.clone() };
        self.writer.submit(operations.into_iter().map(job).collect());
    }

    fn close(&self, ticket: Ticket) {
        self.closed.store(true, Ordering::Relaxed);
        self.writer.leave(Some(ticket));
    }

    fn location(&self, _id: &str) -> String {
        self.statements.table.location()
    }

    fn release(&self, deadline: Instant) {
        self.writer.stop(deadline);
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            self.writer.leave(None);
        }
    }
}
