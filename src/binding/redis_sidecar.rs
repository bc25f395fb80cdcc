//! Our own connection beside the user's Redis client.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use super::tls::TlsContext;
use flowkit_store::redis::sidecar::{Sidecar, Timeouts};
use flowkit_store::redis::{Address, RedisConfig};

/// Where the client is connected right now, and as whom (`lib/redis-follow.js`).
#[napi(object, object_to_js = false)]
pub struct RedisLinkOptions {
    pub host: String,
    pub port: u16,
    /// A Unix socket; wins over host and port.
    pub path: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: i64,
    pub name: Option<String>,
    /// Milliseconds.
    pub connect_timeout: u32,
    /// Milliseconds without any byte while an answer is due.
    pub answer_timeout: u32,
}

/// How a link ended.
#[napi(object, object_from_js = false)]
pub struct RedisLinkReport {
    pub reason: String,
    pub is_failure: bool,
    pub answered: bool,
    /// The command to send through the client before anything that was given back.
    pub farewell: Option<Vec<String>>,
}

/// One connection. Operations that it cannot answer are rejected with the code `FLOWKIT_RETURNED`.
#[napi]
pub struct RedisLink {
    link: Sidecar,
}

#[napi]
impl RedisLink {
    /// 0 being made, operations wait; 1 still being made, give it no operations; 2 ready; 3 ended.
    #[napi(catch_unwind)]
    pub fn phase(&self) -> u32 {
        self.link.phase() as u32
    }

    /// How it ended; nothing as long as answers are due.
    #[napi(catch_unwind)]
    pub fn report(&self) -> Option<RedisLinkReport> {
        self.link.report().cloned().map(|report| RedisLinkReport {
            reason: report.reason,
            is_failure: report.is_failure,
            answered: report.answered,
            farewell: report.kill_command,
        })
    }

    /// Takes no more operations, and gives back what is not answered within so many milliseconds.
    #[napi(catch_unwind)]
    pub fn end(&self, reason: String, patience: u32) {
        self.link.end(&reason, Duration::from_millis(patience.into()));
    }

    /// Returns the way to the connection. Its ids are whole keys.
    #[napi(catch_unwind)]
    pub fn handle(&self, dispatcher: &Dispatcher) -> StorageHandle {
        StorageHandle::new(dispatcher, Arc::new(self.link.view()))
    }
}

/// Begins to connect.
#[napi(catch_unwind)]
pub fn open_redis_link(options: RedisLinkOptions, tls: Option<&TlsContext>) -> RedisLink {
    let RedisLinkOptions { host, port, path, username, password, db, name, connect_timeout, answer_timeout } = options;
    let address = match path {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp { host, port },
    };
    let tls = tls.map(TlsContext::share);
    let config = RedisConfig { address, tls, username, password, db, name, prefix: String::new() };
    let patience = Timeouts {
        connect: Duration::from_millis(connect_timeout.into()),
        answer: Duration::from_millis(answer_timeout.into()),
    };
    RedisLink { link: Sidecar::open(config, patience) }
}
