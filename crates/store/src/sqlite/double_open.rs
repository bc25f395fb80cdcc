//! Refuses what would destroy a file: two copies of SQLite on it in one process that do not see each other, or two names.
//!
//! Where our copy has OFD locks, other copies and ours see each other (`own_locks`), under one name. A second name (a hard link,
//! another mount) is refused everywhere: SQLite finds `-wal`, `-shm` and the journal by name, and would not find those of the
//! other.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::super::error::{ErrorKind, StoreError};
use super::db_file::FileId;
use super::errors::BatchError;
use super::own_locks;

/// The files that our own copy has open, once for each connection.
static OURS: Mutex<Vec<Claim>> = Mutex::new(Vec::new());

/// A mark that our copy has a file open, under a name.
#[derive(Clone, PartialEq, Eq)]
struct Claim {
    file_id: FileId,
    path: PathBuf,
}

/// While it lives, the file counts as open through our copy.
pub struct Claimed(Claim);

/// Claims `path`, without symbolic links, for our copy, which opens it next. Returns an error if the file is open in this
/// process under another name. Opens nothing: that would drop the locks of a copy that has POSIX locks.
pub fn claim(path: &Path) -> Result<Claimed, BatchError> {
    let claim = Claim { file_id: FileId::of(path), path: path.to_owned() };
    let mut ours = OURS.lock();
    let names = ours.iter().filter(|other| other.file_id == claim.file_id).map(|other| other.path.clone());
    let mut names = names.chain(own_locks::foreign_names(claim.file_id));
    if claim.file_id.is_known()
        && let Some(other) = names.find(|other| !is_same_name(other, path))
    {
        return Err(refuse(two_names(path, &other)));
    }
    ours.push(claim.clone());
    Ok(Claimed(claim))
}

impl Claimed {
    /// Checks a file that is open now. Returns an error if the locks on it are not seen by another copy that has it open.
    pub fn check_locks(&self) -> Result<(), BatchError> {
        let Claim { file_id, path } = &self.0;
        if own_locks::are_seen_by_others(*file_id) || own_locks::foreign_names(*file_id).is_empty() {
            return Ok(());
        }
        Err(refuse(format!(
            "{} is open in this process already, by better-sqlite3 or something like it, and a second copy of SQLite \
             would destroy it; give that database itself to the storage, as the option \"db\"",
            path.display()
        )))
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let mut ours = OURS.lock();
        if let Some(index) = ours.iter().position(|known| *known == self.0) {
            ours.swap_remove(index);
        }
    }
}

/// Returns why another copy of SQLite must not use the file that it has open as `path`, given what our copy has open; `None`
/// if it may.
pub fn why_not_beside(path: &Path) -> Option<String> {
    let file_id = FileId::of(path);
    let ours = OURS.lock();
    let ours = || ours.iter().filter(|claim| claim.file_id == file_id && file_id.is_known());
    if let Some(claim) = ours().find(|claim| !is_same_name(&claim.path, path)) {
        return Some(two_names(path, &claim.path));
    }
    if ours().next().is_none() || own_locks::are_seen_by_others(file_id) {
        return None;
    }
    Some(format!(
        "{} is open in this process already, by a storage with the option \"path\", and a second copy of SQLite would \
         destroy it; give this database as \"db\" to both",
        path.display()
    ))
}

/// Returns whether both names lead to the same entry of the same directory, so that what SQLite puts beside them is the same.
fn is_same_name(one: &Path, other: &Path) -> bool {
    let directory = |path: &Path| path.parent().map(FileId::of);
    one == other || (one.file_name() == other.file_name() && directory(one) == directory(other))
}

fn two_names(path: &Path, other: &Path) -> String {
    format!(
        "{} is open in this process already as {}, and SQLite would destroy a file under two names; use one of them",
        path.display(),
        other.display()
    )
}

fn refuse(reason: String) -> BatchError {
    BatchError::Refused(StoreError::new(ErrorKind::InvalidOptions, reason))
}
