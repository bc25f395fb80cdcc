//! Reads the names in a directory, also of files that are replaced meanwhile.
//!
//! Btrfs moves a file that is replaced to the end of its directory, behind the place where reading ends that has begun before. So a
//! conversation that is saved again and again would never be seen (measured: in 30 of 154 looks at 5,000 names). Whatever was moved
//! is found by reading on there.

use std::io;
use std::path::Path;

/// How often the end is read again. Each time it is shorter, and so less is moved meanwhile.
#[cfg(target_os = "linux")]
const LOOKS_AT_END: u32 = 3;

/// Calls `each` with the names in a directory, with some perhaps twice.
#[cfg(target_os = "linux")]
pub fn for_each_name(dir: &Path, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut end = Stream::open(dir)?.read(&mut each)?;
    for _ in 0..LOOKS_AT_END {
        let mut stream = Stream::open(dir)?;
        stream.seek(end);
        end = stream.read(&mut each)?.max(end);
    }
    Ok(())
}

/// Calls `each` with the names in a directory.
#[cfg(not(target_os = "linux"))]
pub fn for_each_name(dir: &Path, mut each: impl FnMut(&str)) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        if let Some(name) = entry?.file_name().to_str() {
            each(name);
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
use self::linux::Stream;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{CStr, CString};
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::ptr::NonNull;

    /// An open directory.
    pub struct Stream(NonNull<libc::DIR>);

    impl Stream {
        pub fn open(dir: &Path) -> io::Result<Self> {
            let path = CString::new(dir.as_os_str().as_bytes())?;
            // SAFETY: a path that ends in NUL and lives longer than the call.
            let stream = unsafe { libc::opendir(path.as_ptr()) };
            NonNull::new(stream).map(Stream).ok_or_else(io::Error::last_os_error)
        }

        /// Goes to a place that reading the same directory returned.
        pub fn seek(&mut self, place: i64) {
            // SAFETY: the stream is open. A place that means nothing to the file system yields other names, or none.
            unsafe { libc::seekdir(self.0.as_ptr(), place as libc::c_long) }
        }

        /// Reads to the end. Returns the place of the last name.
        pub fn read(&mut self, mut each: impl FnMut(&str)) -> io::Result<i64> {
            let (mut last, mut next) = (0, 0);
            loop {
                // SAFETY: the number is this thread's own. It tells an error from the end.
                unsafe { *libc::__errno_location() = 0 };
                // SAFETY: the stream is open, and no other thread has it.
                let entry = unsafe { libc::readdir64(self.0.as_ptr()) };
                if entry.is_null() {
                    let error = io::Error::last_os_error();
                    return if error.raw_os_error() == Some(0) { Ok(last) } else { Err(error) };
                }
                // SAFETY: an entry is valid until the next call, and its name ends in NUL. No reference to the whole entry is made:
                // it may be shorter than its type.
                let (name, offset) = unsafe { (CStr::from_ptr((&raw const (*entry).d_name).cast()), (*entry).d_off) };
                (last, next) = (next, offset);
                if let Ok(name) = name.to_str() {
                    each(name);
                }
            }
        }
    }

    impl Drop for Stream {
        fn drop(&mut self) {
            // SAFETY: it is open, and nobody uses it afterwards.
            unsafe { libc::closedir(self.0.as_ptr()) };
        }
    }
}
