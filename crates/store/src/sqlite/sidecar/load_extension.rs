//! How the user's copy of SQLite hands over its functions: it loads this addon as an extension.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

use rusqlite::ffi::{self, sqlite3 as Db};

use super::api::{Api, Routines};
use super::keep_loaded;
use super::user_connection::UserConnection;

/// The name of the entry point, for callers that can pass one.
pub const ENTRY: &str = "sqlite3_flowkitstorage_init";

/// The result of an extension that stays loaded. Otherwise SQLite would keep a handle for each load, and unload the extension
/// with the connection.
const OK_LOAD_PERMANENTLY: c_int = ffi::SQLITE_OK | (1 << 8);

/// Loading is synchronous on the JavaScript thread, so each thread has its own state.
enum Capture {
    /// We did not ask: the application loads this addon by itself.
    Unexpected,
    Expected,
    Captured(Box<Result<UserConnection, String>>),
}

thread_local! {
    static CAPTURE: Cell<Capture> = const { Cell::new(Capture::Unexpected) };
}

/// Calls `load` with the path and the entry point of this addon. Returns the result of that, and the connection that loaded
/// the addon during the call, or why none did.
pub fn capture_connection<T>(load: impl FnOnce(&str, &str) -> T) -> (T, Result<UserConnection, String>) {
    let Some(path) = keep_loaded::image_of(sqlite3_flowkitstorage_init as *const c_void) else {
        return (load("", ENTRY), Err("the addon does not know its own file".into()));
    };
    CAPTURE.set(Capture::Expected);
    // Also if `load` panics, no connection is captured afterwards.
    let _guard = Disarm;
    let result = load(&path, ENTRY);
    match CAPTURE.replace(Capture::Unexpected) {
        Capture::Captured(user) => (result, *user),
        _ => (result, Err("loadExtension did not reach this addon".into())),
    }
}

struct Disarm;

impl Drop for Disarm {
    fn drop(&mut self) {
        CAPTURE.set(Capture::Unexpected);
    }
}

/// # Safety
/// Called by SQLite, with the connection that loads the extension and with its own table of functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sqlite3_flowkitstorage_init(db: *mut Db, _: *mut *mut c_char, routines: Routines) -> c_int {
    // SAFETY: as promised to us.
    unsafe { enter(db, routines) }
}

/// The name that SQLite looks for if the caller cannot pass one (node:sqlite).
///
/// # Safety
/// As [`sqlite3_flowkitstorage_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sqlite3_extension_init(db: *mut Db, _: *mut *mut c_char, routines: Routines) -> c_int {
    // SAFETY: as promised to us.
    unsafe { enter(db, routines) }
}

/// # Safety
/// As [`sqlite3_flowkitstorage_init`].
unsafe fn enter(db: *mut Db, routines: Routines) -> c_int {
    if !matches!(CAPTURE.replace(Capture::Unexpected), Capture::Expected) {
        return ffi::SQLITE_ERROR;
    }
    // SAFETY: the table that SQLite gave us; the connection that it is loading us into belongs to this thread. The JavaScript
    // object that asked keeps it open, and the shared writer forgets it when it closes.
    let user = unsafe { Api::copy(routines).map(|api| UserConnection::new(api, db)) };
    CAPTURE.set(Capture::Captured(Box::new(user)));
    OK_LOAD_PERMANENTLY
}
