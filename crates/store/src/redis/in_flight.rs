//! Pipelines that were sent and whose replies are due, oldest first.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::commands;
use super::config::{KeySpace, Limits};
use super::connection::{Connection, PIPELINES_IN_FLIGHT, Replies, Reply};
use super::queued::Queued;
use crate::error::Cause;
use crate::stats::Stats;

/// Bytes that may be in flight. More would not be faster, and all of it is sent again after a break.
const BYTES_IN_FLIGHT: usize = 8 * 1024 * 1024;

struct SentPipeline {
    operations: Vec<Queued>,
    bytes: usize,
    sent: Instant,
    replies: Replies,
}

#[derive(Default)]
pub struct InFlight {
    pipelines: VecDeque<SentPipeline>,
    bytes: usize,
    /// How many operations each conversation has in flight. Most have none and are not in it.
    conversations: HashMap<String, usize>,
    /// Where pipelines are counted once their replies are there; `None` if nowhere.
    pub stats: Option<Arc<Stats>>,
}

impl InFlight {
    pub fn is_empty(&self) -> bool {
        self.pipelines.is_empty()
    }

    pub fn has_room(&self) -> bool {
        self.pipelines.len() < PIPELINES_IN_FLIGHT && self.bytes < BYTES_IN_FLIGHT
    }

    /// Returns whether any operation of the conversation `id` is in flight.
    pub fn has(&self, id: &str) -> bool {
        self.conversations.contains_key(id)
    }

    /// Sends the next commands of each. Settles what cannot be sent.
    pub async fn send(&mut self, connection: &Connection, keys: &KeySpace, operations: Vec<Queued>) {
        let mut sent = Vec::with_capacity(operations.len());
        let mut commands = Vec::with_capacity(operations.len());
        for mut queued in operations {
            let before = commands.len();
            match commands::encode(keys, &queued.operation.request, &mut queued.progress, &mut commands) {
                Ok(()) => {
                    queued.commands = commands.len() - before;
                    sent.push(queued);
                }
                Err(error) => queued.settle(Err(error)),
            }
        }
        if !sent.is_empty() {
            let replies = connection.send(commands.into_iter()).await;
            self.push(sent, replies);
        }
    }

    /// Takes over `operations` as if they were sent.
    #[cfg(test)]
    pub fn pretend(&mut self, operations: Vec<Queued>) {
        self.push(operations, Replies::Done(Ok(Vec::new())));
    }

    /// Forgets the oldest pipeline.
    #[cfg(test)]
    pub fn forget_oldest(&mut self) {
        drop(self.pop());
    }

    fn push(&mut self, operations: Vec<Queued>, replies: Replies) {
        let bytes = operations.iter().map(Queued::size).sum();
        self.bytes += bytes;
        for queued in &operations {
            match self.conversations.get_mut(queued.id()) {
                Some(count) => *count += 1,
                None => drop(self.conversations.insert(queued.id().to_owned(), 1)),
            }
        }
        self.pipelines.push_back(SentPipeline { operations, bytes, sent: Instant::now(), replies });
    }

    /// Waits for the replies to the oldest pipeline: replies come in the order of the commands. May be dropped and
    /// called again.
    pub async fn next_reply(&mut self) -> (Vec<Queued>, Result<Vec<Reply>, Cause>) {
        let Some(oldest) = self.pipelines.front_mut() else { return pending().await };
        let replies = oldest.replies.wait().await;
        if let (Some(stats), Ok(_)) = (&self.stats, &replies) {
            stats.commit(oldest.operations.len(), oldest.sent.elapsed());
        }
        (self.pop().unwrap_or_default(), replies)
    }

    fn pop(&mut self) -> Option<Vec<Queued>> {
        let oldest = self.pipelines.pop_front()?;
        self.bytes -= oldest.bytes;
        for queued in &oldest.operations {
            match self.conversations.get_mut(queued.id()) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.conversations.remove(queued.id())),
            }
        }
        Some(oldest.operations)
    }

    /// Returns for how long no byte may move before the oldest pipeline has waited long enough. What is ahead of it has its
    /// replies, so only its own bytes may still be on the way.
    pub fn patience(&self, limits: &Limits) -> Option<Duration> {
        let oldest = self.pipelines.front()?;
        Some(limits.reply + Duration::from_secs_f64(oldest.bytes as f64 / f64::from(limits.bandwidth)))
    }

    /// Returns when the oldest pipeline has waited long enough, if no byte moves until then.
    pub fn deadline(&self, connection: &Connection, limits: &Limits) -> Option<Instant> {
        let oldest = self.pipelines.front()?;
        let silent_since = oldest.sent.max(connection.last_moved());
        Some((silent_since + self.patience(limits)?).min(oldest.sent + limits.slowest_reply))
    }

    /// Takes out the operations that have waited long enough.
    pub fn take_stalled(&mut self, connection: &Connection, limits: &Limits) -> Vec<Queued> {
        let mut stalled = Vec::new();
        while self.deadline(connection, limits).is_some_and(|deadline| deadline <= Instant::now()) {
            stalled.extend(self.pop().unwrap_or_default());
        }
        stalled
    }

    /// Takes out all operations, in order.
    pub fn take_all(&mut self) -> Vec<Queued> {
        let mut all = Vec::new();
        while let Some(operations) = self.pop() {
            all.extend(operations);
        }
        all
    }
}
