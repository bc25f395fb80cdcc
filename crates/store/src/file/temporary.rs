//! Files that are not conversations yet, or never will be.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// No conversation's file begins with a dot ([`super::file_name`]).
const PREFIX: &str = ".flowkit-";
const SUFFIX: &str = ".tmp";

/// Makes a new file in `dir`, readable by its owner alone. Dropping it removes it, so no failed save leaves one behind.
pub fn create(dir: &Path) -> io::Result<NamedTempFile> {
    // Not `tempfile_in`: that wraps errors, which loses their number, by which `EMFILE` is told from `EIO`.
    let file = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).rand_bytes(12).make_in(dir, open_new)?;
    give_to_owner(file.as_file())?;
    Ok(file)
}

/// Whether a file of this name was made by [`create`].
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

#[cfg(unix)]
fn open_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A umask can only take rights away. One that takes the owner's would leave a state that cannot be loaded.
#[cfg(unix)]
fn give_to_owner(file: &File) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o600 == 0o600 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn give_to_owner(_file: &File) -> io::Result<()> {
    Ok(())
}
