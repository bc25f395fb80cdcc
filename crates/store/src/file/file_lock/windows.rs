//! `LockFileEx` on one byte far behind the end of any file. The standard library locks the whole file, which would keep others
//! from reading it meanwhile.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use crate::file::passing_denial::wait_out;

const FAIL_IMMEDIATELY: u32 = 1;
const EXCLUSIVE: u32 = 2;

/// The numbers of the system's errors.
const INVALID_FUNCTION: i32 = 1;
const LOCK_VIOLATION: i32 = 33;
const NOT_SUPPORTED: i32 = 50;
const IO_PENDING: i32 = 997;

/// The system's `OVERLAPPED`: here it only says where the byte is.
#[repr(C)]
struct Overlapped {
    internal: [usize; 2],
    offset: u32,
    offset_high: u32,
    event: *mut c_void,
}

/// Returns the place of a byte far behind the end of any file.
fn byte(offset: u32) -> Overlapped {
    Overlapped { internal: [0, 0], offset, offset_high: 0x4000_0000, event: std::ptr::null_mut() }
}

/// The system's `BY_HANDLE_FILE_INFORMATION`.
#[repr(C)]
struct Information {
    attributes: u32,
    times: [u32; 6],
    volume: u32,
    size: [u32; 2],
    links: u32,
    index: [u32; 2],
}

#[link(name = "kernel32")]
unsafe extern "system" {
    fn LockFileEx(file: *mut c_void, flags: u32, reserved: u32, low: u32, high: u32, at: *mut Overlapped) -> i32;
    fn UnlockFileEx(file: *mut c_void, reserved: u32, low: u32, high: u32, at: *mut Overlapped) -> i32;
    fn GetFileInformationByHandle(file: *mut c_void, information: *mut Information) -> i32;
}

pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

pub fn open_to_write(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true).write(true))
}

/// As [`open_to_write`]; the file is made.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
}

fn open_with(path: &Path, options: &OpenOptions) -> io::Result<File> {
    wait_out(path, || options.open(path))
}

/// Returns false if somebody else has the lock.
pub fn try_lock(file: &File) -> io::Result<bool> {
    try_lock_byte(file, 0)
}

/// As [`try_lock`], for one of many locks of a file. It ends with the handle.
pub fn try_lock_byte(file: &File, offset: u32) -> io::Result<bool> {
    let mut byte = byte(offset);
    // SAFETY: the handle is open as long as `file` is; `byte` lives longer than the call, which never waits.
    if unsafe { LockFileEx(file.as_raw_handle(), EXCLUSIVE | FAIL_IMMEDIATELY, 0, 1, 0, &mut byte) } != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(LOCK_VIOLATION | IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}

pub fn unlock(file: &File) -> io::Result<()> {
    let mut byte = byte(0);
    // SAFETY: as in `try_lock_byte`.
    match unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &mut byte) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Returns whether this is the error of a file system that has no such lock.
pub fn means_no_locks(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(INVALID_FUNCTION | NOT_SUPPORTED))
}

/// Tells a file from every other one as long as it is open.
pub fn identity(file: &File) -> io::Result<(u32, [u32; 2])> {
    let mut information = MaybeUninit::<Information>::uninit();
    // SAFETY: the handle is open as long as `file` is, and `information` has the layout that the system fills.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), information.as_mut_ptr()) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has succeeded, so that all of it is filled.
    let Information { volume, index, .. } = unsafe { information.assume_init() };
    Ok((volume, index))
}

pub fn identity_at(path: &Path) -> io::Result<(u32, [u32; 2])> {
    identity(&File::open(path)?)
}
