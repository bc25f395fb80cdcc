//! Against real servers; scripted ones only for faults that a real one does not produce.

mod barriers;
mod basics;
mod commands;
mod doubts;
mod faults;
mod garbage;
mod hostile;
mod locks;
mod outages;
mod proxies;
mod refusals;
mod removals;
mod scans;
mod scripts;
mod server;
mod sidecars;
mod touches;

use std::time::Duration;

use super::config::Limits;
use super::{Address, Endpoint, KeySpace, RedisStore};
use crate::testing::{Pending, operation};
use crate::{Operation, Request, Store};

/// Longer than a loaded machine lets a thread or a server stand still. Nothing of it passes where all goes well.
const PATIENCE: Duration = Duration::from_secs(60);

fn limits() -> Limits {
    Limits { wait: PATIENCE, connect: PATIENCE, reply: PATIENCE, ..Limits::default() }
}

/// For a server that says nothing, or is not there. On a loaded machine they may pass although it is.
fn impatient() -> Limits {
    Limits {
        wait: Duration::from_millis(1_500),
        connect: Duration::from_millis(700),
        reply: Duration::from_millis(700),
        ..Limits::default()
    }
}

/// Gives up a silent connection soon, and keeps operations waiting for the next one.
fn quick_to_reconnect() -> Limits {
    Limits { wait: PATIENCE, ..impatient() }
}

fn at(endpoint: Endpoint, limits: Limits) -> RedisStore {
    RedisStore::with_limits(endpoint, KeySpace { prefix: "flowkit:".into() }, limits)
}

fn tcp(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".into(), port }
}

fn plain(port: u16) -> Endpoint {
    Endpoint::plain(tcp(port))
}

fn store(port: u16) -> RedisStore {
    at(plain(port), limits())
}

/// Submits all requests as one hand-over, without waiting.
fn submit(store: &RedisStore, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, submitted): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    store.submit(operations);
    submitted
}
