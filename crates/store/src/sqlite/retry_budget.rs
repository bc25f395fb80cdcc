//! The time that one batch may spend waiting for locks that others hold.

use std::thread;
use std::time::{Duration, Instant};

use super::errors::BatchError;

/// The pause after an attempt that failed immediately, without the wait of [`BUSY_SLICE`](super::bundled::BUSY_SLICE).
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// Shared by everything that a batch does, so that the whole batch is settled in a bounded time.
pub struct RetryBudget {
    deadline: Instant,
    /// The error at which the time was over. Nothing is tried any more.
    spent_on: Option<BatchError>,
}

impl RetryBudget {
    pub fn until(deadline: Instant) -> Self {
        RetryBudget { deadline, spent_on: None }
    }

    /// Returns a new budget with the same deadline: it allows one attempt even if the other is spent.
    pub fn fresh(&self) -> Self {
        RetryBudget::until(self.deadline)
    }

    /// Repeats `attempt` while it fails because of a lock, until the deadline.
    pub fn retry<T>(&mut self, mut attempt: impl FnMut() -> Result<T, BatchError>) -> Result<T, BatchError> {
        if let Some(error) = &self.spent_on {
            return Err(error.clone());
        }
        loop {
            match attempt() {
                Err(error) if self.allows_another(&error) => thread::sleep(RETRY_INTERVAL),
                result => return result,
            }
        }
    }

    /// Returns whether to try again after `error`.
    pub fn allows_another(&mut self, error: &BatchError) -> bool {
        if !error.is_busy() {
            return false;
        }
        let is_left = Instant::now() < self.deadline;
        if !is_left {
            self.spent_on = Some(error.clone());
        }
        is_left
    }
}
