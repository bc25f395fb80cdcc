//! The remembered entries, and both directions between the short form and the whole text.

use super::scan::{Start, find_history, is_only_history, skip_entry};

/// The remembered entries of one conversation, as JSON text that is byte for byte what `JSON.stringify` writes for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// The entries, with commas between them.
    text: String,
    /// Where each entry ends in `text`.
    ends: Vec<u32>,
}

/// A state without the entries that are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The number of the first entry that was left out.
    pub first: usize,
    /// How many were left out; at least 1.
    pub count: usize,
    /// The text of the state without them.
    pub short: String,
}

/// The place in a short form where entries were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    start: usize,
    count: usize,
    /// How many commas follow the entries: one if others do.
    comma: usize,
    size: usize,
}

impl Gap {
    /// The bytes of the whole text.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Entries {
    /// Returns how many entries are remembered.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether no entry is remembered.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the bytes of `count` entries from `first` on, with the commas between them. `None` if they are not remembered.
    pub fn size_of(&self, first: usize, count: usize) -> Option<usize> {
        let end = first.checked_add(count).filter(|end| *end <= self.len())?;
        Some(self.range(first, end).len())
    }

    /// Makes the whole text of the state whose `short` form lacks `count` entries from `first` on. Afterwards these entries are
    /// remembered, and the first `more` of those that `short` has.
    ///
    /// Returns `None`, and remembers what it did before, if the arguments do not fit: then the other side is in error.
    pub fn splice(&mut self, first: usize, count: usize, more: usize, short: &str) -> Option<String> {
        let gap = self.remember(first, count, more, short)?;
        Some(self.fill(&gap, short))
    }

    /// Does the first half of [`Entries::splice`]: remembers, and returns what [`Entries::fill`] needs for the other half. That one
    /// copies all of the text, so another thread may do it.
    pub fn remember(&mut self, first: usize, count: usize, more: usize, short: &str) -> Option<Gap> {
        if first.checked_add(count)? > self.len() {
            return None;
        }
        let bytes = short.as_bytes();
        let Start(start) = find_history(bytes)?;
        let ends = entry_ends(bytes, start, more)?;
        let stop = ends.last().copied().unwrap_or(start);
        if !is_only_history(bytes, stop) {
            return None;
        }
        let is_followed = bytes.get(start) != Some(&b']');
        let kept = self.range(first, first + count).len();
        let more = &short[start..stop];
        // What does not fit into `ends` is not worth to be remembered: V8's strings end long before.
        u32::try_from(kept + more.len() + 1).ok()?;
        self.keep(first, count);
        self.append(more, start, &ends);
        let comma = usize::from(count > 0 && is_followed);
        Some(Gap { start, count, comma, size: short.len() + kept + comma })
    }

    /// Returns the whole text of the state whose `short` form has this gap. To be called on what [`Entries::remember`] left behind.
    pub fn fill(&self, gap: &Gap, short: &str) -> String {
        let mut whole = String::with_capacity(gap.size);
        whole.push_str(&short[..gap.start]);
        whole.push_str(self.range(0, gap.count));
        whole.push_str(&","[..gap.comma]);
        whole.push_str(&short[gap.start..]);
        whole
    }

    /// Leaves the remembered entries out of `text`: as many as its history begins with. `None` if there are none.
    ///
    /// The short form is JSON exactly if `text` is, and stands for the same state.
    pub fn cut(&self, text: &str) -> Option<Cut> {
        let bytes = text.as_bytes();
        let Start(start) = find_history(bytes)?;
        let first = self.find(bytes, start)?;
        let known = &self.text.as_bytes()[self.start(first)..];
        let same = common_prefix(&bytes[start..], known);
        let count = self.ends[first..].partition_point(|end| *end as usize - self.start(first) <= same);
        if count == 0 {
            return None;
        }
        let stop = start + self.range(first, first + count).len();
        // Where the history goes on, an entry has to follow: without this one, a stray comma would vanish.
        let rest = match bytes.get(stop..)? {
            [b']', ..] => stop,
            [b',', b'{', ..] => stop + 1,
            _ => return None,
        };
        if !is_only_history(bytes, rest) {
            return None;
        }
        Some(Cut { first, count, short: [&text[..start], &text[rest..]].concat() })
    }

    /// Returns the number of the entry at `place`.
    fn find(&self, text: &[u8], place: usize) -> Option<usize> {
        let entry = &text[place..skip_entry(text, place)?];
        (0..self.len()).find(|number| self.range(*number, number + 1).as_bytes() == entry)
    }

    /// Returns the text of the entries from `first` to before `end`.
    fn range(&self, first: usize, end: usize) -> &str {
        if first == end { "" } else { &self.text[self.start(first)..self.ends[end - 1] as usize] }
    }

    /// Returns where an entry begins.
    fn start(&self, number: usize) -> usize {
        if number == 0 { 0 } else { self.ends[number - 1] as usize + 1 }
    }

    /// Forgets all but `count` entries from `first` on.
    fn keep(&mut self, first: usize, count: usize) {
        if count == 0 {
            self.text.clear();
            self.ends.clear();
            return;
        }
        let start = self.start(first);
        self.text.truncate(self.ends[first + count - 1] as usize);
        self.text.drain(..start);
        self.ends.truncate(first + count);
        self.ends.drain(..first);
        for end in &mut self.ends {
            *end -= start as u32;
        }
    }

    /// Remembers further entries: the text of them, which began at `start`, and where each ended in the text that they are from.
    fn append(&mut self, entries: &str, start: usize, ends: &[usize]) {
        if ends.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(',');
        }
        let offset = self.text.len();
        self.text.push_str(entries);
        self.ends.extend(ends.iter().map(|end| (end - start + offset) as u32));
    }
}

/// Returns where each of the first `count` entries at `place` ends. `None` if one of them is none that can be remembered.
fn entry_ends(text: &[u8], mut place: usize, count: usize) -> Option<Vec<usize>> {
    let mut ends = Vec::with_capacity(count.min(text.len()));
    while ends.len() < count {
        let end = skip_entry(text, place)?;
        ends.push(end);
        if ends.len() < count && text.get(end) != Some(&b',') {
            return None;
        }
        place = end + 1;
    }
    Some(ends)
}

/// Returns how many bytes are the same at the beginning of both.
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    // Compared as a block, which is an order faster than byte by byte.
    const BLOCK: usize = 1024;
    let blocks = one.chunks(BLOCK).zip(other.chunks(BLOCK)).take_while(|(one, other)| one == other);
    let same: usize = blocks.map(|(block, _)| block.len()).sum();
    same + one[same..].iter().zip(&other[same..]).take_while(|(one, other)| one == other).count()
}
