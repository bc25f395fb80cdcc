//! The user's own database file, off the event loop: a second connection to it, through the user's copy of SQLite.
//!
//! 1. [`load_extension`] makes that copy load this addon as an extension, and so receives its functions ([`api`]).
//! 2. [`user_connection`] asks the user's connection whether a second one is safe, and what it has to be like.
//! 3. [`shared_writer`]: one for each of the user's connections. It owns the writer and learns of the user's close.
//! 4. [`transaction_hook`] pauses the writer while the user runs a transaction.
//! 5. [`backups`] tells whether a backup is running, which our writes would disturb.
//! 6. [`connection`]: the second connection, which the writer thread uses.
//! 7. [`write_now`]: a third connection, for single writes on the JavaScript thread; [`wal`] keeps the disk out of them.
//! 8. [`store`]: one table.
//!
//! The user's connection belongs to the JavaScript thread: SQLite as better-sqlite3 compiles it has no mutex for it.
//! [`connection`] and [`wal`] run on both threads, everything else runs there.

mod api;
mod backups;
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
