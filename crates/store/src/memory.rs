//! Conversations in this process's own memory, outside V8's heap.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;

/// Growing one table of a million entries would stop the JavaScript thread for tens of milliseconds; growing one of
/// 256 small ones is never felt.
const SHARDS: usize = 256;

type Texts = HashMap<Box<str>, Box<str>>;

/// A map from id to JSON text. Each lock is held for one look-up and is practically never contended: an adapter lives
/// on one JavaScript thread.
pub struct MemoryStore {
    hasher: RandomState,
    shards: Box<[Mutex<Texts>]>,
}

impl MemoryStore {
    pub fn new() -> Self {
        MemoryStore { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    pub fn save(&self, id: String, text: String) {
        // `into_boxed_str` gives back the spare capacity: a stored state costs its length and no more.
        self.shard(&id).lock().insert(id.into_boxed_str(), text.into_boxed_str());
    }

    /// Calls `read` with the stored text, if any, without copying it first.
    pub fn load<R>(&self, id: &str, read: impl FnOnce(Option<&str>) -> R) -> R {
        let shard = self.shard(id).lock();
        read(shard.get(id).map(|text| &**text))
    }

    pub fn delete(&self, id: &str) {
        self.shard(id).lock().remove(id);
    }

    /// Forgets everything and returns the memory.
    pub fn clear(&self) {
        for shard in &self.shards {
            *shard.lock() = Texts::new();
        }
    }

    fn shard(&self, id: &str) -> &Mutex<Texts> {
        &self.shards[self.hasher.hash_one(id) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(store: &MemoryStore, id: &str) -> Option<String> {
        store.load(id, |text| text.map(str::to_owned))
    }

    #[test]
    fn keeps_the_last_text_of_each_id() {
        let store = MemoryStore::new();
        for number in 0..2000 {
            store.save(format!("c{number}"), "old".to_owned());
            store.save(format!("c{number}"), format!("text {number}"));
        }
        store.delete("c7");
        assert_eq!(load(&store, "c7"), None);
        assert_eq!(load(&store, "c8").as_deref(), Some("text 8"));
        assert_eq!(load(&store, "c1999").as_deref(), Some("text 1999"));
        store.clear();
        assert_eq!(load(&store, "c8"), None);
    }
}
