//! Against real servers; scripted ones only for faults that a real one does not produce.

mod basics;
mod faults;
mod garbage;
mod hostile;
mod outages;
mod refusals;
mod server;
mod sidecars;

use std::time::Duration;

use super::{Address, Limits, RedisConfig, RedisStore};
use crate::testing::{Pending, operation};
use crate::{Operation, Request, Store};

/// Short enough for a test, long enough for a loaded machine.
fn limits() -> Limits {
    Limits {
        wait: Duration::from_millis(1_500),
        connect: Duration::from_millis(700),
        answer: Duration::from_millis(700),
        ..Limits::default()
    }
}

fn config(address: Address) -> RedisConfig {
    RedisConfig { prefix: "flowkit:".into(), ..RedisConfig::plain(address) }
}

fn tcp(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".into(), port }
}

fn store(port: u16) -> RedisStore {
    RedisStore::with_limits(config(tcp(port)), limits())
}

/// Submits all requests as one hand-over, without waiting.
fn submit(store: &RedisStore, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, answers): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    store.submit(operations);
    answers
}
