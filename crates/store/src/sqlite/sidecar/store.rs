//! One table of the user's database, through the connection beside the user's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::super::error::{ErrorKind, StoreError};
use super::super::SqliteStore;
use super::super::handback::HandBack;
use super::super::statements::Statements;
use super::super::table::Table;
use super::shared_writer::{HandOver, SharedWriter};
use super::transaction_hook::PauseWriter;
use super::user_connection::UserConnection;
use crate::{Answer, Operation, Request, Store, Ticket};

pub struct SidecarStore {
    inner: SqliteStore,
    handback: Arc<HandBack>,
    shared: Arc<SharedWriter>,
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
        Ok(SidecarStore { inner, handback, shared })
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
        !self.shared.is_closed() && self.handback.why().is_none() && self.shared.may_write_now()
    }

    /// Does one write within the call and returns whether it is done. If not, nothing happened: submit it. The caller sees to
    /// it that nothing of this store, and no write of this conversation, is in flight.
    pub fn write_now(&self, request: &Request) -> bool {
        self.may_write_now() && self.shared.write_now(&self.inner.statements, request)
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
