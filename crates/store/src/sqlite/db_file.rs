//! The database file in the file system: makes it, recognises it again, and explains why it cannot be opened.

use std::io;
use std::path::Path;

use rusqlite::ffi;

use super::super::error::{ErrorKind, StoreError};
use super::super::private_fs::{create_dir, create_file, give_to_owner, sync_dir_above};
use super::errors::{BatchError, SqliteError};
use super::own_locks;
use super::result_codes::name;

/// The file at a path: device and inode, or `None` if there is no file. Always `None` on systems without inodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(Option<(u64, u64)>);

impl FileId {
    /// Returns the id of a file with this device and inode.
    #[cfg(unix)]
    pub fn new(place: Option<(u64, u64)>) -> Self {
        FileId(place)
    }

    #[cfg(unix)]
    pub fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        FileId(path.metadata().ok().map(|data| (data.dev(), data.ino())))
    }

    #[cfg(not(unix))]
    pub fn of(_path: &Path) -> Self {
        FileId(None)
    }

    /// Returns whether there is a file, and a way to recognise it.
    pub fn is_known(self) -> bool {
        self.0.is_some()
    }
}

/// Makes the directory (0700) and an empty file (0600) if they are missing: SQLite knows no modes.
pub fn prepare(path: &Path) -> Result<(), BatchError> {
    let told = |error: io::Error, place: &Path| StoreError::io(&error, &place.display().to_string());
    if path.is_dir() {
        return Err(BatchError::Refused(StoreError::new(
            ErrorKind::InvalidOptions,
            format!("{} is a directory; the option \"path\" names the database file", path.display()),
        )));
    }
    if let Some(directory) = path.parent() {
        make_directory(directory).map_err(|error| BatchError::Refused(told(error, directory)))?;
    }
    // Only if it is new: opening and closing an existing database file drops the locks that this process has on it.
    let made = match create_file(path) {
        Ok(file) => {
            let given = give_to_owner(&file);
            // Another copy of SQLite may have found it by now.
            own_locks::close(file, path.to_owned());
            given
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    made.map_err(|error| BatchError::Refused(told(error, path)))
}

fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_directory(parent)?;
    }
    match create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Another process made it first, or it is a file.
            return if directory.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) };
        }
        other => other?,
    }
    if let Some(Err(error)) = parent.map(sync_dir_above) {
        // The next attempt makes and syncs it again. If another process uses it by now, it stays.
        let _ = std::fs::remove_dir(directory);
        return Err(error);
    }
    Ok(())
}

/// Explains a failure to open `path`. SQLite returns CANTOPEN for many reasons; this one names missing permissions.
pub fn explain(failure: SqliteError, path: &Path) -> BatchError {
    let may_use = may_write(path) && path.parent().is_none_or(may_write);
    if failure.primary() != ffi::SQLITE_CANTOPEN || may_use {
        return failure.into();
    }
    let reason =
        format!("{}: permission denied; check the permissions of the file and of its directory", path.display());
    BatchError::Refused(
        StoreError::new(ErrorKind::Denied, reason).with_cause(Some(name(failure.code)), failure.message),
    )
}

/// Returns whether the permissions allow to write the file at `path` and the files that SQLite puts beside it.
pub fn may_write_database(path: &str) -> bool {
    let may_be_used = |path: &Path| !path.exists() || may_write(path);
    let is_there = may_write(Path::new(path)) && Path::new(path).parent().is_none_or(may_write);
    is_there
        && ["-wal", "-shm", "-journal"].into_iter().all(|suffix| may_be_used(Path::new(&format!("{path}{suffix}"))))
}

/// Asks without opening: see [`prepare`].
#[cfg(unix)]
fn may_write(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return true };
    // For the effective user, as opening does. `access` asks for the real one.
    // SAFETY: a NUL-terminated string that lives through the call; the call keeps no pointer.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::R_OK | libc::W_OK, libc::AT_EACCESS) == 0 }
}

#[cfg(not(unix))]
fn may_write(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| !data.permissions().readonly())
}
