//! Pipelines that were sent and whose replies are due, oldest first.

use std::collections::VecDeque;
use std::future::pending;

use tokio::time::Instant;

use super::commands;
use super::config::{KeySpace, Limits};
use super::connection::{Connection, PIPELINES_IN_FLIGHT, Replies, Reply};
use super::queue::Queued;
use crate::error::Cause;

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
}

impl InFlight {
    pub fn is_empty(&self) -> bool {
        self.pipelines.is_empty()
    }

    pub fn has_room(&self) -> bool {
        self.pipelines.len() < PIPELINES_IN_FLIGHT && self.bytes < BYTES_IN_FLIGHT
    }

    pub async fn send(&mut self, connection: &Connection, keys: &KeySpace, operations: Vec<Queued>) {
        let commands = operations.iter().map(|queued| commands::encode(keys, &queued.operation.request));
        let replies = connection.send(commands).await;
        let bytes = operations.iter().map(Queued::size).sum();
        self.bytes += bytes;
        self.pipelines.push_back(SentPipeline { operations, bytes, sent: Instant::now(), replies });
    }

    /// Waits for the replies to the oldest pipeline: replies come in the order of the commands. May be dropped and
    /// called again.
    pub async fn next_reply(&mut self) -> (Vec<Queued>, Result<Vec<Reply>, Cause>) {
        let Some(oldest) = self.pipelines.front_mut() else { return pending().await };
        let replies = oldest.replies.wait().await;
        (self.pop().unwrap_or_default(), replies)
    }

    fn pop(&mut self) -> Option<Vec<Queued>> {
        let oldest = self.pipelines.pop_front()?;
        self.bytes -= oldest.bytes;
        Some(oldest.operations)
    }

    /// Returns when the oldest pipeline has waited long enough, if no byte moves until then.
    pub fn deadline(&self, connection: &Connection, limits: &Limits) -> Option<Instant> {
        let oldest = self.pipelines.front()?;
        let silent_since = oldest.sent.max(connection.last_moved());
        Some((silent_since + limits.reply).min(oldest.sent + limits.slowest_reply))
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
