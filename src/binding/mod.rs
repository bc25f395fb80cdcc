//! The boundary to Node: converts, and nothing else.

mod age;
mod completion_queue;
mod dispatcher;
mod failure;
mod file;
mod handle;
mod lock;
mod memory;
mod raw;
mod redis;
mod redis_sidecar;
mod retention;
mod scan;
mod snapshots;
mod sqlite;
mod sqlite_ages;
mod sqlite_care;
mod sqlite_inline;
mod sqlite_sidecar;
mod stats;
mod tls;

use napi_derive::napi;

/// The version of the package that this binary was built for. `lib/binding.js` refuses to work with a binary of another one.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Keeps panics from printing: an adapter prints nothing. The message of a panic reaches the user as the cause of an
/// `ERR_STORAGE_INTERNAL`. This package has its own copy of the standard library, so no other code is affected. Runs when
/// the addon is loaded, ahead of everything that may panic.
#[napi_derive::module_init]
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
