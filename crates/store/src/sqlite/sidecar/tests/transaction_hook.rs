//! Transactions on the user's other connections to the file.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::api::EntryPoint;
use super::*;

/// Again and again: save without waiting, then find it in a transaction on `db`, and write there.
fn sees_what_was_called_before(db: &rusqlite::Connection, store: &SidecarStore) {
    for round in 0..50 {
        let (operation, answer) = operation(save("u", &round.to_string()));
        store.submit(vec![operation]);
        db.execute_batch("BEGIN").unwrap();
        let found: String = db.query_row("SELECT state FROM conversations", [], |row| row.get(0)).unwrap();
        assert_eq!(found, round.to_string());
        // Fails, without any wait, where someone has committed since the read.
        db.execute_batch("UPDATE conversations SET updated_at = 1; COMMIT").unwrap();
        answer.wait().unwrap();
    }
}

#[test]
fn a_transaction_on_a_connection_opened_later_waits_for_the_writer() {
    let user = User::new("WAL");
    let store = user.store();
    let later = rusqlite::Connection::open(&user.path).unwrap();
    sees_what_was_called_before(&later, &store);
    drop(later);
    sees_what_was_called_before(&user.db, &store);
    let User { _directory, path, db } = user;
    // Nothing is left to wait for.
    let later = rusqlite::Connection::open(path).unwrap();
    db.close().unwrap();
    later.execute_batch("BEGIN; UPDATE conversations SET updated_at = 2; COMMIT").unwrap();
}

#[test]
fn a_transaction_on_one_of_two_given_connections_waits_for_both_writers() {
    let user = User::new("WAL");
    let other = rusqlite::Connection::open(&user.path).unwrap();
    let (one, two) = (user.store(), user.store_on(&other));
    sees_what_was_called_before(&other, &one);
    sees_what_was_called_before(&user.db, &two);
    other.close().unwrap();
    sees_what_was_called_before(&user.db, &one);
}

#[test]
fn a_transaction_on_another_file_does_not_wait() {
    let (user, other) = (User::new("WAL"), User::new("WAL"));
    let store = user.store();
    let elsewhere = rusqlite::Connection::open(&other.path).unwrap();
    run(&store, save("u", "1")).unwrap();
    let lock = rusqlite::Connection::open(&user.path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (operation, answer) = operation(save("u", "2"));
    store.submit(vec![operation]);
    elsewhere.execute_batch("BEGIN").unwrap();
    lock.execute_batch("COMMIT").unwrap();
    // Had it waited, it would have waited until this was given up.
    answer.wait().unwrap();
}

/// Returns whether SQLite was asked to tell of new connections.
static IS_ASKED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn ask(_: Option<EntryPoint>) -> c_int {
    IS_ASKED.store(true, Ordering::Relaxed);
    ffi::SQLITE_OK
}

unsafe extern "C" fn cancel(_: Option<EntryPoint>) -> c_int {
    IS_ASKED.store(false, Ordering::Relaxed);
    ffi::SQLITE_OK
}

unsafe extern "C" fn open(name: *const c_char, db: *mut *mut ffi::sqlite3, flags: c_int, vfs: *const c_char) -> c_int {
    // SAFETY: as promised to this function.
    unsafe { ffi::sqlite3_open_v2(name, db, flags, vfs) }
}

#[test]
fn sqlite_is_asked_as_long_as_there_is_a_connection_of_the_users() {
    let user = User::new("WAL");
    let other = rusqlite::Connection::open(&user.path).unwrap();
    // By its function to open it seems to be a copy of its own, which no other test uses.
    let api = Api { open, auto_extension: ask, cancel_auto_extension: cancel, ..user.user_connection().api };
    let make = |db: &rusqlite::Connection| {
        // SAFETY: as in `user_connection_of`.
        let user_connection = unsafe { UserConnection::new(api, db.handle()) };
        SidecarStore::new(user_connection, Box::new(|| {}), &user.path, "conversations".into()).unwrap()
    };
    let (_one, _two) = (make(&user.db), make(&other));
    assert!(IS_ASKED.load(Ordering::Relaxed));
    other.close().unwrap();
    assert!(IS_ASKED.load(Ordering::Relaxed));
    drop(user.db);
    assert!(!IS_ASKED.load(Ordering::Relaxed));
}
