//! Conditional writes, and the lock of one conversation.
//!
//! The lock is a lease of seconds, in a file beside the state ([`super::record_file`]). A kernel lock ([`super::file_lock`])
//! is held for microseconds, around each change of that file: alone, it would be kept by a process that is stopped.

use super::change::Change;
use super::error::FileError;
use super::operations::Operations;
use super::record_file::{change, change_existing};
use crate::lock::{Entered, Expected, Holder, Refusal, Written};
use crate::retention::{Age, held_at};
use crate::{Answer, Request};

impl Operations {
    /// Does a [`Request::Cas`](crate::Request::Cas).
    pub fn write_if(
        &self,
        id: &str,
        text: Option<&str>,
        expected: &Expected,
        holder: Option<&Holder>,
        ttl: u32,
        age: Option<Age>,
    ) -> Result<Written, FileError> {
        self.with_directory(|| match holder {
            None => Ok(written(self.change(id, text, expected, ttl, age)?, 0)),
            Some(holder) => self.write_locked(id, text, expected, holder, ttl),
        })
    }

    /// Writes for the holder of the lock. The record stays locked until the state is in place: nobody enters in between.
    fn write_locked(
        &self,
        id: &str,
        text: Option<&str>,
        expected: &Expected,
        holder: &Holder,
        ttl: u32,
    ) -> Result<Written, FileError> {
        let mut prepared = Change::prepare(self, id, text, expected, ttl, holder.lease)?;
        let mut is_applied = false;
        let changed = change(&self.record_path(id), |record, now| {
            // True if this very write was done before.
            let is_done = match record.may_write(holder) {
                Ok(is_done) => is_done,
                Err(refusal) => return Ok(Written::Refused(refusal)),
            };
            if !is_done {
                if let Err(refusal) = prepared.apply()? {
                    return Ok(Written::Refused(refusal));
                }
                is_applied = true;
            }
            Ok(Written::Done { waiting: record.wrote(holder, now) })
        })?;
        if is_applied {
            prepared.finish()?;
        }
        // A record that could not be stored only means that the lease is not renewed. What was written stays written.
        Ok(changed.result)
    }

    /// Does a [`Request::Enter`], and no other request.
    pub fn enter(&self, request: &Request) -> Result<Answer, FileError> {
        let Request::Enter { id, owner, lease, patience, waited, wants_text, ttl } = request else {
            return Ok(Answer::Done);
        };
        let changed = change(&self.record_path(id), |record, now| {
            let mut entered = record.enter(owner, now, *lease, *patience, *waited);
            if let Entered::Held { text, .. } = &mut entered {
                match self.hold_back(id, *ttl, *lease, *wants_text) {
                    Ok(found) => *text = found,
                    // The lock is not taken: whoever wants it learns why nothing can be loaded.
                    Err(error) => {
                        record.leave(owner);
                        return Err(error);
                    }
                }
            }
            Ok(Answer::Entered(entered))
        })?;
        changed.stored?;
        Ok(changed.result)
    }

    /// Keeps the conversation from expiring for `lease` ms, and returns its text if that is wanted.
    ///
    /// Nobody who removes it for its age is at it afterwards: it holds the file meanwhile, and then finds the record.
    fn hold_back(&self, id: &str, ttl: u32, lease: u32, wants_text: bool) -> Result<Option<String>, FileError> {
        self.renew(id, ttl, |saved_at, now| saved_at.map(|saved_at| held_at(saved_at, ttl, lease, now)))?;
        if wants_text { self.load_synced(id, ttl) } else { Ok(None) }
    }

    /// Does a [`Request::Leave`](crate::Request::Leave).
    pub fn leave(&self, id: &str, owner: &str) -> Result<(), FileError> {
        match change_existing(&self.record_path(id), |record, _now| {
            record.leave(owner);
            Ok(())
        })? {
            Some(changed) => changed.stored,
            None => Ok(()),
        }
    }
}

fn written(result: Result<(), Refusal>, waiting: u32) -> Written {
    match result {
        Ok(()) => Written::Done { waiting },
        Err(refusal) => Written::Refused(refusal),
    }
}
