//! The record of one conversation's lock: who holds it, and who waits. Pure, so that files and SQLite share it; the scripts of
//! Redis do the same in Lua.
//!
//! A text with a line for each, `\n` after each, times in ms of the store's clock:
//!
//! ```text
//! H owner until lease writes      the holder; at most one; first
//! W owner until arrived 0         somebody who waits
//! ```
//!
//! A line counts only while it is alive. A clock that is set back frees locks and jams none: see [`Record::parse`].

use super::{Entered, Holder, Refusal};

/// How long a place in the line may live at most, in ms.
const LONGEST_PLACE: u64 = 60_000;

/// Who holds a lock and who waits for it, without those whose time is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    holder: Option<Held>,
    waiting: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    owner: String,
    until: u64,
    lease: u64,
    writes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    owner: String,
    until: u64,
    arrived: u64,
}

impl Record {
    /// Reads the lines that are alive at `now`. Leaves out what is malformed.
    ///
    /// A line whose end is further away than it can be was written before the clock was set back. It is left out too: a lock
    /// that is lost is safe, since the comparison of the texts protects the conversation; a jammed one is not.
    pub fn parse(text: &str, now: u64) -> Self {
        let mut record = Record::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [kind, owner, until, other, writes] = words[..] else { continue };
            let (Ok(until), Ok(other), Ok(writes)) = (until.parse(), other.parse(), writes.parse()) else { continue };
            let alive = |longest: u64| until > now && until <= now.saturating_add(longest);
            let owner = owner.to_owned();
            match kind {
                "H" if alive(other) => record.holder = Some(Held { owner, until, lease: other, writes }),
                "W" if alive(LONGEST_PLACE) => record.waiting.push(Place { owner, until, arrived: other }),
                _ => {}
            }
        }
        record
    }

    /// Returns the text to store; `None` if nothing is left to store.
    pub fn to_text(&self) -> Option<String> {
        let mut text = String::new();
        if let Some(Held { owner, until, lease, writes }) = &self.holder {
            text += &format!("H {owner} {until} {lease} {writes}\n");
        }
        for Place { owner, until, arrived } in &self.waiting {
            text += &format!("W {owner} {until} {arrived} 0\n");
        }
        (!text.is_empty()).then_some(text)
    }

    /// Takes the lock for `owner`, or renews it. If somebody else holds it or was first, keeps a place in the line for `patience`
    /// ms; 0 takes none. The text of the answer is left to the caller.
    pub fn enter(&mut self, owner: &str, now: u64, lease: u32, patience: u32, waited: u32) -> Entered {
        let writes = self.holder.as_ref().filter(|held| held.owner == owner).map(|held| held.writes);
        if writes.is_none() {
            let mine = self.waiting.iter().position(|place| place.owner == owner);
            let arrived = mine.map_or(now.saturating_sub(waited.into()), |index| self.waiting[index].arrived);
            let others = self.waiting.iter().filter(|place| place.owner != owner);
            let ahead = others.filter(|place| (place.arrived, place.owner.as_str()) < (arrived, owner)).count();
            if self.holder.is_some() || ahead > 0 {
                if patience > 0 {
                    let until = now + u64::from(patience);
                    match mine {
                        Some(index) => self.waiting[index].until = until,
                        None => self.waiting.push(Place { owner: owner.to_owned(), until, arrived }),
                    }
                }
                return Entered::Waits { ahead: count(ahead), waiting: self.waiting() };
            }
        }
        self.hold(owner, now, lease.into(), writes.unwrap_or(0));
        Entered::Held { waiting: self.waiting(), text: None }
    }

    /// Returns whether `holder` may write: `Ok(true)` if this very write was done before. Nobody else may hold the lock; that its
    /// own lease is over refuses nothing.
    pub fn may_write(&self, holder: &Holder) -> Result<bool, Refusal> {
        match &self.holder {
            Some(held) if held.owner == holder.owner => Ok(held.writes >= u64::from(holder.number)),
            Some(_) => Err(Refusal::Locked),
            None => Ok(false),
        }
    }

    /// Notes a write of `holder`, which renews its lease. Returns how many wait.
    pub fn wrote(&mut self, holder: &Holder, now: u64) -> u32 {
        // Several may be sent again. The first of them must not make the others look new.
        let held = self.holder.as_ref().filter(|held| held.owner == holder.owner);
        let writes = held.map_or(0, |held| held.writes).max(holder.number.into());
        self.hold(&holder.owner, now, holder.lease.into(), writes);
        self.waiting()
    }

    /// Returns whether the place of `owner` in the line lives at least until then.
    pub fn keeps_place(&self, owner: &str, until: u64) -> bool {
        self.waiting.iter().any(|place| place.owner == owner && place.until >= until)
    }

    /// Forgets the lock and the place of `owner`.
    pub fn leave(&mut self, owner: &str) {
        self.waiting.retain(|place| place.owner != owner);
        if self.holder.as_ref().is_some_and(|held| held.owner == owner) {
            self.holder = None;
        }
    }

    fn hold(&mut self, owner: &str, now: u64, lease: u64, writes: u64) {
        self.leave(owner);
        self.holder = Some(Held { owner: owner.to_owned(), until: now + lease, lease, writes });
    }

    fn waiting(&self) -> u32 {
        count(self.waiting.len())
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEASE: u32 = 1_000;

    fn holder(owner: &str, number: u32) -> Holder {
        Holder { owner: owner.to_owned(), lease: LEASE, number }
    }

    fn held(entered: &Entered) -> bool {
        matches!(entered, Entered::Held { .. })
    }

    /// Does one step as a store does it: reads the text, changes the record, keeps the text.
    fn step<T>(text: &mut String, now: u64, change: impl FnOnce(&mut Record) -> T) -> T {
        let mut record = Record::parse(text, now);
        let result = change(&mut record);
        *text = record.to_text().unwrap_or_default();
        result
    }

    #[test]
    fn the_first_that_arrived_is_next() {
        let mut text = String::new();
        let mut enter =
            |owner: &str, now, waited| step(&mut text, now, |record| record.enter(owner, now, LEASE, 500, waited));
        assert!(held(&enter("a", 1_000, 0)));
        assert_eq!(enter("b", 1_100, 0), Entered::Waits { ahead: 0, waiting: 1 });
        // It has waited longer, in a process whose place was lost.
        assert_eq!(enter("c", 1_200, 300), Entered::Waits { ahead: 0, waiting: 2 });
        assert_eq!(enter("b", 1_250, 150), Entered::Waits { ahead: 1, waiting: 2 });
        step(&mut text, 1_300, |record| record.leave("a"));
        let mut enter = |owner: &str, now| step(&mut text, now, |record| record.enter(owner, now, LEASE, 500, 0));
        assert_eq!(enter("b", 1_310), Entered::Waits { ahead: 1, waiting: 2 });
        assert_eq!(enter("c", 1_320), Entered::Held { waiting: 1, text: None });
    }

    #[test]
    fn a_renewal_without_patience_takes_no_place() {
        let mut text = String::new();
        step(&mut text, 1_000, |record| record.enter("a", 1_000, LEASE, 0, 0));
        let entered = step(&mut text, 1_100, |record| record.enter("b", 1_100, LEASE, 0, 0));
        assert_eq!(entered, Entered::Waits { ahead: 0, waiting: 0 });
        assert!(!text.contains('W'), "{text}");
    }

    #[test]
    fn a_holder_whose_lease_is_over_may_write_while_nobody_else_came() {
        let mut text = String::new();
        step(&mut text, 1_000, |record| record.enter("a", 1_000, LEASE, 0, 0));
        assert_eq!(Record::parse(&text, 9_000).may_write(&holder("a", 1)), Ok(false));
        step(&mut text, 9_000, |record| record.enter("b", 9_000, LEASE, 0, 0));
        assert_eq!(Record::parse(&text, 9_001).may_write(&holder("a", 1)), Err(Refusal::Locked));
    }

    #[test]
    fn a_write_that_was_done_is_known_by_its_number() {
        let mut record = Record::default();
        record.enter("a", 1_000, LEASE, 0, 0);
        record.wrote(&holder("a", 2), 1_000);
        assert_eq!(record.may_write(&holder("a", 2)), Ok(true));
        assert_eq!(record.may_write(&holder("a", 1)), Ok(true));
        assert_eq!(record.may_write(&holder("a", 3)), Ok(false));
        record.wrote(&holder("a", 1), 1_000);
        assert_eq!(record.may_write(&holder("a", 2)), Ok(true));
    }

    #[test]
    fn a_clock_that_is_set_back_frees_the_lock() {
        let mut text = String::new();
        step(&mut text, 10_000_000, |record| record.enter("a", 10_000_000, LEASE, 0, 0));
        assert!(held(&step(&mut text, 1_000, |record| record.enter("b", 1_000, LEASE, 0, 0))));
    }

    #[test]
    fn rubbish_is_left_out() {
        let text = "H\nW a b c d\nH a 99999999999999999999 1 1\n\n💬 \nH a 2000 1500 0 0\nH b 2000 1500 3\n";
        let record = Record::parse(text, 1_000);
        assert_eq!(record.to_text().as_deref(), Some("H b 2000 1500 3\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, now: u64) {
            let record = Record::parse(&text, now);
            prop_assert_eq!(Record::parse(&record.to_text().unwrap_or_default(), now), record);
        }

        /// At any time at most one owner is told that it holds the lock, and every text is read back as it was written.
        #[test]
        fn at_most_one_holds_it(steps in prop::collection::vec((0..4u8, 0..4usize, 0..800u64), 1..60)) {
            let (mut text, mut now) = (String::new(), 1_000_000);
            let mut ends = [0; 4];
            for (kind, index, passed) in steps {
                now += passed;
                let owner = ["a", "b", "c", "d"][index];
                match kind {
                    0 => {
                        step(&mut text, now, |record| record.leave(owner));
                        ends[index] = 0;
                    }
                    _ => {
                        let entered = step(&mut text, now, |record| record.enter(owner, now, LEASE, 300, 0));
                        if held(&entered) {
                            ends[index] = now + u64::from(LEASE);
                        }
                    }
                }
                prop_assert!(ends.iter().filter(|end| **end > now).count() <= 1, "{}", text);
                let record = Record::parse(&text, now);
                prop_assert_eq!(record.to_text().unwrap_or_default(), text.clone());
            }
        }
    }
}
