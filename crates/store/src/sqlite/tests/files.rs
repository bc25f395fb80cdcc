//! The file itself: how it is made, that it is still the same, and what is left beside it.

use std::time::Instant;

use super::*;

#[cfg(unix)]
#[test]
fn the_directory_and_the_file_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let mut place = Place::new();
    place.path = place.directory.path().join("new/deep/states.db");
    run(&place.store(), save("u", "{}")).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path), 0o600);
    assert_eq!(mode(place.path.parent().unwrap()), 0o700);
    assert_eq!(mode(&place.directory.path().join("new")), 0o700);
}

#[test]
fn it_is_wal_and_waits_for_the_disk() {
    let place = Place::new();
    let store = place.store();
    run(&store, save("u", "{}")).unwrap();
    // A connection that closes has the file to itself for a moment.
    close(&store).unwrap();
    let mode: String = place.other().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let mut connection = bundled::open(&place.path, Journal::Wal).unwrap();
    assert_eq!(connection.run("PRAGMA synchronous", &[]).unwrap(), [[Value::Integer(2)]]);
}

#[test]
fn with_a_rollback_journal_its_directory_is_synced_too() {
    let place = Place::new();
    let mut connection = bundled::open(&place.path, Journal::Delete).unwrap();
    assert_eq!(connection.run("PRAGMA journal_mode", &[]).unwrap(), [[Value::Text("delete".into())]]);
    assert_eq!(connection.run("PRAGMA synchronous", &[]).unwrap(), [[Value::Integer(3)]]);
}

#[test]
fn a_path_that_is_a_directory_or_below_a_file_is_refused() {
    let mut place = Place::new();
    let directory = place.directory.path().to_owned();
    place.path = directory.clone();
    assert!(reason(run(&place.store(), load("u"))).contains("is a directory"));
    std::fs::write(directory.join("file"), "").unwrap();
    for below in ["file/states.db", "file/deep/states.db"] {
        place.path = directory.join(below);
        reason(run(&place.store(), save("u", "1")));
    }
}

#[test]
fn names_that_look_like_uris_are_names() {
    let mut place = Place::new();
    place.path = place.directory.path().join("file:x?mode=memory");
    run(&place.store(), save("u", "1")).unwrap();
    assert!(place.path.exists());
}

#[cfg(unix)]
#[test]
fn a_deleted_file_is_made_again() {
    let place = Place::new();
    let store = place.store();
    run(&store, save("u", "1")).unwrap();
    // The -wal stays behind: the new file must not take it for its own.
    std::fs::remove_file(&place.path).unwrap();
    assert_eq!(run(&store, load("u")), ABSENT);
    run(&store, save("v", "2")).unwrap();
    assert!(place.path.exists());
    let count = |sql| place.other().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM conversations"), 1);
    std::fs::remove_dir_all(place.directory.path()).unwrap();
    run(&store, save("w", "3")).unwrap();
    assert_eq!(run(&store, load("w")), text("3"));
}

#[cfg(unix)]
#[test]
fn a_replaced_file_is_opened_anew() {
    let place = Place::new();
    let backup = Place::new();
    run(&backup.store(), save("u", "from the backup")).unwrap();
    close(&backup.store()).unwrap();
    let store = place.store();
    together(&store, (0..50).map(|number| save(&format!("u{number}"), "1")));
    std::fs::rename(&backup.path, &place.path).unwrap();
    assert_eq!(run(&store, load("u")), text("from the backup"));
    assert_eq!(run(&store, load("u1")), ABSENT);
    run(&store, save("v", "2")).unwrap();
    close(&store).unwrap();
    let check: String = place.other().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert_eq!(run(&place.store(), load("v")), text("2"));
}

#[test]
fn release_leaves_only_the_file_and_the_store_goes_on() {
    let place = Place::new();
    let store = place.store();
    store.release(Instant::now() + Duration::from_secs(60));
    run(&store, save("u", "1")).unwrap();
    assert!(place.has("-wal"));
    store.release(Instant::now() + Duration::from_secs(60));
    assert!(!place.has("-wal") && !place.has("-shm"));
    run(&store, save("u", "2")).unwrap();
    assert_eq!(run(&store, load("u")), text("2"));
}

#[test]
fn release_keeps_to_its_deadline() {
    let place = Place::new();
    let (store, _) = place.probed();
    run(&store, save("u", "1")).unwrap();
    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers = submit(&store, [save("u", "2")]);
    std::thread::sleep(Duration::from_millis(20));
    let start = Instant::now();
    store.release(start + Duration::from_millis(100));
    // Long before the writer gives up on the lock.
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_millis(90) && elapsed < Duration::from_secs(50), "{elapsed:?}");
    other.execute_batch("ROLLBACK").unwrap();
    answers.into_iter().next().unwrap().wait().unwrap();
}

#[test]
fn a_database_that_takes_no_writes_still_answers_loads() {
    let place = Place::new();
    run(&place.store(), save("u", "1")).unwrap();
    let (store, probe) = place.probed();
    *probe.after_open.lock() = Some("PRAGMA query_only = 1".into());
    let mut outcomes = together(&store, [save("u", "2"), load("u"), delete("u"), load("u")]);
    assert_eq!(outcomes.pop(), Some(text("1")));
    assert_eq!(told(outcomes.pop().unwrap()), (ErrorKind::Denied, "SQLITE_READONLY".into()));
    assert_eq!(outcomes.pop(), Some(text("1")));
    assert_eq!(told(outcomes.pop().unwrap()), (ErrorKind::Denied, "SQLITE_READONLY".into()));
}

/// Says nothing when run as root, whom no permission stops.
#[cfg(unix)]
#[test]
fn missing_permissions_are_denied() {
    use std::os::unix::fs::PermissionsExt;
    let chmod = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let place = Place::new();
    let directory = place.directory.path();
    run(&place.store(), save("u", "1")).unwrap();
    close(&place.store()).unwrap();
    chmod(&place.path, 0o000);
    if std::fs::File::open(&place.path).is_ok() {
        return;
    }
    assert_eq!(told(run(&place.store(), load("u"))), (ErrorKind::Denied, "SQLITE_CANTOPEN".into()));
    chmod(&place.path, 0o400);
    assert_eq!(told(run(&place.store(), save("u", "2"))), (ErrorKind::Denied, "SQLITE_READONLY".into()));
    assert_eq!(run(&place.store(), load("u")), text("1"));
    chmod(&place.path, 0o600);
    chmod(directory, 0o500);
    let outcome = run(&place.store(), save("u", "2"));
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Denied);
    let fresh = SqliteStore::new(config(&directory.join("new/other.db"), "conversations"));
    assert_eq!(told(run(&fresh, save("u", "2"))), (ErrorKind::Denied, "EACCES".into()));
    chmod(directory, 0o700);
    // The load above left these behind, read-only as their database was.
    for entry in directory.read_dir().unwrap() {
        chmod(&entry.unwrap().path(), 0o600);
    }
    run(&place.store(), save("u", "3")).unwrap();
}
