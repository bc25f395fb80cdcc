//! Conversations as rows of a table in an SQLite database file.
//!
//! [`SqliteStore`] gives operations to the file's one [`writer`]; the [`registry`] lets all stores on one file share it. The
//! [`writer_thread`] takes all that waits in its [`queue`] and does it as one [`batch`], in one transaction over a
//! [`connection`]; only then are the promises settled. [`statements`] maps each operation to its SQL,
//! [`locks`] those on locks; [`scan`] looks through a table; [`erasure`]
//! has what was deleted leave the files.
//!
//! [`bundled`] is the connection to a file of our own, with its [`journal`] and its [`free_pages`]; [`own_locks`] lets other copies of SQLite see its
//! locks, and [`double_open`] refuses where they would not. [`sidecar`] is the connection beside the user's.
//!
//! [`mod@survey`] and [`compaction`] look after a file that no store need have open.

mod batch;
mod bundled;
mod compaction;
pub mod connection;
mod db_file;
pub mod double_open;
mod erasure;
pub mod errors;
mod facts;
mod free_pages;
mod handback;
mod health;
mod job;
pub mod journal;
mod locks;
mod mounted_file;
// A pointer is wider than the fields of 32-bit locks, so that there the locks stay as they are.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod own_locks;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
#[path = "own_locks_elsewhere.rs"]
mod own_locks;
mod position;
mod queue;
mod registry;
pub mod result_codes;
mod retry_budget;
pub mod scan;
pub mod schema;
mod session;
mod shared_memory;
pub mod sidecar;
pub mod statement;
pub mod statements;
mod survey;
pub mod table;
mod writer;
mod writer_thread;

#[cfg(test)]
mod tests;

pub use compaction::compact;
pub use survey::survey;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::stats::Stats;
use super::{Operation, Store, Ticket};
use handback::HandBack;
use job::Job;
use journal::Journal;
use statements::Statements;
use table::Table;
use writer::Writer;

pub struct SqliteConfig {
    /// Absolute. The file, with its directory, is made at the first operation.
    pub path: PathBuf,
    /// The table's name, unquoted.
    pub table: String,
    /// The first store on a file decides for all of this process.
    pub journal: Journal,
    /// Overwrites what is deleted or replaced, also in the WAL.
    pub secure_delete: bool,
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
        let writer = registry::join(&config.path, config.journal);
        let mut statements = Statements::new(Table::new(&config.path, config.table));
        statements.erases = config.secure_delete;
        SqliteStore::with(writer, statements, None)
    }

    /// Makes a store on a writer that it has joined.
    fn with(writer: Arc<Writer>, statements: Statements, handback: Option<Arc<HandBack>>) -> Self {
        SqliteStore { statements: Arc::new(statements), writer, handback, closed: AtomicBool::new(false) }
    }
}

impl SqliteStore {
    /// Takes over `operations`, and behind them one of our own. That is never handed back: JavaScript does not know it.
    fn submit_with(&self, operations: Vec<Operation>, own: Option<Operation>) {
        let job = |operation, handback| Job { statements: self.statements.clone(), operation, handback };
        let users = operations.into_iter().map(|operation| job(operation, self.handback.clone()));
        self.writer.submit(users.chain(own.map(|operation| job(operation, None))).collect());
    }
}

impl Store for SqliteStore {
    fn submit(&self, operations: Vec<Operation>) {
        self.submit_with(operations, None);
    }

    fn close(&self, ticket: Ticket) {
        self.closed.store(true, Ordering::Relaxed);
        self.writer.leave(Some(ticket));
    }

    fn observe(&self, stats: Arc<Stats>) {
        let _ = self.statements.stats.set(stats);
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
