//! Conversations as string values of a Redis server.
//!
//! Each store has one ordered queue and one task. Operations on one conversation take effect in the order of submission,
//! also across lost connections. By file:
//!
//! - [`config`], [`commands`] and [`replies`]: the settings; each operation as a command, and the meaning of its reply;
//! - [`age`]: the age of a conversation, which the time that is left tells;
//! - [`scan`]: the stages of a look through the conversations;
//! - [`scripts`] and [`lock_key`]: what the server does for locks and conditional writes, and the key of a lock;
//! - [`inbox`], [`queue`] and [`pipeline`]: what was submitted and waits, how much of it, for how long, and what goes into
//!   one write;
//! - [`session`] and [`in_flight`]: the life of one connection, and what it has sent and not yet got replies for;
//! - [`supervisor`]: one session after the other, for a store of its own;
//! - [`sidecar`]: one session beside the user's client, which hands back what it cannot do;
//! - [`connection`]: the socket and the `redis` crate, which no other file uses; [`lookup`] finds its address;
//! - [`handshake`] and [`connection_id`]: the commands before the first operation; they end the connection that a new one
//!   replaces;
//! - [`activity`] and [`response_limits`]: when bytes last moved, and how much a server may send in one reply;
//! - [`tls`]: encryption, and which servers are trusted;
//! - [`error_reply`], [`errors`] and [`foreign`]: texts of failures, also for servers that are none of Redis.

mod activity;
mod address;
mod age;
mod backoff;
mod commands;
mod config;
mod connection;
mod connection_id;
pub mod error_reply;
mod errors;
mod foreign;
// Also in tests, so that it is compiled wherever the code that it calls may change.
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod handshake;
mod in_flight;
mod inbox;
pub mod lock_key;
mod lookup;
mod pipeline;
mod queue;
mod queued;
mod replies;
mod response_limits;
mod scan;
pub mod scripts;
mod session;
pub mod sidecar;
mod supervisor;
mod tls;

// They stop and continue a server by signals.
#[cfg(unix)]
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use super::error::StoreError;
use super::runtime;
use super::stats::Stats;
use super::{Answer, Operation, Store, Ticket};
pub use address::Address;
pub use config::{Endpoint, KeySpace};
use config::{Limits, Settings};
use inbox::{Inbox, Message, Stop};
use supervisor::Supervisor;
pub use tls::{DefaultRoots, Tls, TlsSettings};

/// The JavaScript side of the queue. Connects at the first operation.
pub struct RedisStore {
    settings: Arc<Settings>,
    /// The way to the task; `None` before the first operation. The task ends when this is dropped and its queue is empty.
    inbox: Mutex<Option<UnboundedSender<Message>>>,
    stats: OnceLock<Arc<Stats>>,
}

impl RedisStore {
    pub fn new(endpoint: Endpoint, keys: KeySpace) -> Self {
        RedisStore::with_limits(endpoint, keys, Limits::default())
    }

    fn with_limits(endpoint: Endpoint, keys: KeySpace, limits: Limits) -> Self {
        let settings = Arc::new(Settings { endpoint, keys, limits });
        RedisStore { settings, inbox: Mutex::default(), stats: OnceLock::new() }
    }

    fn start(&self) -> Result<UnboundedSender<Message>, StoreError> {
        let (sender, inbox) = Inbox::new();
        runtime::handle()?.spawn(Supervisor::new(self.settings.clone(), inbox, self.stats.get().cloned()).run());
        Ok(sender)
    }
}

impl Store for RedisStore {
    fn submit(&self, operations: Vec<Operation>) {
        let mut inbox = self.inbox.lock();
        let unsent = match &*inbox {
            Some(inbox) => inbox.send(Message::Operations(operations)).err().map(|refused| refused.0),
            None => Some(Message::Operations(operations)),
        };
        // There is no task, or a panic ended it. The operations of that task were rejected; these get a new one.
        if let Some(message) = unsent {
            match self.start() {
                Ok(fresh) => {
                    let _ = fresh.send(message);
                    *inbox = Some(fresh);
                }
                Err(error) => message.reject(&error),
            }
        }
    }

    fn close(&self, ticket: Ticket) {
        let stop =
            Message::Stop(Stop { reason: "the storage was closed".into(), deadline: None, ticket: Some(ticket) });
        let unsent = match &*self.inbox.lock() {
            Some(inbox) => inbox.send(stop).err().map(|refused| refused.0),
            None => Some(stop),
        };
        // There is no task, so nothing is open.
        if let Some(Message::Stop(Stop { ticket: Some(ticket), .. })) = unsent {
            ticket.settle(Ok(Answer::Done));
        }
    }

    fn observe(&self, stats: Arc<Stats>) {
        let _ = self.stats.set(stats);
    }

    fn location(&self, id: &str) -> String {
        self.settings.location(id)
    }
}
