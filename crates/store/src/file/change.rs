//! Puts a new text in place of what is stored, or removes it, if what is stored is as expected.
//!
//! In three steps. What takes long, the writing and the syncs, is done before and after the locks.
//!
//! - [`Change::prepare`] writes the new file under a name of its own.
//! - [`Change::apply`] locks, compares and renames. It moves the state in one step, so that every other process finds the old one
//!   or the new one.
//! - [`Change::finish`] waits for the disk.
//!
//! Locks are taken in this order: the record, the gate (on Windows), the conversation's own file, one other file. So no two wait for each other.

use std::fs;

use super::age::Life;
use super::error::FileError;
use super::file_lock::{Hold, hold};
use super::operations::Operations;
use super::place::{Place, Stored};
use super::state_file::{self, NewFile};
use crate::clock::wall_millis;
use crate::lock::{Expected, Refusal, check};
use crate::retention::held_at;

/// How often another process may be faster.
const ATTEMPTS: u32 = 1000;

pub struct Change<'a> {
    operations: &'a Operations,
    place: Place<'a>,
    expected: &'a Expected,
    /// The text to store, and the file that it is in; `None` for a delete.
    new: Option<(&'a str, NewFile)>,
    /// For how long the conversation is locked, in ms.
    lease: u32,
    /// When the text was saved elsewhere, in ms since 1970; `None` if it is saved now.
    pub saved_at: Option<u64>,
}

impl<'a> Change<'a> {
    /// Prepares that `text` is stored under `id`; that nothing is, if it is `None`. `ttl` is in seconds, and `lease`, for which the
    /// conversation is locked, in ms.
    pub fn prepare(
        operations: &'a Operations,
        id: &'a str,
        text: Option<&'a str>,
        expected: &'a Expected,
        ttl: u32,
        lease: u32,
    ) -> Result<Self, FileError> {
        let place = operations.place(id, Life::at_present(ttl));
        let new = match text {
            Some(text) => Some((text, operations.write_new(&place.own, text)?)),
            None => None,
        };
        Ok(Change { operations, place, expected, new, lease, saved_at: None })
    }

    /// Does it, or returns why it does not.
    pub fn apply(&mut self) -> Result<Result<(), Refusal>, FileError> {
        for _ in 0..ATTEMPTS {
            #[cfg(windows)]
            let _gate = super::file_lock::close_gate(&self.place.own)?;
            let own = hold(&self.place.own)?;
            // Plain writes ask for nothing, and a lock that cannot be had does not keep them.
            let stored = match self.expected {
                Expected::Anything => Stored { text: None, other: None },
                _ => match self.place.stored(&own)? {
                    Some(stored) => stored,
                    None => continue,
                },
            };
            let wanted = self.new.as_ref().map(|(text, _)| text.as_bytes());
            if let Err(refusal) = check(self.expected, stored.text.as_deref().map(str::as_bytes), wanted) {
                return Ok(Err(refusal));
            }
            if let Some((_, new)) = &self.new {
                let now = wall_millis();
                new.date(self.saved_at.unwrap_or_else(|| held_at(now, self.place.life.ttl, self.lease, now)));
            }
            let is_done = match &mut self.new {
                // Not if another process was faster.
                Some((_, new)) if matches!(own, Hold::Absent) => {
                    new.appear(&self.place.own, matches!(self.expected, Expected::Anything))?
                }
                // Our name is free now: another process may take it.
                Some(_) if self.operations.give_to_owner(&self.place)? => false,
                Some((_, new)) => {
                    // What is open may not be replaced there. The gate stays closed.
                    #[cfg(windows)]
                    drop(own);
                    new.replace(&self.place.own)?;
                    true
                }
                None => {
                    self.remove(&own, stored)?;
                    true
                }
            };
            if is_done {
                return Ok(Ok(()));
            }
        }
        Err(FileError::ever_changing(&self.place.own))
    }

    fn remove(&self, own: &Hold, stored: Stored) -> Result<(), FileError> {
        let Place { id, others, .. } = &self.place;
        let mut removed = false;
        if let Some((other, _hold)) = stored.other {
            removed |= other.remove_held()?;
        }
        // The one that a load prefers goes last: a load in between must not find an older state.
        for other in others.iter().rev() {
            removed |= other.remove(id, own)?;
        }
        if removed {
            // First, also on the disk. Removed last, a load in between or after a power loss would find it, with a state
            // older than the one deleted.
            self.operations.sync_removal()?;
        }
        if !matches!(own, Hold::Absent) && self.place.other_owner()?.is_none() {
            state_file::remove(&self.place.own)?;
        }
        Ok(())
    }

    /// Waits for the disk, and forgets what the new state replaces.
    pub fn finish(self) -> Result<(), FileError> {
        let Change { operations, place, new, .. } = self;
        if new.is_none() {
            // Also if there was nothing: an earlier delete may have failed to sync, or may not have synced yet.
            return operations.sync_removal();
        }
        // The temporary name goes before the sync.
        drop(new);
        operations.sync()?;
        // After the new file is in place and on the disk. A crash in between leaves both, and the new one counts.
        let mut removed = false;
        for other in &place.others {
            removed |= other.forget_replaced(place.id);
        }
        if removed { operations.sync() } else { Ok(()) }
    }
}

impl Operations {
    /// Gives the file that lies under our name to its owner, and returns whether there was one. Otherwise the save that follows
    /// would destroy the state of another conversation.
    fn give_to_owner(&self, place: &Place) -> Result<bool, FileError> {
        let Some(owner) = place.other_owner()? else { return Ok(false) };
        let to = self.own_path(&self.current_name(&owner, true));
        // Never over a file that the owner has there: that one is newer.
        match fs::hard_link(&place.own, &to) {
            Err(_) if !state_file::exists(&to)? => {
                // A file system without links, such as exFAT.
                fs::rename(&place.own, &to).map_err(|error| FileError::at(&error, &to))?;
                self.sync()?;
            }
            _ => {
                self.sync()?;
                // Not left to be replaced: it would keep its name, by which nobody finds our state where case counts.
                state_file::remove(&place.own)?;
            }
        }
        Ok(true)
    }
}
