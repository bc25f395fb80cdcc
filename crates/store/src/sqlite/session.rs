//! An open connection and what is known about its tables.

use std::collections::{HashMap, HashSet};

use super::connection::Connection;
use super::erasure;
use super::errors::{BatchError, SqliteError};
use super::health::Health;
use super::job::Job;
use super::retry_budget::RetryBudget;
use super::schema;

pub struct Session {
    pub connection: Box<dyn Connection>,
    /// The tables that can hold conversations, as this connection found.
    checked: HashSet<String>,
    /// Overwrites what is deleted.
    erases: bool,
}

impl Session {
    pub fn new(connection: Box<dyn Connection>) -> Self {
        Session { connection, checked: HashSet::new(), erases: false }
    }

    pub fn is_current(&self) -> bool {
        self.connection.is_current()
    }

    pub fn retire(self) {
        self.connection.retire();
    }

    /// Makes or checks the tables of `jobs`. Returns those that cannot be used, and why.
    pub fn check_tables(
        &mut self,
        jobs: &[Job],
        budget: &mut RetryBudget,
        health: &mut Health,
    ) -> HashMap<String, BatchError> {
        let mut refused = HashMap::new();
        // Beside the user's connection, JavaScript has made or checked the table before there was a store.
        if self.connection.is_sidecar() {
            return refused;
        }
        for table in jobs.iter().map(Job::table) {
            if self.checked.contains(&table.name) || refused.contains_key(&table.name) {
                continue;
            }
            match budget.retry(|| schema::ensure(self.connection.as_mut(), table)) {
                Ok(()) => {
                    self.checked.insert(table.name.clone());
                }
                Err(error) => {
                    if let BatchError::Sqlite(error) = &error {
                        health.record(error, &table.path);
                    }
                    refused.insert(table.name.clone(), error);
                }
            }
        }
        refused
    }

    /// Has what is deleted be overwritten from now on, if one of `jobs` asks for it.
    pub fn begin_erasing(&mut self, jobs: &[Job]) -> Result<(), SqliteError> {
        if !self.erases && jobs.iter().any(|job| job.statements.erases) {
            erasure::begin(self.connection.as_mut())?;
            self.erases = true;
        }
        Ok(())
    }

    /// Has the next batch look at the table again.
    pub fn forget_table(&mut self, name: &str) {
        self.checked.remove(name);
    }
}
