//! The boundary to Node: converts, and nothing else.

mod completion_queue;
mod dispatcher;
mod failure;
mod file;
mod handle;
mod memory;
mod raw;
mod redis;
mod redis_sidecar;
mod sqlite;
mod sqlite_inline;
mod sqlite_sidecar;
mod tls;

/// Keeps panics from printing: an adapter prints nothing. The message of a panic reaches the user as the cause of an
/// `ERR_STORAGE_INTERNAL`. This package has its own copy of the standard library, so no other code is affected.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}
