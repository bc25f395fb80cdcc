//! The age of a conversation, as the time that is left tells it. Redis keeps nothing else.

use super::commands::Decoded;
use super::connection::Reply;
use super::replies::read_text;
use crate::Answer;
use crate::clock::wall_millis;
use crate::retention::{Age, Aged};

/// The reply of `PTTL` about what is not there.
const GONE: i64 = -2;

/// Returns when a conversation was saved or touched that expires in `left` ms; `None` if that does not tell. `ttl` is in seconds.
pub fn saved_at(left: u64, ttl: u32, now: u64) -> Option<u64> {
    let ttl = u64::from(ttl) * 1_000;
    // What has more time left was saved by a storage with another time to live.
    (ttl > 0).then(|| now.saturating_sub(ttl.saturating_sub(left)))
}

/// Returns the ms until a conversation expires; 0 for never.
pub fn time_left(age: Age) -> u64 {
    // 0 would be never.
    age.expires_at.map_or(0, |expires_at| expires_at.saturating_sub(wall_millis()).max(1))
}

/// Reads the replies to `PTTL` and `GET`.
pub fn decode(ttl: u32, mut replies: impl Iterator<Item = Reply>) -> Decoded {
    let left = match replies.next() {
        Some(Reply::Number(left)) => left,
        Some(Reply::Error(error)) => return Decoded::Error(error),
        _ => return Decoded::Mismatch,
    };
    match replies.next() {
        Some(Reply::Error(error)) => Decoded::Error(error),
        Some(reply) => match read_text(reply) {
            // It was saved in between, and its age is not known.
            Some(Ok(Answer::Text(Some(_)))) if left == GONE => Decoded::Answer(Answer::Aged(None)),
            Some(Ok(Answer::Text(text))) => Decoded::Answer(Answer::Aged(text.map(|text| aged(text, left, ttl)))),
            Some(Err(error)) => Decoded::NotUtf8(error),
            _ => Decoded::Mismatch,
        },
        None => Decoded::Mismatch,
    }
}

/// Returns a text that expires in `left` ms; never, if that is negative.
fn aged(text: String, left: i64, ttl: u32) -> Aged {
    let now = wall_millis();
    let left = u64::try_from(left).ok();
    let saved_at = left.and_then(|left| saved_at(left, ttl, now));
    Aged { text, age: Age { saved_at, expires_at: left.map(|left| now + left) } }
}
