//! Where the server is, which keys hold the conversations, and how much may wait.

use std::sync::Arc;
use std::time::Duration;

use super::address::{Address, server};
use super::lock_key::lock_tail;
use super::tls::Tls;

/// A server, and how to log in to it.
#[derive(Clone)]
pub struct Endpoint {
    pub address: Address,
    /// `None` for a plain connection.
    pub tls: Option<Arc<Tls>>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// The logical database to select.
    pub db: i64,
    /// The name of the connection in the server's `CLIENT LIST`.
    pub name: Option<String>,
}

impl Endpoint {
    /// Returns an endpoint without TLS and without credentials.
    #[cfg(any(fuzzing, test))]
    pub fn plain(address: Address) -> Self {
        Endpoint { address, tls: None, username: None, password: None, db: 0, name: None }
    }
}

/// Maps ids to keys. The default is for a sidecar: its ids are whole keys.
#[derive(Clone, Debug, Default)]
pub struct KeySpace {
    /// Precedes the id in every key.
    pub prefix: String,
}

impl KeySpace {
    pub fn key(&self, id: &str) -> String {
        [&self.prefix, id].concat()
    }

    /// Returns the key of the lock of `id`. Binary.
    pub fn lock_key(&self, id: &str) -> Vec<u8> {
        let mut key = self.key(id).into_bytes();
        let tail = lock_tail(&key);
        key.extend(tail);
        key
    }
}

/// How long and how much may wait. Tests shorten it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long an operation may wait while the server cannot be reached.
    pub wait: Duration,
    /// For one attempt to connect, including the handshake.
    pub connect: Duration,
    /// How long a connection with operations in flight may stay silent in both directions, beside the time for `bandwidth`.
    pub reply: Duration,
    /// The slowest line that a large state gets through, in bytes a second. The buffers of the system and of proxies take
    /// megabytes within a moment. While they drain, no byte moves that could be seen here.
    pub bandwidth: u32,
    /// How long a reply may take at most, even if bytes keep trickling in.
    pub slowest_reply: Duration,
    /// The two limits below apply once an operation has waited this long for the server.
    pub grace: Duration,
    /// Operations that may wait.
    pub operations: usize,
    /// Bytes of operations that may wait.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wait: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            reply: Duration::from_secs(5),
            bandwidth: 128 * 1024,
            slowest_reply: Duration::from_secs(120),
            grace: Duration::from_secs(1),
            operations: 100_000,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// All of the above: the settings of one store, or of one sidecar.
pub struct Settings {
    pub endpoint: Endpoint,
    pub keys: KeySpace,
    pub limits: Limits,
}

impl Settings {
    /// Returns where `id` is kept, as an error message names it.
    pub fn location(&self, id: &str) -> String {
        format!("the key {:?} of {}", self.keys.key(id), server(&self.endpoint.address))
    }
}
