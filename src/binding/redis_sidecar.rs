//! Our own connection beside the user's Redis client.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use super::redis::address;
use super::tls::TlsContext;
use flowkit_store::redis::Endpoint;
use flowkit_store::redis::sidecar::{CONNECT_GRACE, Phase, Sidecar, Timeouts};

/// Where the client is connected right now, and as which user (`lib/redis-sidecar.js`).
#[napi(object, object_to_js = false)]
pub struct RedisSidecarOptions {
    pub host: String,
    pub port: u16,
    /// A Unix socket; wins over host and port.
    pub path: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: i64,
    pub name: Option<String>,
    /// Milliseconds for the connection, including the handshake.
    pub connect_timeout: u32,
    /// Milliseconds without any byte while a reply is due.
    pub reply_timeout: u32,
}

/// The state of a sidecar. `opening`: it connects, and operations wait. `late`: it still connects and hands operations
/// back. `ready`: it takes operations. `ended`: it hands operations back.
#[napi(string_enum = "lowercase")]
pub enum RedisSidecarPhase {
    Opening,
    Late,
    Ready,
    Ended,
}

/// How a sidecar ended.
#[napi(object, object_from_js = false)]
pub struct RedisSidecarReport {
    pub reason: String,
    /// True if something went wrong, so that the next sidecar should not be opened immediately.
    pub is_failure: bool,
    /// True if the server ever replied to operations.
    pub replied: bool,
    /// The command to send through the client before anything that was handed back.
    pub kill_command: Option<Vec<String>>,
}

/// One connection. It rejects operations that it cannot do with the code `HANDED_BACK`.
#[napi]
pub struct RedisSidecar {
    sidecar: Sidecar,
}

#[napi]
impl RedisSidecar {
    #[napi(ts_return_type = "'opening' | 'late' | 'ready' | 'ended'", catch_unwind)]
    pub fn phase(&self) -> RedisSidecarPhase {
        match self.sidecar.phase() {
            Phase::Opening => RedisSidecarPhase::Opening,
            Phase::Late => RedisSidecarPhase::Late,
            Phase::Ready => RedisSidecarPhase::Ready,
            Phase::Ended => RedisSidecarPhase::Ended,
        }
    }

    /// Returns how it ended; `null` if replies may still come.
    #[napi(catch_unwind)]
    pub fn report(&self) -> Option<RedisSidecarReport> {
        self.sidecar.report().cloned().map(|report| RedisSidecarReport {
            reason: report.reason,
            is_failure: report.is_failure,
            replied: report.replied,
            kill_command: report.kill_command,
        })
    }

    /// Takes no more operations. Hands back what has no reply within `timeout` milliseconds.
    #[napi(catch_unwind)]
    pub fn end(&self, reason: String, timeout: u32) {
        self.sidecar.end(&reason, Duration::from_millis(timeout.into()));
    }

    /// Returns the way to the connection. Its ids are whole keys.
    #[napi(catch_unwind)]
    pub fn handle(&self, dispatcher: &Dispatcher) -> StorageHandle {
        StorageHandle::new(dispatcher, Arc::new(self.sidecar.view()))
    }
}

/// Begins to connect.
#[napi(catch_unwind)]
pub fn open_redis_sidecar(options: RedisSidecarOptions, tls: Option<&TlsContext>) -> RedisSidecar {
    let RedisSidecarOptions { host, port, path, username, password, db, name, connect_timeout, reply_timeout } =
        options;
    let tls = tls.map(TlsContext::share);
    let endpoint = Endpoint { address: address(host, port, path), tls, username, password, db, name };
    let timeouts = Timeouts {
        grace: CONNECT_GRACE,
        connect: Duration::from_millis(connect_timeout.into()),
        reply: Duration::from_millis(reply_timeout.into()),
    };
    RedisSidecar { sidecar: Sidecar::open(endpoint, timeouts) }
}
