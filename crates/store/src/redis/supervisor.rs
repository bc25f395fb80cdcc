//! The task that owns the queue and the connection.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::Connection;
use super::handshake::{self, ConnectionId};
use super::in_flight::InFlight;
use super::queue::{Queue, Queued};
use super::reply::{self, Reply};
use super::{Limits, Message, RedisConfig, STALL_RECHECK, backoff, errors};
use crate::error::{Cause, ErrorKind, StoreError};
use crate::{Answer, Ticket};

pub struct Supervisor {
    config: Arc<RedisConfig>,
    limits: Limits,
    inbox: UnboundedReceiver<Message>,
    /// The store was dropped: end once the queue is empty.
    is_store_dropped: bool,
    closing: Option<Ticket>,
    queue: Queue,
    /// What the last attempt to connect, or the last connection, ended with.
    trouble: Option<StoreError>,
    /// Attempts and connections that came to nothing, in a row.
    failures: u32,
    not_before: Instant,
    /// The connection that the next one replaces.
    previous_connection: Option<ConnectionId>,
}

/// Why [`Supervisor::serve`] returned.
enum End {
    /// The connection is no good any more.
    ConnectionEnd,
    /// A close is next, or the store was dropped and everything is answered.
    Finished,
}

impl Supervisor {
    pub fn new(config: Arc<RedisConfig>, limits: Limits, inbox: UnboundedReceiver<Message>) -> Self {
        Supervisor {
            config,
            limits,
            inbox,
            is_store_dropped: false,
            closing: None,
            queue: Queue::new(),
            trouble: None,
            failures: 0,
            not_before: Instant::now(),
            previous_connection: None,
        }
    }

    pub async fn run(mut self) {
        loop {
            // Nothing waits: do nothing, also not reconnect.
            while self.queue.is_empty() {
                if let Some(ticket) = self.closing.take() {
                    return ticket.settle(Ok(Answer::Done));
                }
                let Some(message) = self.inbox.recv().await else { return };
                self.accept_if_room(message);
            }
            if let Some((mut connection, identity)) = self.connect().await {
                let end = self.serve(&mut connection).await;
                self.previous_connection = identity;
                match end {
                    End::Finished => connection.close().await,
                    End::ConnectionEnd => self.back_off(),
                }
            }
        }
    }

    fn accept(&mut self, message: Message) {
        match message {
            Message::Operations(operations) => {
                operations.into_iter().for_each(|operation| self.queue.push(Queued::new(operation)));
            }
            Message::Close(ticket) => self.closing = Some(ticket),
        }
    }

    /// The same while there is no connection: what waits is bounded, and the newest is turned away.
    fn accept_if_room(&mut self, message: Message) {
        let Message::Operations(operations) = message else { return self.accept(message) };
        for operation in operations {
            if self.queue.has_room(&operation, &self.limits) {
                self.queue.push(Queued::new(operation));
            } else {
                operation.ticket.settle(Err(errors::queue_full(&self.config.address)));
            }
        }
    }

    fn back_off(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Instant::now() + backoff::pause(self.failures);
    }

    /// A connection that is ready for operations, or nothing once no operation waits for one.
    async fn connect(&mut self) -> Option<(Connection, Option<ConnectionId>)> {
        loop {
            let (config, connect) = (self.config.clone(), self.limits.connect);
            let (not_before, previous_connection) = (self.not_before, self.previous_connection.clone());
            let attempt = async move {
                sleep_until(not_before).await;
                handshake::connect(&config, connect, previous_connection.as_ref()).await
            };
            tokio::pin!(attempt);
            let result = loop {
                self.expire();
                let deadline = self.queue.deadline(self.limits.wait)?;
                tokio::select! {
                    biased;
                    result = &mut attempt => break result,
                    batch = self.inbox.recv(), if !self.is_store_dropped => match batch {
                        Some(batch) => self.accept_if_room(batch),
                        None => self.is_store_dropped = true,
                    },
                    () = sleep_until(deadline) => {}
                }
            };
            match result {
                Ok(connected) => {
                    self.trouble = None;
                    return Some(connected);
                }
                Err(error) => {
                    self.back_off();
                    // The server will not have us as we are: waiting would not help.
                    if error.kind != ErrorKind::Unavailable {
                        for queued in self.queue.take_all() {
                            queued.operation.ticket.settle(Err(error.clone()));
                        }
                    }
                    self.trouble = Some(error);
                }
            }
        }
    }

    /// Rejects what has waited long enough.
    fn expire(&mut self) {
        let wait = self.limits.wait;
        while let Some(Queued { operation, sent, .. }) = self.queue.take_expired(wait) {
            let error = errors::waited(&self.config.address, &operation.request, sent, wait, self.trouble.as_ref());
            operation.ticket.settle(Err(error));
        }
    }

    /// Sends and settles until the connection breaks or there is nothing left to do for good.
    async fn serve(&mut self, connection: &mut Connection) -> End {
        let mut in_flight = InFlight::default();
        loop {
            while let Ok(batch) = self.inbox.try_recv() {
                self.accept(batch);
            }
            while in_flight.have_room() {
                let Some(operations) = self.queue.take_pipeline() else { break };
                in_flight.send(connection, &self.config.prefix, operations).await;
            }
            if in_flight.is_empty() && (self.closing.is_some() || self.is_store_dropped) {
                return End::Finished;
            }
            let deadline = in_flight.deadline(connection, &self.limits);
            let unanswered = tokio::select! {
                biased;
                (operations, answers) = in_flight.next_reply() => {
                    connection.note_answer();
                    self.settle(operations, answers)
                }
                batch = self.inbox.recv(), if !self.is_store_dropped => match batch {
                    Some(batch) => { self.accept(batch); None }
                    None => { self.is_store_dropped = true; None }
                },
                () = connection.broken(), if deadline.is_none() => Some(Vec::new()),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    // Perhaps it was this process that slept, and the answers lie in the socket.
                    sleep(STALL_RECHECK).await;
                    self.give_up(in_flight.take_stalled(connection, &self.limits))
                }
            };
            if let Some(mut unanswered) = unanswered {
                unanswered.extend(in_flight.take_all());
                self.queue.put_back(unanswered);
                return End::ConnectionEnd;
            }
        }
    }

    /// Settles one pipeline. Anything but `None` says that the connection has to be replaced, and which of these
    /// operations have to be sent again through the next one: setting, getting and deleting may be repeated, as long
    /// as everything behind it is repeated too.
    fn settle(&mut self, operations: Vec<Queued>, answers: Result<Vec<Reply>, Cause>) -> Option<Vec<Queued>> {
        let replies = match answers {
            Ok(replies) if replies.len() == operations.len() => replies,
            Ok(_) => {
                self.trouble = Some(errors::unexpected_reply(&self.config.address));
                return Some(operations);
            }
            Err(cause) => {
                self.trouble = Some(errors::lost(&self.config.address, cause));
                return Some(operations);
            }
        };
        let mut spoiled = false;
        let mut answered = operations.into_iter().zip(replies);
        for (Queued { operation, .. }, reply) in answered.by_ref() {
            let in_step = reply.matches_request(&operation.request);
            spoiled |= reply.requires_reconnect();
            operation.ticket.settle(reply::outcome(&self.config, &operation.request, reply));
            if !in_step {
                self.trouble = Some(errors::unexpected_reply(&self.config.address));
                // The later answers may be each other's. One of them could say that a conversation is not there.
                return Some(answered.map(|(operation, _)| operation).collect());
            }
        }
        self.queue.note_progress();
        if spoiled {
            return Some(Vec::new());
        }
        self.failures = 0;
        None
    }

    /// Rejects operations whose connection has gone silent. They are not sent again: nobody waits for them any more.
    fn give_up(&mut self, stalled: Vec<Queued>) -> Option<Vec<Queued>> {
        if stalled.is_empty() {
            return None;
        }
        let (address, after) = (&self.config.address, self.limits.answer);
        for Queued { operation, .. } in stalled {
            let error = errors::unanswered(address, &operation.request, after);
            operation.ticket.settle(Err(error));
        }
        self.trouble = Some(errors::slow_to_connect(address, after));
        Some(Vec::new())
    }
}
