//! Opening a `RedisStorage` on a connection of its own.

use std::sync::Arc;

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::failure::Failure;
use super::handle::StorageHandle;
use super::stats::Stats;
use super::tls::TlsContext;
use flowkit_store::redis::lock_key::lock_tail;
use flowkit_store::redis::scripts::SCRIPTS;
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
pub fn open_redis(
    dispatcher: &Dispatcher,
    stats: &Stats,
    options: RedisOptions,
    tls: Option<&TlsContext>,
) -> StorageHandle {
    let RedisOptions { host, port, path, username, password, db, prefix } = options;
    let tls = tls.map(TlsContext::share);
    let endpoint = Endpoint { address: address(host, port, path), tls, username, password, db, name: None };
    let store = RedisStore::new(endpoint, KeySpace { prefix });
    StorageHandle::observed(dispatcher, Arc::new(store), None, stats).counting(stats)
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

/// The scripts for locks, conditional writes and removals. What each takes and returns stands in `crates/store/src/redis/scripts/`.
#[napi(object, object_from_js = false)]
pub struct RedisScripts {
    pub enter: String,
    pub write: String,
    pub leave: String,
    pub compare_and_set: String,
    pub purge: String,
}

/// Returns the scripts, for the user's own client.
#[napi(catch_unwind)]
pub fn redis_scripts() -> RedisScripts {
    RedisScripts {
        enter: SCRIPTS.enter.clone(),
        write: SCRIPTS.write.clone(),
        leave: SCRIPTS.leave.clone(),
        compare_and_set: SCRIPTS.compare_and_set.clone(),
        purge: SCRIPTS.purge.clone(),
    }
}

/// Returns what to append to the key of a conversation, which is given whole, for the key of its lock.
#[napi(catch_unwind)]
pub fn redis_lock_tail(key: Buffer) -> Buffer {
    lock_tail(&key).to_vec().into()
}
