//! Removes conversations that a scan has found.
//!
//! For its age, one is removed only if the file is old at that moment, nobody is in the record of its lock, and its JSON names it.
//! All this is looked at under the lock of the file, which every save and touch takes: so nothing comes in between. Where the file
//! system has no locks, the file is moved away first, and is put back if it is not old after all.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use super::age::{Life, saved_at};
use super::change::Change;
use super::error::FileError;
use super::file_lock::{Hold, hold};
use super::other_files::OtherFile;
use super::place::Place;
use super::record_file::keep_out;
use super::scan::Search;
use super::state_file;
use super::state_owner::conversation_id;
use super::temporary;
use crate::error::ErrorKind;
use crate::lock::Expected;
use crate::scan::{Action, Verdict};

/// How often another process may be faster.
const ATTEMPTS: u32 = 1000;

impl Search<'_> {
    /// Removes a conversation that the scan matches, or only counts it. Returns why it stays otherwise.
    ///
    /// The caller syncs the directory.
    pub fn remove(&self, id: &str, is_corrupt: bool) -> Result<Verdict, FileError> {
        if self.scan.before.is_none() {
            return self.clear(id);
        }
        // It may be another program's.
        if is_corrupt {
            return Ok(Verdict::Unknown);
        }
        match self.remove_old(id) {
            // A single one that cannot be removed must not keep all behind it.
            Err(error) if self.is_writable && error.error.kind == ErrorKind::Denied => Ok(Verdict::Kept),
            removed => removed,
        }
    }

    fn is_dry_run(&self) -> bool {
        self.scan.action == Action::Remove { dry_run: true }
    }

    /// Removes a conversation as a delete does.
    fn clear(&self, id: &str) -> Result<Verdict, FileError> {
        if !self.is_dry_run() {
            // Not finished: that would be a sync for each.
            let _ = Change::prepare(self.operations, id, None, &Expected::Anything, 0, 0)?.apply()?;
        }
        Ok(Verdict::Matches)
    }

    fn remove_old(&self, id: &str) -> Result<Verdict, FileError> {
        let place = self.operations.place(id, Life::ENDLESS);
        for _ in 0..ATTEMPTS {
            let Some(path) = place.find()? else { return Ok(Verdict::Absent) };
            let hold = hold(path)?;
            match &hold {
                Hold::Absent => continue,
                Hold::Unlockable(error) if error.is_corrupt() => return Ok(Verdict::Unknown),
                _ => {}
            }
            let verdict = self.judge(id, path)?;
            if verdict != Verdict::Matches {
                return Ok(verdict);
            }
            // Kept to the end: nobody enters meanwhile.
            let Ok(_record) = keep_out(&self.operations.record_path(id)) else { return Ok(Verdict::Kept) };
            if self.is_dry_run() {
                return Ok(Verdict::Matches);
            }
            self.remove_leftovers(&place, path, &hold)?;
            return match hold {
                Hold::Held(_) => state_file::remove(path).map(|_| Verdict::Matches),
                _ => self.take_away(id, path),
            };
        }
        Err(FileError::ever_changing(&place.own))
    }

    /// Judges the file at `path`, which is to be removed for its age.
    fn judge(&self, id: &str, path: &Path) -> Result<Verdict, FileError> {
        let verdict = match fs::metadata(path) {
            Ok(metadata) => self.judge_age(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Verdict::Absent,
            Err(error) => return Err(FileError::at(&error, path)),
        };
        if verdict != Verdict::Matches {
            return Ok(verdict);
        }
        match state_file::read(path, Life::ENDLESS) {
            Ok(None) => Ok(Verdict::Absent),
            Ok(Some(aged)) if conversation_id(&aged.text).is_ok_and(|named| named.as_deref() == Some(id)) => {
                Ok(Verdict::Matches)
            }
            Ok(Some(_)) => Ok(Verdict::Unknown),
            Err(error) if error.is_corrupt() => Ok(Verdict::Unknown),
            Err(error) => Err(error),
        }
    }

    fn judge_age(&self, metadata: &Metadata) -> Verdict {
        self.scan.judge(saved_at(metadata), self.now)
    }

    /// Removes what is left of the conversation under other names. A load that finds no file in `path` would find an older state there.
    fn remove_leftovers(&self, place: &Place, path: &Path, hold: &Hold) -> Result<(), FileError> {
        let mut removed = false;
        for other in place.others.iter().rev().filter(|other| other.path() != path) {
            removed |= self.remove_leftover(place.id, other, hold)?;
        }
        if removed { self.operations.sync_removal() } else { Ok(()) }
    }

    fn remove_leftover(&self, id: &str, other: &OtherFile, found: &Hold) -> Result<bool, FileError> {
        let is_old = fs::metadata(other.path()).is_ok_and(|metadata| self.judge_age(&metadata) == Verdict::Matches);
        // Not one that somebody else has saved since.
        if is_old { other.remove(id, found) } else { Ok(false) }
    }

    /// Removes a file that cannot be locked.
    fn take_away(&self, id: &str, path: &Path) -> Result<Verdict, FileError> {
        let at = |error: io::Error| FileError::at(&error, path);
        let mut away = temporary::create(self.operations.directory.path()).map_err(at)?.into_temp_path();
        match fs::rename(path, &away) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Verdict::Absent),
            renamed => renamed.map_err(at)?,
        }
        let verdict = self.judge(id, &away);
        if matches!(verdict, Ok(Verdict::Matches)) {
            // Dropping it removes it.
            return verdict;
        }
        // Saved or touched in between. It goes back, unless something newer is there.
        away.disable_cleanup(true);
        let is_back = match fs::hard_link(&away, path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => true,
            // A file system without links.
            Err(_) if !state_file::exists(path)? => fs::rename(&away, path).map(|()| false).map_err(at)?,
            Err(_) => true,
        };
        away.disable_cleanup(!is_back);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::clock::wall_millis;
    use crate::file::FileConfig;
    use crate::file::case_sensitivity::CaseSensitivity;
    use crate::file::operations::Operations;
    use crate::scan::Scan;

    /// Takes away a file that is so old, in seconds. Returns what became of it, and what the directory has then.
    fn take_away(seconds: u64, text: &str) -> (Verdict, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let config = FileConfig { dir: dir.path().into(), extension: ".json".into(), durable: false };
        let operations = Operations::new(config, CaseSensitivity::decided(false));
        let path = dir.path().join("x.json");
        fs::write(&path, text).unwrap();
        let modified = SystemTime::now() - Duration::from_secs(seconds);
        fs::File::open(&path).unwrap().set_modified(modified).unwrap();
        let (action, before) = (Action::Remove { dry_run: false }, Some(wall_millis() - 5_000));
        let scan = Scan { action, root: String::new(), prefix: String::new(), before, ttl: 0, cursor: None, most: 1 };
        let verdict = Search::begin(&operations, &scan).take_away("x", &path).unwrap();
        let names = fs::read_dir(dir.path()).unwrap();
        (verdict, names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
    }

    #[test]
    fn what_is_not_old_after_all_goes_back() {
        let mine = r#"{"conversationId":"x"}"#;
        assert_eq!(take_away(9, mine), (Verdict::Matches, vec![]));
        assert_eq!(take_away(1, mine), (Verdict::Kept, vec!["x.json".to_owned()]));
        assert_eq!(take_away(9, "{}"), (Verdict::Unknown, vec!["x.json".to_owned()]));
    }
}
