//! The native half of `@andresaya/flowkit-storage`.
//!
//! # How an operation travels
//!
//! 1. `lib/adapter.js` checks the arguments and makes the JSON text (V8's own `JSON.stringify`).
//! 2. [`binding::handle::StorageHandle`] makes the request and a promise, keeps its deferred, and puts the operation on the hand-over
//!    list of the [`binding::completion_queue::CompletionQueue`]. Nothing is awaited here, so call order is kept.
//! 3. One microtask later the whole list goes to its stores, one batch for each ([`flowkit_store::Store::submit`]).
//! 4. The store does its input and output elsewhere: on a pool of threads (files), on the writer thread of a database
//!    (SQLite), on the network runtime (Redis). A state is opaque JSON text all the way.
//! 5. Each finished operation settles its [`flowkit_store::Ticket`]. Outcomes pile up; the first one wakes the JavaScript
//!    thread, which only schedules `setImmediate`; each turn then settles a bounded number of promises.
//!
//! Memory is an exception: it returns its result within the call ([`binding::memory`]).
//!
//! # Modules
//!
//! [`flowkit_store`] is pure Rust and knows nothing of Node. [`binding`] converts and nothing else. All `unsafe` that talks to
//! Node lives in `binding/raw.rs`.

// napi-rs exports nothing from a test build, so that its functions have no caller there.
#[cfg_attr(test, allow(dead_code))]
mod binding;
