//! The comparison of a conditional write.

use sha1::{Digest, Sha1};

/// The stored text without which a conditional write changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any text, or none.
    Anything,
    /// Nothing is stored.
    Absent,
    /// Exactly this text.
    Text(String),
    /// A text with this SHA-1, in lower-case hex.
    Etag(String),
}

/// The reason why a conditional write changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else holds the lock.
    Locked,
    /// Another text is stored.
    Changed,
    /// Nothing is stored any more.
    Deleted,
}

impl Refusal {
    /// Returns the word for it, as `lib/locks/` reads it.
    pub fn word(self) -> &'static str {
        match self {
            Refusal::Locked => "locked",
            Refusal::Changed => "changed",
            Refusal::Deleted => "deleted",
        }
    }

    /// Returns the refusal of this word; `None` if there is none.
    pub fn of(word: &[u8]) -> Option<Self> {
        [Refusal::Locked, Refusal::Changed, Refusal::Deleted].into_iter().find(|one| one.word().as_bytes() == word)
    }
}

impl Expected {
    /// Returns the bytes that it takes, for the limits of queues.
    pub fn size(&self) -> usize {
        match self {
            Expected::Anything | Expected::Absent => 0,
            Expected::Text(text) | Expected::Etag(text) => text.len(),
        }
    }

    fn is_met_by(&self, stored: Option<&[u8]>) -> bool {
        match (self, stored) {
            (Expected::Anything, _) | (Expected::Absent, None) => true,
            (Expected::Text(text), Some(stored)) => text.as_bytes() == stored,
            (Expected::Etag(etag), Some(stored)) => *etag == etag_of(stored),
            _ => false,
        }
    }
}

/// Returns an error unless a write of `wanted` (`None` for a delete) may take effect while `stored` is there.
///
/// It may also if the store holds exactly what is wanted: a write whose reply was lost, and which is tried again, succeeds.
pub fn check(expected: &Expected, stored: Option<&[u8]>, wanted: Option<&[u8]>) -> Result<(), Refusal> {
    if stored == wanted || expected.is_met_by(stored) {
        return Ok(());
    }
    Err(if stored.is_some() { Refusal::Changed } else { Refusal::Deleted })
}

/// Returns what names exactly this text: its SHA-1. Redis' scripts have no other hash.
pub fn etag_of(text: &[u8]) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Option<&[u8]> = Some(b"old");
    const WANTED: Option<&[u8]> = Some(b"new");

    #[test]
    fn takes_effect_only_as_expected() {
        let old = || Expected::Text("old".into());
        assert_eq!(check(&old(), STORED, WANTED), Ok(()));
        assert_eq!(check(&old(), Some(b"other"), WANTED), Err(Refusal::Changed));
        assert_eq!(check(&old(), None, WANTED), Err(Refusal::Deleted));
        assert_eq!(check(&Expected::Absent, None, WANTED), Ok(()));
        assert_eq!(check(&Expected::Absent, STORED, WANTED), Err(Refusal::Changed));
        assert_eq!(check(&Expected::Anything, STORED, None), Ok(()));
        assert_eq!(check(&Expected::Etag(etag_of(b"other")), STORED, WANTED), Err(Refusal::Changed));
        assert_eq!(check(&Expected::Etag(etag_of(b"old")), STORED, WANTED), Ok(()));
    }

    #[test]
    fn what_is_stored_already_is_no_conflict() {
        assert_eq!(check(&Expected::Text("older".into()), WANTED, WANTED), Ok(()));
        assert_eq!(check(&Expected::Text("older".into()), None, None), Ok(()));
    }

    #[test]
    fn an_etag_is_the_sha1_of_the_text() {
        assert_eq!(etag_of(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
