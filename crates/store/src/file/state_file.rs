//! Reads, replaces and removes one file.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::TempPath;

use super::age::{Life, date_at, saved_at};
use super::error::FileError;
#[cfg(windows)]
use super::passing_denial::wait_out;
use super::temporary;
use crate::retention::{Age, Aged};

/// The largest file that is read, in bytes. No longer text fits into a JavaScript string of 2^29 - 24 units, each of three
/// bytes of UTF-8 at most. A larger file, such as a planted one with a hole of terabytes, would only take the host's memory.
const LARGEST: u64 = 3 * ((1 << 29) - 24);

/// Returns the text of a file and its age; `None` if there is no file, or if its life is over.
pub fn read(path: &Path, life: Life) -> Result<Option<Aged>, FileError> {
    let Some((file, metadata)) = open_file(path)? else { return Ok(None) };
    if life.is_over(&metadata) {
        return Ok(None);
    }
    let text = read_opened(&file, &metadata, path)?;
    Ok(Some(Aged { text, age: Age::of(saved_at(&metadata), life.ttl) }))
}

/// Opens a file to read it; `None` if there is none. Something else that has this name is corrupt.
pub fn open_file(path: &Path) -> Result<Option<(File, Metadata)>, FileError> {
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // With links that lead in a circle, there is something of this name only if the directory is not among them.
        Err(error) if is_no_file(&error) && exists(path).unwrap_or(false) => {
            return Err(FileError::not_a_file(path).caused_by(&error));
        }
        file => file.map_err(|error| FileError::at(&error, path))?,
    };
    let metadata = file.metadata().map_err(|error| FileError::at(&error, path))?;
    if metadata.is_file() { Ok(Some((file, metadata))) } else { Err(FileError::not_a_file(path)) }
}

/// Returns the text of an open file, from where it is read next.
pub fn read_opened(file: &File, metadata: &Metadata, path: &Path) -> Result<String, FileError> {
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
    String::from_utf8(bytes).map_err(|error| FileError::not_text(path, error.as_bytes()))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Otherwise, opening a named pipe would wait for a writer without end, and opening a terminal could make it the one
    // that controls this process. Neither flag affects an ordinary file.
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Returns whether this is the error of opening a socket, a missing device, or links that lead in a circle.
#[cfg(unix)]
pub fn is_no_file(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENODEV | libc::ELOOP | libc::EOPNOTSUPP))
}

#[cfg(not(unix))]
pub fn is_no_file(_error: &io::Error) -> bool {
    false
}

#[cfg(windows)]
fn open(path: &Path) -> io::Result<File> {
    wait_out(path, || File::open(path))
}

/// A file with a new text that has no conversation's name yet. Dropping it removes it.
pub struct NewFile(TempPath);

impl NewFile {
    /// Writes `text` for the file `path` in `dir`.
    pub fn write(dir: &Path, path: &Path, text: &str, durable: bool) -> Result<Self, FileError> {
        let written = || -> io::Result<NewFile> {
            let (mut file, temporary) = temporary::create(dir)?.into_parts();
            file.write_all(text.as_bytes())?;
            if durable {
                // Before the new name: otherwise a power loss could leave the name with nothing behind it.
                file.sync_all()?;
            }
            // Before the new name, too: a network file system may tell only now that there was no room.
            close(file)?;
            Ok(NewFile(temporary))
        };
        // The user knows the conversation's path, not the temporary one.
        written().map_err(|error| FileError::at(&error, path))
    }

    /// Dates it, in ms since 1970: right before it gets its name, since it may have waited for the disk and for a lock meanwhile.
    pub fn date(&self, millis: u64) {
        // Where that is not allowed, its age is by the clock of the volume.
        let _ = date_at(&self.0, millis);
    }

    /// Puts it in place of the file `path`. Every reader, at any time, reads the old text or the new one.
    pub fn replace(&mut self, path: &Path) -> Result<(), FileError> {
        // Not `TempPath::persist`: it bypasses the C library, where the tests make calls fail.
        rename(&self.0, path).map_err(|error| FileError::at(&error, path))?;
        self.0.disable_cleanup(true);
        Ok(())
    }

    /// Puts it at `path` if nothing is there, and returns whether it is there now. Replaces nothing, unlike a rename. With
    /// `at_any_rate` it is renamed where it cannot be linked for whatever reason.
    pub fn appear(&mut self, path: &Path, at_any_rate: bool) -> Result<bool, FileError> {
        match fs::hard_link(&self.0, path) {
            // The temporary name goes when `self` is dropped.
            Ok(()) => Ok(true),
            // A link that leads nowhere counts as nothing, and a link is replaced.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !leads_nowhere(path) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists || at_any_rate || means_no_links(&error) => {
                self.replace(path).map(|()| true)
            }
            Err(error) => Err(FileError::at(&error, path)),
        }
    }
}

#[cfg(unix)]
use fs::rename;

#[cfg(windows)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    wait_out(to, || fs::rename(from, to))
}

fn leads_nowhere(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
        && fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Returns whether this may be the error of a file system without hard links, such as FAT (oven-sh/bun#36853). Then the rename
/// that follows could replace what another process puts there at the same moment.
fn means_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, InvalidInput, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | InvalidInput | PermissionDenied | TooManyLinks | Unsupported)
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

/// Returns whether something has this name.
pub fn exists(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::at(&error, path)),
    }
}

/// Returns whether the file system refuses this name for its length.
pub fn is_too_long(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::InvalidFilename)
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
