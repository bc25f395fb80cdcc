//! Conditional writes, and the lock of one conversation, as data.
//!
//! The comparison is what protects a conversation: a write takes effect only if what is stored is as its caller last knew it.
//! The lock makes turns wait for each other, so that the comparison rarely fails. It is a lease and may be lost at any time.

mod expected;
pub mod keeper;
mod record;
mod step;

pub use expected::{Expected, Refusal, check, etag_of};
pub use record::Record;
pub use step::{Step, look, step};

/// Who holds a lock, and for how long after each sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Names one call that holds the lock, or waits for it: 16 characters.
    pub owner: String,
    /// Milliseconds.
    pub lease: u32,
    /// The number of this write among those of the holder, from 1. A write that was done and is sent again is known by it.
    pub number: u32,
}

/// The result of [`Request::Enter`](crate::Request::Enter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// The lock is had. `text` is the stored text, if it was asked for and there is one.
    Held { waiting: u32, text: Option<String> },
    /// Somebody else holds it, or was first. `ahead` counts those in front, `waiting` all that wait.
    Waits { ahead: u32, waiting: u32 },
}

/// The result of [`Request::Cas`](crate::Request::Cas).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It took effect, or the store holds the wanted text already. `waiting` counts those that wait for the lock.
    Done { waiting: u32 },
    /// Nothing was changed.
    Refused(Refusal),
}
