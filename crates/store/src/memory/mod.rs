//! Keeps conversations in this process's own memory, outside V8's heap.

mod limits;
mod scan;
mod shard;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Once, OnceLock, Weak};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

pub use self::limits::{Limits, Usage};
use self::shard::{Entry, Shard, size};
use crate::Request;
use crate::error::StoreError;
use crate::lock::{Written, check};
use crate::retention::{Age, held_at, is_refresh_due};
use crate::scan::Page;
use crate::stats::{End, Stats};
use crate::sweeper::{self, Slice};

/// How many tables share the states. Growing one table of a million entries would stop the JavaScript thread for tens of milliseconds; growing one of
/// 256 small ones is not noticeable. A sweep locks one at a time.
const SHARDS: usize = 256;

/// An [`Answer`](crate::Answer) whose text still lies in the store.
#[derive(Debug, PartialEq, Eq)]
pub enum MemoryAnswer<'a> {
    Done,
    Text(Option<&'a str>),
    Aged(Option<(&'a str, Age)>),
    Flag(bool),
    /// The lock is had: nothing but the line in JavaScript can reach this store. The stored text comes with it.
    Held(Option<&'a str>),
    Written(Written),
    Page(Page),
    Failed(StoreError),
}

impl MemoryAnswer<'_> {
    /// Returns the end of the operation, as it is counted.
    pub fn end(&self) -> End {
        match self {
            MemoryAnswer::Failed(_) => End::Failed,
            MemoryAnswer::Written(Written::Refused(_)) => End::Refused,
            MemoryAnswer::Text(Some(text)) | MemoryAnswer::Held(Some(text)) => End::Done { loaded: text.len() as u64 },
            _ => End::Done { loaded: 0 },
        }
    }
}

/// A map from id to JSON text. One JavaScript thread and the sweeper use it.
pub struct MemoryStore {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    limits: Limits,
    usage: Usage,
    sweeping: Option<Sweeping>,
    stats: OnceLock<Arc<Stats>>,
}

/// The part that the sweeper uses.
struct Sweeping {
    /// Seconds.
    ttl: u32,
    /// The time of JavaScript's clock at its last operation, and when that was. Tests move that clock, and the sweeper must not
    /// take what they saved for old.
    clock: Mutex<(u64, Instant)>,
    begun: Once,
    store: Weak<MemoryStore>,
}

impl MemoryStore {
    /// Makes an empty store. With `swept_ttl`, in seconds, a thread removes what has expired.
    pub fn new(limits: Limits, swept_ttl: Option<u32>) -> Arc<Self> {
        Arc::new_cyclic(|store| MemoryStore {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            limits,
            usage: Usage::default(),
            sweeping: swept_ttl.map(|ttl| Sweeping {
                ttl,
                clock: Mutex::new((0, Instant::now())),
                begun: Once::new(),
                store: store.clone(),
            }),
            stats: OnceLock::new(),
        })
    }

    /// Tells sweeps to `stats`. Called at most once, before anything is done.
    pub fn observe(&self, stats: Arc<Stats>) {
        let _ = self.stats.set(stats);
    }

    /// Does `request` at `now`, in ms since 1970, and calls `read` with its answer. The text of a load is lent and not copied first.
    pub fn run<R>(&self, request: Request, now: u64, read: impl FnOnce(MemoryAnswer<'_>) -> R) -> R {
        if let Some(sweeping) = &self.sweeping {
            sweeping.note(now, self.stats.get());
        }
        if let Request::Scan(scan) = &request {
            return read(match self.scan(scan, now) {
                Ok(page) => MemoryAnswer::Page(page),
                Err(error) => MemoryAnswer::Failed(error),
            });
        }
        let mut shard = self.shard(request.id()).lock();
        match request {
            Request::Load { id, ttl, refresh } => {
                let found = self.found(&mut shard, &id, ttl, now);
                let text = found.map(|entry| {
                    if refresh && is_refresh_due(Some(entry.saved_at), ttl, now) {
                        entry.saved_at = now;
                    }
                    &*entry.text
                });
                read(MemoryAnswer::Text(text))
            }
            Request::LoadAged { id, ttl } => {
                let found = self.found(&mut shard, &id, ttl, now);
                read(MemoryAnswer::Aged(found.map(|entry| (&*entry.text, Age::of(Some(entry.saved_at), ttl)))))
            }
            Request::Has { id, ttl } => read(MemoryAnswer::Flag(self.found(&mut shard, &id, ttl, now).is_some())),
            Request::Touch { id, ttl } => {
                let found = self.found(&mut shard, &id, ttl, now);
                read(MemoryAnswer::Flag(found.map(|entry| entry.saved_at = now).is_some()))
            }
            // While it is locked, it does not expire.
            Request::Enter { id, lease, ttl, .. } => {
                let found = self.found(&mut shard, &id, ttl, now);
                read(MemoryAnswer::Held(found.map(|entry| {
                    entry.saved_at = held_at(entry.saved_at, ttl, lease, now);
                    &*entry.text
                })))
            }
            Request::Leave { .. } | Request::Scan(_) => read(MemoryAnswer::Done),
            Request::Save { id, text, .. } => {
                let text = text.into_string();
                if let Err(error) = self.refuse_too_large(&id, &text) {
                    return read(MemoryAnswer::Failed(error));
                }
                self.store(shard, id, text, now);
                read(MemoryAnswer::Done)
            }
            Request::Delete { id } => {
                self.remove(&mut shard, &id);
                read(MemoryAnswer::Done)
            }
            Request::Cas { id, text, ttl, expected, holder, age } => {
                let stored = self.found(&mut shard, &id, ttl, now).map(|entry| entry.text.as_bytes());
                if let Err(refusal) = check(&expected, stored, text.as_deref().map(str::as_bytes)) {
                    return read(MemoryAnswer::Written(Written::Refused(refusal)));
                }
                match text {
                    Some(text) => {
                        if let Err(error) = self.refuse_too_large(&id, &text) {
                            return read(MemoryAnswer::Failed(error));
                        }
                        let lease = holder.map_or(0, |holder| holder.lease);
                        let kept = age.and_then(|age| age.saved_at);
                        self.store(shard, id, text, kept.unwrap_or_else(|| held_at(now, ttl, lease, now)));
                    }
                    None => self.remove(&mut shard, &id),
                }
                read(MemoryAnswer::Written(Written::Done { waiting: 0 }))
            }
            #[cfg(test)]
            Request::Append { id, text } => {
                let stored = shard.get(&*id).map_or("", |entry| &*entry.text).to_owned();
                self.store(shard, id, stored + &text, now);
                read(MemoryAnswer::Done)
            }
        }
    }
    /// Returns how much is kept.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Removes everything and gives the memory back.
    pub fn clear(&self) {
        for shard in &self.shards {
            let removed = std::mem::take(&mut *shard.lock());
            for (id, entry) in &removed {
                self.usage.removed(size(id, &entry.text));
            }
        }
    }

    fn shard(&self, id: &str) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(id) as usize % SHARDS]
    }

    /// Returns what is kept of a conversation that is not expired, and counts the use.
    fn found<'a>(&self, shard: &'a mut Shard, id: &str, ttl: u32, now: u64) -> Option<&'a mut Entry> {
        let entry = shard.get_mut(id).filter(|entry| entry.is_alive(ttl, now))?;
        entry.used = self.usage.next_use();
        Some(entry)
    }

    /// Stores a text, and forgets others if there are too many.
    fn store(&self, mut shard: MutexGuard<'_, Shard>, id: String, text: String, saved_at: u64) {
        let bytes = size(&id, &text);
        // `into_boxed_str` gives back the spare capacity: a stored state costs its length and no more.
        let entry = Entry { text: text.into_boxed_str(), saved_at, used: self.usage.next_use() };
        let spared = self.limits.any().then(|| id.clone());
        let id_size = id.len() as u64;
        let replaced = shard.insert(id.into_boxed_str(), entry).map(|old| id_size + old.text.len() as u64);
        self.usage.stored(bytes, replaced);
        drop(shard);
        if let Some(saved) = spared {
            self.evict(&saved);
        }
    }

    fn remove(&self, shard: &mut Shard, id: &str) {
        if let Some(entry) = shard.swap_remove(id) {
            self.usage.removed(size(id, &entry.text));
        }
    }
}

impl Sweeping {
    /// Notes the time of JavaScript's clock. The first time, the sweeper begins.
    fn note(&self, now: u64, stats: Option<&Arc<Stats>>) {
        *self.clock.lock() = (now, Instant::now());
        self.begun.call_once(|| {
            let (store, ttl) = (self.store.clone(), self.ttl);
            sweeper::watch(ttl, stats.cloned(), move |cursor| {
                let Some(store) = store.upgrade() else { return Slice::Gone };
                let now = store.sweeping.as_ref().map_or(0, Sweeping::now);
                store.scan(&sweeper::slice(ttl, cursor, now), now).map_or(Slice::Failed, Slice::Done)
            });
        });
    }

    fn now(&self) -> u64 {
        let (then, instant) = *self.clock.lock();
        then + instant.elapsed().as_millis() as u64
    }
}
