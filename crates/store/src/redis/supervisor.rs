//! The task that owns a store's queue: opens one connection after the other while operations wait.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::config::Settings;
use super::connection::Connection;
use super::connection_id::ConnectionId;
use super::handshake;
use super::inbox::Inbox;
use super::queued::Queued;
use super::session::{ConnectionEnd, Owner, Session};
use super::{backoff, errors};
use crate::error::{ErrorKind, StoreError};
use crate::stats::{Event, Stats};
use crate::{Answer, Operation};

pub struct Supervisor {
    settings: Arc<Settings>,
    inbox: Inbox,
    /// Why there is no connection: the error of the last attempt to connect, or the end of the last connection.
    last_error: Option<StoreError>,
    /// Attempts and connections that failed in a row.
    failures: u32,
    not_before: Instant,
    /// The connection that the next one replaces.
    previous_connection: Option<ConnectionId>,
    stats: Option<Arc<Stats>>,
    /// Since when there is no connection, though there was one or one was wanted.
    lost_at: Option<Instant>,
}

impl Supervisor {
    pub fn new(settings: Arc<Settings>, inbox: Inbox, stats: Option<Arc<Stats>>) -> Self {
        Supervisor {
            settings,
            inbox,
            last_error: None,
            failures: 0,
            not_before: Instant::now(),
            previous_connection: None,
            stats,
            lost_at: None,
        }
    }

    pub async fn run(mut self) {
        loop {
            // While nothing waits it does nothing; in particular it does not reconnect.
            while self.inbox.queue.is_empty() {
                if let Some(stop) = self.inbox.stop.take() {
                    if let Some(ticket) = stop.ticket {
                        ticket.settle(Ok(Answer::Done));
                    }
                    return;
                }
                let operations = self.inbox.receive().await;
                self.accept_if_room(operations);
            }
            if let Some((connection, id)) = self.connect().await {
                self.last_error = None;
                self.note_back();
                let settings = self.settings.clone();
                let session = Session::new(connection, Owner::Store, &settings).counted_in(self.stats.clone());
                let end = session.serve(&mut self.inbox).await;
                self.previous_connection = id;
                self.take_back(end);
            }
        }
    }

    /// Puts `operations` into the queue while there is no connection: what waits is bounded, and the newest is rejected.
    fn accept_if_room(&mut self, operations: Vec<Operation>) {
        let queue = &mut self.inbox.queue;
        for operation in operations {
            if queue.has_room(&operation, &self.settings.limits) {
                queue.push(Queued::new(operation));
            } else {
                operation.ticket.settle(Err(errors::queue_full(&self.settings.endpoint.address)));
            }
        }
    }

    fn back_off(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Instant::now() + backoff::pause(self.failures);
    }

    /// Returns a connection that is ready for operations; `None` if no operation waits for it any more.
    async fn connect(&mut self) -> Option<(Connection, Option<ConnectionId>)> {
        let limits = self.settings.limits;
        loop {
            let settings = self.settings.clone();
            let (not_before, previous_connection) = (self.not_before, self.previous_connection.clone());
            let attempt = async move {
                sleep_until(not_before).await;
                handshake::connect(&settings.endpoint, &limits, previous_connection.as_ref()).await
            };
            tokio::pin!(attempt);
            let result = loop {
                self.expire();
                let deadline = self.inbox.queue.deadline(limits.wait)?;
                tokio::select! {
                    biased;
                    result = &mut attempt => break result,
                    operations = self.inbox.receive() => self.accept_if_room(operations),
                    () = sleep_until(deadline) => {}
                }
            };
            match result {
                Ok(connected) => return Some(connected),
                Err(error) => {
                    self.back_off();
                    self.note_lost(Some(&error));
                    // The server does not accept these settings: waiting would not help.
                    if error.kind != ErrorKind::Unavailable {
                        for queued in self.inbox.queue.take_all() {
                            queued.settle(Err(error.clone()));
                        }
                    }
                    self.last_error = Some(error);
                }
            }
        }
    }

    /// Rejects what has waited long enough.
    fn expire(&mut self) {
        let wait = self.settings.limits.wait;
        while let Some(queued) = self.inbox.queue.take_expired(wait) {
            queued.settle(Err(errors::waited(&self.settings.endpoint.address, wait, self.last_error.as_ref())));
        }
    }

    /// Rejects what the connection has given up. The rest is in the queue, for the next one: sets, gets and deletes may
    /// be repeated, as long as everything behind them is repeated too.
    fn take_back(&mut self, end: ConnectionEnd) {
        let error = end.reason.error(&self.settings);
        for queued in end.given_up {
            if let Some(error) = &error {
                queued.settle(Err(error.clone()));
            }
        }
        if end.has_replied {
            self.failures = 0;
        }
        if end.reason.is_failure() {
            self.note_lost(error.as_ref());
            self.last_error = error;
            self.back_off();
        }
    }

    /// Tells that there is no connection, once.
    fn note_lost(&mut self, error: Option<&StoreError>) {
        if self.lost_at.is_some() {
            return;
        }
        self.lost_at = Some(Instant::now());
        let refused = "the server refused an operation in a way that needs another connection";
        let reason = error.map_or(refused, |error| &error.reason).to_owned();
        self.tell(Event::ConnectionLost { reason });
    }

    /// Tells that there is one again.
    fn note_back(&mut self) {
        if let Some(lost_at) = self.lost_at.take() {
            self.tell(Event::ConnectionBack { after: lost_at.elapsed() });
        }
    }

    fn tell(&self, event: Event) {
        if let Some(stats) = &self.stats {
            stats.tell(event);
        }
    }
}
