//! Looks through the conversations of a store, a page at a time: to list them, to count them, or to remove them.

use serde_json::json;

use crate::error::{ErrorKind, StoreError};
use crate::retention::{expires_at, is_alive};

/// One page of a look through the conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub action: Action,
    /// The text that precedes each id in the store, beside what the store knows: a sidecar of Redis gets whole keys in place of ids.
    pub root: String,
    /// Only ids that begin so.
    pub prefix: String,
    /// Only those that were last saved or touched before, in ms since 1970.
    pub before: Option<u64>,
    /// Seconds until a conversation expires; 0 for never.
    pub ttl: u32,
    /// The end of the page before, as that one returned it; `None` for the first page.
    pub cursor: Option<String>,
    /// At most so many conversations are listed, counted or removed; at least 1. A page may end sooner: it looks at a bounded
    /// number of conversations.
    pub most: u32,
}

/// The effect on what a scan matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lists what is not expired; only the ids without `details`.
    List { details: bool },
    /// Counts what is not expired.
    Count,
    /// Removes, expired or not. Leaves what is locked, and what is saved or touched meanwhile. `dry_run` only counts.
    Remove { dry_run: bool },
}

/// The result of a [`Scan`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
    /// The conversations of a [`Action::List`].
    pub found: Vec<Found>,
    /// How many were listed, counted or removed.
    pub matched: u64,
    /// How many were looked at and are too young.
    pub kept: u64,
    /// How many were looked at and have no known age, which the scan asks for.
    pub unknown: u64,
}

/// A conversation, without its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub id: String,
    /// `None` if the scan asks for no details.
    pub details: Option<Details>,
}

/// Times are in ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Details {
    /// The bytes of its JSON text.
    pub size: u64,
    /// The last save or touch; `None` if that is not known.
    pub updated_at: Option<u64>,
    /// `None` for never.
    pub expires_at: Option<u64>,
}

/// The effect of a scan on one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Matches,
    /// It is too young, or it has another beginning.
    Kept,
    /// It has no known age, and the scan asks for one.
    Unknown,
    /// It is expired, and so it is absent.
    Absent,
}

impl Scan {
    /// Decides about a conversation that was last saved or touched at `saved_at`; `None` if that is not known.
    pub fn judge(&self, saved_at: Option<u64>, now: u64) -> Verdict {
        if !matches!(self.action, Action::Remove { .. }) && !is_alive(saved_at, self.ttl, now) {
            return Verdict::Absent;
        }
        match (self.before, saved_at) {
            (None, _) => Verdict::Matches,
            (Some(_), None) => Verdict::Unknown,
            // A time in the future counts as now.
            (Some(before), Some(saved_at)) if saved_at.min(now) < before => Verdict::Matches,
            _ => Verdict::Kept,
        }
    }

    /// Returns whether the scan lists, and with sizes and times.
    pub fn wants_details(&self) -> bool {
        matches!(self.action, Action::List { details: true })
    }

    /// Returns whether the scan removes what it matches.
    pub fn removes(&self) -> bool {
        self.action == Action::Remove { dry_run: false }
    }

    /// Returns the error for a cursor that no page of this place returned.
    pub fn bad_cursor() -> StoreError {
        StoreError::new(
            ErrorKind::InvalidOptions,
            "the option \"cursor\" must be one that list() of this storage returned",
        )
    }
}

impl Page {
    /// Counts a conversation that is listed, counted or removed.
    pub fn add(&mut self, scan: &Scan, id: &str, size: u64, saved_at: Option<u64>) {
        self.matched += 1;
        if let Action::List { details } = scan.action {
            let known = Details { size, updated_at: saved_at, expires_at: expires_at(saved_at, scan.ttl) };
            self.found.push(Found { id: id.to_owned(), details: details.then_some(known) });
        }
    }

    /// Counts a conversation that stays.
    pub fn leave(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Kept => self.kept += 1,
            Verdict::Unknown => self.unknown += 1,
            Verdict::Matches | Verdict::Absent => {}
        }
    }

    /// Returns the page as JavaScript reads it: `{ cursor, found, matched, kept, unknown }`. One text costs less than an object for
    /// each conversation.
    pub fn to_json(&self) -> String {
        let Page { cursor, matched, kept, unknown, .. } = self;
        let found: Vec<String> = self.found.iter().map(Found::to_json).collect();
        format!(
            r#"{{"cursor":{},"found":[{}],"matched":{matched},"kept":{kept},"unknown":{unknown}}}"#,
            json!(cursor),
            found.join(",")
        )
    }
}

impl Found {
    /// Keeps the members in an order that people read well.
    fn to_json(&self) -> String {
        let id = json!(self.id);
        match self.details {
            None => format!(r#"{{"id":{id}}}"#),
            Some(Details { size, updated_at, expires_at }) => {
                let [updated_at, expires_at] = [json!(updated_at), json!(expires_at)];
                format!(r#"{{"id":{id},"size":{size},"updatedAt":{updated_at},"expiresAt":{expires_at}}}"#)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn scan(action: Action, before: Option<u64>) -> Scan {
        Scan { action, root: String::new(), prefix: String::new(), before, ttl: 60, cursor: None, most: 10 }
    }

    #[test]
    fn only_a_removal_sees_what_is_expired() {
        let expired = Some(NOW - 60_000);
        assert_eq!(scan(Action::Count, None).judge(expired, NOW), Verdict::Absent);
        assert_eq!(scan(Action::Remove { dry_run: true }, None).judge(expired, NOW), Verdict::Matches);
    }

    #[test]
    fn what_has_no_known_age_is_never_removed_by_age() {
        let remove = Action::Remove { dry_run: false };
        assert_eq!(scan(remove, Some(NOW)).judge(None, NOW), Verdict::Unknown);
        assert_eq!(scan(remove, None).judge(None, NOW), Verdict::Matches);
    }

    #[test]
    fn a_time_in_the_future_counts_as_now() {
        let remove = scan(Action::Remove { dry_run: false }, Some(NOW - 5));
        assert_eq!(remove.judge(Some(NOW + 1_000_000), NOW), Verdict::Kept);
        assert_eq!(remove.judge(Some(NOW - 6), NOW), Verdict::Matches);
        assert_eq!(remove.judge(Some(NOW - 5), NOW), Verdict::Kept);
    }

    #[test]
    fn a_page_becomes_one_text() {
        let mut page = Page { cursor: Some("c".into()), unknown: 2, ..Page::default() };
        page.add(&scan(Action::List { details: true }, None), "a\"\u{2028}", 7, Some(NOW));
        page.add(&scan(Action::List { details: false }, None), "b", 7, None);
        let value: Value = serde_json::from_str(&page.to_json()).unwrap();
        let first = json!({ "id": "a\"\u{2028}", "size": 7, "updatedAt": NOW, "expiresAt": NOW + 60_000 });
        let expected = json!({ "cursor": "c", "found": [first, { "id": "b" }], "matched": 2, "kept": 0, "unknown": 2 });
        assert_eq!(value, expected);
    }
}
