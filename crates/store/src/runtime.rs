//! Makes the one tokio runtime of the package, for network input and output and for blocking file work.
//!
//! It is our own and not napi-rs': that one takes every core, 512 blocking threads, and is torn down with an environment.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Threads that wait for sockets. Work on them must never block.
const WORKERS: usize = 1;

/// Threads for blocking work: the file store's limit ([`super::file`]) plus room for name look-ups.
const BLOCKING_THREADS: usize = 24;

/// Returns the runtime, made at its first use and kept until the process ends.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("flowkit-storage")
            .enable_all()
            .build()
            .expect("the system lets this process start two threads")
    })
}
