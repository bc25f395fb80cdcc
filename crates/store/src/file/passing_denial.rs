//! Waits out what keeps a file from being opened, replaced or removed for a moment on Windows.
//!
//! - Another program has it open, such as a virus scanner (isaacs/node-graceful-fs#104, npm/write-file-atomic#227).
//! - It was removed and is still open somewhere, so that its name is gone only when that is closed (tox-dev/filelock#617,
//!   jj-vcs/jj#9005).
//!
//! The system calls all of this "access denied", as it calls missing rights.

use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long it is waited for. So long does an error take that is about rights.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(2);

/// The number of the system's error for a file that is open and not shared.
const SHARING_VIOLATION: i32 = 32;

/// Does `attempt`, which is about the file `path`, again while it is denied: for half a second at most.
pub fn wait_out<T>(path: &Path, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            // A folder is denied without end.
            Err(error) if may_pass(&error) && Instant::now() < deadline && !path.is_dir() => sleep(PAUSE),
            result => return result,
        }
    }
}

fn may_pass(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || error.raw_os_error() == Some(SHARING_VIOLATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_denial_is_waited_out_and_another_error_is_not() {
        let nowhere = Path::new("no file");
        let attempts = Cell::new(0);
        let after_two = || {
            attempts.set(attempts.get() + 1);
            if attempts.get() > 2 { Ok(attempts.get()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
        };
        assert_eq!(wait_out(nowhere, after_two).unwrap(), 3);
        let missing = || {
            attempts.set(0);
            Err::<(), _>(io::ErrorKind::NotFound.into())
        };
        assert_eq!(wait_out(nowhere, missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        let denied = || Err::<(), _>(io::ErrorKind::PermissionDenied.into());
        assert_eq!(wait_out(nowhere, denied).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
