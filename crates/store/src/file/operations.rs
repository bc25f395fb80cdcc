//! Does each operation, step by step.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::FileConfig;
use super::case_sensitivity::{CaseFolding, CaseSensitivity};
use super::cleanup::remove_abandoned;
use super::directory::Directory;
use super::error::FileError;
use super::file_name::file_name;
use super::foreign_files;
use super::state_file;
use crate::runtime::runtime;
use crate::{Answer, Outcome, Request};

pub struct Operations {
    directory: Directory,
    extension: String,
    durable: bool,
    case: CaseSensitivity,
    cleaned_up: AtomicBool,
}

/// Where a conversation is kept, and where another program may have kept it.
struct Paths {
    own: PathBuf,
    foreign: Option<PathBuf>,
}

impl Operations {
    pub fn new(config: FileConfig, case: CaseSensitivity) -> Self {
        let FileConfig { dir, extension, durable } = config;
        Operations { directory: Directory::new(dir), extension, durable, case, cleaned_up: AtomicBool::new(false) }
    }

    pub fn run(&self, request: &Request) -> Outcome {
        let outcome = match request {
            Request::Save { id, text, .. } => self.save(id, text).map(|()| Answer::Done),
            Request::Load { id } => self.load(id).map(Answer::Text),
            Request::Has { id } => self.has(id).map(Answer::Flag),
            Request::Delete { id } => self.delete(id).map(|()| Answer::Done),
            #[cfg(test)]
            Request::Append { id, text } => self.append(id, text).map(|()| Answer::Done),
        };
        outcome.map_err(|error| error.error)
    }

    /// Returns where `id` is kept, as far as that is known without looking.
    pub fn location(&self, id: &str) -> PathBuf {
        self.paths_with(id, self.case.known().unwrap_or(false)).own
    }

    fn save(&self, id: &str, text: &str) -> Result<(), FileError> {
        match self.try_save(id, text) {
            // The directory is not made yet, or was removed.
            Err(error) if error.missing => {
                self.directory.create()?;
                self.try_save(id, text)
            }
            result => result,
        }
    }

    fn try_save(&self, id: &str, text: &str) -> Result<(), FileError> {
        let Some(paths) = self.paths(id, true)? else { return Err(self.no_directory()) };
        state_file::replace(self.directory.path(), &paths.own, text, self.durable)?;
        if self.durable {
            self.directory.sync()?;
        }
        if let Some(foreign) = paths.foreign
            && foreign_files::forget_replaced(&foreign, id)
            && self.durable
        {
            // After the new file is in place and on the disk. A crash in between leaves both, and the new one counts.
            return self.directory.sync();
        }
        Ok(())
    }

    fn load(&self, id: &str) -> Result<Option<String>, FileError> {
        let Some(paths) = self.paths(id, false)? else { return Ok(None) };
        let found = state_file::read(&paths.own)?;
        let (None, Some(foreign)) = (&found, paths.foreign) else { return Ok(found) };
        match foreign_files::read(&foreign, id)? {
            // Another process may have saved between the two reads, and so have moved the state from there to here.
            None => state_file::read(&paths.own),
            found => Ok(found),
        }
    }

    #[cfg(test)]
    fn append(&self, id: &str, text: &str) -> Result<(), FileError> {
        let before = self.load(id)?.unwrap_or_default();
        self.save(id, &(before + text))
    }

    /// Reads the file as a load does, so that both agree about what is there. What a load calls corrupt is there.
    fn has(&self, id: &str) -> Result<bool, FileError> {
        match self.load(id) {
            Err(error) if error.is_corrupt() => Ok(true),
            found => Ok(found?.is_some()),
        }
    }

    fn delete(&self, id: &str) -> Result<(), FileError> {
        let Some(paths) = self.paths(id, true)? else { return Ok(()) };
        if let Some(foreign) = paths.foreign
            && foreign_files::remove(&foreign, id)?
        {
            // First, also on the disk. Removed last, a load in between or after a power loss would find it, with a state
            // older than the one deleted.
            self.sync_removal()?;
        }
        state_file::remove(&paths.own)?;
        // Also if there was nothing: an earlier delete may have failed to sync, or may not have synced yet.
        self.sync_removal()
    }

    fn sync_removal(&self) -> Result<(), FileError> {
        if !self.durable {
            return Ok(());
        }
        match self.directory.sync() {
            // The directory is gone, and the file with it.
            Err(error) if error.missing => Ok(()),
            result => result,
        }
    }

    /// Returns the paths of `id`; `None` if there is no directory.
    fn paths(&self, id: &str, writes: bool) -> Result<Option<Paths>, FileError> {
        let folds = match self.case.folds(self.directory.path())? {
            CaseFolding::Known(folds) => folds,
            // A guess could put `User` into the file of `user`, or remove that. A load can only find nothing.
            CaseFolding::Undecided(error) if writes && file_name(id, true) != file_name(id, false) => {
                return Err(error);
            }
            CaseFolding::Undecided(_) => false,
            CaseFolding::NoDirectory => return Ok(None),
        };
        if !self.cleaned_up.swap(true, Ordering::Relaxed) {
            let dir = self.directory.path().to_path_buf();
            // In the background: a directory with very many files takes a while to look through.
            runtime().spawn_blocking(move || remove_abandoned(&dir));
        }
        Ok(Some(self.paths_with(id, folds)))
    }

    fn paths_with(&self, id: &str, folds: bool) -> Paths {
        let name = file_name(id, folds);
        let foreign = foreign_files::file_name(id, &name, &self.extension).map(|name| self.directory.path().join(name));
        Paths { own: self.directory.path().join(name + &self.extension), foreign }
    }

    fn no_directory(&self) -> FileError {
        FileError::at(&std::io::ErrorKind::NotFound.into(), self.directory.path())
    }
}
