//! How many operations share what makes them durable.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Durations, Stats};

#[derive(Default)]
pub struct Commits {
    count: u64,
    operations: u64,
    largest: u64,
    durations: Durations,
}

impl Commits {
    pub fn add(&mut self, operations: u64, took: Duration) {
        self.count += 1;
        self.operations += operations;
        self.largest = self.largest.max(operations);
        self.durations.add(took);
    }

    pub fn to_json(&self) -> Value {
        json!({
            "count": self.count,
            "operations": self.operations,
            "largest": self.largest,
            "p99": self.durations.quantile(0.99),
        })
    }
}

/// Counts a commit for each storage that has a part in it, with the number of its own operations. `operations` has the counters of the
/// storage of each operation.
pub fn count_shared<'a>(operations: impl Iterator<Item = &'a Arc<Stats>>, took: Duration) {
    let mut counted: Vec<(&Arc<Stats>, usize)> = Vec::new();
    for stats in operations {
        match counted.iter_mut().find(|(known, _)| Arc::ptr_eq(known, stats)) {
            Some((_, operations)) => *operations += 1,
            None => counted.push((stats, 1)),
        }
    }
    for (stats, operations) in counted {
        stats.commit(operations, took);
    }
}
