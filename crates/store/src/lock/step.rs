//! One operation on a lock, for a store that keeps the record as a text beside the states, in one transaction with them.

use super::{Entered, Record, Refusal, Written, check};
use crate::{Answer, Request};

/// The effect of an operation on a lock.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The record afterwards; `None` if there is none.
    pub record: Option<String>,
    /// True if the text of the request is to be stored, or the conversation deleted if it has none.
    pub writes: bool,
    pub answer: Answer,
}

/// Does `request` on a conversation that has `record` and `stored`. `now` is in ms since 1970.
///
/// `stored` is only needed for [`Request::Cas`]. If the answer is [`Entered::Held`], its text is left to the caller.
pub fn step(request: &Request, record: Option<&str>, stored: Option<&[u8]>, now: u64) -> Step {
    let mut lock = Record::parse(record.unwrap_or_default(), now);
    let (writes, answer) = match request {
        Request::Enter { owner, lease, patience, waited, .. } => {
            (false, Answer::Entered(lock.enter(owner, now, *lease, *patience, *waited)))
        }
        Request::Leave { owner, .. } => {
            lock.leave(owner);
            (false, Answer::Done)
        }
        Request::Cas { text, expected, holder, .. } => {
            let compare = || check(expected, stored, text.as_deref().map(str::as_bytes));
            let done = |waiting| Answer::Written(Written::Done { waiting });
            match holder {
                None => match compare() {
                    Ok(()) => (true, done(0)),
                    Err(refusal) => (false, refused(refusal)),
                },
                Some(holder) => match lock.may_write(holder) {
                    Ok(true) => (false, done(lock.wrote(holder, now))),
                    Ok(false) => match compare() {
                        Ok(()) => (true, done(lock.wrote(holder, now))),
                        Err(refusal) => (false, refused(refusal)),
                    },
                    Err(refusal) => (false, refused(refusal)),
                },
            }
        }
        _ => (false, Answer::Done),
    };
    Step { record: lock.to_text(), writes, answer }
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Written(Written::Refused(refusal))
}

/// Returns the answer of an `Enter` that would wait and keeps its place without a change of the record; `None` if something is to
/// be written. So those that wait read more often than they write.
pub fn look(request: &Request, record: Option<&str>, now: u64) -> Option<Entered> {
    let Request::Enter { owner, patience, waited, lease, .. } = request else { return None };
    let lock = Record::parse(record.unwrap_or_default(), now);
    if *patience > 0 && !lock.keeps_place(owner, now + u64::from(*patience) * 2 / 5) {
        return None;
    }
    let entered = lock.clone().enter(owner, now, *lease, *patience, *waited);
    matches!(entered, Entered::Waits { .. }).then_some(entered)
}

#[cfg(test)]
mod tests {
    use super::super::{Expected, Holder};
    use super::*;

    fn enter(owner: &str, patience: u32) -> Request {
        Request::Enter {
            id: "x".into(),
            owner: owner.into(),
            lease: 1_000,
            patience,
            waited: 0,
            wants_text: false,
            ttl: 0,
        }
    }

    fn save(owner: &str, number: u32, expected: Expected, text: &str) -> Request {
        let holder = Some(Holder { owner: owner.into(), lease: 1_000, number });
        Request::Cas { id: "x".into(), text: Some(text.into()), ttl: 0, expected, holder, age: None }
    }

    #[test]
    fn a_write_that_is_sent_again_is_done_once() {
        let Step { record, .. } = step(&enter("a", 0), None, None, 1_000);
        let first = save("a", 1, Expected::Absent, "one");
        let second = save("a", 2, Expected::Text("one".into()), "two");
        let Step { record, writes, .. } = step(&first, record.as_deref(), None, 1_001);
        assert!(writes);
        let Step { record, writes, .. } = step(&second, record.as_deref(), Some(b"one"), 1_002);
        assert!(writes);
        // The connection broke: both are sent again, though both were done.
        let again = step(&first, record.as_deref(), Some(b"two"), 1_003);
        assert_eq!((again.writes, again.answer), (false, Answer::Written(Written::Done { waiting: 0 })));
    }

    #[test]
    fn somebody_who_waits_writes_only_to_keep_the_place() {
        let Step { record, .. } = step(&enter("a", 0), None, None, 1_000);
        assert_eq!(look(&enter("b", 100), record.as_deref(), 1_001), None);
        let Step { record, .. } = step(&enter("b", 100), record.as_deref(), None, 1_001);
        let waits = Some(Entered::Waits { ahead: 0, waiting: 1 });
        assert_eq!(look(&enter("b", 100), record.as_deref(), 1_030), waits);
        assert_eq!(look(&enter("b", 100), record.as_deref(), 1_090), None);
        // The lock is free.
        assert_eq!(look(&enter("b", 100), Some("W b 1101 1001 0\n"), 1_030), None);
    }
}
