//! Locks of open file descriptions (OFD locks), by which our copy of SQLite and others in this process see each other.
//!
//! SQLite locks files by POSIX locks, which belong to the process. So two copies in one process (ours, and the one inside
//! better-sqlite3) do not see each other's, and closing the file in one drops the locks of the other. Measured with both
//! writing: a file in rollback mode was destroyed after 36 to 159 commits; in WAL mode half of the rows were silently lost.
//!
//! OFD locks (Linux 3.15) conflict with the POSIX locks of the same process, and closing another descriptor does not drop
//! them. SQLite lets its system calls be replaced: [`calls`] replaces three of them, and [`files`] decides what they do.
//! [`descriptors`] lists what else this process has open. [`system`] has the system calls themselves.

mod calls;
mod descriptors;
mod files;
mod system;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;

pub use calls::install;

use super::db_file::FileId;
use files::FILES;

/// Returns whether our locks on this open database file are seen by other copies of SQLite. `false` if its file system, or the
/// kernel, has no OFD locks; our copy then uses POSIX locks. Also `false` if our copy does not have the file open.
pub fn are_seen_by_others(file_id: FileId) -> bool {
    FILES.lock().uses_ofd_locks(file_id)
}

/// Closes a descriptor of a database file without dropping the locks that another copy in this process holds on it.
pub fn close(file: File, path: PathBuf) {
    let fd = file.into_raw_fd();
    let mut files = FILES.lock();
    files.opened(fd, path);
    files.protect(fd);
    files.close(fd);
}

/// Returns the names under which something other than our copy of SQLite has the file open in this process.
pub fn foreign_names(file_id: FileId) -> Vec<PathBuf> {
    let files = FILES.lock();
    let foreign = descriptors::foreign(|fd| files.is_ours(fd), |other| other == file_id);
    foreign.unwrap_or_default().into_iter().map(|(_, name)| name).collect()
}
