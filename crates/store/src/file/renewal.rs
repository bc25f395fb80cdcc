//! Renews the expiry of a conversation: dates its file, and writes nothing.

use std::fs;

use super::age::{Life, date, saved_at};
use super::error::FileError;
use super::file_lock::{Hold, hold, is_at};
use super::operations::Operations;
use super::state_file::open_file;
use crate::error::ErrorKind;
use crate::retention::is_refresh_due;

/// How often another process may be faster.
const ATTEMPTS: u32 = 1000;

impl Operations {
    /// Renews the expiry, and returns whether the conversation is there.
    pub fn touch(&self, id: &str, ttl: u32) -> Result<bool, FileError> {
        // Never to an earlier time: a lock may have given it a later one.
        self.renew(id, ttl, |saved_at, now| saved_at.max(Some(now)))
    }

    /// Loads, and renews the expiry unless that was done a moment ago.
    pub fn load_and_renew(&self, id: &str, ttl: u32) -> Result<Option<String>, FileError> {
        let life = Life::at_present(ttl);
        let place = self.place(id, life);
        let text = place.load()?.map(|aged| aged.text);
        // Looked at before any lock: most loads renew nothing.
        let own = fs::metadata(&place.own).ok();
        if text.is_some() && own.is_none_or(|own| is_refresh_due(saved_at(&own), ttl, life.now)) {
            // Who may only read loads all the same.
            let _ = self.touch(id, ttl);
        }
        Ok(text)
    }

    /// Dates the file of a conversation, and returns whether it is there. `next` returns its new time from the present one, if that
    /// is known, and from the time now; both in ms since 1970. With `None` the file keeps its time.
    ///
    /// Under the lock of the file, as a removal for its age: whatever this finds is not removed for the age that it had before.
    pub fn renew(&self, id: &str, ttl: u32, next: impl Fn(Option<u64>, u64) -> Option<u64>) -> Result<bool, FileError> {
        let place = self.place(id, Life::at_present(ttl));
        for _ in 0..ATTEMPTS {
            let Some(path) = place.find()? else { return Ok(false) };
            let hold = hold(path)?;
            let unlocked;
            let file = match &hold {
                Hold::Absent => continue,
                Hold::Held(locked) => locked.file(),
                Hold::Unlockable(error) if error.is_corrupt() => return Ok(true),
                Hold::Unlockable(error) if error.error.kind == ErrorKind::Unsupported => match open_file(path)? {
                    Some((file, _)) => {
                        unlocked = file;
                        &unlocked
                    }
                    None => continue,
                },
                Hold::Unlockable(error) => return Err(error.clone()),
            };
            let at = |error| FileError::at(&error, path);
            let metadata = file.metadata().map_err(at)?;
            let life = Life::at_present(ttl);
            if life.is_over(&metadata) {
                return Ok(false);
            }
            match next(saved_at(&metadata), life.now) {
                Some(time) if saved_at(&metadata) != Some(time) => date(file, path, time).map_err(at)?,
                _ => {}
            }
            // Without a lock, it may have been taken away meanwhile, or replaced.
            if matches!(hold, Hold::Held(_)) || is_at(file, path).map_err(at)? {
                return Ok(true);
            }
        }
        Err(FileError::ever_changing(&place.own))
    }
}
