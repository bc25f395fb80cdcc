//! Looks through the conversations in memory, one shard after another.

use super::MemoryStore;
use super::shard::size;
use crate::error::StoreError;
use crate::scan::{Page, Scan, Verdict};

/// How many conversations a page of ids and counts looks at, about: this much takes some hundred microseconds.
const LOOKED_AT: usize = 10_000;

/// The end of a page: a shard, and the last id in it that was looked at.
struct Cursor {
    shard: usize,
    id: String,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (shard, id) = text.strip_prefix('m')?.split_once(':')?;
        Some(Cursor { shard: shard.parse().ok()?, id: id.to_owned() })
    }
}

impl MemoryStore {
    /// Does one page of `scan`.
    pub(super) fn scan(&self, scan: &Scan, now: u64) -> Result<Page, StoreError> {
        let mut from = match &scan.cursor {
            None => Cursor { shard: 0, id: String::new() },
            Some(text) => Cursor::parse(text).ok_or_else(Scan::bad_cursor)?,
        };
        let mut page = Page::default();
        let mut looked_at = 0;
        while from.shard < self.shards.len() {
            if looked_at >= LOOKED_AT || page.matched >= u64::from(scan.most) {
                page.cursor = Some(format!("m{}:", from.shard));
                return Ok(page);
            }
            looked_at += self.shards[from.shard].lock().len();
            if let Some(last) = self.scan_shard(scan, &from, now, &mut page) {
                page.cursor = Some(format!("m{}:{last}", from.shard));
                return Ok(page);
            }
            from = Cursor { shard: from.shard + 1, id: String::new() };
        }
        Ok(page)
    }

    /// Does the conversations of a shard whose ids are behind that of `from`. Returns the last id if the page is full.
    fn scan_shard(&self, scan: &Scan, from: &Cursor, now: u64, page: &mut Page) -> Option<String> {
        let mut shard = self.shards[from.shard].lock();
        let next = shard.iter().filter(|(id, _)| ***id > *from.id && id.starts_with(&*scan.prefix));
        let (matches, others): (Vec<_>, Vec<_>) = next
            .map(|(id, entry)| (id, scan.judge(Some(entry.saved_at), now)))
            .partition(|(_, verdict)| *verdict == Verdict::Matches);
        let mut ids: Vec<&Box<str>> = matches.into_iter().map(|(id, _)| id).collect();
        let left = (u64::from(scan.most) - page.matched) as usize;
        let mut last = None;
        if ids.len() > left {
            // Nobody needs an order, but the next page begins behind these.
            ids.select_nth_unstable(left - 1);
            ids.truncate(left);
            last = ids.last().map(|id| id.to_string());
        }
        for (id, verdict) in others {
            if last.as_ref().is_none_or(|last| **id < **last) {
                page.leave(verdict);
            }
        }
        for id in &ids {
            let entry = &shard[*id];
            page.add(scan, id, entry.text.len() as u64, Some(entry.saved_at));
        }
        if scan.removes() {
            let ids: Vec<Box<str>> = ids.into_iter().cloned().collect();
            for id in ids {
                if let Some(entry) = shard.swap_remove(&id) {
                    self.usage.removed(size(&id, &entry.text));
                }
            }
        }
        last
    }
}
