//! The connection on its own, and what the owner is asked before there is one.

use super::*;

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
    let owner = unsafe { UserConnection::new(Api::copy(bundled_routines()).unwrap(), memory.handle()) };
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
