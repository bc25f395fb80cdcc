//! Conversations as string values of a Redis server.

use std::path::PathBuf;

use super::{Operation, Store};

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
    pub username: Option<String>,
    pub password: Option<String>,
    /// The logical database to select.
    pub db: i64,
    /// What stands before the id in every key.
    pub prefix: String,
    /// Seconds until a saved state expires; 0 for never. Renewed by each save.
    pub ttl: u32,
}

pub struct RedisStore {
    config: RedisConfig,
}

impl RedisStore {
    pub fn new(config: RedisConfig) -> Self {
        RedisStore { config }
    }
}

impl Store for RedisStore {
    fn submit(&self, operations: Vec<Operation>) {
        drop(operations);
    }

    fn place(&self, id: &str) -> String {
        format!("the key {:?}", format!("{}{id}", self.config.prefix))
    }
}
