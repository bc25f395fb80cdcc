//! `flock`, which locks an inode for one open file. So it keeps threads and stores of one process apart, too.

use std::fs::{File, OpenOptions, TryLockError, metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::private_fs::give_to_owner;

/// Opening a named pipe must not wait for a writer, nor a terminal become the one that controls this process.
const HARMLESS: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(HARMLESS).open(path)
}

/// Does not follow a link: what is written must not end up elsewhere.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(HARMLESS | libc::O_NOFOLLOW).open(path)
}

/// As [`open_to_write`]; the file is made with mode 0600.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(HARMLESS | libc::O_NOFOLLOW);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let file = options.create(true).open(path)?;
    give_to_owner(&file)?;
    Ok(file)
}

/// Returns false if somebody else has the lock.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub fn unlock(file: &File) -> io::Result<()> {
    file.unlock()
}

/// Returns whether this is the error of a file system that has no such lock. `EBADF` is that of NFS, for
/// a file that is not open for writing.
pub fn means_no_locks(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    error.kind() == io::ErrorKind::Unsupported
        || [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP, libc::EINVAL, libc::EBADF]
            .iter()
            .any(|&no| Some(no) == number)
}

/// Tells a file from every other one as long as it is open.
pub fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|found| (found.dev(), found.ino()))
}

pub fn identity_at(path: &Path) -> io::Result<(u64, u64)> {
    metadata(path).map(|found| (found.dev(), found.ino()))
}
