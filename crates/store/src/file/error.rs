//! The errors of a step of an operation.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::error::{ErrorKind, StoreError};

/// Some editors write it, and none shows it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// `lib/state.js` says the same.
const HAS_MARK: &str = "begins with a byte order mark: save it as UTF-8 without one";

/// A file error. `missing` is true for ENOENT; for the directory that means "create it", not "fail".
#[derive(Clone, Debug)]
pub struct FileError {
    pub missing: bool,
    pub error: StoreError,
}

impl FileError {
    /// Builds the error of an input or output at `path`.
    pub fn at(error: &io::Error, path: &Path) -> Self {
        let kind = error.kind();
        let error = match kind {
            io::ErrorKind::NotADirectory => match first_file_in(path) {
                Some(file) => return FileError::not_a_directory(file),
                None => StoreError::io(error, &name(path)),
            },
            io::ErrorKind::IsADirectory => return FileError::not_a_file(path).caused_by(error),
            io::ErrorKind::ResourceBusy if is_mount_point(path) => return FileError::mounted(path).caused_by(error),
            _ => StoreError::io(error, &name(path)),
        };
        FileError { missing: kind == io::ErrorKind::NotFound, error }
    }

    /// Builds the error for an option `dir` that leads to, or through, something that cannot hold files.
    pub fn not_a_directory(path: &Path) -> Self {
        FileError::from(
            StoreError::new(ErrorKind::InvalidOptions, format!("{} is a file, not a directory", name(path)))
                .with_cause(Some("ENOTDIR".to_owned()), "not a directory"),
        )
    }

    /// Builds the error for a directory, a pipe or a device with a conversation's name.
    pub fn not_a_file(path: &Path) -> Self {
        let mut error = FileError::corrupt(path, "is not a file");
        if path.is_dir() {
            error.error = error.error.with_cause(Some("EISDIR".to_owned()), "is a directory");
        }
        error
    }

    /// Adds `error` as the cause.
    pub fn caused_by(mut self, error: &io::Error) -> Self {
        self.error.cause = StoreError::io(error, "").cause;
        self
    }

    /// Builds the error for a single file that is mounted, as containers do it: nothing can be renamed over it.
    fn mounted(path: &Path) -> Self {
        let reason = format!("{} is mounted by itself; mount its directory instead", name(path));
        FileError::from(StoreError::new(ErrorKind::Denied, reason))
    }

    /// Builds the error for a conditional write or a lock on a file system without `flock`.
    pub fn no_locks(path: &Path) -> Self {
        let dir = name(path.parent().unwrap_or(path));
        let reason = format!("the file system of {dir} has no file locks, which a lock or a conditional write needs");
        FileError::from(StoreError::new(ErrorKind::Unsupported, reason))
    }

    /// Builds the error for a file that another process has locked for so long that it must have been stopped.
    pub fn busy(path: &Path, waited: Duration) -> Self {
        let reason = format!(
            "{}: another process has locked it for {} s; let that process go on, or end it",
            name(path),
            waited.as_secs()
        );
        FileError::from(StoreError::new(ErrorKind::Unavailable, reason))
    }

    /// Builds the error for a file that is another one at each look.
    pub fn ever_changing(path: &Path) -> Self {
        let reason = format!("{}: other processes change it all the time; try again", name(path));
        FileError::from(StoreError::new(ErrorKind::Unavailable, reason))
    }

    pub fn corrupt(path: &Path, what: &str) -> Self {
        FileError::from(StoreError::new(ErrorKind::Corrupt, format!("{} {what}", name(path))))
    }

    /// Builds the error for text that JSON does not allow.
    pub fn not_json(path: &Path, text: &str) -> Self {
        let has_mark = text.starts_with(BYTE_ORDER_MARK);
        FileError::corrupt(path, if has_mark { HAS_MARK } else { "holds something that is not JSON" })
    }

    /// Builds the error for bytes that UTF-8 does not allow.
    pub fn not_text(path: &Path, bytes: &[u8]) -> Self {
        let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        FileError::corrupt(path, if is_utf16 { HAS_MARK } else { "holds something that is not UTF-8 text" })
    }

    pub fn is_corrupt(&self) -> bool {
        self.error.kind == ErrorKind::Corrupt
    }

    /// Returns whether the file system has no such name, so that no file can be there.
    pub fn is_impossible_name(&self) -> bool {
        let code = self.error.cause.as_ref().and_then(|cause| cause.code.as_deref());
        matches!(code, Some("ENAMETOOLONG" | "EINVAL" | "EILSEQ"))
    }
}

impl From<StoreError> for FileError {
    fn from(error: StoreError) -> Self {
        FileError { missing: false, error }
    }
}

/// `ENOTDIR` does not say which part of a path is in the way.
fn first_file_in(path: &Path) -> Option<&Path> {
    path.ancestors().find(|part| part.metadata().is_ok_and(|metadata| !metadata.is_dir()))
}

/// Tells `EBUSY` that stays from one that passes, as that of a file which another client of a network share has open.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let (Some(dir), Some(file)) = (path.parent(), path.file_name()) else { return false };
    // The kernel writes real paths, with a few bytes as octal numbers.
    let Ok(path) = dir.canonicalize().map(|dir| dir.join(file)) else { return false };
    let escape = |&byte: &u8| match byte {
        b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
        _ => vec![byte],
    };
    let escaped: Vec<u8> = path.as_os_str().as_bytes().iter().flat_map(escape).collect();
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    mounts.split(|&byte| byte == b'\n').any(|line| line.split(|&byte| byte == b' ').nth(4) == Some(escaped.as_slice()))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(_path: &Path) -> bool {
    false
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
