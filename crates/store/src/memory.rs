//! Keeps conversations in this process's own memory, outside V8's heap.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::Request;

/// How many tables share the states. Growing one table of a million entries would stop the JavaScript thread for tens of milliseconds; growing one of
/// 256 small ones is not noticeable.
const SHARDS: usize = 256;

type Texts = HashMap<Box<str>, Box<str>>;

/// An [`Answer`](crate::Answer) whose text still lies in the store.
#[derive(Debug, PartialEq, Eq)]
pub enum MemoryAnswer<'a> {
    Done,
    Text(Option<&'a str>),
    Flag(bool),
}

/// A map from id to JSON text. Lives on one JavaScript thread, so it needs no lock.
pub struct MemoryStore {
    hasher: RandomState,
    shards: Box<[RefCell<Texts>]>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| RefCell::default()).collect() }
    }
}

impl MemoryStore {
    /// Does `request` and calls `read` with its answer. The text of a load is lent and not copied first.
    pub fn run<R>(&self, request: Request, read: impl FnOnce(MemoryAnswer<'_>) -> R) -> R {
        let mut shard = self.shard(request.id()).borrow_mut();
        match request {
            // `into_boxed_str` gives back the spare capacity: a stored state costs its length and no more.
            Request::Save { id, text, .. } => drop(shard.insert(id.into_boxed_str(), text.into_boxed_str())),
            Request::Load { id } => return read(MemoryAnswer::Text(shard.get(&*id).map(|text| &**text))),
            Request::Has { id } => return read(MemoryAnswer::Flag(shard.contains_key(&*id))),
            Request::Delete { id } => drop(shard.remove(&*id)),
            #[cfg(test)]
            Request::Append { id, text } => {
                let stored = shard.entry(id.into_boxed_str()).or_default();
                *stored = [&**stored, &*text].concat().into();
            }
        }
        read(MemoryAnswer::Done)
    }

    /// Removes everything and gives the memory back.
    pub fn clear(&self) {
        for shard in &self.shards {
            *shard.borrow_mut() = Texts::new();
        }
    }

    fn shard(&self, id: &str) -> &RefCell<Texts> {
        &self.shards[self.hasher.hash_one(id) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::testing::{delete, load, save};

    fn loaded(store: &MemoryStore, id: &str) -> Option<String> {
        store.run(load(id), |answer| match answer {
            MemoryAnswer::Text(text) => text.map(str::to_owned),
            other => panic!("a load returned {other:?}"),
        })
    }

    fn write(store: &MemoryStore, request: Request) {
        store.run(request, |answer| assert_eq!(answer, MemoryAnswer::Done));
    }

    #[test]
    fn keeps_the_last_text_of_each_id() {
        let store = MemoryStore::default();
        for number in 0..2000 {
            write(&store, save(&format!("c{number}"), "old"));
            write(&store, save(&format!("c{number}"), &format!("text {number}")));
        }
        write(&store, delete("c7"));
        assert_eq!(loaded(&store, "c7"), None);
        assert_eq!(loaded(&store, "c8").as_deref(), Some("text 8"));
        assert_eq!(loaded(&store, "c1999").as_deref(), Some("text 1999"));
        store.clear();
        assert_eq!(loaded(&store, "c8"), None);
    }
}
