//! Finds the history in JSON text as V8 writes it, without parsing the rest.
//!
//! Nothing is checked that a parser of the short form checks anyway. What is not exactly as `JSON.stringify` writes it is left
//! alone: `None`, and the text travels whole.

use memchr::memchr2;

/// The key of the entries.
const KEY: &[u8] = b"history";

/// Where the top-level `history` begins: behind its `[`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start(pub usize);

/// Finds the first top-level `history` that is an array.
pub fn find_history(text: &[u8]) -> Option<Start> {
    let mut place = expect(text, 0, b'{')?;
    loop {
        let (key, value) = read_key(text, place)?;
        if key == KEY {
            return expect(text, value, b'[').map(Start);
        }
        place = expect(text, skip_value(text, value)?, b',')?;
    }
}

/// Returns whether the text ends as it should behind `place`, which lies in the history between two entries or at its end, and
/// has no second `history`: `JSON.parse` takes the last one.
pub fn is_only_history(text: &[u8], place: usize) -> bool {
    rest_of_members(text, place).is_some()
}

fn rest_of_members(text: &[u8], place: usize) -> Option<()> {
    let mut place = skip_nested(text, place)?;
    loop {
        match text.get(place)? {
            b',' => {
                let (key, value) = read_key(text, place + 1)?;
                if key == KEY {
                    return None;
                }
                place = skip_value(text, value)?;
            }
            b'}' => return (place + 1 == text.len()).then_some(()),
            _ => return None,
        }
    }
}

/// Returns the place behind the entry at `place`, if it has exactly `role` and `content`, and is written as V8 does.
///
/// `None` also if its text is not well-formed: `JSON.stringify` then writes an escape that other text may hold as well.
pub fn skip_entry(text: &[u8], place: usize) -> Option<usize> {
    let place = skip_exact_string(text, expect_all(text, place, b"{\"role\":\"")?)?;
    let place = skip_exact_string(text, expect_all(text, place, b",\"content\":\"")?)?;
    expect(text, place, b'}')
}

/// Steps over the rest of a string, whose opening quote is before `place`, if each escape in it is the one that V8 writes.
fn skip_exact_string(text: &[u8], mut place: usize) -> Option<usize> {
    loop {
        place += memchr2(b'"', b'\\', text.get(place..)?)?;
        if text[place] == b'"' {
            return Some(place + 1);
        }
        place += exact_escape(text.get(place + 1..)?)?;
    }
}

/// Returns the length of the escape whose backslash is before `rest`, if V8 writes what it stands for only like this.
fn exact_escape(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        // The control characters that have no escape of one letter.
        [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => Some(6),
        [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => Some(6),
        _ => None,
    }
}

/// Returns the key at `place` and the place of its value. `None` if the key has an escape that V8 does not write: then it could
/// be any other. V8 escapes no letter.
fn read_key(text: &[u8], place: usize) -> Option<(&[u8], usize)> {
    let start = expect(text, place, b'"')?;
    let mut end = start;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        match text.get(end + 1..)? {
            _ if text[end] == b'"' => return Some((&text[start..end], expect(text, end + 1, b':')?)),
            // A lone surrogate.
            [b'u', b'd', b'8'..=b'9' | b'a'..=b'f', _, _, ..] => end += 6,
            rest => end += exact_escape(rest)?,
        }
    }
}

/// Returns the place behind the value at `place`.
fn skip_value(text: &[u8], place: usize) -> Option<usize> {
    match text.get(place)? {
        b'"' => skip_string(text, place + 1),
        b'{' | b'[' => skip_nested(text, place + 1),
        _ => {
            // A number or a word. Not a space: behind it any value may follow.
            let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.');
            let length = text[place..].iter().position(|byte| !is_part(byte))?;
            (length > 0).then_some(place + length)
        }
    }
}

/// Returns the place behind the bracket that closes what is open at `place`. Counts, since recursion would overflow the stack.
fn skip_nested(text: &[u8], mut place: usize) -> Option<usize> {
    let mut depth = 1_usize;
    loop {
        match text.get(place)? {
            b'"' => {
                place = skip_string(text, place + 1)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        place += 1;
        if depth == 0 {
            return Some(place);
        }
    }
}

/// Steps over the rest of a string, whose opening quote is before `place`.
fn skip_string(text: &[u8], mut place: usize) -> Option<usize> {
    loop {
        place += memchr2(b'"', b'\\', text.get(place..)?)?;
        if text[place] == b'"' {
            return Some(place + 1);
        }
        place += 2;
    }
}

fn expect(text: &[u8], place: usize, byte: u8) -> Option<usize> {
    (text.get(place) == Some(&byte)).then_some(place + 1)
}

fn expect_all(text: &[u8], place: usize, bytes: &[u8]) -> Option<usize> {
    text.get(place..)?.starts_with(bytes).then_some(place + bytes.len())
}
