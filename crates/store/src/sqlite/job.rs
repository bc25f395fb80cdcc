//! An operation on its way through the writer.

use std::sync::Arc;

use super::super::error::{ErrorKind, StoreError};
use super::super::{Operation, Outcome};
use super::errors::Trouble;
use super::returns::{Returns, may_be_the_guest, returned};
use super::table::Table;

/// An operation and the table it is about.
pub struct Job {
    pub table: Arc<Table>,
    pub operation: Operation,
    /// Where it goes if a guest connection cannot do it.
    pub returns: Option<Arc<Returns>>,
}

impl Job {
    pub fn is_returned(&self) -> bool {
        self.returns.as_ref().is_some_and(|returns| returns.why().is_some())
    }

    /// What the operation is answered where not even a connection could be had.
    pub fn refuse(&self, trouble: &Trouble) -> StoreError {
        if let (Some(returns), Trouble::Sqlite(failure)) = (&self.returns, trouble)
            && may_be_the_guest(failure)
        {
            returns.begin(&failure.message);
        }
        if self.is_returned() { returned() } else { trouble.explain(&self.table) }
    }

    /// Answers the operation; gives it back first if that is the answer.
    pub fn settle(self, outcome: Outcome) {
        let Operation { request, ticket } = self.operation;
        if let Some(returns) = self.returns
            && matches!(&outcome, Err(error) if error.kind == ErrorKind::HandedBack)
        {
            returns.push(request);
        }
        ticket.settle(outcome);
    }
}
