//! The task that owns a link's connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::connection::Connection;
use super::super::handshake::{self, ConnectionId};
use super::super::in_flight::InFlight;
use super::super::queue::{Queue, Queued};
use super::super::reply::{self, Reply};
use super::super::{Limits, RedisConfig, STALL_RECHECK};
use super::{Message, Phase, Report, State, give_back};
use crate::error::Cause;
use crate::{Answer, Request};

/// How long the first operations wait for the connection before they go through the client. A server nearby answers
/// within a few milliseconds.
const CONNECT_GRACE: Duration = Duration::from_millis(250);

/// An unused connection is given up, since nobody tells when the client is no longer used.
const IDLE: Duration = Duration::from_secs(60);

const OUT_OF_STEP: &str = "the server gave an answer that makes no sense";

pub struct Task {
    config: Arc<RedisConfig>,
    limits: Limits,
    state: Arc<State>,
    inbox: UnboundedReceiver<Message>,
    /// Nobody can submit any more.
    is_store_dropped: bool,
    queue: Queue,
    /// The end was asked for: why, and when patience is over.
    end: Option<(String, Instant)>,
    /// Operations that the server refused in a way that the client may know how to deal with.
    refused: Vec<Queued>,
    answered: bool,
}

impl Drop for Task {
    /// After a panic the tickets give their operations back with an error; nobody must wait for this link to answer.
    fn drop(&mut self) {
        let reason = "a bug in this package".to_owned();
        self.state.end(Report { reason, is_failure: true, answered: false, kill_command: None });
    }
}

/// Why the connection is of no use any more.
struct ConnectionEnd {
    reason: String,
    is_failure: bool,
    /// Sent, and not answered.
    unanswered: Vec<Queued>,
}

impl ConnectionEnd {
    fn failure(reason: impl Into<String>, unanswered: Vec<Queued>) -> Self {
        ConnectionEnd { reason: reason.into(), is_failure: true, unanswered }
    }

    fn peacefully(reason: impl Into<String>) -> Self {
        ConnectionEnd { reason: reason.into(), is_failure: false, unanswered: Vec::new() }
    }
}

impl Task {
    pub fn new(config: Arc<RedisConfig>, limits: Limits, state: Arc<State>, inbox: UnboundedReceiver<Message>) -> Self {
        Task {
            config,
            limits,
            state,
            inbox,
            is_store_dropped: false,
            queue: Queue::new(),
            end: None,
            refused: Vec::new(),
            answered: false,
        }
    }

    pub async fn run(mut self) {
        match self.open().await {
            Ok((mut connection, identity)) => {
                self.state.advance(Phase::Ready);
                let broken = self.serve(&mut connection).await;
                // Closed before anything is given back: what is repeated must come after it.
                connection.close().await;
                self.finish(broken, identity);
            }
            Err(broken) => self.finish(broken, None),
        }
    }

    /// The connection, or why there is none.
    async fn open(&mut self) -> Result<(Connection, Option<ConnectionId>), ConnectionEnd> {
        let config = self.config.clone();
        let attempt = handshake::connect(&config, self.limits.connect, None);
        tokio::pin!(attempt);
        let end_of_hold = Instant::now() + CONNECT_GRACE;
        let mut holds = true;
        loop {
            tokio::select! {
                biased;
                result = &mut attempt => {
                    return result.map_err(|error| ConnectionEnd::failure(error.reason, Vec::new()));
                }
                message = self.inbox.recv(), if !self.is_store_dropped => {
                    self.take(message);
                    if let Some((reason, _)) = &self.end {
                        return Err(ConnectionEnd::peacefully(reason));
                    }
                }
                () = sleep_until(end_of_hold), if holds => {
                    holds = false;
                    self.state.advance(Phase::Late);
                }
            }
            if self.is_store_dropped {
                return Err(ConnectionEnd::peacefully("nobody uses it any more"));
            }
            if !holds {
                self.give_back_waiting();
            }
        }
    }

    fn take(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Operations(operations)) => {
                for operation in operations {
                    self.queue.push(Queued::new(operation));
                }
            }
            Some(Message::End(reason, patience)) => self.end = Some((reason, Instant::now() + patience)),
            None => self.is_store_dropped = true,
        }
    }

    fn give_back_waiting(&mut self) {
        for queued in self.queue.take_all() {
            give_back(queued.operation);
        }
    }

    /// Sends and settles until the connection breaks, is refused, or is not wanted any more.
    async fn serve(&mut self, connection: &mut Connection) -> ConnectionEnd {
        let mut in_flight = InFlight::default();
        loop {
            while let Ok(message) = self.inbox.try_recv() {
                self.take(Some(message));
            }
            while self.refused.is_empty() && in_flight.have_room() {
                let Some(operations) = self.queue.take_pipeline() else { break };
                in_flight.send(connection, "", operations).await;
            }
            if in_flight.is_empty() {
                if !self.refused.is_empty() {
                    return ConnectionEnd::failure("the server refused an operation", Vec::new());
                }
                if let Some((reason, _)) = &self.end {
                    return ConnectionEnd::peacefully(reason);
                }
                if self.is_store_dropped {
                    return ConnectionEnd::peacefully("nobody uses it any more");
                }
            }
            let mut deadline = in_flight.deadline(connection, &self.limits);
            if let Some((_, patience_over)) = self.end {
                deadline = Some(deadline.map_or(patience_over, |deadline| deadline.min(patience_over)));
            }
            let trouble = tokio::select! {
                biased;
                (operations, answers) = in_flight.next_reply() => self.settle(operations, answers),
                message = self.inbox.recv(), if !self.is_store_dropped => { self.take(message); None }
                () = connection.broken(), if deadline.is_none() => {
                    Some(ConnectionEnd::failure("the server closed the connection", Vec::new()))
                }
                () = sleep(IDLE), if deadline.is_none() => return ConnectionEnd::peacefully("it was not used for a while"),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    // Perhaps it was this process that slept, and the answers lie in the socket.
                    sleep(STALL_RECHECK).await;
                    let stalled = in_flight.deadline(connection, &self.limits).is_some_and(|end| end <= Instant::now());
                    let over = self.end.as_ref().is_some_and(|(_, patience_over)| *patience_over <= Instant::now());
                    (stalled || over).then(|| ConnectionEnd::failure("the server gave no answer in time", Vec::new()))
                }
            };
            if let Some(mut broken) = trouble {
                broken.unanswered.extend(in_flight.take_all());
                return broken;
            }
        }
    }

    /// Settles one pipeline. Answers why the connection is of no use any more, where that came out.
    fn settle(&mut self, operations: Vec<Queued>, answers: Result<Vec<Reply>, Cause>) -> Option<ConnectionEnd> {
        let replies = match answers {
            Ok(replies) if replies.len() == operations.len() => replies,
            Ok(_) => return Some(ConnectionEnd::failure(OUT_OF_STEP, operations)),
            Err(cause) => {
                let reason = format!("the server closed the connection ({})", cause.message);
                return Some(ConnectionEnd::failure(reason, operations));
            }
        };
        let mut answered = operations.into_iter().zip(replies);
        while let Some((queued, reply)) = answered.next() {
            if !reply.matches_request(&queued.operation.request) {
                // The later answers may be each other's. One of them could say that a conversation is not there.
                let unanswered = std::iter::once(queued).chain(answered.map(|(queued, _)| queued)).collect();
                return Some(ConnectionEnd::failure(OUT_OF_STEP, unanswered));
            }
            if is_for_the_client(&reply) || self.waits_for_refused(&queued.operation.request) {
                self.refused.push(queued);
                continue;
            }
            let outcome = reply::outcome(&self.config, &queued.operation.request, reply);
            if outcome.is_ok() {
                self.answered = true;
                self.supersede(&queued.operation.request);
            }
            queued.operation.ticket.settle(outcome);
        }
        None
    }

    /// Whether this is a load behind a refused write of the same conversation: what it found is older than what it has to
    /// find once that write has succeeded through the client.
    fn waits_for_refused(&self, request: &Request) -> bool {
        let Request::Load { id } = request else { return false };
        self.refused.iter().any(|older| written(&older.operation.request) == Some(id))
    }

    /// A write took effect. Older refused ones of the same conversation must not be repeated on top of it; they count as
    /// done and at once undone, and the loads between have seen them.
    fn supersede(&mut self, done: &Request) {
        let Some(id) = written(done) else { return };
        let mut seen = None;
        for older in std::mem::take(&mut self.refused) {
            match &older.operation.request {
                Request::Save { id: of, text, .. } if of == id => seen = Some(Some(text.clone())),
                Request::Delete { id: of } if of == id => seen = Some(None),
                Request::Load { id: of } if of == id && seen.is_some() => {
                    older.operation.ticket.settle(Ok(Answer::Text(seen.clone().flatten())));
                    continue;
                }
                _ => {
                    self.refused.push(older);
                    continue;
                }
            }
            older.operation.ticket.settle(Ok(Answer::Done));
        }
    }

    /// Reports, then gives back everything, in order.
    fn finish(&mut self, broken: ConnectionEnd, identity: Option<ConnectionId>) {
        let in_doubt = broken.unanswered.iter().any(|queued| queued.operation.request.is_write());
        let kill_command = in_doubt.then(|| identity.and_then(|identity| identity.kill_command())).flatten();
        let ConnectionEnd { reason, is_failure, unanswered } = broken;
        self.state.end(Report { reason, is_failure, answered: self.answered, kill_command });
        for queued in self.refused.drain(..).chain(unanswered) {
            give_back(queued.operation);
        }
        self.inbox.close();
        while let Ok(message) = self.inbox.try_recv() {
            self.take(Some(message));
        }
        self.give_back_waiting();
    }
}

/// The conversation that a request changes.
fn written(request: &Request) -> Option<&str> {
    match request {
        Request::Save { id, .. } | Request::Delete { id } => Some(id),
        Request::Load { .. } => None,
        #[cfg(test)]
        Request::Append { .. } => None,
    }
}

/// Whether the client may know what to do about an answer: find the new master, log in again, ask another node. What
/// says something of the key or of the server's memory means the same through any connection.
fn is_for_the_client(reply: &Reply) -> bool {
    match reply {
        Reply::Error(refusal) => {
            !matches!(refusal.code.as_str(), "WRONGTYPE" | "OOM" | "MISCONF" | "NOREPLICAS" | "BUSY")
        }
        Reply::Status(status) => status != "OK",
        _ => false,
    }
}
