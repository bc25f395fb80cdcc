//! Makes directories and files that their owner alone may use, whatever the umask says, and syncs directories.
//!
//! A umask can only take rights away. One that takes the owner's own would leave a place that cannot be used.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::path::Path;

/// Makes the directory at `path`, with mode 0700. Fails if something is there.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let builder = &mut DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder.create(path)?;
    give(0o700, || fs::metadata(path), |permissions| fs::set_permissions(path, permissions))
}

/// Makes the file at `path`, with mode 0600, and opens it. Fails if something is there. The caller then calls
/// [`give_to_owner`]: if that fails, it knows that the file is its own and may remove it.
pub fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives the owner of a new file the rights that a umask may have taken.
pub fn give_to_owner(file: &File) -> io::Result<()> {
    give(0o600, || file.metadata(), |permissions| file.set_permissions(permissions))
}

#[cfg(unix)]
fn give(
    mode: u32,
    metadata: impl Fn() -> io::Result<Metadata>,
    set: impl Fn(Permissions) -> io::Result<()>,
) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if metadata()?.permissions().mode() & mode == mode { Ok(()) } else { set(Permissions::from_mode(mode)) }
}

#[cfg(not(unix))]
fn give(
    _mode: u32,
    _metadata: impl Fn() -> io::Result<Metadata>,
    _set: impl Fn(Permissions) -> io::Result<()>,
) -> io::Result<()> {
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
