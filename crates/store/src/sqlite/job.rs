//! An operation on its way through the writer.

use std::sync::Arc;

use super::super::error::{ErrorKind, StoreError};
use super::super::{Operation, Outcome};
use super::errors::BatchError;
use super::handback::{HandBack, handed_back, may_succeed_on_user_connection};
use super::statements::Statements;
use super::table::Table;

/// An operation and the statements for its table.
pub struct Job {
    pub statements: Arc<Statements>,
    pub operation: Operation,
    /// `None` if no other connection could do the operation.
    pub handback: Option<Arc<HandBack>>,
}

impl Job {
    pub fn table(&self) -> &Table {
        &self.statements.table
    }

    pub fn is_handed_back(&self) -> bool {
        self.handback.as_ref().is_some_and(|handback| handback.why().is_some())
    }

    /// Begins to hand back if the user's connection may succeed where the sidecar failed with `error`.
    pub fn consider_handing_back(&self, error: &BatchError) {
        if let (Some(handback), BatchError::Sqlite(error)) = (&self.handback, error)
            && may_succeed_on_user_connection(error)
        {
            handback.begin(&error.message);
        }
    }

    /// Returns the error of an operation that was not tried: there is no connection, or its table cannot be used.
    pub fn refuse(&self, error: &BatchError) -> StoreError {
        self.consider_handing_back(error);
        if self.is_handed_back() { handed_back() } else { error.explain(self.table()) }
    }

    /// Ends an operation for which there is no thread. The user's connection needs none.
    pub fn reject_unstarted(self, error: &StoreError) {
        let Some(handback) = &self.handback else { return self.settle(Err(error.clone())) };
        handback.begin(&error.reason);
        self.settle(Err(handed_back()));
    }

    pub fn settle(self, outcome: Outcome) {
        let Operation { request, ticket } = self.operation;
        if let Some(handback) = self.handback
            && matches!(&outcome, Err(error) if error.kind == ErrorKind::HandedBack)
        {
            handback.add(request);
        }
        ticket.settle(outcome);
    }
}
