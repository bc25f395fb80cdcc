//! The host connection against the bundled copy in the part of the user's: its table comes the same way.

use std::cell::Cell;
use std::ffi::c_char;
use std::ffi::c_int;

use rusqlite::ffi;

use super::api::Routines;

thread_local! {
    static TABLE: Cell<Routines> = const { Cell::new(std::ptr::null()) };
}

unsafe extern "C" fn remember(
    _: *mut ffi::sqlite3,
    _: *mut *mut c_char,
    routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    TABLE.set(routines.cast());
    ffi::SQLITE_OK
}

/// The table that the bundled copy hands to extensions.
pub fn bundled_routines() -> Routines {
    // SAFETY: `remember` has the type of an entry point and only stores a pointer, which is to a static.
    unsafe { ffi::sqlite3_auto_extension(Some(remember)) };
    rusqlite::Connection::open_in_memory().unwrap();
    let routines = TABLE.get();
    assert!(!routines.is_null());
    routines
}
