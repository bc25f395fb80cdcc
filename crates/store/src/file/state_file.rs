//! Reads, replaces and removes one file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::error::FileError;
use super::temporary;

/// The largest file that is read, in bytes. No longer text fits into a JavaScript string of 2^29 - 24 units, each of three
/// bytes of UTF-8 at most. A larger file, such as a planted one with a hole of terabytes, would only take the host's memory.
const LARGEST: u64 = 3 * ((1 << 29) - 24);

/// Returns the text of a file; `None` if there is no file.
pub fn read(path: &Path) -> Result<Option<String>, FileError> {
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_no_file(&error) => return Err(FileError::not_a_file(path)),
        file => file.map_err(|error| FileError::at(&error, path))?,
    };
    let metadata = file.metadata().map_err(|error| FileError::at(&error, path))?;
    if !metadata.is_file() {
        return Err(FileError::not_a_file(path));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= LARGEST {
        let room = usize::try_from(metadata.len()).unwrap_or_default();
        bytes.try_reserve_exact(room).map_err(|_| FileError::at(&io::ErrorKind::OutOfMemory.into(), path))?;
        // The file may grow meanwhile.
        let mut file = file.take(LARGEST + 1);
        file.read_to_end(&mut bytes).map_err(|error| FileError::at(&error, path))?;
    }
    if metadata.len().max(bytes.len() as u64) > LARGEST {
        return Err(FileError::corrupt(path, "is larger than any state"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(FileError::corrupt(path, "holds something that is not UTF-8 text")),
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Otherwise, opening a named pipe would wait for a writer without end, and opening a terminal could make it the one
    // that controls this process. Neither flag affects an ordinary file.
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Returns whether this is the error of opening a socket, a missing device, or links that lead in a circle.
#[cfg(unix)]
fn is_no_file(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENODEV | libc::ELOOP | libc::EOPNOTSUPP))
}

#[cfg(not(unix))]
fn is_no_file(_error: &io::Error) -> bool {
    false
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Puts `text` in place of the file `path` in `dir`. Every reader, at any time, reads the old text or the new one.
pub fn replace(dir: &Path, path: &Path, text: &str, durable: bool) -> Result<(), FileError> {
    let replaced = || -> io::Result<()> {
        let (mut file, mut temporary) = temporary::create(dir)?.into_parts();
        file.write_all(text.as_bytes())?;
        if durable {
            // Before the new name: otherwise a power loss could leave the name with nothing behind it.
            file.sync_all()?;
        }
        // Before the new name, too: a network file system may tell only now that there was no room.
        close(file)?;
        // Not `TempPath::persist`: it bypasses the C library, where the tests make calls fail.
        fs::rename(&temporary, path)?;
        temporary.disable_cleanup(true);
        Ok(())
    };
    // The user knows the conversation's path, not the temporary one.
    replaced().map_err(|error| FileError::at(&error, path))
}

/// Closes a file and returns the error of that. Dropping it would hide the error.
#[cfg(unix)]
fn close(file: File) -> io::Result<()> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor was the file's own; nobody else has it, and nobody uses it afterwards.
    match unsafe { libc::close(file.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(unix))]
fn close(file: File) -> io::Result<()> {
    drop(file);
    Ok(())
}

/// Removes a file and returns whether it was there.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // Systems differ in the error for this.
        Err(_) if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) => {
            Err(FileError::not_a_file(path))
        }
        Err(error) => Err(FileError::at(&error, path)),
    }
}
