//! Forgets the conversations that were not used for longest, once there are too many.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::MemoryStore;
use super::shard::size;
use crate::error::{ErrorKind, StoreError};

/// How many conversations are looked at to find one that was not used for long, as Redis does it. Up to so many are there in all,
/// it is the one.
const SAMPLE: usize = 5;

/// The most that is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Conversations; `None` for no limit.
    pub conversations: Option<u64>,
    /// Bytes of ids and texts; `None` for no limit.
    pub bytes: Option<u64>,
}

/// A conversation that was forgotten, with its bytes.
pub type Evicted = (Box<str>, u64);

/// How much is kept.
#[derive(Default)]
pub struct Usage {
    conversations: AtomicU64,
    bytes: AtomicU64,
    /// Counts the uses of conversations, and so orders them.
    uses: AtomicU64,
    evicted: AtomicU64,
    /// The conversations that were forgotten. `None` if nobody listens.
    noted: Mutex<Option<Vec<Evicted>>>,
}

impl Usage {
    /// Returns the number of this use.
    pub fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    pub fn stored(&self, bytes: u64, replaced: Option<u64>) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        match replaced {
            Some(freed) => self.bytes.fetch_sub(freed, Ordering::Relaxed),
            None => self.conversations.fetch_add(1, Ordering::Relaxed),
        };
    }

    pub fn removed(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.conversations.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn conversations(&self) -> u64 {
        self.conversations.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns how many conversations were forgotten because of the limits.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn exceeds(&self, limits: &Limits) -> bool {
        let above = |used: u64, limit: Option<u64>| limit.is_some_and(|limit| used > limit);
        above(self.conversations(), limits.conversations) || above(self.bytes(), limits.bytes)
    }
}

impl Limits {
    /// Returns whether anything is limited.
    pub fn any(&self) -> bool {
        self.conversations.is_some() || self.bytes.is_some()
    }
}

impl MemoryStore {
    /// Notes from now on, or no longer, what is forgotten because of the limits.
    pub fn note_evictions(&self, wanted: bool) {
        *self.usage.noted.lock() = wanted.then(Vec::new);
    }

    /// Takes what was forgotten since the last time.
    pub fn take_evicted(&self) -> Vec<Evicted> {
        self.usage.noted.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns an error if a conversation is larger by itself than everything may be. Others would be forgotten in vain.
    pub(super) fn refuse_too_large(&self, id: &str, text: &str) -> Result<(), StoreError> {
        let size = size(id, text);
        match self.limits.bytes {
            Some(limit) if size > limit => Err(StoreError::new(
                ErrorKind::Unavailable,
                format!("it takes {size} bytes, which is more than the option \"maxBytes\" allows for all ({limit})"),
            )),
            _ => Ok(()),
        }
    }

    /// Forgets conversations until the limits are kept, but not `saved`.
    pub(super) fn evict(&self, saved: &str) {
        while self.usage.exceeds(&self.limits) {
            // All of the sample may be the one that stays: then the next sample.
            let Some((shard, id)) = self.least_used(saved) else {
                if self.usage.conversations() <= 1 {
                    return;
                }
                continue;
            };
            if let Some((id, entry)) = self.shards[shard].lock().swap_remove_entry(&id) {
                let size = size(&id, &entry.text);
                self.usage.removed(size);
                self.usage.evicted.fetch_add(1, Ordering::Relaxed);
                if let Some(noted) = &mut *self.usage.noted.lock() {
                    noted.push((id, size));
                }
            }
        }
    }

    /// Returns the conversation of a sample that was not used for longest, with its shard.
    fn least_used(&self, saved: &str) -> Option<(usize, Box<str>)> {
        if self.usage.conversations() <= SAMPLE as u64 {
            let all = (0..self.shards.len()).flat_map(|shard| {
                let length = self.shards[shard].lock().len();
                (0..length).map(move |index| (shard, index))
            });
            return self.oldest(all, saved);
        }
        self.oldest((0..SAMPLE).filter_map(|_| self.pick()), saved)
    }

    /// Returns a random place of a conversation: its shard, and its index there.
    fn pick(&self) -> Option<(usize, usize)> {
        let random = self.hasher.hash_one(self.usage.next_use());
        let count = self.shards.len();
        (0..count).map(|step| (random as usize).wrapping_add(step) % count).find_map(|shard| {
            let length = self.shards[shard].lock().len();
            (length > 0).then(|| (shard, (random >> 32) as usize % length))
        })
    }

    fn oldest(&self, places: impl Iterator<Item = (usize, usize)>, saved: &str) -> Option<(usize, Box<str>)> {
        let entries = places.filter_map(|(shard, index)| {
            let table = self.shards[shard].lock();
            let (id, entry) = table.get_index(index)?;
            (**id != *saved).then(|| (entry.used, shard, id.clone()))
        });
        entries.min_by_key(|(used, ..)| *used).map(|(_, shard, id)| (shard, id))
    }
}
