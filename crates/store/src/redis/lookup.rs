//! Looks names of hosts up.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::sync::oneshot;

use super::address::Address;
use super::errors;
use crate::error::{ErrorKind, StoreError};
use crate::thread_pool;

/// Returns the addresses of `host`, for `address` as errors name it. The system's function blocks, so it has a thread.
///
/// # Errors
///
/// `Unavailable` if the name is unknown or the system refuses the thread.
pub async fn lookup(address: &Address, host: &str, port: u16) -> Result<Vec<SocketAddr>, StoreError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let (sender, found) = oneshot::channel();
    let host = host.to_owned();
    thread_pool::run(move || {
        // Nobody waits any more if that took too long.
        let _ = sender.send((host.as_str(), port).to_socket_addrs().map(Vec::from_iter));
    })?;
    let found = found.await.map_err(|_| StoreError::new(ErrorKind::Internal, "the look-up of a name panicked"))?;
    found.map_err(|error: io::Error| errors::unknown_host(address, &error))
}
