//! Makes the directory of a store and gets its entries onto the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;

use super::error::FileError;
use super::group_sync::GroupSync;
use crate::private_fs::{create_dir, sync_dir, sync_dir_above};
use crate::stats::Stats;

pub struct Directory {
    path: PathBuf,
    /// Directories above that have a new entry on the way to `path`, and were not synced since. While one of them is
    /// here, a power loss could take the whole directory away.
    unsynced: Mutex<Vec<PathBuf>>,
    group: GroupSync,
    /// True from a sync that failed to one that did not.
    has_failed: AtomicBool,
    stats: OnceLock<Arc<Stats>>,
}

impl Directory {
    pub fn new(path: PathBuf) -> Self {
        // Syncs the directory above once in any case: another process may have made ours a moment ago.
        let unsynced = Mutex::new(path.parent().map(Path::to_path_buf).into_iter().collect());
        let (group, has_failed, stats) = (GroupSync::default(), AtomicBool::new(false), OnceLock::new());
        Directory { path, unsynced, group, has_failed, stats }
    }

    /// Counts the syncs in `stats` from now on.
    pub fn observe(&self, stats: Arc<Stats>) {
        let _ = self.stats.set(stats);
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory and those above it that are missing.
    pub fn create(&self) -> Result<(), FileError> {
        let missing = self.missing()?;
        // Before they are made: an operation that finds them there syncs after that, and must know of these.
        for above in missing.iter().filter_map(|path| path.parent()) {
            let mut unsynced = self.unsynced.lock();
            if !unsynced.iter().any(|known| known == above) {
                unsynced.push(above.to_path_buf());
            }
        }
        for path in missing.into_iter().rev() {
            match create_dir(path) {
                Ok(()) => {}
                // Made meanwhile, by another operation or another process.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(FileError::not_a_directory(path));
                }
                Err(error) => return Err(FileError::at(&error, path)),
            }
        }
        Ok(())
    }

    /// Returns the directory and those above it that are not there, the lowest first.
    fn missing(&self) -> Result<Vec<&Path>, FileError> {
        let mut missing = Vec::new();
        for path in self.path.ancestors().filter(|path| !path.as_os_str().is_empty()) {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => break,
                Ok(_) => return Err(FileError::not_a_directory(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(path),
                Err(error) => return Err(FileError::at(&error, path)),
            }
        }
        Ok(missing)
    }

    /// Returns whether a change may be here that no sync got onto the disk.
    pub fn has_failed_sync(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Gets onto the disk every entry made, replaced or removed before this call. Callers that wait at the same time share one sync.
    pub fn sync(&self) -> Result<(), FileError> {
        self.group.run(|callers| {
            let began = Instant::now();
            let synced = self.sync_alone();
            if let Some(stats) = self.stats.get() {
                stats.commit(callers, began.elapsed());
            }
            self.has_failed.store(synced.is_err(), Ordering::Relaxed);
            synced
        })
    }

    fn sync_alone(&self) -> Result<(), FileError> {
        let above = std::mem::take(&mut *self.unsynced.lock());
        let synced =
            above.iter().try_for_each(|path| sync_dir_above(path).map_err(|error| FileError::at(&error, path)));
        if synced.is_err() {
            self.unsynced.lock().extend(above);
            return synced;
        }
        sync_dir(&self.path).map_err(|error| FileError::at(&error, &self.path))
    }
}
