//! The connection on its own, and what the user's connection is asked before there is one.

use super::*;

#[test]
fn it_stores_loads_and_deletes() {
    let user = User::new("WAL");
    let (mut connection, statements) = (user.connection(), Statements::new(table(&user.path)));
    connection.probe(&statements).unwrap();
    let mut run = |request| statements.perform(&mut connection, &request).unwrap();
    assert_eq!(run(load("a\0b")), ABSENT);
    let long = "é\u{1F4AC}".repeat(100_000);
    for state in ["{}", "", long.as_str()] {
        assert_eq!(run(save("a\0b", state)), DONE);
        assert_eq!(run(load("a\0b")), text(state));
    }
    for (value, found) in [("x'ff'", "a BLOB"), ("CAST(x'22e922' AS TEXT)", "not UTF-8"), ("x'00'", "a BLOB")] {
        user.db.execute_batch(&format!("UPDATE conversations SET state = {value}")).unwrap();
        let reason = run(load("a\0b")).unwrap_err().reason;
        assert!(reason.contains(found), "{reason}");
    }
    assert_eq!(run(delete("a\0b")), DONE);
    assert_eq!(run(load("a\0b")), ABSENT);
    let rows =
        connection.run("SELECT 7, NULL, 'x' || ?, 0.5, x'', CAST(x'78ff' AS TEXT)", &[Param::Text("y")]).unwrap();
    let invalid = Value::InvalidText("x\u{fffd}".into());
    assert_eq!(rows, [[Value::Integer(7), Value::Null, Value::Text("xy".into()), Value::Real, Value::Blob, invalid]]);
}

#[test]
fn it_sees_the_locks_of_the_user() {
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
fn settings_are_those_of_the_user() {
    let user = User::new("WAL");
    user.db.execute_batch("PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON").unwrap();
    let mut connection = user.connection();
    for (pragma, value) in [("synchronous", 3), ("foreign_keys", 1), ("secure_delete", 1)] {
        assert_eq!(connection.run(&format!("PRAGMA {pragma}"), &[]).unwrap(), [[Value::Integer(value)]], "{pragma}");
    }
}

#[test]
fn what_is_not_safe_is_refused() {
    let memory = rusqlite::Connection::open_in_memory().unwrap();
    // SAFETY: as in `User::user_connection`.
    let user_connection = unsafe { UserConnection::new(Api::copy(bundled_routines()).unwrap(), memory.handle()) };
    assert!(user_connection.target().err().unwrap().contains("not a file"));
    let user = User::new("DELETE");
    user.db.execute_batch("PRAGMA locking_mode = EXCLUSIVE").unwrap();
    assert!(user.refusal().contains("EXCLUSIVE"));
    user.db.execute_batch("PRAGMA locking_mode = NORMAL; SELECT * FROM conversations").unwrap();
    user.user_connection().target().map_err(|reason| panic!("{reason}")).unwrap();
    user.db.busy_timeout(Duration::from_millis(50)).unwrap();
    assert!(user.refusal().contains("50 ms"));
    std::fs::rename(&user.path, user.path.with_extension("moved")).unwrap();
    assert!(user.refusal().contains("moved"));
}
