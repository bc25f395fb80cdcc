//! Conversations as string values of a Redis server.
//!
//! One ordered queue and one task ([`supervisor`]) for each store: an operation that was submitted first takes effect
//! first, also across lost connections. How that is kept, by file:
//!
//! - [`queue`]: what waits, for how long, how much of it, and what goes into one write;
//! - [`supervisor`]: connects, sends, matches answers, puts un-answered operations back to the head of the queue;
//! - [`in_flight`]: what was sent and waits for its answer;
//! - [`response_limits`]: how much a server may say before it has answered;
//! - [`connection`]: the socket and the `redis` crate, which is used nowhere else;
//! - [`sidecar`]: the other way to use a connection: it belongs beside a client of the user's, and gives back what it
//!   cannot answer;
//! - [`tls`]: encryption, and which servers are trusted;
//! - [`handshake`]: what is said before the first operation; ends the previous_connection of a replaced connection;
//! - [`reply`], [`error_reply`] and [`errors`]: from answers and failures to outcomes.

mod backoff;
mod connection;
mod errors;
mod in_flight;
mod response_limits;
mod supervisor;
// In tests, too, so that it is compiled wherever what it calls may change.
mod activity;
pub mod error_reply;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod handshake;
mod queue;
mod reply;
pub mod sidecar;
mod tls;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::runtime::runtime;
use super::{Answer, Operation, Store, Ticket};
use supervisor::Supervisor;
pub use tls::{DefaultRoots, Tls, TlsSettings};

/// Where the server listens.
#[derive(Clone, Debug)]
pub enum Address {
    Tcp {
        host: String,
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

pub struct RedisConfig {
    pub address: Address,
    /// Nothing for a plain connection.
    pub tls: Option<Arc<Tls>>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// The logical database to select.
    pub db: i64,
    /// How the connection is called in the server's `CLIENT LIST`.
    pub name: Option<String>,
    /// What stands before the id in every key.
    pub prefix: String,
}

impl RedisConfig {
    /// No credentials, no prefix, nothing expires.
    #[cfg(any(fuzzing, test))]
    fn plain(address: Address) -> Self {
        let prefix = String::new();
        RedisConfig { address, tls: None, username: None, password: None, db: 0, name: None, prefix }
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }
}

/// How long to look once more for bytes before a connection counts as silent.
const STALL_RECHECK: Duration = Duration::from_millis(100);

/// How long and how much may wait. Tests shorten it.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long an operation may wait while the server cannot be reached.
    wait: Duration,
    /// For one attempt to connect, the first words included.
    connect: Duration,
    /// How long a connection that owes answers may stay silent in both directions.
    answer: Duration,
    /// The most an answer may take, however steadily bytes trickle.
    longest: Duration,
    /// What may wait once the server has been away for `grace`: operations, and bytes of them.
    grace: Duration,
    operations: usize,
    bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wait: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(5),
            longest: Duration::from_secs(120),
            grace: Duration::from_secs(1),
            operations: 100_000,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// The JavaScript side of the queue. Connects at the first operation.
pub struct RedisStore {
    config: Arc<RedisConfig>,
    limits: Limits,
    /// The way to the task; `None` before the first operation. The task ends when this is dropped and its queue is empty:
    /// it holds no way back here.
    inbox: Mutex<Option<UnboundedSender<Message>>>,
}

impl RedisStore {
    pub fn new(config: RedisConfig) -> Self {
        RedisStore::with_limits(config, Limits::default())
    }

    fn with_limits(config: RedisConfig, limits: Limits) -> Self {
        RedisStore { config: Arc::new(config), limits, inbox: Mutex::default() }
    }

    fn start(&self) -> UnboundedSender<Message> {
        let (sender, inbox) = unbounded_channel();
        runtime().spawn(Supervisor::new(self.config.clone(), self.limits, inbox).run());
        sender
    }
}

impl Store for RedisStore {
    fn submit(&self, operations: Vec<Operation>) {
        let mut inbox = self.inbox.lock();
        let unsent = match &*inbox {
            Some(inbox) => inbox.send(Message::Operations(operations)).err().map(|refused| refused.0),
            None => Some(Message::Operations(operations)),
        };
        // No task yet, or a panic ended it: that one's operations were rejected, these get a fresh one.
        if let Some(message) = unsent {
            let fresh = self.start();
            let _ = fresh.send(message);
            *inbox = Some(fresh);
        }
    }

    fn close(&self, ticket: Ticket) {
        let unsent = match &*self.inbox.lock() {
            Some(inbox) => inbox.send(Message::Close(ticket)).err().map(|refused| refused.0),
            None => Some(Message::Close(ticket)),
        };
        // No task, so nothing is open.
        if let Some(Message::Close(ticket)) = unsent {
            ticket.settle(Ok(Answer::Done));
        }
    }

    fn location(&self, id: &str) -> String {
        errors::location(&self.config, id)
    }
}

/// What the task is told.
enum Message {
    Operations(Vec<Operation>),
    /// The last message.
    Close(Ticket),
}
