//! A conversation that a page looks at.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::age::saved_at;
use crate::lock::etag_of;
use crate::retention::known_time;
use crate::scan::{Action, Details, Found, Page, Scan};

#[derive(Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: String,
    /// The bytes of its text.
    pub size: u64,
    /// The time until it expires, in ms; `None` for never.
    pub left: Option<u64>,
    /// The last save or touch, in ms since 1970; `None` if that is not known.
    pub saved_at: Option<u64>,
    /// The SHA-1 of the text by which its time is known.
    pub etag: String,
}

impl Candidate {
    /// Builds a candidate of which the server tells all.
    pub fn new(id: String, size: u64, left: Option<u64>, ttl: u32, now: u64) -> Self {
        let saved_at = left.and_then(|left| saved_at(left, ttl, now));
        Candidate { id, size, left, saved_at, etag: String::new() }
    }

    /// Takes the time from the text of the state.
    pub fn date(&mut self, text: &[u8]) {
        self.saved_at = updated_at(text);
        self.etag = etag_of(text);
    }

    /// Counts it, and lists it if the scan lists.
    pub fn add_to(self, page: &mut Page, scan: &Scan, now: u64) {
        page.matched += 1;
        if let Action::List { details: is_detailed } = scan.action {
            let Candidate { id, size, left, saved_at, .. } = self;
            let details = Details { size, updated_at: saved_at, expires_at: left.map(|left| now + left) };
            page.found.push(Found { id, details: is_detailed.then_some(details) });
        }
    }
}

/// Returns the top-level `updatedAt` of a state; `None` if it has none in ms.
fn updated_at(text: &[u8]) -> Option<u64> {
    let members: HashMap<String, &RawValue> = serde_json::from_slice(text).ok()?;
    let value: Value = serde_json::from_str(members.get("updatedAt")?.get()).ok()?;
    known_time(value.as_i64().or_else(|| value.as_f64().map(|time| time as i64))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_save_follows_from_the_time_that_is_left() {
        let saved_at = |left, ttl| Candidate::new("x".into(), 2, left, ttl, 1_000_000).saved_at;
        assert_eq!(saved_at(Some(59_000), 60), Some(999_000));
        assert_eq!(saved_at(Some(61_000), 60), Some(1_000_000));
        assert_eq!(saved_at(Some(59_000), 0), None);
        assert_eq!(saved_at(None, 60), None);
    }

    #[test]
    fn a_state_tells_its_own_time_or_has_none() {
        let time = 1_800_000_000_000;
        for text in [
            r#"{"updatedAt":1800000000000}"#,
            r#"{"slots":{"updatedAt":1},"updatedAt":1800000000000.5}"#,
            r#"{"updatedAt":1,"updatedAt":1800000000000}"#,
        ] {
            assert_eq!(updated_at(text.as_bytes()), Some(time), "{text}");
        }
        for text in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"updatedAt":"1800000000000"}"#,
            r#"{"updatedAt":1800000000}"#,
            r#"{"updatedAt":null}"#,
        ] {
            assert_eq!(updated_at(text.as_bytes()), None, "{text}");
        }
        let deep = format!(r#"{{"slots":{}{},"updatedAt":1800000000000}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(updated_at(deep.as_bytes()), Some(time));
    }
}
