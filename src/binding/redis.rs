//! Opening a `RedisStorage` on a connection of its own.

use std::sync::Arc;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::failure::Failure;
use super::handle::StorageHandle;
use super::tls::TlsContext;
use flowkit_store::redis::{Address, RedisConfig, RedisStore, error_reply};

/// The options of `RedisStorage`, checked and complete (`lib/redis-options.js`).
#[napi(object, object_to_js = false)]
pub struct RedisOptions {
    pub host: String,
    pub port: u16,
    /// A Unix socket; wins over host and port.
    pub path: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: i64,
    pub prefix: String,
}

/// Connects at the first operation.
#[napi(catch_unwind)]
pub fn open_redis(dispatcher: &Dispatcher, options: RedisOptions, tls: Option<&TlsContext>) -> StorageHandle {
    let RedisOptions { host, port, path, username, password, db, prefix } = options;
    let address = match path {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp { host, port },
    };
    let tls = tls.map(TlsContext::share);
    let config = RedisConfig { address, tls, username, password, db, name: None, prefix };
    StorageHandle::new(dispatcher, Arc::new(RedisStore::new(config)))
}

/// What a server's error answer means that the user's own client reports, such as `OOM command not allowed`.
#[napi(catch_unwind)]
pub fn explain_redis_refusal(message: String) -> Failure {
    error_reply::explain(&message).into()
}
