//! What this process has open.

use std::ffi::c_int;
use std::io;
use std::path::PathBuf;

use super::super::db_file::FileId;

/// Lists the `wanted` files that are open through a descriptor that is not `ours`, with their names. Opens none of them. Empty
/// without `/proc`; `None` if it cannot be read, such as with too many open files.
pub fn foreign(ours: impl Fn(c_int) -> bool, wanted: impl Fn(FileId) -> bool) -> Option<Vec<(FileId, PathBuf)>> {
    let descriptors = match std::fs::read_dir("/proc/self/fd") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Vec::new()),
        other => other.ok()?,
    };
    let mut found = Vec::new();
    for link in descriptors.flatten().map(|entry| entry.path()) {
        let number = link.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        // Follows the link to the open file itself. The descriptor may be closed by now.
        let file_id = FileId::of(&link);
        if file_id.is_known()
            && wanted(file_id)
            && !number.is_some_and(&ours)
            && let Ok(name) = link.read_link()
        {
            found.push((file_id, name));
        }
    }
    Some(found)
}
