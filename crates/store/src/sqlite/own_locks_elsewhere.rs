//! Stands for `own_locks` on systems where our copy of SQLite uses the locks that it comes with. On Windows these are seen by
//! all. On macOS they belong to the process, as POSIX demands, so that `double_open` refuses a second copy.

use std::fs::File;
use std::path::PathBuf;

use super::db_file::FileId;

/// Replaces no system calls.
pub fn install() {}

/// Returns `false`: they belong to the process. On Windows nobody asks, as no file has an id there.
pub fn are_seen_by_others(_file_id: FileId) -> bool {
    false
}

/// Closes a descriptor of a database file.
pub fn close(file: File, _path: PathBuf) {
    drop(file);
}

/// Returns no names: there is no way to look without opening the file.
pub fn foreign_names(_file_id: FileId) -> Vec<PathBuf> {
    Vec::new()
}
