//! The directory of a store: making it, and getting its entries onto the disk.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::fault::Fault;
use super::group_sync::GroupSync;

pub struct Directory {
    path: PathBuf,
    /// Directories above that have a new entry on the way to `path`, and were not synced since. While one of them is
    /// here, a power loss could take the whole directory away.
    unsynced: Mutex<Vec<PathBuf>>,
    group: GroupSync,
}

impl Directory {
    pub fn new(path: PathBuf) -> Self {
        // The directory above once in any case: another process may have made ours a moment ago.
        let unsynced = Mutex::new(path.parent().map(Path::to_path_buf).into_iter().collect());
        Directory { path, unsynced, group: GroupSync::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory and those above it that are missing.
    pub fn create(&self) -> Result<(), Fault> {
        let missing = self.missing()?;
        // Before they are made: an operation that finds them there syncs after that, and must know of these.
        for above in missing.iter().filter_map(|path| path.parent()) {
            let mut unsynced = self.unsynced.lock();
            if !unsynced.iter().any(|known| known == above) {
                unsynced.push(above.to_path_buf());
            }
        }
        for path in missing.into_iter().rev() {
            match make(path) {
                Ok(()) => {}
                // Made meanwhile, by another operation or another process.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(Fault::not_a_directory(path)),
                Err(error) => return Err(Fault::at(&error, path)),
            }
        }
        Ok(())
    }

    /// The directory and those above it that are not there, the lowest first.
    fn missing(&self) -> Result<Vec<&Path>, Fault> {
        let mut missing = Vec::new();
        for path in self.path.ancestors().filter(|path| !path.as_os_str().is_empty()) {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => break,
                Ok(_) => return Err(Fault::not_a_directory(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(path),
                Err(error) => return Err(Fault::at(&error, path)),
            }
        }
        Ok(missing)
    }

    /// Gets onto the disk every entry made, replaced or removed before this call. Shared by all who wait for it.
    pub fn sync(&self) -> Result<(), Fault> {
        self.group.run(|| {
            let above = std::mem::take(&mut *self.unsynced.lock());
            let synced = above.iter().try_for_each(|path| match sync_entries(path) {
                // One may put an entry into a directory that one may not read, but cannot open it to sync it.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                result => result.map_err(|error| Fault::at(&error, path)),
            });
            if synced.is_err() {
                self.unsynced.lock().extend(above);
                return synced;
            }
            sync_entries(&self.path).map_err(|error| Fault::at(&error, &self.path))
        })
    }
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    DirBuilder::new().mode(0o700).create(path)?;
    // A umask can only take rights away; without the owner's, nothing could be kept here.
    if fs::metadata(path)?.permissions().mode() & 0o700 != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().create(path)
}

#[cfg(unix)]
fn sync_entries(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let directory = fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)?;
    match directory.sync_all() {
        // Some network and FUSE file systems have no such thing; no save could ever succeed there.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Windows has no sync of a directory.
#[cfg(not(unix))]
fn sync_entries(_path: &Path) -> io::Result<()> {
    Ok(())
}
