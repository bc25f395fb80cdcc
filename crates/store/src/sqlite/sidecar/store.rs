//! One table of the user's database, through the connection beside the user's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::super::error::{ErrorKind, StoreError};
use super::super::SqliteStore;
use super::super::handback::HandBack;
use super::super::statements::Statements;
use super::super::table::Table;
use super::shared_writer::{HandOver, SharedWriter};
use super::transaction_hook::PauseWriter;
use super::user_connection::UserConnection;
use crate::stats::Stats;
use crate::{Answer, Operation, Request, Store, Ticket};

pub struct SidecarStore {
    inner: SqliteStore,
    handback: Arc<HandBack>,
    shared: Arc<SharedWriter>,
    /// A slice of a sweep that waits for the next write of the user.
    slice: Mutex<Option<Operation>>,
}

impl SidecarStore {
    /// Makes a store beside `user`, or returns why there must be none. `path` is for error messages; the table exists already.
    pub fn new(user: UserConnection, hand_over: HandOver, path: &Path, table: String) -> Result<Self, String> {
        let shared = SharedWriter::of(user, hand_over)?;
        let statements = Statements::new(Table::new(path, table));
        shared.probe(&statements)?;
        let handback = Arc::new(HandBack::default());
        shared.writer.join();
        let inner = SqliteStore::with(shared.writer.clone(), statements, Some(handback.clone()));
        Ok(SidecarStore { inner, handback, shared, slice: Mutex::default() })
    }

    /// Blocks until everything called so far is done or handed back.
    pub fn drain(&self) {
        self.shared.drain_writer(false);
    }

    /// Returns whether a load may as well run on the user's connection, now, if no write of its conversation is in flight.
    pub fn may_read_on_user_connection(&self) -> bool {
        self.shared.may_read_on_user_connection()
    }

    /// Returns whether [`SidecarStore::write_now`] may succeed: it costs no copy of a text to ask.
    pub fn may_write_now(&self) -> bool {
        // A slice of a sweep waits for a write on the writer.
        !self.shared.is_closed()
            && self.handback.why().is_none()
            && self.slice.lock().is_none()
            && self.shared.may_write_now()
    }

    /// Does one write within the call and returns whether it is done. If not, nothing happened: submit it. The caller sees to
    /// it that nothing of this store, and no write of this conversation, is in flight.
    pub fn write_now(&self, request: &Request) -> bool {
        self.may_write_now() && self.shared.write_now(&self.inner.statements, request)
    }

    /// Returns whether a backup is running that our commits would make begin anew: what the user's own connection writes is
    /// copied along.
    pub fn is_backup_running(&self) -> bool {
        self.shared.is_backup_running()
    }

    /// Returns why operations are handed back; `None` if they are not.
    pub fn why_handed_back(&self) -> Option<String> {
        self.handback.why().map(str::to_owned)
    }

    /// Takes the operations that were handed back since the last time, in order. They are the last ones that were submitted.
    /// JavaScript repeats them on the user's connection.
    pub fn take_handed_back(&self) -> Vec<Request> {
        self.handback.take()
    }
}

impl Store for SidecarStore {
    fn submit(&self, operations: Vec<Operation>) {
        if !self.shared.is_closed() {
            let writes = operations.iter().any(|operation| operation.request.is_write());
            let slice = if writes { self.slice.lock().take() } else { None };
            return self.inner.submit_with(operations, slice);
        }
        for operation in operations {
            let error = StoreError::new(ErrorKind::Closed, "the database connection was closed");
            operation.ticket.settle(Err(error));
        }
    }

    /// Keeps a slice of a sweep until the user writes, and has it share that transaction. A commit at another moment could refuse a
    /// transaction of the user, which has read and is about to write.
    fn submit_in_background(&self, operation: Operation) {
        *self.slice.lock() = Some(operation);
    }

    fn close(&self, ticket: Ticket) {
        *self.slice.lock() = None;
        if self.shared.is_closed() {
            return ticket.settle(Ok(Answer::Done));
        }
        self.inner.close(ticket);
    }

    fn observe(&self, stats: Arc<Stats>) {
        self.inner.observe(stats);
    }

    fn location(&self, id: &str) -> String {
        self.inner.location(id)
    }

    fn release(&self, deadline: Instant) {
        self.inner.release(deadline);
    }
}
