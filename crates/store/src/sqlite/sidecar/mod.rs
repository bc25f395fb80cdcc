//! The user's own database file, off the event loop: a second connection to it, through the user's copy of SQLite.
//!
//! 1. [`entry`]: that copy is made to load this addon as an extension, and so hands over its functions ([`api`]).
//! 2. [`owner`]: what the user's connection says of itself, and whether a second connection is safe and like the first.
//! 3. [`shared`]: one for each of the user's connections. It has the writer thread, and hears of the user's close.
//! 4. [`watch`]: has the writer make way for the user's transactions.
//! 5. [`connection`]: the second connection, used by one thread at a time: the writer's, or, for a moment, the JavaScript thread.
//! 6. [`store`]: one table on it.
//!
//! The user's connection belongs to the JavaScript thread: SQLite as better-sqlite3 compiles it has no mutex for it.
//! [`entry`], [`owner`], [`shared`], [`watch`] and [`store`] run there; only [`connection`], with its [`log`], runs elsewhere too.

mod api;
mod connection;
mod keep_loaded;
pub mod load_extension;
pub mod shared_writer;
mod statement;
mod statement_kind;
pub mod store;
mod transaction_hook;
mod user_connection;
mod wal;
mod write_now;

#[cfg(test)]
mod tests;
