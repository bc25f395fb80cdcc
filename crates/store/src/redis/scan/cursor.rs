//! Where a page begins, in another process too. `lib/redis-client-cursor.js` writes and reads the same text.

use crate::lock::etag_of;

/// How many conversations of one `SCAN` a cursor can name: the whole text must stay below 10,000 characters.
pub const MOST_DONE: usize = 700;

/// After so many other servers none is told from another any more: a proxy may ask a different one each time.
pub const MOST_RESTARTS: u8 = 3;

/// The characters of a digest.
const DIGEST: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// How often the look began anew, as another server came in the place of the first one.
    pub restarts: u8,
    /// The digest of the server process: the cursor of `SCAN` means nothing to another one. Empty if it is not known.
    pub server: String,
    /// The cursor of `SCAN`.
    pub at: String,
    /// The digests of the conversations that are done, of those that `SCAN` returns there. It may return more than a page takes.
    pub done: Vec<String>,
}

impl Cursor {
    pub fn start() -> Self {
        Cursor { restarts: 0, server: String::new(), at: "0".to_owned(), done: Vec::new() }
    }

    /// Returns `None` if no page of a single server ends so.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('r')?.splitn(5, ':');
        let [restarts, at, server, done, node] = std::array::from_fn(|_| parts.next());
        let (restarts, at, server, done) = (restarts?.parse().ok()?, at?, server?, done?);
        // Nodes are those of a cluster, which only the user's client knows.
        let is_ours =
            is_position(at) && is_hex(server) && (server.is_empty() || server.len() == DIGEST) && node == Some("");
        if !is_ours || !is_hex(done) || !done.len().is_multiple_of(DIGEST) || restarts > MOST_RESTARTS {
            return None;
        }
        let done = done.as_bytes().chunks(DIGEST).map(|digest| String::from_utf8_lossy(digest).into_owned()).collect();
        Some(Cursor { restarts, server: server.to_owned(), at: at.to_owned(), done })
    }

    pub fn to_text(&self) -> String {
        let Cursor { restarts, server, at, done } = self;
        format!("r{restarts}:{at}:{server}:{}:", done.concat())
    }
}

/// Returns whether `text` may be a cursor of `SCAN`.
pub fn is_position(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Returns what names `text` in a cursor.
pub fn digest(text: &str) -> String {
    let mut digest = etag_of(text.as_bytes());
    digest.truncate(DIGEST);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let cursor = Cursor {
            restarts: 2,
            server: digest("s"),
            at: "18446744073709551615".to_owned(),
            done: vec![digest("a"), digest("b")],
        };
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        assert_eq!(Cursor::parse(&Cursor::start().to_text()), Some(Cursor::start()));
        let full = Cursor { done: vec![digest("a"); MOST_DONE + 1_000], ..Cursor::start() };
        assert!(Cursor { done: vec![digest("a"); MOST_DONE], ..full }.to_text().len() < 10_000);
    }

    #[test]
    fn a_cursor_from_elsewhere_is_refused() {
        for text in [
            "",
            "r",
            "m0:",
            "from elsewhere",
            "r0:1::",
            "r0:1:::127.0.0.1:1",
            "r9:1:::",
            "r0:-1:::",
            "r0::::",
            "r0:1:x::",
            "r0:1:abc::",
            "r0:1::abc:",
            "r0:123456789012345678901:::",
            "r0:1::abcdefabcdeg:",
            "r0:1:ABCDEFABCDEF::",
            "r0:1::💬💬💬:",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
