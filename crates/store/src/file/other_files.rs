//! Finds the file of a conversation under another name than the current one: a former name, or the plain id under which another
//! program wrote it, such as `whatsapp:+57300.json`.
//!
//! A file that names another conversation in its JSON, or none, is not this conversation's and counts as absent.

use std::path::{Path, PathBuf};

use super::age::Life;
use super::error::FileError;
use super::file_lock::{Hold, hold};
use super::file_name::{all_names, is_plain_component};
use super::state_file;
use super::state_owner::conversation_id;
use crate::retention::Aged;

/// The longest name that usual file systems hold.
const LONGEST_FILE_NAME: usize = 255;

/// Where else the state of a conversation may be.
pub struct OtherFile {
    path: PathBuf,
    /// No other conversation, nor another program, has a file of this name. So the conversation's it is, also if it is corrupt.
    is_unique: bool,
}

/// Returns the other files of `id`, those that this package may have written first. `name` is its current name.
pub fn other_files(dir: &Path, id: &str, name: &str, extension: &str, fold_case: bool) -> Vec<OtherFile> {
    let mut files: Vec<OtherFile> = all_names(id, fold_case)
        .into_iter()
        .filter(|former| former.name != name)
        .map(|former| OtherFile { path: dir.join(former.name + extension), is_unique: former.is_unique })
        .collect();
    if id != name && is_plain_component(id) && id.len() + extension.len() <= LONGEST_FILE_NAME {
        let path = dir.join(format!("{id}{extension}"));
        if files.iter().all(|file| file.path != path) {
            files.push(OtherFile { path, is_unique: false });
        }
    }
    files
}

impl OtherFile {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the text, with its age, if it is conversation `id`'s. One that cannot be read as JSON might be: corrupt is not absent.
    pub fn read(&self, id: &str, life: Life) -> Result<Option<Aged>, FileError> {
        let aged = match state_file::read(&self.path, life) {
            Ok(Some(aged)) => aged,
            // The current name may be shorter, and is made of letters that every file system takes.
            Err(error) if error.is_impossible_name() => return Ok(None),
            other => return other,
        };
        match conversation_id(&aged.text) {
            Ok(Some(named)) if named == id => Ok(Some(aged)),
            Ok(_) => Ok(None),
            Err(_) => Err(FileError::not_json(&self.path, &aged.text)),
        }
    }

    /// Locks the file, if there is one.
    pub fn hold(&self) -> Result<Hold, FileError> {
        match hold(&self.path) {
            Err(error) if error.is_impossible_name() => Ok(Hold::Absent),
            hold => hold,
        }
    }

    /// Removes the file, which the caller has locked, and returns whether there was one.
    pub fn remove_held(&self) -> Result<bool, FileError> {
        state_file::remove(&self.path)
    }

    /// Removes the file after a save, and returns whether there was one. The new state is in place, and every load prefers it.
    pub fn forget_replaced(&self, id: &str) -> bool {
        // A file that cannot be read or removed stays and does no harm. Rejecting a save that took effect would do harm.
        self.remove(id, &Hold::Absent).unwrap_or(false)
    }

    /// Removes the file for a delete, and returns whether there was one. A file that cannot be removed would come back with the
    /// next load, so that is an error. A corrupt file whose name is not unique may be another's and is left as it is.
    pub fn remove(&self, id: &str, own: &Hold) -> Result<bool, FileError> {
        // Until it is removed: a conditional write that has found the state here must put it in its new place first.
        // The caller's lock on the own file is enough if a crash has left one file with both names.
        let hold = if own.is_at(&self.path) { None } else { Some(self.hold()?) };
        if matches!(hold, Some(Hold::Absent)) {
            return Ok(false);
        }
        match self.read(id, Life::ENDLESS) {
            Ok(Some(_)) => self.remove_held(),
            Ok(None) => Ok(false),
            Err(error) if error.is_corrupt() && !self.is_unique => Ok(false),
            Err(error) if error.is_corrupt() => self.remove_held(),
            Err(error) => Err(error),
        }
    }
}

/// Returns the id of another conversation if `text`, found under the name of `id`, is that one's. Where case is ignored, `user`
/// finds the file `User` that was written where case counts.
pub fn owner_by_case(text: &str, id: &str, name: &str) -> Option<String> {
    let owner = conversation_id(text).ok()?.filter(|owner| owner != id)?;
    let is_found_here = all_names(&owner, true).iter().any(|its| !its.is_unique && its.name.eq_ignore_ascii_case(name));
    is_found_here.then_some(owner)
}
