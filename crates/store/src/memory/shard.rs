//! One of the tables of the memory store, and what is kept of one conversation.

use indexmap::IndexMap;

use crate::retention::is_alive;

/// A conversation in memory. Times are in ms since 1970.
pub struct Entry {
    pub text: Box<str>,
    /// The last save or touch.
    pub saved_at: u64,
    /// The number of its last use among those of the store: the least recently used have the smallest.
    pub used: u64,
}

impl Entry {
    /// Returns whether it is not expired. `ttl` is in seconds, 0 for never.
    pub fn is_alive(&self, ttl: u32, now: u64) -> bool {
        is_alive(Some(self.saved_at), ttl, now)
    }
}

/// The order of its entries is of no use, but each has an index: so a random one can be found.
pub type Shard = IndexMap<Box<str>, Entry>;

/// Returns the bytes that count against a limit.
pub fn size(id: &str, text: &str) -> u64 {
    (id.len() + text.len()) as u64
}
