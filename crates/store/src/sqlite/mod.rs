//! Conversations as rows of a table in an SQLite database file that we own.
//!
//! [`SqliteStore`] puts operations into the [`queue`] of the file's one [`writer`]. The writer's thread takes all that
//! waits and has a [`session`] do it in one transaction over a [`connection`]; only then are the promises settled. The
//! [`registry`] lets all stores on one file share one writer.

mod bundled;
mod connection;
mod db_file;
pub mod double_open;
pub mod errors;
mod handback;
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
    /// Absolute; made, with its directory, at the first operation.
    pub path: PathBuf,
    /// The table's name, unquoted.
    pub table: String,
}

pub struct SqliteStore {
    statements: Arc<Statements>,
    writer: Arc<Writer>,
    /// Where operations go that a guest connection cannot do.
    handback: Option<Arc<HandBack>>,
    /// Has left the writer.
    closed: AtomicBool,
}

impl SqliteStore {
    pub fn new(config: SqliteConfig) -> Self {
        let writer = registry::join(&config.path);
        SqliteStore::with(writer, config)
    }

    /// A store on a writer that it has joined.
    fn with(writer: Arc<Writer>, SqliteConfig { path, table }: SqliteConfig) -> Self {
        SqliteStore {
            statements: Arc::new(Statements::new(Table::new(&path, table))),
            writer,
            handback: None,
            closed: AtomicBool::new(false),
        }
    }
}

impl Store for SqliteStore {
    fn submit(&self, operations: Vec<Operation>) {
        let job = |operation| Job { statements: self.statements.clone(), operation, handback: self.handback.clone() };
        self.writer.submit(operations.into_iter().map(job).collect());
    }

    fn close(&self, ticket: Ticket) {
        self.closed.store(true, Ordering::Relaxed);
        self.writer.close(ticket);
    }

    fn location(&self, _id: &str) -> String {
        self.statements.table.location()
    }

    fn release(&self, deadline: Instant) {
        self.writer.queue.disconnect(deadline);
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            self.writer.queue.leave();
        }
    }
}
