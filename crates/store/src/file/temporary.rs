//! Makes files that are not conversations yet, or never will be.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::NamedTempFile;

use crate::private_fs::{create_file, give_to_owner};

/// No conversation's file begins with a dot ([`super::file_name`]).
const PREFIX: &str = ".flowkit-";
const SUFFIX: &str = ".tmp";

/// The beginning of the names of this process' files. Not its number: in containers most processes have the same one.
static OWN_PREFIX: LazyLock<String> =
    LazyLock::new(|| format!("{PREFIX}{:08x}-", RandomState::new().hash_one(()) as u32));

/// Makes a new file in `dir`, readable by its owner alone. Dropping it removes it, so no failed save leaves one behind.
pub fn create(dir: &Path) -> io::Result<NamedTempFile> {
    // Not `tempfile_in`: that wraps errors, which loses their number, by which `EMFILE` differs from `EIO`.
    let file =
        tempfile::Builder::new().prefix(OWN_PREFIX.as_str()).suffix(SUFFIX).rand_bytes(12).make_in(dir, create_file)?;
    // Dropping `file` removes it if this fails.
    give_to_owner(file.as_file())?;
    Ok(file)
}

/// Returns whether a file of this name was made by [`create`] in another process, which may have ended.
pub fn is_of_another_process(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX) && !name.starts_with(OWN_PREFIX.as_str())
}
