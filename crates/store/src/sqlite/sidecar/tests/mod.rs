//! The sidecar, with the bundled copy as the copy of the user: its table comes the same way.

mod backups;
mod connections;
mod stores;
mod transaction_hook;
mod write_now;

use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ffi;

use super::super::connection::{Connection, Param, Value};
use super::super::tests::{text, together};
use super::api::{Api, Routines};
use super::connection::{self, SidecarConnection};
use super::store::SidecarStore;
use super::user_connection::UserConnection;
use crate::Store;
use crate::error::ErrorKind;
use crate::sqlite::own_locks;
use crate::sqlite::schema;
use crate::sqlite::statements::Statements;
use crate::sqlite::table::Table;
use crate::testing::{ABSENT, DONE, close, delete, load, operation, run, save};

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

/// The result of loading the extension, to be used while `db` is open.
fn user_connection_of(db: &rusqlite::Connection) -> UserConnection {
    // SAFETY: the bundled copy's own table and connection, used on this thread only. The tests keep to the line above.
    unsafe { UserConnection::new(Api::copy(bundled_routines()).unwrap(), db.handle()) }
}

/// The user's database: a file with the table in it, open on this thread.
struct User {
    _directory: tempfile::TempDir,
    path: PathBuf,
    db: rusqlite::Connection,
}

impl User {
    fn new(journal: &str) -> Self {
        own_locks::install();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("states.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.pragma_update(None, "journal_mode", journal).unwrap();
        db.busy_timeout(Duration::from_secs(2)).unwrap();
        db.execute_batch(&schema::create(&table(&path))).unwrap();
        User { _directory: directory, path, db }
    }

    fn user_connection(&self) -> UserConnection {
        user_connection_of(&self.db)
    }

    fn connection(&self) -> SidecarConnection {
        connection::open(&self.user_connection().target().unwrap().0).map_err(|_| "cannot be opened").unwrap()
    }

    fn store(&self) -> SidecarStore {
        self.store_on(&self.db)
    }

    /// A store beside this connection to the file.
    fn store_on(&self, db: &rusqlite::Connection) -> SidecarStore {
        SidecarStore::new(user_connection_of(db), Box::new(|| {}), &self.path, "conversations".into()).unwrap()
    }

    /// Gives the user's connection a function `mine()`.
    fn add_function(&self) {
        unsafe extern "C" fn one(context: *mut ffi::sqlite3_context, _: c_int, _: *mut *mut ffi::sqlite3_value) {
            // SAFETY: SQLite calls this with a valid context.
            unsafe { ffi::sqlite3_result_int(context, 1) };
        }
        let name = c"mine".as_ptr();
        // SAFETY: an open connection of this thread's; the function has the type for a scalar one and needs no data.
        let code = unsafe {
            let data = std::ptr::null_mut();
            ffi::sqlite3_create_function_v2(
                self.db.handle(),
                name,
                0,
                ffi::SQLITE_UTF8,
                data,
                Some(one),
                None,
                None,
                None,
            )
        };
        assert_eq!(code, ffi::SQLITE_OK);
    }

    fn refusal(&self) -> String {
        self.user_connection().target().err().unwrap()
    }

    fn has(&self, suffix: &str) -> bool {
        Path::new(&format!("{}{suffix}", self.path.display())).exists()
    }
}

fn table(path: &Path) -> Table {
    Table::new(path, "conversations".into())
}
