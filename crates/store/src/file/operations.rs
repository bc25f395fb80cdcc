//! Does each operation, step by step.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::FileConfig;
use super::age::Life;
use super::case_sensitivity::CaseSensitivity;
use super::change::Change;
use super::cleanup::remove_abandoned;
use super::directory::Directory;
use super::error::FileError;
use super::file_name::{file_name, fits_everywhere, short_name};
use super::names::Names;
use super::other_files::other_files;
use super::place::Place;
use super::record_file::record_path;
use super::state_file::{self, NewFile};
use crate::lock::{Expected, Refusal};
use crate::retention::{Age, Aged};
use crate::thread_pool;
use crate::{Answer, Outcome, Request};

pub struct Operations {
    pub directory: Directory,
    pub extension: String,
    /// The names that the next pages of scans look at.
    pub names: Names,
    durable: bool,
    case: CaseSensitivity,
    cleaned_up: AtomicBool,
}

impl Operations {
    pub fn new(config: FileConfig, case: CaseSensitivity) -> Self {
        let FileConfig { dir, extension, durable } = config;
        let directory = Directory::new(dir);
        Operations { directory, extension, names: Names::default(), durable, case, cleaned_up: AtomicBool::new(false) }
    }

    pub fn run(&self, request: &Request) -> Outcome {
        let outcome = match request {
            Request::Save { id, text, ttl } => self.save(id, text, *ttl).map(|()| Answer::Done),
            Request::Load { id, ttl, refresh: false } => self.load(id, *ttl).map(Answer::Text),
            Request::Load { id, ttl, refresh: true } => self.load_and_renew(id, *ttl).map(Answer::Text),
            Request::LoadAged { id, ttl } => self.load_aged(id, *ttl).map(Answer::Aged),
            Request::Has { id, ttl } => self.has(id, *ttl).map(Answer::Flag),
            Request::Touch { id, ttl } => self.touch(id, *ttl).map(Answer::Flag),
            Request::Delete { id } => self.delete(id).map(|()| Answer::Done),
            Request::Cas { id, text, expected, holder, ttl, age } => {
                self.write_if(id, text.as_deref(), expected, holder.as_ref(), *ttl, *age).map(Answer::Written)
            }
            Request::Enter { .. } => self.with_directory(|| self.enter(request)),
            Request::Scan(scan) => self.scan(scan).map(Answer::Page),
            Request::Leave { id, owner } => self.leave(id, owner).map(|()| Answer::Done),
            #[cfg(test)]
            Request::Append { id, text } => self.append(id, text).map(|()| Answer::Done),
        };
        outcome.map_err(|error| error.error)
    }

    /// Returns where `id` is kept, as far as that is known without looking.
    pub fn location(&self, id: &str) -> PathBuf {
        self.own_path(&file_name(id, self.case.known().unwrap_or(false)))
    }

    fn save(&self, id: &str, text: &str, ttl: u32) -> Result<(), FileError> {
        self.with_directory(|| self.change(id, Some(text), &Expected::Anything, ttl, None)).map(|_| ())
    }

    fn delete(&self, id: &str) -> Result<(), FileError> {
        self.change(id, None, &Expected::Anything, 0, None).map(|_| ())
    }

    /// Stores `text`, which may have an `age` already, or deletes if it is `None`, if what is stored is as expected.
    pub fn change(
        &self,
        id: &str,
        text: Option<&str>,
        expected: &Expected,
        ttl: u32,
        age: Option<Age>,
    ) -> Result<Result<(), Refusal>, FileError> {
        let mut change = Change::prepare(self, id, text, expected, ttl, 0)?;
        change.saved_at = age.and_then(|age| age.saved_at);
        match change.apply()? {
            Ok(()) => change.finish().map(Ok),
            refused => Ok(refused),
        }
    }

    /// Does what needs the directory, which may be missing. Or the sweep of another process, with a clock of its own, took the
    /// temporary file for an abandoned one. Each may happen once.
    pub fn with_directory<R>(&self, operation: impl Fn() -> Result<R, FileError>) -> Result<R, FileError> {
        for _ in 0..2 {
            match operation() {
                Err(error) if error.missing => self.directory.create()?,
                result => return result,
            }
        }
        operation()
    }

    /// Returns the stored text, as [`Operations::load`] does, once it is on the disk. An update that finds its own text there, from
    /// an attempt whose sync failed, saves nothing.
    pub fn load_synced(&self, id: &str, ttl: u32) -> Result<Option<String>, FileError> {
        if self.directory.has_failed_sync() {
            self.sync_removal()?;
        }
        self.load(id, ttl)
    }

    pub fn load(&self, id: &str, ttl: u32) -> Result<Option<String>, FileError> {
        Ok(self.load_aged(id, ttl)?.map(|aged| aged.text))
    }

    fn load_aged(&self, id: &str, ttl: u32) -> Result<Option<Aged>, FileError> {
        self.place(id, Life::at_present(ttl)).load()
    }

    #[cfg(test)]
    fn append(&self, id: &str, text: &str) -> Result<(), FileError> {
        let before = self.load(id, 0)?.unwrap_or_default();
        self.save(id, &(before + text), 0)
    }

    /// Reads the file as a load does, so that both agree about what is there. What a load calls corrupt is there.
    fn has(&self, id: &str, ttl: u32) -> Result<bool, FileError> {
        match self.load(id, ttl) {
            Err(error) if error.is_corrupt() => Ok(true),
            found => Ok(found?.is_some()),
        }
    }

    pub fn sync(&self) -> Result<(), FileError> {
        if self.durable { self.directory.sync() } else { Ok(()) }
    }

    pub fn sync_removal(&self) -> Result<(), FileError> {
        match self.sync() {
            // The directory is gone, and the file with it.
            Err(error) if error.missing => Ok(()),
            result => result,
        }
    }

    /// Returns where a conversation is kept. What is older than `life` allows counts as absent there.
    pub fn place<'id>(&self, id: &'id str, life: Life) -> Place<'id> {
        let folds = self.folds();
        if self.case.known().is_some() && !self.cleaned_up.swap(true, Ordering::Relaxed) {
            let dir = self.directory.path().to_path_buf();
            // In the background: a directory with very many files takes a while to look through.
            // This is such a thread, so there is one.
            let _ = thread_pool::run(move || remove_abandoned(&dir));
        }
        let name = self.current_name(id, folds);
        let others = other_files(self.directory.path(), id, &name, &self.extension, folds);
        Place { id, own: self.own_path(&name), name, others, folds, life }
    }

    /// Returns whether the file system ignores case.
    pub fn folds(&self) -> bool {
        self.case.folds(self.directory.path())
    }

    /// Returns the name that is right here. A lookup tells whether the volume takes a long one: what it says about itself is
    /// wrong on EncFS.
    pub fn current_name(&self, id: &str, folds: bool) -> String {
        let name = file_name(id, folds);
        if fits_everywhere(&name) || !state_file::is_too_long(&self.own_path(&name)) {
            return name;
        }
        short_name(id, folds)
    }

    /// Returns the path of the record of a conversation's lock.
    pub fn record_path(&self, id: &str) -> PathBuf {
        record_path(self.directory.path(), id, &self.extension)
    }

    /// Writes `text` into a new file, for the file `path`.
    pub fn write_new(&self, path: &Path, text: &str) -> Result<NewFile, FileError> {
        NewFile::write(self.directory.path(), path, text, self.durable)
    }

    /// Returns the path of a file by its name without extension.
    pub fn own_path(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}{}", self.extension))
    }
}
