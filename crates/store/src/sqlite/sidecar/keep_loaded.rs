//! Keeps the code of the user's copy of SQLite in memory.

use std::ffi::c_void;

/// Keeps the image (a `.node` file, or the program itself) that `address` lies in.
///
/// A worker's end unloads the add-ons that only it used (seen with better-sqlite3 13 on Node 24). If our writer
/// thread is inside SQLite at that moment, its code would vanish.
#[cfg(unix)]
pub fn keep_loaded(address: *const c_void) {
    // SAFETY: `dladdr` only writes `info`, for which all zeroes is a valid value; the name that it stores lives as long
    // as the image, which our caller's function pointers come from. NOLOAD opens nothing new, and the handle is leaked
    // on purpose: the image must stay.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(address, &mut info) != 0 && !info.dli_fname.is_null() {
            libc::dlopen(info.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
        }
    }
}

/// Untested: no Windows machine has run it.
#[cfg(windows)]
pub fn keep_loaded(address: *const c_void) {
    const FROM_ADDRESS_PINNED: u32 = 0x4 | 0x1;
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }
    let mut module = std::ptr::null_mut();
    // SAFETY: with FROM_ADDRESS the second argument is any address inside the image; the out-pointer is valid.
    unsafe { GetModuleHandleExW(FROM_ADDRESS_PINNED, address, &mut module) };
}

/// Returns the file that the image with `address` was loaded from.
#[cfg(unix)]
pub fn image_of(address: *const c_void) -> Option<String> {
    // SAFETY: as in `keep_loaded`; the name is NUL-terminated.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(address, &mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        std::ffi::CStr::from_ptr(info.dli_fname).to_str().ok().map(str::to_owned)
    }
}

/// Untested: no Windows machine has run it.
#[cfg(windows)]
pub fn image_of(address: *const c_void) -> Option<String> {
    const FROM_ADDRESS_UNCOUNTED: u32 = 0x4 | 0x2;
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
        fn GetModuleFileNameW(module: *mut c_void, name: *mut u16, size: u32) -> u32;
    }
    let mut module = std::ptr::null_mut();
    let mut name = [0_u16; 4096];
    // SAFETY: as in `keep_loaded`; the buffer has the size that is passed.
    let length = unsafe {
        GetModuleHandleExW(FROM_ADDRESS_UNCOUNTED, address, &mut module);
        GetModuleFileNameW(module, name.as_mut_ptr(), 4096)
    };
    String::from_utf16(name.get(..length as usize)?).ok().filter(|name| !name.is_empty())
}
