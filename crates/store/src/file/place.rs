//! Where one conversation is kept, and what is stored there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::age::Life;
use super::error::FileError;
use super::file_lock::Hold;
use super::other_files::{OtherFile, owner_by_case};
use super::state_file::{self, is_no_file};
use crate::retention::Aged;

/// Where a conversation is kept, and where it may have been kept before.
pub struct Place<'id> {
    pub id: &'id str,
    /// The file name of `own`, without its extension.
    pub name: String,
    pub own: PathBuf,
    pub others: Vec<OtherFile>,
    /// Another conversation's file may be found under our name.
    pub folds: bool,
    /// Anything older counts as absent.
    pub life: Life,
}

/// The stored text, as a conditional write compares it.
pub struct Stored<'place> {
    /// The text; `None` if nothing is stored. It is empty for what a load calls corrupt, which no condition names.
    pub text: Option<String>,
    /// The other file that it is in, with its lock.
    pub other: Option<(&'place OtherFile, Hold)>,
}

impl Place<'_> {
    /// Returns the stored text and its age; `None` if nothing is stored.
    pub fn load(&self) -> Result<Option<Aged>, FileError> {
        if let Some(aged) = self.read_own()? {
            return Ok(Some(aged));
        }
        for other in &self.others {
            if let Some(aged) = other.read(self.id, self.life)? {
                return Ok(Some(aged));
            }
        }
        // Another process may have saved between the reads, and so have moved the state from there to here.
        if self.others.is_empty() { Ok(None) } else { self.read_own() }
    }

    /// Returns the path of the file that a load finds, also if it is corrupt; `None` if there is none.
    pub fn find(&self) -> Result<Option<&Path>, FileError> {
        if self.is_own_there()? {
            return Ok(Some(&self.own));
        }
        for other in &self.others {
            if compared(other.read(self.id, self.life))?.is_some() {
                return Ok(Some(other.path()));
            }
        }
        // As in `load`.
        Ok((!self.others.is_empty() && self.is_own_there()?).then_some(&self.own))
    }

    fn is_own_there(&self) -> Result<bool, FileError> {
        match fs::metadata(&self.own) {
            Ok(metadata) if self.life.is_over(&metadata) => Ok(false),
            Ok(_) => Ok(self.other_owner()?.is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) if is_no_file(&error) => state_file::exists(&self.own),
            Err(error) => Err(FileError::at(&error, &self.own)),
        }
    }

    /// Returns what a load would find, which stays as it is while `own`, the lock on the own file, and the result are kept.
    /// `None` if another process has moved it meanwhile: then both are to be had anew.
    pub fn stored(&self, own: &Hold) -> Result<Option<Stored<'_>>, FileError> {
        own.require()?;
        if let Some(text) = compared(self.read_own())? {
            return Ok(Some(Stored { text: Some(text), other: None }));
        }
        for other in &self.others {
            let hold = other.hold()?;
            hold.require()?;
            if let Some(text) = compared(other.read(self.id, self.life))? {
                return Ok(Some(Stored { text: Some(text), other: Some((other, hold)) }));
            }
        }
        // From an other file to the own one, which was absent before.
        let has_moved = !self.others.is_empty() && matches!(own, Hold::Absent) && state_file::exists(&self.own)?;
        Ok((!has_moved).then_some(Stored { text: None, other: None }))
    }

    /// Returns the text of the conversation's own file and its age; `None` if there is none.
    fn read_own(&self) -> Result<Option<Aged>, FileError> {
        Ok(state_file::read(&self.own, self.life)?.filter(|aged| self.owner_of(&aged.text).is_none()))
    }

    /// Returns the id of another conversation whose file is found under our name, if it is one.
    pub fn other_owner(&self) -> Result<Option<String>, FileError> {
        if !self.folds {
            return Ok(None);
        }
        match state_file::read(&self.own, Life::ENDLESS) {
            Ok(aged) => Ok(aged.and_then(|aged| self.owner_of(&aged.text))),
            // It names no conversation.
            Err(error) if error.is_corrupt() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn owner_of(&self, text: &str) -> Option<String> {
        if self.folds { owner_by_case(text, self.id, &self.name) } else { None }
    }
}

/// Takes what is corrupt for an empty text: something is there.
fn compared(read: Result<Option<Aged>, FileError>) -> Result<Option<String>, FileError> {
    match read {
        Err(error) if error.is_corrupt() => Ok(Some(String::new())),
        read => Ok(read?.map(|aged| aged.text)),
    }
}
