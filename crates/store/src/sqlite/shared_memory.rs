//! Finds out whether a volume has the shared memory that a WAL needs, without touching the database.

use std::path::Path;

/// Returns `false` if files beside the database at `path` cannot be mapped, as on some network and FUSE file systems. A switch
/// to WAL would succeed there and every operation after it would fail, also those of other processes.
#[cfg(unix)]
pub fn is_available_beside(path: &Path) -> bool {
    use std::os::fd::AsRawFd;
    const LENGTH: usize = 4096;
    // Without a name, so that nothing of it can stay behind. If it cannot be made, SQLite tells why.
    let made = path.parent().and_then(|directory| tempfile::tempfile_in(directory).ok());
    let Some(file) = made.filter(|file| file.set_len(LENGTH as u64).is_ok()) else { return true };
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a mapping at an address of the system's choice; nothing reads or writes it.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), LENGTH, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED {
        return std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM);
    }
    // SAFETY: mapped just now, with this length; nothing refers to it.
    unsafe { libc::munmap(address, LENGTH) };
    true
}

/// Windows maps files on every volume that it can lock them on.
#[cfg(not(unix))]
pub fn is_available_beside(_path: &Path) -> bool {
    true
}
