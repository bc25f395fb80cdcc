//! The record of one conversation's lock, in a file beside the states that is there only while somebody holds or waits.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::file_lock::{Hold, Locked, hold_or_create, hold_to_write, try_hold};
use super::file_name::{LONGEST_WHOLE_NAME, hash, short_name};
use crate::clock::wall_millis;
use crate::error::ErrorKind;
use crate::lock::Record;

/// No conversation's file begins with a dot ([`super::file_name`]).
const PREFIX: &str = ".flowkit-";
const SUFFIX: &str = ".lock";

/// No more is read, in bytes: some thousand lines. A larger file, such as a planted one, would take the host's memory.
const LARGEST: u64 = 1 << 20;

/// The result of a change of the record, and whether the record was stored.
pub struct Changed<R> {
    pub result: R,
    pub stored: Result<(), FileError>,
}

/// Returns the path of the record of `id`.
///
/// It is the same on every volume, and has the name that a state has where case is ignored and long names are refused: processes
/// that see the directory in different ways need one name for one lock.
pub fn record_path(dir: &Path, id: &str, extension: &str) -> PathBuf {
    let mut name = short_name(id, true) + extension;
    if PREFIX.len() + name.len() + SUFFIX.len() > LONGEST_WHOLE_NAME {
        name = hash(name.as_bytes());
    }
    dir.join(format!("{PREFIX}{name}{SUFFIX}"))
}

/// Returns whether a file of this name is a record.
pub fn is_record(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Changes the record at `path`. `change` is given the time too, in ms since 1970. Nobody else changes the record meanwhile.
pub fn change<R>(
    path: &Path,
    change: impl FnOnce(&mut Record, u64) -> Result<R, FileError>,
) -> Result<Changed<R>, FileError> {
    match hold_or_create(path)? {
        Hold::Held(file) => change_held(&file, path, change),
        Hold::Absent => Err(FileError::at(&io::ErrorKind::NotFound.into(), path)),
        Hold::Unlockable(error) => {
            if error.error.kind == ErrorKind::Unsupported {
                // Made for nothing: where there are no locks, it is nobody's.
                let _ = fs::remove_file(path);
            }
            Err(error)
        }
    }
}

/// As [`change`], but does nothing and returns `None` if there is no record.
pub fn change_existing<R>(
    path: &Path,
    change: impl FnOnce(&mut Record, u64) -> Result<R, FileError>,
) -> Result<Option<Changed<R>>, FileError> {
    match hold_to_write(path)? {
        Hold::Held(file) => change_held(&file, path, change).map(Some),
        Hold::Absent => Ok(None),
        Hold::Unlockable(error) => Err(error),
    }
}

/// Somebody holds a lock, waits for it, or is at it; or that cannot be told.
pub struct Taken;

/// Keeps everybody out of a lock that nobody is in, as long as the result is kept. It is `None` if there is no record.
///
/// Does not wait for the record: the caller has locked the state.
pub fn keep_out(path: &Path) -> Result<Option<Locked>, Taken> {
    match try_hold(path) {
        Ok(Some(file)) => match read(&file).map(|text| Record::parse(&text, wall_millis()).to_text()) {
            Ok(None) => Ok(Some(file)),
            _ => Err(Taken),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => Err(Taken),
    }
}

/// Removes a record that nobody is in. As safe as any change of it.
pub fn remove_if_empty(path: &Path) -> io::Result<()> {
    let Some(file) = try_hold(path)? else { return Ok(()) };
    match Record::parse(&read(&file)?, wall_millis()).to_text() {
        None => fs::remove_file(path),
        Some(_) => Ok(()),
    }
}

fn change_held<R>(
    file: &Locked,
    path: &Path,
    change: impl FnOnce(&mut Record, u64) -> Result<R, FileError>,
) -> Result<Changed<R>, FileError> {
    let at = |error| FileError::at(&error, path);
    if has_another_name(file).map_err(at)? {
        return Err(FileError::corrupt(path, "has a second name, so that it is no lock; remove it"));
    }
    let before = read(file).map_err(at)?;
    let now = wall_millis();
    let mut record = Record::parse(&before, now);
    let result = change(&mut record, now);
    // Also if it failed: a file that was made for nothing must go.
    let stored = store(file, path, &before, record.to_text()).map_err(at);
    result.map(|result| Changed { result, stored })
}

/// Returns whether this may be another file that somebody has linked here, to have it overwritten.
#[cfg(unix)]
fn has_another_name(file: &Locked) -> io::Result<bool> {
    file.file().metadata().map(|found| std::os::unix::fs::MetadataExt::nlink(&found) > 1)
}

#[cfg(windows)]
fn has_another_name(_file: &Locked) -> io::Result<bool> {
    Ok(false)
}

fn read(file: &Locked) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.file().take(LARGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Puts `after` in the place of `before`, or removes the file if nothing is left.
fn store(file: &Locked, path: &Path, before: &str, after: Option<String>) -> io::Result<()> {
    // Removed while it is locked (derpston/python-simpleflock#2): whoever waits for this lock finds the path elsewhere then, and
    // starts again.
    let Some(after) = after else {
        // Emptied where it cannot be removed: it must not lock anybody out. It is swept later.
        return fs::remove_file(path).or_else(|_| write_at_start(file, &vec![b'\n'; before.len()]));
    };
    if after == before {
        return Ok(());
    }
    let mut bytes = after.into_bytes();
    // One write over all of what was there, which no kill cuts in two. An empty line says nothing.
    bytes.resize(bytes.len().max(before.len()), b'\n');
    write_at_start(file, &bytes)
}

#[cfg(unix)]
fn write_at_start(file: &Locked, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file.file(), bytes, 0)
}

#[cfg(windows)]
fn write_at_start(file: &Locked, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, Write};
    let mut file = file.file();
    file.rewind()?;
    file.write_all(bytes)
}
