//! How long one batch waits for locks that others hold.

use std::thread;
use std::time::{Duration, Instant};

use super::errors::BatchError;

/// Between two attempts that were turned away at once, without the wait of
/// [`BUSY_SLICE`](super::bundled::BUSY_SLICE).
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// Shared by everything that a batch does, so that the whole batch is answered in a bounded time.
pub struct RetryBudget {
    deadline: Instant,
    /// It ran out on this; nothing is tried any more.
    spent_on: Option<BatchError>,
}

impl RetryBudget {
    pub fn until(deadline: Instant) -> Self {
        RetryBudget { deadline, spent_on: None }
    }

    /// A fresh one with the same deadline: it grants one attempt also when the other is spent.
    pub fn fresh(&self) -> Self {
        RetryBudget::until(self.deadline)
    }

    /// Repeats `attempt` as long as it is turned away by a lock.
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

    /// Whether to try again after `error`.
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
