//! The life of one connection: sends what waits, matches replies with requests, and ends once.
//!
//! The rules for stalls, for replies out of step and for refusals are here, for the store's own connection and for a
//! sidecar alike. What did not get its outcome is given back in order. The owner decides what becomes of it: the own
//! connection sends it again through the next one, a sidecar hands it back to the user's client.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::commands::{self, Decoded};
use super::config::Settings;
use super::connection::{Connection, Reply};
use super::errors;
use super::in_flight::InFlight;
use super::inbox::Inbox;
use super::queue::Queue;
use super::queued::Queued;
use crate::error::{Cause, ErrorKind, StoreError};
use crate::stats::Stats;

/// How long to wait for bytes once more before a connection counts as silent. Perhaps it was this process that slept,
/// and the replies are in the socket.
const STALL_RECHECK: Duration = Duration::from_millis(100);

/// An unused sidecar ends, since no event says that the client is no longer used.
const IDLE: Duration = Duration::from_secs(60);

/// Who owns the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A store of its own. A refusal is the outcome of its operation.
    Store,
    /// A sidecar. Operations that the server refused are given back, if the user's client may know what to do.
    Sidecar,
}

/// Why a connection ended.
pub enum Reason {
    /// It broke. The cause is known if replies were due.
    Lost(Option<Cause>),
    /// A reply did not match its request.
    OutOfStep,
    /// No reply came within this time.
    Silent(Duration),
    /// The server refused an operation in a way that needs another connection.
    Refused,
    /// The end was asked for, or the connection was not used. Holds the rest of a sentence.
    Unneeded(String),
}

/// The end of a connection. Operations that may be sent again are back at the head of the queue.
pub struct ConnectionEnd {
    pub reason: Reason,
    /// Operations that must not be sent again through a connection of ours, in order. They precede those in the queue.
    pub given_up: Vec<Queued>,
    /// True if a write was sent whose reply did not come.
    pub is_write_in_doubt: bool,
    /// True if the server replied to operations, and did not refuse them.
    pub has_replied: bool,
}

pub struct Session<'a> {
    settings: &'a Settings,
    owner: Owner,
    connection: Connection,
    in_flight: InFlight,
    /// Set by a reply after which nothing more is sent. The session ends once nothing is in flight.
    ending: Option<Reason>,
    /// Operations to give up although their replies came, in order.
    refused: Vec<Queued>,
    /// The conversations of `refused`.
    refused_ids: HashSet<String>,
    /// Operations that waited too long for a reply, or got one that does not match, in order.
    stalled: Vec<Queued>,
    /// Operations whose replies will not come, in order. They precede those in flight.
    unanswered: Vec<Queued>,
    has_replied: bool,
}

impl<'a> Session<'a> {
    pub fn new(connection: Connection, owner: Owner, settings: &'a Settings) -> Self {
        Session {
            settings,
            owner,
            connection,
            in_flight: InFlight::default(),
            ending: None,
            refused: Vec::new(),
            refused_ids: HashSet::new(),
            stalled: Vec::new(),
            unanswered: Vec::new(),
            has_replied: false,
        }
    }

    /// Counts its pipelines in `stats`.
    pub fn counted_in(mut self, stats: Option<Arc<Stats>>) -> Self {
        self.in_flight.stats = stats;
        self
    }

    /// Serves what arrives in `inbox` until the connection breaks, is refused, or is not needed any more.
    pub async fn serve(mut self, inbox: &mut Inbox) -> ConnectionEnd {
        let reason = self.run(inbox).await;
        self.finish(reason, inbox).await
    }

    async fn run(&mut self, inbox: &mut Inbox) -> Reason {
        let limits = &self.settings.limits;
        loop {
            inbox.push_arrived();
            while self.ending.is_none() && self.in_flight.has_room() {
                let Some(operations) = inbox.queue.take_pipeline(&self.in_flight) else { break };
                self.in_flight.send(&self.connection, &self.settings.keys, operations).await;
            }
            if self.in_flight.is_empty() {
                if let Some(reason) = self.ending.take() {
                    return reason;
                }
                if let Some(stop) = &inbox.stop {
                    return Reason::Unneeded(stop.reason.clone());
                }
            }
            let stop_deadline = inbox.stop.as_ref().and_then(|stop| stop.deadline);
            let reply_deadline = self.in_flight.deadline(&self.connection, limits);
            let deadline = [stop_deadline, reply_deadline].into_iter().flatten().min();
            tokio::select! {
                biased;
                (operations, replies) = self.in_flight.next_reply() => {
                    self.connection.note_reply();
                    if let Err(reason) = self.settle(operations, replies, &mut inbox.queue) {
                        return reason;
                    }
                    inbox.queue.note_progress();
                }
                operations = inbox.receive() => inbox.push(operations),
                () = self.connection.broken(), if deadline.is_none() => return Reason::Lost(None),
                () = sleep(IDLE), if deadline.is_none() && self.owner == Owner::Sidecar => {
                    return Reason::Unneeded("it was not used for a while".to_owned());
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    sleep(STALL_RECHECK).await;
                    let patience = self.in_flight.patience(limits).unwrap_or(limits.reply);
                    self.stalled = self.in_flight.take_stalled(&self.connection, limits);
                    if !self.stalled.is_empty() || stop_deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Reason::Silent(patience);
                    }
                }
            }
        }
    }

    /// Settles one pipeline, and puts what is not done yet into the queue again. Returns why the connection cannot be used any
    /// more, if that is what the replies show.
    fn settle(
        &mut self,
        operations: Vec<Queued>,
        replies: Result<Vec<Reply>, Cause>,
        queue: &mut Queue,
    ) -> Result<(), Reason> {
        let expected: usize = operations.iter().map(|queued| queued.commands).sum();
        let mut replies = match replies {
            Ok(replies) if replies.len() == expected => replies.into_iter(),
            replies => {
                self.unanswered = operations;
                return Err(replies.map_or_else(|cause| Reason::Lost(Some(cause)), |_| Reason::OutOfStep));
            }
        };
        let mut operations = operations.into_iter();
        while let Some(mut queued) = operations.next() {
            let Queued { operation, progress, commands, .. } = &mut queued;
            let request = &operation.request;
            let own = replies.by_ref().take(*commands);
            let decoded = commands::decode(&self.settings.keys, request, progress, own);
            if !decoded.matches_request() {
                self.stalled.push(queued);
                // The later replies may be each other's. One of them could say that a conversation does not exist.
                self.unanswered = operations.collect();
                return Err(Reason::OutOfStep);
            }
            if self.goes_to_the_client(&decoded, request.id()) {
                self.ending = Some(Reason::Refused);
                self.refused_ids.insert(request.id().to_owned());
                queued.in_doubt = !matches!(decoded, Decoded::Error(_));
                self.refused.push(queued);
                continue;
            }
            if decoded.requires_reconnect() {
                self.ending = Some(Reason::Refused);
            }
            if matches!(decoded, Decoded::Unfinished) {
                queue.resume(queued);
                continue;
            }
            let outcome = decoded.outcome(self.settings, request);
            queued.settle(outcome);
        }
        self.has_replied |= self.ending.is_none();
        Ok(())
    }

    /// Returns whether an operation of the conversation `id` goes to the user's client in spite of its reply.
    ///
    /// From the first operation that the server refused, each later one of the same conversation goes there too, also one
    /// that succeeded. So the order is kept, and a refused write is reported as refused, never counted as overwritten.
    /// The cost: a write that succeeded behind a refused one is done again, after it. If the client succeeds with both,
    /// another reader may see the new, the old and again the new state.
    fn goes_to_the_client(&self, decoded: &Decoded, id: &str) -> bool {
        self.owner == Owner::Sidecar && (decoded.is_for_the_client() || self.refused_ids.contains(id))
    }

    async fn finish(mut self, reason: Reason, inbox: &mut Inbox) -> ConnectionEnd {
        // Closed before anything is given back: what is repeated must come after it.
        self.connection.close().await;
        self.unanswered.extend(self.in_flight.take_all());
        let mut in_doubt = self.stalled.iter().chain(&self.unanswered);
        let is_write_in_doubt = in_doubt.any(|queued| queued.operation.request.is_write());
        let error = reason.error(self.settings);
        inbox.queue.put_back(reject_barriers(self.unanswered, error.as_ref()));
        // What only reads is repeated once, within its time. A write is not: its caller may have given it up.
        let now = Instant::now();
        let (mut again, given_up): (Vec<_>, Vec<_>) =
            reject_barriers(self.stalled, error.as_ref()).into_iter().partition(|queued| {
                let has_time = queued.since + self.settings.limits.wait > now;
                has_time && !queued.was_stalled && !queued.operation.request.is_write()
            });
        again.iter_mut().for_each(|queued| queued.was_stalled = true);
        inbox.queue.put_back(again);
        self.refused.extend(given_up);
        ConnectionEnd { reason, given_up: self.refused, is_write_in_doubt, has_replied: self.has_replied }
    }
}

/// Marks operations as in doubt. Rejects those that must not be sent twice, as their replies are lost, and returns the
/// others.
fn reject_barriers(mut operations: Vec<Queued>, error: Option<&StoreError>) -> Vec<Queued> {
    operations.iter_mut().for_each(|queued| queued.in_doubt = true);
    let (barriers, others) = operations.into_iter().partition::<Vec<_>, _>(Queued::is_barrier);
    for queued in barriers {
        let unknown = || StoreError::new(ErrorKind::Timeout, "the connection ended");
        queued.settle(Err(error.cloned().unwrap_or_else(unknown)));
    }
    others
}

impl Reason {
    /// Returns whether something went wrong.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Reason::Unneeded(_))
    }

    /// Returns the error of an operation that did not get its reply, or that waits for the next connection; `None` if
    /// the connection itself was in order.
    pub fn error(&self, settings: &Settings) -> Option<StoreError> {
        let address = &settings.endpoint.address;
        match self {
            Reason::Lost(cause) => {
                let unknown = || Cause { code: None, message: "the connection ended".into() };
                Some(errors::lost(address, cause.clone().unwrap_or_else(unknown)))
            }
            Reason::OutOfStep => Some(errors::unexpected_reply(address)),
            Reason::Silent(patience) => Some(errors::silent(address, *patience)),
            Reason::Refused | Reason::Unneeded(_) => None,
        }
    }
}
