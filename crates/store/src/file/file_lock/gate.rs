//! Keeps apart those who replace one file on Windows.
//!
//! A file that is open cannot be replaced on file systems such as exFAT, on most network shares, and under Wine
//! (rust-lang/rust#123985). So the lock on the file itself has to end just before. The gate, which is a lock on another file, lasts.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Instant;

use super::{PATIENCE, system, wait_for};
use crate::file::error::FileError;

/// The file in each directory that has the locks of all gates. No conversation's file begins with a dot.
const NAME: &str = ".flowkit-gates";

/// Waits for the gate of the file at `path`, which nobody replaces or removes meanwhile. It is open again when what is returned is
/// dropped.
///
/// `None` if the directory is missing, may not be written to, or has no locks: then the write itself tells what is wrong.
pub fn close_gate(path: &Path) -> Result<Option<File>, FileError> {
    let file = match system::open_or_create(&path.with_file_name(NAME)) {
        Ok(file) => file,
        Err(error) if is_of_directory(&error) => return Ok(None),
        Err(error) => return Err(FileError::at(&error, path)),
    };
    let byte = byte_of(path);
    match wait_for(|| system::try_lock_byte(&file, byte), Instant::now() + PATIENCE) {
        Ok(true) => Ok(Some(file)),
        Ok(false) => Err(FileError::busy(path, PATIENCE)),
        Err(error) if system::means_no_locks(&error) => Ok(None),
        Err(error) => Err(FileError::at(&error, path)),
    }
}

/// Returns whether this is the error of a directory in which nothing can be written.
fn is_of_directory(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem)
}

/// Returns the place of a file's lock: FNV-1a of its name, whose case does not count. Two names that share a place only wait.
fn byte_of(path: &Path) -> u32 {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_for_one_file_and_opens_when_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let is_open = |name: &str| {
            let file = system::open_or_create(&dir.path().join(NAME)).unwrap();
            system::try_lock_byte(&file, byte_of(&dir.path().join(name))).unwrap()
        };
        let first = close_gate(&dir.path().join("a.json")).unwrap();
        assert!(first.is_some());
        assert!(!is_open("A.json"));
        assert!(is_open("b.json"));
        drop(first);
        assert!(is_open("a.json"));
    }

    #[test]
    fn there_is_none_without_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        assert!(close_gate(&dir.path().join("missing/a.json")).unwrap().is_none());
    }
}
