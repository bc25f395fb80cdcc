//! Finds out whether the file system takes `User` and `user` for one name.

use std::fs;
use std::io;
use std::path::Path;

use parking_lot::Mutex;

use super::temporary;

/// How many entries are tried if no file may be made.
const ENTRIES: usize = 32;

/// The result of a probe that runs once for each volume, as soon as the directory is there.
#[derive(Default)]
pub struct CaseSensitivity {
    known: Mutex<Option<Known>>,
    /// Held while probing, so that a first burst of operations probes once. Never taken by the JavaScript thread.
    probing: Mutex<()>,
    /// A decision made beforehand, for tests.
    #[cfg(test)]
    decided: Option<bool>,
}

#[derive(Clone, Copy)]
struct Known {
    /// Another one may be mounted on the directory later, as a disk that is slower than this program.
    volume: u64,
    folds: bool,
}

impl CaseSensitivity {
    #[cfg(test)]
    pub fn decided(folds: bool) -> Self {
        CaseSensitivity { decided: Some(folds), ..CaseSensitivity::default() }
    }

    /// Returns what is known without looking.
    pub fn known(&self) -> Option<bool> {
        #[cfg(test)]
        if self.decided.is_some() {
            return self.decided;
        }
        self.known.lock().map(|known| known.folds)
    }

    /// Returns whether case is ignored in `dir`, and true as long as that cannot be told: the names for such a directory keep
    /// ids apart in every directory.
    pub fn folds(&self, dir: &Path) -> bool {
        #[cfg(test)]
        if let Some(folds) = self.decided {
            return folds;
        }
        let Ok(volume) = fs::metadata(dir).map(|metadata| volume(&metadata)) else { return true };
        let known = || self.known.lock().filter(|known| known.volume == volume).map(|known| known.folds);
        if let Some(folds) = known() {
            return folds;
        }
        let _probing = self.probing.lock();
        if let Some(folds) = known() {
            return folds;
        }
        let probed = probe(dir);
        // If it could not be told, there may be more to see in a moment: the next operation probes again.
        *self.known.lock() = probed.map(|folds| Known { volume, folds });
        probed.unwrap_or(true)
    }
}

#[cfg(unix)]
fn volume(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::dev(metadata)
}

#[cfg(not(unix))]
fn volume(_metadata: &fs::Metadata) -> u64 {
    0
}

/// Returns `None` if it cannot be told: no file can be made, and no entry tells.
fn probe(dir: &Path) -> Option<bool> {
    match temporary::create(dir) {
        Ok(file) => has_second_name(file.path()),
        // Read-only or full: existing files can be loaded all the same.
        Err(_) => fs::read_dir(dir).ok()?.take(ENTRIES).find_map(|entry| has_second_name(&entry.ok()?.path())),
    }
}

/// Returns whether `path`, which exists, is also found with its letters in the other case. `None` if that tells nothing.
///
/// Does not ask whether both are one file: some file systems give each name a number of its own (BurntSushi/same-file#41). If
/// they are two files, a wrong "yes" does no harm.
fn has_second_name(path: &Path) -> Option<bool> {
    let other = swapped(path);
    if other == path {
        return None;
    }
    match fs::symlink_metadata(other) {
        Ok(_) => Some(true),
        // Checks `path` last: if it was removed meanwhile, the other name tells nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::symlink_metadata(path).is_ok().then_some(false),
        Err(_) => None,
    }
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
        let by_file = probe(dir.path());
        assert!(by_file.is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the probe is gone");
        let path = dir.path().join("User.json");
        assert_eq!(has_second_name(&path), None, "it does not exist");
        fs::write(&path, "").unwrap();
        assert_eq!(has_second_name(&path), by_file);
        assert_eq!(has_second_name(&dir.path().join("123")), None);
    }

    #[test]
    fn a_second_name_counts_also_if_it_has_a_number_of_its_own() {
        // exFAT through FUSE: both names are found, each with its own inode number.
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("User.json"), "").unwrap();
        fs::write(dir.path().join("uSER.JSON"), "").unwrap();
        assert_eq!(has_second_name(&dir.path().join("User.json")), Some(true));
    }

    #[test]
    fn a_missing_directory_decides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let case = CaseSensitivity::default();
        assert!(case.folds(&dir.path().join("missing")));
        assert_eq!(case.known(), None);
        let folds = case.folds(dir.path());
        assert_eq!(case.known(), Some(folds));
    }
}
