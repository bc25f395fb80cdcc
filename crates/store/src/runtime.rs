//! Runs what waits for sockets: one thread of tokio for the package.
//!
//! It is our own and not napi-rs': that one takes every core, 512 blocking threads, and is torn down with an environment.

use std::future::pending;
use std::io;
use std::thread;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};

use crate::error::StoreError;
use crate::thread_pool::THREAD_NAME;

/// Returns the way to spawn a task. It must never block: look-ups of names and the like belong to [`super::thread_pool`].
///
/// # Errors
///
/// `Unavailable` if the system refuses the thread, which is started at the first use and kept.
pub fn handle() -> Result<Handle, StoreError> {
    static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);
    let mut handle = HANDLE.lock();
    if let Some(handle) = &*handle {
        return Ok(handle.clone());
    }
    let started = start().map_err(|error| StoreError::no_thread(&error))?;
    Ok(handle.insert(started).clone())
}

/// Starts the thread. tokio's own way of doing so panics if the system refuses it.
fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(pending::<()>());
    thread::Builder::new().name(THREAD_NAME.into()).spawn(serve)?;
    Ok(handle)
}
