//! Pauses our writer while the user runs a transaction, on every connection to that file that we know about.
//!
//! These are the connections that storages were given, and those that the same thread opens later: SQLite reports each
//! connection that is opened, in whatever thread, through `sqlite3_auto_extension`. Connections that were open before remain
//! unknown.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rusqlite::ffi::{self, sqlite3 as Db, sqlite3_api_routines};

use super::api::{Api, Routines};
use super::backups;
use super::statement_kind::{self, Kind};

/// The writer beside one of the user's connections, as this hook needs it.
pub trait PauseWriter {
    /// Returns the user's copy of SQLite.
    fn api(&self) -> &Api;

    /// Returns the file's name, as the user's connection knows it.
    fn filename(&self) -> &CStr;

    /// Blocks until everything called so far is done, because a statement is about to begin that our writes would disturb.
    /// `disconnect`: closes our connections, too.
    fn drain_writer(&self, disconnect: bool);
}

thread_local! {
    /// The writers whose user's connections belong to this thread, and are open.
    static WRITERS: RefCell<Vec<Weak<dyn PauseWriter>>> = const { RefCell::new(Vec::new()) };
}

/// A copy of SQLite in this process. There may be several: two versions of better-sqlite3, and Node's own.
struct Image {
    /// Never freed: connections keep its address while they live, also without any writer.
    api: &'static Api,
    /// While there are any, in whatever thread, the copy reports new connections.
    writers: usize,
}

static IMAGES: Mutex<Vec<Image>> = Mutex::new(Vec::new());

/// From now on pauses `writer` for `db`, which belongs to this thread, and for what this thread opens later.
///
/// # Safety
/// `db` is an open connection of the writer's copy of SQLite that belongs to this thread.
pub unsafe fn begin(writer: Arc<dyn PauseWriter>, db: *mut Db) {
    let api = writer.api();
    let mut images = IMAGES.lock();
    let known = images.iter().position(|image| image.api.is(api)).unwrap_or_else(|| {
        images.push(Image { api: Box::leak(Box::new(*api)), writers: 0 });
        images.len() - 1
    });
    let image = &mut images[known];
    image.writers += 1;
    // SAFETY: an entry point as SQLite wants it. Its code is never unloaded, as `load_extension` has told SQLite. Registered
    // twice it still counts once. Without memory for it, later connections are not watched.
    unsafe { (api.auto_extension)(Some(on_open)) };
    // SAFETY: as promised.
    unsafe { watch(image.api, db) };
    let _ = WRITERS.try_with(|writers| writers.borrow_mut().push(Arc::downgrade(&writer)));
}

/// Undoes [`begin`], if that was called. To be called on the same thread.
pub fn end(writer: &dyn PauseWriter) {
    let is_other = |known: &Weak<dyn PauseWriter>| !ptr::addr_eq(known.as_ptr(), writer);
    let was_known = WRITERS.try_with(|writers| {
        let mut writers = writers.borrow_mut();
        let before = writers.len();
        writers.retain(is_other);
        writers.len() < before
    });
    if was_known != Ok(true) {
        return;
    }
    let api = writer.api();
    let mut images = IMAGES.lock();
    let Some(image) = images.iter_mut().find(|image| image.api.is(api)) else { return };
    image.writers -= 1;
    if image.writers == 0 {
        // SAFETY: SQLite only compares the address.
        unsafe { (api.cancel_auto_extension)(Some(on_open)) };
    }
}

/// # Safety
/// `db` is an open connection of `api`'s copy of SQLite that belongs to this thread.
unsafe fn watch(api: &'static Api, db: *mut Db) {
    let context = ptr::from_ref(api).cast_mut().cast();
    // SAFETY: as promised; `on_statement` is the callback for SQLITE_TRACE_STMT, and its context is never freed.
    unsafe { (api.trace)(db, ffi::SQLITE_TRACE_STMT as c_uint, Some(on_statement), context) };
}

/// Returns the writers of this thread on the file that `db` has open.
///
/// # Safety
/// `db` is an open connection of `api`'s copy of SQLite that belongs to this thread.
unsafe fn writers_of(api: &Api, db: *mut Db) -> Vec<Arc<dyn PauseWriter>> {
    // SAFETY: as promised; the result is null or a text that lives as long as the connection.
    let filename = unsafe {
        let name = (api.db_filename)(db, c"main".as_ptr());
        if name.is_null() { c"" } else { CStr::from_ptr(name) }
    };
    let is_there = |writer: &Arc<dyn PauseWriter>| writer.api().is(api) && writer.filename() == filename;
    // If the thread is ending, it has none any more.
    let found =
        WRITERS.try_with(|writers| writers.borrow().iter().filter_map(Weak::upgrade).filter(is_there).collect());
    found.unwrap_or_default()
}

/// Called by SQLite within the opening of any connection of any thread.
unsafe extern "C" fn on_open(db: *mut Db, _: *mut *mut c_char, routines: *const sqlite3_api_routines) -> c_int {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if WRITERS.try_with(|writers| writers.borrow().is_empty()) != Ok(false) {
            return;
        }
        // SAFETY: SQLite passes its own table.
        let is_of = |image: &&Image| unsafe { image.api.is_of(routines as Routines) };
        let Some(api) = IMAGES.lock().iter().find(is_of).map(|image| image.api) else { return };
        // SAFETY: the connection is open, and only we and the caller know it, on this thread.
        unsafe {
            backups::opened(api, db);
            if !writers_of(api, db).is_empty() {
                watch(api, db);
            }
        }
    }));
    // Anything else would fail the opening.
    ffi::SQLITE_OK
}

/// Called by SQLite when a statement of the user begins, on the thread of its connection.
unsafe extern "C" fn on_statement(_: c_uint, api: *mut c_void, statement: *mut c_void, _: *mut c_void) -> c_int {
    let _ = catch_unwind(|| {
        // SAFETY: `watch` gave the address, of what is never freed.
        let api = unsafe { &*api.cast::<Api>() };
        // SAFETY: SQLite passes the statement that begins.
        let sql = unsafe {
            let sql = (api.sql)(statement.cast());
            if sql.is_null() { c"" } else { CStr::from_ptr(sql) }
        };
        let kind = statement_kind::kind(sql.to_bytes());
        if kind == Kind::Other {
            return;
        }
        // SAFETY: as above; its connection is open.
        let db = unsafe { (api.db_handle)(statement.cast()) };
        // SAFETY: as above.
        if unsafe { (api.get_autocommit)(db) == 0 } {
            return;
        }
        // SAFETY: as above; a connection is used by one thread.
        for writer in unsafe { writers_of(api, db) } {
            writer.drain_writer(kind == Kind::NeedsExclusiveFile);
        }
    });
    0
}
