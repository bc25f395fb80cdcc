//! Makes directories and files that their owner alone may use, whatever the umask says, and syncs directories.
//!
//! A umask can only take rights away. One that takes the owner's own would leave a place that cannot be used.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the directory at `path`, with mode 0700. Fails if something is there.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    give_to_owner(path, 0o700)
}

/// Makes the file at `path`, with mode 0600, and opens it for writing. Fails if something is there.
pub fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    give_to_owner(path, 0o600)?;
    Ok(file)
}

#[cfg(unix)]
fn give_to_owner(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & mode == mode {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn give_to_owner(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Gets every entry made, replaced or removed in the directory at `path` onto the disk, so that it outlives a power loss.
#[cfg(unix)]
pub fn sync_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let directory = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)?;
    match directory.sync_all() {
        // Some network and FUSE file systems have no such thing; nothing could ever be stored there.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Windows has no sync of a directory.
#[cfg(not(unix))]
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// As [`sync_dir`], for a directory above the one that is used. Succeeds also if it cannot be read: one may put an entry
/// into a directory that one may not read, but cannot open it to sync it.
pub fn sync_dir_above(path: &Path) -> io::Result<()> {
    match sync_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}
