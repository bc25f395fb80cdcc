//! The three operations, step by step.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::FileConfig;
use super::access;
use super::case::{Case, Folds};
use super::directory::Directory;
use super::fault::Fault;
use super::file_name::file_name;
use super::plain;
use super::sweep::sweep;
use crate::runtime::runtime;
use crate::{Outcome, Request};

pub struct Conversations {
    directory: Directory,
    extension: String,
    durable: bool,
    case: Case,
    swept: AtomicBool,
}

/// Where a conversation is kept, and where another program may have kept it.
struct Paths {
    own: PathBuf,
    plain: Option<PathBuf>,
}

impl Conversations {
    pub fn new(config: FileConfig, case: Case) -> Self {
        let FileConfig { dir, extension, durable } = config;
        Conversations { directory: Directory::new(dir), extension, durable, case, swept: AtomicBool::new(false) }
    }

    pub fn run(&self, request: &Request) -> Outcome {
        let outcome = match request {
            Request::Save { id, text } => self.save(id, text).map(|()| None),
            Request::Load { id } => self.load(id),
            Request::Delete { id } => self.delete(id).map(|()| None),
            // Nothing stays open between operations.
            Request::Close => Ok(None),
        };
        outcome.map_err(|fault| fault.error)
    }

    /// Where `id` is kept, as far as is known without looking.
    pub fn place(&self, id: &str) -> PathBuf {
        self.paths_with(id, self.case.known().unwrap_or(false)).own
    }

    fn save(&self, id: &str, text: &str) -> Result<(), Fault> {
        match self.try_save(id, text) {
            // Not made yet, or removed by someone.
            Err(fault) if fault.missing => {
                self.directory.create()?;
                self.try_save(id, text)
            }
            result => result,
        }
    }

    fn try_save(&self, id: &str, text: &str) -> Result<(), Fault> {
        let Some(paths) = self.paths(id, true)? else { return Err(self.no_directory()) };
        access::replace(self.directory.path(), &paths.own, text, self.durable)?;
        if self.durable {
            self.directory.sync()?;
        }
        if let Some(plain) = paths.plain
            && plain::forget_replaced(&plain, id)
            && self.durable
        {
            // After the new one is in place, and on the disk: a crash in between leaves both, and the new one counts.
            return self.directory.sync();
        }
        Ok(())
    }

    fn load(&self, id: &str) -> Result<Option<String>, Fault> {
        let Some(paths) = self.paths(id, false)? else { return Ok(None) };
        let found = access::read(&paths.own)?;
        let (None, Some(plain)) = (&found, paths.plain) else { return Ok(found) };
        match plain::read(&plain, id)? {
            // Another process may have saved between the two looks, and so have moved it from there to here.
            None => access::read(&paths.own),
            found => Ok(found),
        }
    }

    fn delete(&self, id: &str) -> Result<(), Fault> {
        let Some(paths) = self.paths(id, true)? else { return Ok(()) };
        if let Some(plain) = paths.plain
            && plain::remove(&plain, id)?
        {
            // First, also on the disk: removed last, it would be found by a load in between, or after a power loss,
            // with a state older than the one deleted.
            self.sync_removal()?;
        }
        access::remove(&paths.own)?;
        // Also where there was nothing: what removed it before may have failed to sync, or not have come to it yet.
        self.sync_removal()
    }

    fn sync_removal(&self) -> Result<(), Fault> {
        if !self.durable {
            return Ok(());
        }
        match self.directory.sync() {
            // Gone with its directory: deleted all the more.
            Err(fault) if fault.missing => Ok(()),
            result => result,
        }
    }

    /// The paths of `id`; nothing where there is no directory.
    fn paths(&self, id: &str, writes: bool) -> Result<Option<Paths>, Fault> {
        let folds = match self.case.folds(self.directory.path())? {
            Folds::Known(folds) => folds,
            // A guess could put `User` into the file of `user`, or remove that. A load can only find nothing.
            Folds::Undecided(fault) if writes && file_name(id, true) != file_name(id, false) => return Err(fault),
            Folds::Undecided(_) => false,
            Folds::NoDirectory => return Ok(None),
        };
        if !self.swept.swap(true, Ordering::Relaxed) {
            let dir = self.directory.path().to_path_buf();
            // In the background: a directory with very many files takes a while to look through.
            runtime().spawn_blocking(move || sweep(&dir));
        }
        Ok(Some(self.paths_with(id, folds)))
    }

    fn paths_with(&self, id: &str, folds: bool) -> Paths {
        let name = file_name(id, folds);
        let plain = plain::file_name(id, &name, &self.extension).map(|plain| self.directory.path().join(plain));
        Paths { own: self.directory.path().join(name + &self.extension), plain }
    }

    fn no_directory(&self) -> Fault {
        Fault::at(&std::io::ErrorKind::NotFound.into(), self.directory.path())
    }
}
