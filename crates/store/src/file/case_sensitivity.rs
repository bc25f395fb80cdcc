//! Finds out whether the file system takes `User` and `user` for one name.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::error::FileError;
use super::temporary;

/// How many entries are tried if no file may be made.
const ENTRIES: usize = 32;

/// What is known of a directory.
#[derive(Debug)]
pub enum CaseFolding {
    Known(bool),
    /// No file may be made there, for this reason, and no entry tells.
    Undecided(FileError),
    NoDirectory,
}

/// The result of a probe that runs once, as soon as the directory is there.
#[derive(Default)]
pub struct CaseSensitivity {
    known: OnceLock<bool>,
    /// Held while probing, so that a first burst of operations probes once. Never taken by the JavaScript thread.
    probing: Mutex<()>,
}

impl CaseSensitivity {
    /// Returns a decision made beforehand, for tests.
    #[cfg(test)]
    pub fn decided(folds: bool) -> Self {
        CaseSensitivity { known: folds.into(), probing: Mutex::default() }
    }

    /// Returns what is known without looking.
    pub fn known(&self) -> Option<bool> {
        self.known.get().copied()
    }

    /// Returns whether case is ignored in `dir`.
    pub fn folds(&self, dir: &Path) -> Result<CaseFolding, FileError> {
        if let Some(folds) = self.known() {
            return Ok(CaseFolding::Known(folds));
        }
        let _probing = self.probing.lock();
        if let Some(folds) = self.known() {
            return Ok(CaseFolding::Known(folds));
        }
        match probe(dir) {
            Ok(Ok(folds)) => Ok(CaseFolding::Known(*self.known.get_or_init(|| folds))),
            // The reason may be gone in a moment: the next operation probes again.
            Ok(Err(refused)) => Ok(CaseFolding::Undecided(FileError::at(&refused, dir))),
            Err(error) => match FileError::at(&error, dir) {
                error if error.missing => Ok(CaseFolding::NoDirectory),
                error => Err(error),
            },
        }
    }
}

/// Returns an inner error if no file can be made and no entry tells.
fn probe(dir: &Path) -> io::Result<Result<bool, io::Error>> {
    match temporary::create(dir) {
        Ok(file) => Ok(Ok(is_same_file(file.path(), &swapped(file.path()))?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        // Read-only or full: existing files can be loaded all the same.
        Err(refused) => Ok(probe_entries(dir)?.ok_or(refused)),
    }
}

/// Looks for existing entries by their names in the other case.
fn probe_entries(dir: &Path) -> io::Result<Option<bool>> {
    let entries = match fs::read_dir(dir) {
        // Files may be opened in a directory that cannot be listed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        entries => entries?,
    };
    for entry in entries.take(ENTRIES) {
        let path = entry?.path();
        let other = swapped(&path);
        if other == path {
            continue;
        }
        match is_same_file(&path, &other) {
            Ok(folds) => return Ok(Some(folds)),
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Returns whether `other` is a second name of `path`, which exists.
fn is_same_file(path: &Path, other: &Path) -> io::Result<bool> {
    let other = match fs::symlink_metadata(other) {
        // Checks `path` last: if it was removed meanwhile, the other name tells nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::symlink_metadata(path).map(|_| false),
        other => other?,
    };
    Ok(same_identity(&fs::symlink_metadata(path)?, &other))
}

#[cfg(unix)]
fn same_identity(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same_identity(_one: &fs::Metadata, _other: &fs::Metadata) -> bool {
    true
}

/// Returns `path` with the case of the letters in its last component changed.
fn swapped(path: &Path) -> std::path::PathBuf {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return path.to_path_buf() };
    let swap = |letter: char| match letter {
        'a'..='z' => letter.to_ascii_uppercase(),
        _ => letter.to_ascii_lowercase(),
    };
    path.with_file_name(name.chars().map(swap).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_probing_agree() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(probe_entries(dir.path()).unwrap(), None);
        let by_file = probe(dir.path()).unwrap().ok();
        assert!(by_file.is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the probe is gone");
        fs::write(dir.path().join("123"), "").unwrap();
        assert_eq!(probe_entries(dir.path()).unwrap(), None);
        fs::write(dir.path().join("User.json"), "").unwrap();
        assert_eq!(probe_entries(dir.path()).unwrap(), by_file);
    }

    #[test]
    fn a_missing_directory_decides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseSensitivity::default();
        assert!(matches!(case.folds(&dir.path().join("missing")), Ok(CaseFolding::NoDirectory)));
        assert!(matches!(case.folds(dir.path()), Ok(CaseFolding::Known(_))));
        assert!(case.known().is_some());
    }
}
