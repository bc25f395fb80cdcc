//! Pipelines that were sent and wait for their answers, oldest first.

use std::collections::VecDeque;
use std::future::pending;

use tokio::time::Instant;

use super::Limits;
use super::connection::{Answers, Connection, PIPELINES_UNDER_WAY};
use super::queue::Queued;
use super::reply::Reply;
use crate::error::Cause;

/// Bytes that may be sent and un-answered. More would not be faster, and all of it is sent again after a break.
const BYTES_UNDER_WAY: usize = 8 * 1024 * 1024;

struct Flight {
    operations: Vec<Queued>,
    bytes: usize,
    sent: Instant,
    answers: Answers,
}

#[derive(Default)]
pub struct InFlight {
    under_way: VecDeque<Flight>,
    bytes: usize,
}

impl InFlight {
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub fn have_room(&self) -> bool {
        self.under_way.len() < PIPELINES_UNDER_WAY && self.bytes < BYTES_UNDER_WAY
    }

    pub async fn send(&mut self, connection: &Connection, prefix: &str, operations: Vec<Queued>) {
        let answers = connection.send(prefix, &operations).await;
        let bytes = operations.iter().map(Queued::size).sum();
        self.bytes += bytes;
        self.under_way.push_back(Flight { operations, bytes, sent: Instant::now(), answers });
    }

    /// Waits for the oldest one: answers come in the order of the commands. May be dropped and called again.
    pub async fn next_reply(&mut self) -> (Vec<Queued>, Result<Vec<Reply>, Cause>) {
        let Some(oldest) = self.under_way.front_mut() else { return pending().await };
        let answers = oldest.answers.wait().await;
        (self.pop().unwrap_or_default(), answers)
    }

    fn pop(&mut self) -> Option<Vec<Queued>> {
        let flight = self.under_way.pop_front()?;
        self.bytes -= flight.bytes;
        Some(flight.operations)
    }

    /// When the oldest one has waited long enough, unless bytes move until then.
    pub fn deadline(&self, connection: &Connection, limits: &Limits) -> Option<Instant> {
        let oldest = self.under_way.front()?;
        let silent_since = oldest.sent.max(connection.last_moved());
        Some((silent_since + limits.answer).min(oldest.sent + limits.longest))
    }

    /// The operations that have waited long enough.
    pub fn take_stalled(&mut self, connection: &Connection, limits: &Limits) -> Vec<Queued> {
        let mut stalled = Vec::new();
        while self.deadline(connection, limits).is_some_and(|deadline| deadline <= Instant::now()) {
            stalled.extend(self.pop().unwrap_or_default());
        }
        stalled
    }

    /// All operations, in order.
    pub fn take_all(&mut self) -> Vec<Queued> {
        let mut all = Vec::new();
        while let Some(operations) = self.pop() {
            all.extend(operations);
        }
        all
    }
}
