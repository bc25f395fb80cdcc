//! The system calls that SQLite makes through us.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::Once;

use rusqlite::ffi;

use super::files::FILES;
use super::system::Owner;

/// Replaces the calls, once, in our copy of SQLite. To be called before it opens its first file: a lock that was taken as one
/// of the process would not be released as one of its descriptor.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set(c"open", open as *const ());
        set(c"close", close as *const ());
        set(c"fcntl", fcntl as *const ());
    });
}

fn set(name: &CStr, function: *const ()) {
    // SAFETY: the VFS is SQLite's own and lives as long as the process. It casts each function back to the type that its
    // name stands for, which is the one below.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(ptr::null());
        let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else { return };
        let function = std::mem::transmute::<*const (), unsafe extern "C" fn()>(function);
        set(vfs, name.as_ptr(), Some(function));
    }
}

/// Opens a file, or takes the descriptor of an earlier time.
extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: SQLite passes a NUL-terminated path, which lives through the call.
    let name = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    if flags & libc::O_EXCL == 0
        && let Some(fd) = FILES.lock().reuse(name, flags & libc::O_ACCMODE)
    {
        return fd;
    }
    // SAFETY: as SQLite itself would call it.
    let fd = unsafe { libc::open(path, flags, mode) };
    // Nothing in between: SQLite looks at `errno`.
    if fd >= 0 {
        FILES.lock().opened(fd, name.to_owned());
    }
    fd
}

extern "C" fn close(fd: c_int) -> c_int {
    FILES.lock().close(fd)
}

/// Locks on behalf of the descriptor instead of the process.
extern "C" fn fcntl(fd: c_int, command: c_int, argument: *mut c_void) -> c_int {
    let ofd = match command {
        libc::F_SETLK => libc::F_OFD_SETLK,
        libc::F_SETLKW => libc::F_OFD_SETLKW,
        libc::F_GETLK => libc::F_OFD_GETLK,
        // SAFETY: as SQLite itself would call it.
        _ => return unsafe { libc::fcntl(fd, command, argument) },
    };
    let range = argument.cast::<libc::flock>();
    // SAFETY: these commands take a `flock` of the caller's, which lives through the call.
    let (holder, owner) = FILES.lock().locks(fd, unsafe { (*range).l_start });
    match owner {
        // SAFETY: as above. OFD locks ask for a process id of 0.
        Owner::Ofd => unsafe {
            (*range).l_pid = 0;
            libc::fcntl(holder, ofd, range)
        },
        // SAFETY: as SQLite itself would call it.
        Owner::Posix => unsafe { libc::fcntl(fd, command, range) },
    }
}
