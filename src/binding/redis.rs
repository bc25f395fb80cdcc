//! Opening a `RedisStorage` on a connection of its own.

use std::sync::Arc;

use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::failure::Failure;
use super::handle::StorageHandle;
use super::tls::TlsContext;
use flowkit_store::redis::{Address, Endpoint, KeySpace, RedisStore, error_reply};

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
    let tls = tls.map(TlsContext::share);
    let endpoint = Endpoint { address: address(host, port, path), tls, username, password, db, name: None };
    StorageHandle::new(dispatcher, Arc::new(RedisStore::new(endpoint, KeySpace { prefix })))
}

pub(super) fn address(host: String, port: u16, path: Option<String>) -> Address {
    match path {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp { host, port },
    }
}

/// Returns what an error reply means that the user's own client received, such as `OOM command not allowed`.
#[napi(catch_unwind)]
pub fn explain_redis_refusal(message: String) -> Failure {
    error_reply::explain(&message).into()
}
