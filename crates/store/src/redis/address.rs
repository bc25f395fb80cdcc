//! Addresses of servers, and their names in errors.

use std::path::PathBuf;

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

/// Returns `the Redis server at 127.0.0.1:6379`.
pub fn server(address: &Address) -> String {
    match address {
        Address::Tcp { host, port } if host.contains(':') => format!("the Redis server at [{host}]:{port}"),
        Address::Tcp { host, port } => format!("the Redis server at {host}:{port}"),
        Address::Unix(path) => format!("the Redis server at {}", path.display()),
    }
}
