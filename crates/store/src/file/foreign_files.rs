//! Finds files that another program wrote under a conversation's plain id, such as `whatsapp:+57300.json`.

use std::path::Path;

use super::error::FileError;
use super::file_name::is_plain_component;
use super::state_file;
use super::state_owner::conversation_id;

/// The longest name that usual file systems hold.
const LONGEST_FILE_NAME: usize = 255;

/// Returns the name that another program may have given to conversation `id`; `None` if that is our own name for it (`name`).
pub fn file_name(id: &str, name: &str, extension: &str) -> Option<String> {
    let differs = id != name && is_plain_component(id) && id.len() + extension.len() <= LONGEST_FILE_NAME;
    differs.then(|| format!("{id}{extension}"))
}

/// Returns the text at `path` if it is conversation `id`'s. A file that names another conversation or none is not ours, so it
/// counts as absent. One that cannot be read as JSON might be ours: corrupt is not absent.
pub fn read(path: &Path, id: &str) -> Result<Option<String>, FileError> {
    let Some(text) = state_file::read(path)? else { return Ok(None) };
    match conversation_id(&text) {
        Ok(Some(named)) if named == id => Ok(Some(text)),
        Ok(_) => Ok(None),
        Err(_) => Err(FileError::corrupt(path, "holds something that is not JSON")),
    }
}

/// Removes the file after a save, and returns whether there was one. The new state is in place, and every load prefers it.
pub fn forget_replaced(path: &Path, id: &str) -> bool {
    // A file that cannot be read or removed stays and does no harm. Rejecting a save that took effect would do harm.
    matches!(read(path, id), Ok(Some(_))) && state_file::remove(path).unwrap_or(false)
}

/// Removes the file for a delete, and returns whether there was one. A file that cannot be removed would come back with the
/// next load, so that is an error. A corrupt file names no conversation and is left as it is.
pub fn remove(path: &Path, id: &str) -> Result<bool, FileError> {
    match read(path, id) {
        Ok(Some(_)) => state_file::remove(path),
        Ok(None) => Ok(false),
        Err(error) if error.is_corrupt() => Ok(false),
        Err(error) => Err(error),
    }
}
