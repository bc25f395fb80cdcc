//! One table of the user's database, by way of the connection beside the user's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::super::error::{ErrorKind, StoreError};
use super::super::handback::HandBack;
use super::super::statements::Statements;
use super::super::table::Table;
use super::super::{SqliteConfig, SqliteStore};
use super::shared_writer::{HandOver, SharedWriter};
use super::user_connection::UserConnection;
use crate::{Answer, Operation, Request, Store, Ticket};

pub struct SidecarStore {
    inner: SqliteStore,
    handback: Arc<HandBack>,
    shared: Arc<SharedWriter>,
}

impl SidecarStore {
    /// A store beside `owner`, or why there must be none. `path` is for error messages; the table exists already.
    pub fn new(owner: UserConnection, hand_over: HandOver, path: &Path, table: String) -> Result<Self, String> {
        let shared = SharedWriter::of(owner, hand_over)?;
        shared.probe(&Statements::new(Table::new(path, table.clone())))?;
        let handback = Arc::new(HandBack::default());
        shared.writer.queue.join();
        let mut inner = SqliteStore::with(shared.writer.clone(), SqliteConfig { path: path.to_owned(), table });
        inner.handback = Some(handback.clone());
        Ok(SidecarStore { inner, handback, shared })
    }

    /// Blocks until everything called so far is done or given back.
    pub fn drain(&self) {
        self.shared.drain_writer(false);
    }

    /// Whether a load whose conversation has no writes under way may as well be done on the user's connection, now.
    pub fn may_read_on_user_connection(&self) -> bool {
        self.shared.may_read_on_user_connection()
    }

    /// The operations that were given back since the last time, in order: to be repeated on the user's connection.
    pub fn take_returned(&self) -> Vec<Request> {
        self.handback.take()
    }

    /// Why operations are given back; nothing as long as they are not.
    pub fn why_returned(&self) -> Option<String> {
        self.handback.why().map(str::to_owned)
    }
}

impl Store for SidecarStore {
    fn submit(&self, operations: Vec<Operation>) {
        if !self.shared.is_closed() {
            return self.inner.submit(operations);
        }
        for operation in operations {
            let error = StoreError::new(ErrorKind::Closed, "the database connection was closed");
            operation.ticket.settle(Err(error));
        }
    }

    fn close(&self, ticket: Ticket) {
        if self.shared.is_closed() {
            return ticket.settle(Ok(Answer::Done));
        }
        self.inner.close(ticket);
    }

    fn location(&self, id: &str) -> String {
        self.inner.location(id)
    }

    fn release(&self, deadline: Instant) {
        self.inner.release(deadline);
    }
}
