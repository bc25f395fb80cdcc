//! The age of a conversation: its file is modified when it is saved or touched.
//!
//! Every time is by the clock of the host that saves, which this crate writes into the file. A volume may have a clock of its own,
//! hours off. With its times, what was just saved could be expired.

use std::fs::{File, FileTimes, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::wall_millis;
use crate::retention::{is_alive, known_time};

/// The time at which files are looked at, and how long they live.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Seconds; 0 for never.
    pub ttl: u32,
    /// In ms since 1970.
    pub now: u64,
}

impl Life {
    /// No file is too old.
    pub const ENDLESS: Life = Life { ttl: 0, now: 0 };

    /// Returns the life of files that are looked at now. `ttl` is in seconds, 0 for never.
    pub fn at_present(ttl: u32) -> Self {
        Life { ttl, now: wall_millis() }
    }

    /// Returns whether such a file is expired, and so counts as absent.
    pub fn is_over(self, metadata: &Metadata) -> bool {
        self.ttl > 0 && !is_alive(saved_at(metadata), self.ttl, self.now)
    }
}

/// Returns when a file was last saved or touched, in ms since 1970; `None` if its date can be no such time.
pub fn saved_at(metadata: &Metadata) -> Option<u64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    known_time(i64::try_from(since.as_millis()).ok()?)
}

/// Both times of a file: some file systems cannot leave one of them alone.
fn times(millis: u64) -> FileTimes {
    let time = UNIX_EPOCH + Duration::from_millis(millis);
    FileTimes::new().set_accessed(time).set_modified(time)
}

/// Dates the open file at `path`, in ms since 1970.
#[cfg(unix)]
pub fn date(file: &File, _path: &Path, millis: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    match file.set_times(times(millis)) {
        // Who is not the owner may set the present time alone, if it may write the file.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // SAFETY: the descriptor is open as long as `file` is; no times are passed.
            match unsafe { libc::futimens(file.as_raw_fd(), std::ptr::null()) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
        dated => dated,
    }
}

/// Dates the open file at `path`, in ms since 1970.
#[cfg(not(unix))]
pub fn date(_file: &File, path: &Path, millis: u64) -> io::Result<()> {
    // Windows wants a file that was opened to write.
    date_at(path, millis)
}

/// Dates the file at `path`, in ms since 1970.
#[cfg(unix)]
pub fn date_at(path: &Path, millis: u64) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let time = libc::timespec { tv_sec: (millis / 1_000) as _, tv_nsec: (millis % 1_000 * 1_000_000) as _ };
    let times = [time, time];
    // SAFETY: a path that ends in NUL and two times, which live longer than the call and are only read.
    match unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Dates the file at `path`, in ms since 1970.
#[cfg(not(unix))]
pub fn date_at(path: &Path, millis: u64) -> io::Result<()> {
    File::options().write(true).open(path)?.set_times(times(millis))
}
