//! Files that another program wrote under a conversation's plain id, such as `whatsapp:+57300.json`.

use std::path::Path;

use super::error::FileError;
use super::file_name::is_plain_component;
use super::state_file;
use super::state_owner::conversation_id;

/// The longest name that usual file systems hold.
const LONGEST_FILE_NAME: usize = 255;

/// The name that another program may have given to conversation `id`, where that is not the one we give (`name`).
pub fn file_name(id: &str, name: &str, extension: &str) -> Option<String> {
    let differs = id != name && is_plain_component(id) && id.len() + extension.len() <= LONGEST_FILE_NAME;
    differs.then(|| format!("{id}{extension}"))
}

/// The text at `path` where it is conversation `id`'s. A file that names another conversation or none is not ours, and
/// as good as absent; one that cannot be read as JSON might be ours, and corrupt is not absent.
pub fn read(path: &Path, id: &str) -> Result<Option<String>, FileError> {
    let Some(text) = state_file::read(path)? else { return Ok(None) };
    match conversation_id(&text) {
        Ok(Some(named)) if named == id => Ok(Some(text)),
        Ok(_) => Ok(None),
        Err(_) => Err(FileError::corrupt(path, "holds something that is not JSON")),
    }
}

/// After a save: the new state is in place and goes before this one in every load. Says whether there was something.
pub fn forget_replaced(path: &Path, id: &str) -> bool {
    // Whatever cannot be read or removed stays where it is and does no harm. To reject a save that took effect would.
    matches!(read(path, id), Ok(Some(_))) && state_file::remove(path).unwrap_or(false)
}

/// For a delete, and says whether there was something. What cannot be removed would come back with the next load, so
/// that is an error; what is corrupt names nobody and is left as it is.
pub fn remove(path: &Path, id: &str) -> Result<bool, FileError> {
    match read(path, id) {
        Ok(Some(_)) => state_file::remove(path),
        Ok(None) => Ok(false),
        Err(fault) if fault.is_corrupt() => Ok(false),
        Err(fault) => Err(fault),
    }
}
