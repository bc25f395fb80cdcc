//! The system calls behind our copy's locks.

use std::ffi::{c_int, c_short};
use std::fs::{File, Metadata};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::MetadataExt;

use super::super::db_file::FileId;

/// Where SQLite locks a database file: a pending byte, a reserved byte, and 510 bytes that readers share.
pub const PENDING_BYTE: i64 = 0x4000_0000;

/// A byte behind SQLite's, which nothing else locks.
const PROBE_BYTE: i64 = PENDING_BYTE + 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The open file description.
    Ofd,
    /// The process.
    Posix,
}

/// Returns who can own locks on this file. Errors say that OFD locks are unknown to the kernel or to the file system.
pub fn lock_owner(fd: c_int) -> Owner {
    match lock(fd, libc::F_RDLCK, PROBE_BYTE, 1).and_then(|()| lock(fd, libc::F_UNLCK, PROBE_BYTE, 1)) {
        Err(error) if is_unsupported(&error) => Owner::Posix,
        _ => Owner::Ofd,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [libc::EINVAL, libc::ENOLCK, libc::ENOTTY, libc::EOPNOTSUPP, libc::ENOSYS];
    error.raw_os_error().is_some_and(|code| unsupported.contains(&code))
}

/// The others that a lock of ours on a database keeps away, until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Everybody: nobody has any lock on it.
    All,
    /// Whoever has no lock on it yet.
    Newcomers,
}

/// Takes as much of a database as is free; `None` if somebody is about to take or to give back a lock. Without the pending byte
/// no connection can take a lock that it does not have. A descriptor for reading only cannot take it, and counts as if it had.
pub fn hold(fd: c_int) -> Option<Hold> {
    if lock(fd, libc::F_WRLCK, 0, 0).is_ok() {
        return Some(Hold::All);
    }
    match lock(fd, libc::F_WRLCK, PENDING_BYTE, 1) {
        Err(error) if error.raw_os_error() != Some(libc::EBADF) => None,
        _ => Some(Hold::Newcomers),
    }
}

/// Releases all OFD locks of this descriptor.
pub fn unlock(fd: c_int) {
    // Fails only where there are no such locks.
    let _ = lock(fd, libc::F_UNLCK, 0, 0);
}

/// Takes or releases an OFD lock. Never waits. A length of 0 means to the end, wherever that is.
fn lock(fd: c_int, kind: c_int, start: i64, length: i64) -> io::Result<()> {
    // SAFETY: `flock` is plain data, for which zeros are valid values.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    // The three kinds are 0, 1 and 2.
    range.l_type = kind as c_short;
    range.l_start = start;
    range.l_len = length;
    // SAFETY: the command reads one `flock`, which lives through the call. A bad descriptor is an error.
    if unsafe { libc::fcntl(fd, libc::F_OFD_SETLK, &raw mut range) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Returns whether the descriptor was opened for reading, writing or both, as the flags of `open` say it.
pub fn access_mode(fd: c_int) -> c_int {
    // SAFETY: the command takes no argument. A bad descriptor is an error.
    unsafe { libc::fcntl(fd, libc::F_GETFL) & libc::O_ACCMODE }
}

/// Returns which file the descriptor leads to.
pub fn file_id(fd: c_int) -> FileId {
    FileId::new(metadata(fd).map(|data| (data.dev(), data.ino())))
}

/// Returns whether the file has no name any more.
pub fn is_deleted(fd: c_int) -> bool {
    metadata(fd).is_some_and(|data| data.nlink() == 0)
}

fn metadata(fd: c_int) -> Option<Metadata> {
    // SAFETY: the descriptor is open, and its caller's. It is not closed here.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    file.metadata().ok()
}

/// Closes a descriptor, whatever that drops.
pub fn close(fd: c_int) -> c_int {
    // SAFETY: only descriptors come here that SQLite, or `db_file`, gave up to be closed.
    unsafe { libc::close(fd) }
}
