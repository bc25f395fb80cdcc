//! The host connection against the bundled copy in the part of the user's: its table comes the same way.

use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ffi;

use super::super::connection::{Connection, Stored};
use super::super::tests::{text, together};
use super::api::{Api, Routines};
use super::connection::{self, HostConnection};
use super::owner::Owner;
use super::store::HostStore;
use crate::store::error::ErrorKind;
use crate::store::sqlite::table::Table;
use crate::store::testing::{load, operation, run, save};
use crate::store::{Request, Store};

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

/// The user's database: a file with the table in it, open on this thread.
struct User {
    _directory: tempfile::TempDir,
    path: PathBuf,
    db: rusqlite::Connection,
}

impl User {
    fn new(journal: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("states.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.pragma_update(None, "journal_mode", journal).unwrap();
        db.busy_timeout(Duration::from_secs(2)).unwrap();
        db.execute_batch(&table(&path).create).unwrap();
        User { _directory: directory, path, db }
    }

    fn owner(&self) -> Owner {
        // SAFETY: the bundled copy's own table and connection, used on this thread as long as `self` lives.
        unsafe { Owner::new(Api::copy(bundled_routines()).unwrap(), self.db.handle()) }
    }

    fn connection(&self) -> HostConnection {
        connection::open(&self.owner().target().unwrap().0).map_err(|_| "cannot be opened").unwrap()
    }

    fn store(&self) -> HostStore {
        HostStore::new(self.owner(), Box::new(|| {}), &self.path, "conversations".into()).unwrap()
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
        self.owner().target().err().unwrap()
    }

    fn has(&self, suffix: &str) -> bool {
        Path::new(&format!("{}{suffix}", self.path.display())).exists()
    }
}

fn table(path: &Path) -> Table {
    Table::new(path, "conversations".into())
}

#[test]
fn it_stores_loads_and_deletes() {
    let user = User::new("WAL");
    let (mut connection, table) = (user.connection(), table(&user.path));
    connection.probe(&table).unwrap();
    assert_eq!(connection.get(&table, "a\0b"), Ok(Stored::Nothing));
    let long = "é\u{1F4AC}".repeat(100_000);
    for text in ["{}", "", long.as_str()] {
        connection.upsert(&table, "a\0b", text, 1).unwrap();
        assert_eq!(connection.get(&table, "a\0b"), Ok(Stored::Text(text.into())));
    }
    user.db.execute_batch("UPDATE conversations SET state = x'ff'").unwrap();
    assert_eq!(connection.get(&table, "a\0b"), Ok(Stored::Foreign("a BLOB")));
    connection.delete(&table, "a\0b").unwrap();
    assert_eq!(connection.get(&table, "a\0b"), Ok(Stored::Nothing));
    let rows = connection.query("SELECT 1, NULL, 'x' || ?", "y").unwrap();
    assert_eq!(rows, [["1".to_owned(), String::new(), "xy".to_owned()]]);
}

#[test]
fn it_sees_the_locks_of_the_owner() {
    let user = User::new("DELETE");
    let mut connection = user.connection();
    user.db.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(connection.begin().unwrap_err().primary(), ffi::SQLITE_BUSY);
    user.db.execute_batch("COMMIT").unwrap();
    connection.begin().unwrap();
    assert!(connection.in_transaction());
    assert!(user.db.execute_batch("BEGIN IMMEDIATE").is_err());
    connection.rollback().unwrap();
}

#[test]
fn an_error_leaves_neither_a_statement_nor_a_lock_behind() {
    let user = User::new("DELETE");
    let mut connection = user.connection();
    assert_eq!(connection.execute("SELECT nonsense").unwrap_err().code, ffi::SQLITE_ERROR);
    connection.execute("CREATE TABLE unique_one (x UNIQUE)").unwrap();
    connection.execute("INSERT INTO unique_one VALUES (1)").unwrap();
    let failure = connection.execute("INSERT INTO unique_one VALUES (1)").unwrap_err();
    assert_eq!(failure.code, ffi::SQLITE_CONSTRAINT_UNIQUE, "{}", failure.message);
    drop(connection);
    // Nobody else has the file open.
    user.db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT").unwrap();
}

#[test]
fn settings_are_those_of_the_owner() {
    let user = User::new("WAL");
    user.db.execute_batch("PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON").unwrap();
    let mut connection = user.connection();
    for (pragma, value) in [("synchronous", "3"), ("foreign_keys", "1"), ("secure_delete", "1")] {
        let sql = format!("SELECT {pragma} FROM pragma_{pragma} WHERE ? = ''");
        assert_eq!(connection.query(&sql, "").unwrap(), [[value]], "{pragma}");
    }
}

#[test]
fn what_is_not_safe_is_refused() {
    let memory = rusqlite::Connection::open_in_memory().unwrap();
    // SAFETY: as in `User::owner`.
    let owner = unsafe { Owner::new(Api::copy(bundled_routines()).unwrap(), memory.handle()) };
    assert!(owner.target().err().unwrap().contains("not a file"));
    let user = User::new("DELETE");
    user.db.execute_batch("PRAGMA locking_mode = EXCLUSIVE").unwrap();
    assert!(user.refusal().contains("EXCLUSIVE"));
    user.db.execute_batch("PRAGMA locking_mode = NORMAL; SELECT * FROM conversations").unwrap();
    user.owner().target().map_err(|reason| panic!("{reason}")).unwrap();
    user.db.busy_timeout(Duration::from_millis(50)).unwrap();
    assert!(user.refusal().contains("50 ms"));
    std::fs::rename(&user.path, user.path.with_extension("moved")).unwrap();
    assert!(user.refusal().contains("moved"));
}

#[test]
fn the_owners_close_waits_for_the_writer_and_is_the_last() {
    let user = User::new("WAL");
    let store = user.store();
    let (operations, answers): (Vec<_>, Vec<_>) =
        (0..500).map(|number| operation(save(&number.to_string(), "1"))).unzip();
    store.submit(operations);
    let User { _directory, path, db } = user;
    db.close().unwrap();
    assert!(!path.with_extension("db-wal").exists() && !path.with_extension("db-shm").exists());
    for answer in answers {
        answer.wait().unwrap();
    }
    assert_eq!(run(&store, load("1")).unwrap_err().kind, ErrorKind::Closed);
    assert_eq!(run(&store, Request::Close), Ok(None));
    let count: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM conversations", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 500);
}

#[test]
fn stores_on_one_connection_share_its_writer_and_a_transaction_waits_for_it() {
    let user = User::new("DELETE");
    let (one, other) = (user.store(), user.store());
    for round in 0..50 {
        let (operation, answer) = operation(save("u", &round.to_string()));
        one.submit(vec![operation]);
        user.db.execute_batch("BEGIN").unwrap();
        let found: String = user.db.query_row("SELECT state FROM conversations", [], |row| row.get(0)).unwrap();
        assert_eq!(found, round.to_string());
        user.db.execute_batch("COMMIT").unwrap();
        answer.wait().unwrap();
        assert_eq!(run(&other, load("u")), text(&round.to_string()));
    }
    assert!(!user.has("-journal"));
}

#[test]
fn what_the_guest_cannot_do_is_given_back_with_all_that_follows() {
    let user = User::new("WAL");
    let store = user.store();
    run(&store, save("a", "0")).unwrap();
    user.add_function();
    user.db
        .execute_batch(
            "CREATE TRIGGER t AFTER UPDATE ON conversations WHEN new.id = 'b' BEGIN SELECT mine(); END;
             INSERT INTO conversations VALUES ('b', '0', 1)",
        )
        .unwrap();
    let requests = [save("a", "1"), save("b", "1"), load("a"), save("c", "1")];
    for outcome in together(&store, requests) {
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Returned);
    }
    assert_eq!(run(&store, load("a")).unwrap_err().kind, ErrorKind::Returned);
    let ids: Vec<_> = store
        .take_returned()
        .into_iter()
        .map(|request| match request {
            Request::Save { id, .. } | Request::Load { id } | Request::Delete { id } => id,
            Request::Close => String::new(),
        })
        .collect();
    assert_eq!(ids, ["a", "b", "a", "c", "a"]);
    assert!(store.why_returned().unwrap().contains("mine"));
    let state: String =
        user.db.query_row("SELECT state FROM conversations WHERE id = 'a'", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "0", "none of the batch has taken effect");
}
