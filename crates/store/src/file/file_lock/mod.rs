//! Locks a file for the microseconds in which it is compared and replaced.
//!
//! Whoever replaces or removes a file here holds its lock meanwhile. So nobody does it between the comparison and the write of
//! somebody else, in this process or in another. The lock is the kernel's: it ends with its process, however that ends. A
//! process that is stopped inside such a section keeps it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::FileError;
use super::state_file::{exists, is_no_file};
use crate::error::ErrorKind;

#[cfg(windows)]
mod gate;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

#[cfg(windows)]
pub use gate::close_gate;

/// How long a lock is waited for. Never without end: a process that is stopped would hang a thread of every other one.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two attempts doubles from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_micros(20), Duration::from_millis(2));

/// How often a file may be replaced by others between its opening and its lock. A file system that gives a file another number
/// at each look would otherwise be asked without end.
const ATTEMPTS: u32 = 1000;

/// The end of an attempt to lock the file at a path.
pub enum Hold {
    /// Nothing is there.
    Absent,
    Held(Locked),
    /// Something is there that cannot be locked, and why.
    Unlockable(FileError),
}

impl Hold {
    /// Returns an error if what is there may change under the caller's eyes. Something that is no file is no state, and stays so.
    pub fn require(&self) -> Result<(), FileError> {
        match self {
            Hold::Unlockable(error) if !error.is_corrupt() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Returns whether the locked file is also found at `path`.
    pub fn is_at(&self, path: &Path) -> bool {
        matches!(self, Hold::Held(locked) if is_at(&locked.0, path).unwrap_or(false))
    }
}

/// A locked file, which its path leads to until it is dropped.
pub struct Locked(File);

impl Locked {
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Not left to the end of the file: a child that is being forked has a copy of the descriptor until its `exec`.
        let _ = system::unlock(&self.0);
    }
}

/// Locks the file at `path`, if there is one.
pub fn hold(path: &Path) -> Result<Hold, FileError> {
    match hold_opened(path, system::open)? {
        // NFS locks a file only for those who have opened it to write (astral-sh/uv#18068).
        Hold::Unlockable(error) if error.error.kind == ErrorKind::Unsupported => hold_to_write(path),
        hold => Ok(hold),
    }
}

/// Locks the file at `path` for writing, if there is one.
pub fn hold_to_write(path: &Path) -> Result<Hold, FileError> {
    hold_opened(path, system::open_to_write)
}

/// Locks the file at `path` for writing, which is made if it is missing. [`Hold::Absent`] if its directory is missing.
pub fn hold_or_create(path: &Path) -> Result<Hold, FileError> {
    hold_opened(path, system::open_or_create)
}

/// Locks the file at `path`, if there is one and nobody has locked it.
pub fn try_hold(path: &Path) -> io::Result<Option<Locked>> {
    let file = system::open_to_write(path)?;
    if !system::try_lock(&file)? {
        return Ok(None);
    }
    let locked = Locked(file);
    Ok(is_at(&locked.0, path)?.then_some(locked))
}

fn hold_opened(path: &Path, open: impl Fn(&Path) -> io::Result<File>) -> Result<Hold, FileError> {
    let deadline = Instant::now() + PATIENCE;
    for _ in 0..ATTEMPTS {
        let file = match open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Hold::Absent),
            Err(error) if is_no_file(&error) && exists(path).unwrap_or(false) => {
                return Ok(Hold::Unlockable(FileError::not_a_file(path).caused_by(&error)));
            }
            // Whoever may write to the directory may replace a file without the right to read it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(Hold::Unlockable(FileError::at(&error, path)));
            }
            Err(error) => return Err(FileError::at(&error, path)),
        };
        match wait_for(|| system::try_lock(&file), deadline) {
            Ok(true) => {}
            Ok(false) => return Err(FileError::busy(path, PATIENCE)),
            Err(error) if system::means_no_locks(&error) => return Ok(Hold::Unlockable(FileError::no_locks(path))),
            Err(error) => return Err(FileError::at(&error, path)),
        }
        let locked = Locked(file);
        // Otherwise whoever had the lock before has replaced or removed the file, and this lock is worth nothing.
        if is_at(&locked.0, path).map_err(|error| FileError::at(&error, path))? {
            return Ok(Hold::Held(locked));
        }
    }
    Ok(Hold::Unlockable(FileError::no_locks(path)))
}

/// Returns whether the lock that `try_lock` tries to get was had before `deadline`.
fn wait_for(try_lock: impl Fn() -> io::Result<bool>, deadline: Instant) -> io::Result<bool> {
    let (mut pause, longest) = PAUSES;
    loop {
        match try_lock() {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

/// Returns whether `path` leads to this very file.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match system::identity_at(path) {
        Ok(there) => Ok(there == system::identity(file)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // Removed there, but its name goes only when `file` is closed.
        Err(error) if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error),
    }
}
