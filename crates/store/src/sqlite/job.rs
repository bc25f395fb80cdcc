//! An operation on its way through the writer.

use std::sync::Arc;

use super::super::error::{ErrorKind, StoreError};
use super::super::{Operation, Outcome};
use super::errors::BatchError;
use super::handback::{HandBack, may_succeed_on_user_connection, returned};
use super::statements::Statements;

/// An operation and the table it is about.
pub struct Job {
    pub statements: Arc<Statements>,
    pub operation: Operation,
    /// Where it goes if a guest connection cannot do it.
    pub handback: Option<Arc<HandBack>>,
}

impl Job {
    pub fn is_handed_back(&self) -> bool {
        self.handback.as_ref().is_some_and(|handback| handback.why().is_some())
    }

    /// What the operation is answered where not even a connection could be had.
    pub fn refuse(&self, error: &BatchError) -> StoreError {
        if let (Some(handback), BatchError::Sqlite(failure)) = (&self.handback, error)
            && may_succeed_on_user_connection(failure)
        {
            handback.begin(&failure.message);
        }
        if self.is_handed_back() { returned() } else { error.explain(&self.statements.table) }
    }

    /// Answers the operation; gives it back first if that is the answer.
    pub fn settle(self, outcome: Outcome) {
        let Operation { request, ticket } = self.operation;
        if let Some(handback) = self.handback
            && matches!(&outcome, Err(error) if error.kind == ErrorKind::HandedBack)
        {
            handback.push(request);
        }
        ticket.settle(outcome);
    }
}
