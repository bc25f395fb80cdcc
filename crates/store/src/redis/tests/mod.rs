//! Against real servers; scripted ones only for faults that a real one does not produce.

mod barriers;
mod basics;
mod faults;
mod garbage;
mod hostile;
mod outages;
mod refusals;
mod server;
mod sidecars;

use std::time::Duration;

use super::config::Limits;
use super::{Address, Endpoint, KeySpace, RedisStore};
use crate::testing::{Pending, operation};
use crate::{Operation, Request, Store};

/// Short enough for a test, long enough for a loaded machine.
fn limits() -> Limits {
    Limits {
        wait: Duration::from_millis(1_500),
        connect: Duration::from_millis(700),
        reply: Duration::from_millis(700),
        ..Limits::default()
    }
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
    let (operations, answers): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    store.submit(operations);
    answers
}
