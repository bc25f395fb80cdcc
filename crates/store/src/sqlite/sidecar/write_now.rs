//! Writes within the call, on the JavaScript thread: at one save at a time, to wake the writer thread and to be woken by it
//! takes several times as long as the write itself.
//!
//! They use a third connection, which waits for nothing: neither for a lock, nor for the disk, nor for the writer.

use std::sync::Arc;

use parking_lot::Mutex;

use super::super::connection::Connection;
use super::super::errors::BatchError;
use super::super::statements::Statements;
use super::connection::{self, SidecarConnection, Target};
use crate::Request;

/// Copying a longer id and text alone takes a while. In bytes.
const LONGEST: usize = 32 * 1024;

/// The third connection. It is open only while the writer's own is, and closes with that: if the user needs the file alone,
/// at the user's close, after an error, and after a second in which the writer was idle. So it needs no timer of its own.
#[derive(Default)]
pub struct WriteNow(Arc<Mutex<Slot>>);

#[derive(Default)]
enum Slot {
    /// The writer has no connection, or a write on this one failed. The next operation goes to the writer.
    #[default]
    Closed,
    /// Opened at its first use.
    Allowed(Option<Box<SidecarConnection>>),
}

impl WriteNow {
    /// Opens the writer's connection. Called on the writer thread.
    pub fn open_for_writer(&self, target: &Target) -> Result<SidecarConnection, BatchError> {
        let mut connection = connection::open(target)?;
        if connection.watch_wal(target, true) {
            *self.0.lock() = Slot::Allowed(None);
            let slot = self.0.clone();
            connection.on_close(Box::new(move || *slot.lock() = Slot::Closed));
        }
        Ok(connection)
    }

    /// Does one write and returns whether it is done. If not, nothing happened. Called on the JavaScript thread, if neither
    /// the user nor the writer has anything under way that comes first.
    pub fn write(&self, target: &Target, statements: &Statements, request: &Request) -> bool {
        if request.size() > LONGEST || !request.is_write() || !request.is_idempotent() || !request.answers_nothing() {
            return false;
        }
        // The writer thread locks it to open or to close.
        let Some(mut slot) = self.0.try_lock() else { return false };
        let Slot::Allowed(connection) = &mut *slot else { return false };
        let result = match connection {
            Some(connection) if !connection.is_current() => None,
            Some(open) => Some(statements.perform(open.as_mut(), request)),
            None => {
                open(target).map(|opened| statements.perform(connection.insert(Box::new(opened)).as_mut(), request))
            }
        };
        match result {
            Some(Ok(outcome)) => outcome.is_ok(),
            // SQLite has rolled it back: it was a transaction of its own. The writer knows how to wait.
            Some(Err(error)) if error.is_busy() => false,
            // The writer meets the same and reports it.
            Some(Err(_)) | None => {
                *slot = Slot::Closed;
                false
            }
        }
    }
}

fn open(target: &Target) -> Option<SidecarConnection> {
    let mut connection = connection::open(target).ok()?;
    connection.never_wait();
    connection.watch_wal(target, false).then_some(connection)
}
