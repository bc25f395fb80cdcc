//! One table of the user's database, by way of the connection beside the user's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::super::error::{ErrorKind, StoreError};
use super::super::returns::Returns;
use super::super::table::Table;
use super::super::{SqliteConfig, SqliteStore};
use super::hub::{HandOver, Hub};
use super::owner::Owner;
use crate::{Answer, Operation, Request, Store, Ticket};

pub struct HostStore {
    inner: SqliteStore,
    returns: Arc<Returns>,
    hub: Arc<Hub>,
}

impl HostStore {
    /// A store beside `owner`, or why there must be none. `path` is for error messages; the table exists already.
    pub fn new(owner: Owner, hand_over: HandOver, path: &Path, table: String) -> Result<Self, String> {
        let hub = Hub::of(owner, hand_over)?;
        hub.probe(&Table::new(path, table.clone()))?;
        let returns = Arc::new(Returns::default());
        hub.writer.queue.join();
        let mut inner = SqliteStore::with(hub.writer.clone(), SqliteConfig { path: path.to_owned(), table });
        inner.returns = Some(returns.clone());
        Ok(HostStore { inner, returns, hub })
    }

    /// Blocks until everything called so far is done or given back.
    pub fn drain(&self) {
        self.hub.make_way(false);
    }

    /// Whether a load whose conversation has no writes under way may as well be done on the user's connection, now.
    pub fn may_read_here(&self) -> bool {
        self.hub.may_read_here()
    }

    /// The operations that were given back since the last time, in order: to be repeated on the user's connection.
    pub fn take_returned(&self) -> Vec<Request> {
        self.returns.take()
    }

    /// Why operations are given back; nothing as long as they are not.
    pub fn why_returned(&self) -> Option<String> {
        self.returns.why().map(str::to_owned)
    }
}

impl Store for HostStore {
    fn submit(&self, operations: Vec<Operation>) {
        if !self.hub.is_closed() {
            return self.inner.submit(operations);
        }
        for operation in operations {
            let error = StoreError::new(ErrorKind::Closed, "the database connection was closed");
            operation.ticket.settle(Err(error));
        }
    }

    fn close(&self, ticket: Ticket) {
        if self.hub.is_closed() {
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
