//! How the user's copy of SQLite hands over its functions: it loads this addon as an extension.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

use rusqlite::ffi::{self, sqlite3 as Db};

use super::api::{Api, Routines};
use super::keep_loaded;
use super::user_connection::UserConnection;

/// The name of the entry point, for those who can pass one.
pub const ENTRY: &str = "sqlite3_flowkitstorage_init";

/// What an extension answers that shall stay loaded. Otherwise SQLite would keep a handle for each load, and unload it
/// with the connection.
const OK_LOAD_PERMANENTLY: c_int = ffi::SQLITE_OK | (1 << 8);

/// Loading is synchronous on the JavaScript thread, so that each thread has its own answer.
enum Capture {
    /// Nobody of ours asked: someone loads this addon by hand.
    Unasked,
    Asked,
    Answered(Box<Result<UserConnection, String>>),
}

thread_local! {
    static CAPTURE: Cell<Capture> = const { Cell::new(Capture::Unasked) };
}

/// Calls `load` with the path and the entry point of this addon and answers what it answers, and the connection that
/// loaded it meanwhile, if one did.
pub fn capture_connection<T>(load: impl FnOnce(&str, &str) -> T) -> (T, Result<UserConnection, String>) {
    let Some(path) = keep_loaded::image_of(sqlite3_flowkitstorage_init as *const c_void) else {
        return (load("", ENTRY), Err("the addon does not know its own file".into()));
    };
    CAPTURE.set(Capture::Asked);
    // Whatever happens in `load`, nobody is let in afterwards.
    let _guard = Disarm;
    let answer = load(&path, ENTRY);
    match CAPTURE.replace(Capture::Unasked) {
        Capture::Answered(owner) => (answer, *owner),
        _ => (answer, Err("loadExtension did not reach this addon".into())),
    }
}

struct Disarm;

impl Drop for Disarm {
    fn drop(&mut self) {
        CAPTURE.set(Capture::Unasked);
    }
}

/// # Safety
/// Called by SQLite, with the connection that loads the extension and with its own table of functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sqlite3_flowkitstorage_init(db: *mut Db, _: *mut *mut c_char, routines: Routines) -> c_int {
    // SAFETY: as promised to us.
    unsafe { enter(db, routines) }
}

/// The name that SQLite looks for where the caller cannot pass one (node:sqlite).
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
    if !matches!(CAPTURE.replace(Capture::Unasked), Capture::Asked) {
        return ffi::SQLITE_ERROR;
    }
    // SAFETY: the table that SQLite gave us; the connection that it is loading us into belongs to this thread. Whoever
    // asked keeps it open (`lib/sqlite-host.js` holds it), and the shared forgets it when it closes.
    let owner = unsafe { Api::copy(routines).map(|api| UserConnection::new(api, db)) };
    CAPTURE.set(Capture::Answered(Box::new(owner)));
    OK_LOAD_PERMANENTLY
}
