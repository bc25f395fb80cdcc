//! How long one batch waits for locks that others hold.

use std::thread;
use std::time::{Duration, Instant};

use super::errors::Trouble;

/// Between two attempts that were turned away at once, without the wait of
/// [`BUSY_SLICE`](super::bundled::BUSY_SLICE).
const BREATH: Duration = Duration::from_millis(1);

/// Shared by everything that a batch does, so that the whole batch is answered in a bounded time.
pub struct Patience {
    deadline: Instant,
    /// It ran out on this; nothing is tried any more.
    spent_on: Option<Trouble>,
}

impl Patience {
    pub fn until(deadline: Instant) -> Self {
        Patience { deadline, spent_on: None }
    }

    /// A fresh one with the same deadline: it grants one attempt also when the other is spent.
    pub fn fresh(&self) -> Self {
        Patience::until(self.deadline)
    }

    /// Repeats `attempt` as long as it is turned away by a lock.
    pub fn retry<T>(&mut self, mut attempt: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
        if let Some(trouble) = &self.spent_on {
            return Err(trouble.clone());
        }
        loop {
            match attempt() {
                Err(trouble) if self.allows_another(&trouble) => thread::sleep(BREATH),
                result => return result,
            }
        }
    }

    /// Whether to try again after `trouble`.
    pub fn allows_another(&mut self, trouble: &Trouble) -> bool {
        if !trouble.is_busy() {
            return false;
        }
        let is_left = Instant::now() < self.deadline;
        if !is_left {
            self.spent_on = Some(trouble.clone());
        }
        is_left
    }
}
