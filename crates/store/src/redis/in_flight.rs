//! Pipelines that were sent and whose replies are due, oldest first.

use std::collections::VecDeque;
use std::future::pending;

use tokio::time::Instant;

use super::commands;
use super::config::{KeySpace, Limits};
use super::connection::{Connection, PIPELINES_IN_FLIGHT, Replies, Reply};
use super::queued::Queued;
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
    /// How many operations are barriers ([`Queued::is_barrier`]).
    barriers: usize,
}

impl InFlight {
    pub fn is_empty(&self) -> bool {
        self.pipelines.is_empty()
    }

    pub fn has_room(&self) -> bool {
        self.pipelines.len() < PIPELINES_IN_FLIGHT && self.bytes < BYTES_IN_FLIGHT
    }

    pub fn has_barriers(&self) -> bool {
        self.barriers > 0
    }

    /// Returns whether a barrier of the conversation `id` is in flight.
    pub fn has_barrier(&self, id: &str) -> bool {
        self.barriers > 0 && self.operations().any(|queued| queued.is_barrier() && queued.id() == id)
    }

    /// Returns whether any operation of the conversation `id` is in flight.
    pub fn has(&self, id: &str) -> bool {
        self.operations().any(|queued| queued.id() == id)
    }

    fn operations(&self) -> impl Iterator<Item = &Queued> {
        self.pipelines.iter().flat_map(|pipeline| &pipeline.operations)
    }

    pub async fn send(&mut self, connection: &Connection, keys: &KeySpace, operations: Vec<Queued>) {
        let commands = operations.iter().map(|queued| commands::encode(keys, &queued.operation.request));
        let replies = connection.send(commands).await;
        self.push(operations, replies);
    }

    /// Takes over `operations` as if they were sent.
    #[cfg(test)]
    pub fn pretend(&mut self, operations: Vec<Queued>) {
        self.push(operations, Replies::Done(Ok(Vec::new())));
    }

    fn push(&mut self, operations: Vec<Queued>, replies: Replies) {
        let bytes = operations.iter().map(Queued::size).sum();
        self.bytes += bytes;
        self.barriers += operations.iter().filter(|queued| queued.is_barrier()).count();
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
        self.barriers -= oldest.operations.iter().filter(|queued| queued.is_barrier()).count();
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
