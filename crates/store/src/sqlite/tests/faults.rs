//! Locks held by others, panics, and files that are no databases.

use super::*;

#[test]
fn a_lock_held_for_a_while_is_waited_for() {
    let place = Place::new();
    let store = place.store();
    run(&store, save("u", "1")).unwrap();
    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let answers = submit(&store, [save("u", "2"), load("u")]);
    std::thread::sleep(Duration::from_millis(300));
    other.execute_batch("ROLLBACK").unwrap();
    let outcomes: Vec<_> = answers.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, text("2")]);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_lock_held_for_ever_is_unavailable_in_a_bounded_time() {
    let place = Place::new();
    let (store, _) = place.impatient();
    run(&store, save("u", "1")).unwrap();
    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let mut outcomes = together(&store, (0..300).map(|_| save("u", "2")).chain([load("u")]));
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(60), "each of them waited: {:?}", start.elapsed());
    assert_eq!(outcomes.pop(), Some(text("1")), "a load needs no write lock");
    for outcome in outcomes {
        assert_eq!(told(outcome), (ErrorKind::Unavailable, "SQLITE_BUSY".into()));
    }
    other.execute_batch("ROLLBACK").unwrap();
    run(&store, save("u", "3")).unwrap();
    assert_eq!(run(&store, load("u")), text("3"));
}

#[test]
fn a_file_locked_whole_is_unavailable_for_loads_too() {
    let place = Place::new();
    let other = place.other();
    other.execute_batch("CREATE TABLE x (y); BEGIN EXCLUSIVE").unwrap();
    let (store, _) = place.impatient();
    for outcome in together(&store, [load("a"), save("b", "1"), load("c")]) {
        assert_eq!(told(outcome), (ErrorKind::Unavailable, "SQLITE_BUSY".into()));
    }
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(run(&store, save("b", "2")), DONE);
}

#[test]
fn a_commit_kept_waiting_by_a_reader_is_repeated() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, load("u")).unwrap();
    let busy = SqliteError::new(ffi::SQLITE_BUSY, "database is locked");
    probe.failing_commits.lock().extend([busy.clone(), busy.clone(), busy]);
    assert_eq!(together(&store, [save("u", "1"), load("u")]), [DONE, text("1")]);
    assert_eq!(probe.commits(), 1);
}

#[test]
fn without_wal_a_reader_delays_the_commit_and_no_more() {
    let place = Place::new();
    let reader = place.other();
    reader.execute_batch("CREATE TABLE x (y); INSERT INTO x VALUES (1); BEGIN; SELECT * FROM x").unwrap();
    // The reader keeps the file from becoming WAL.
    let store = place.store();
    let answers = submit(&store, [save("u", "1"), load("u")]);
    std::thread::sleep(Duration::from_millis(300));
    reader.execute_batch("COMMIT").unwrap();
    let outcomes: Vec<_> = answers.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, text("1")]);
}

#[test]
fn a_connection_that_keeps_itself_out_is_replaced() {
    let place = Place::new();
    let (store, probe) = place.impatient();
    run(&store, save("a", "1")).unwrap();
    // As where SQLite could not give a lock back: it believes ever after that somebody has it.
    probe.stuck.store(true, Ordering::SeqCst);
    assert_eq!(told(run(&store, save("a", "2"))), (ErrorKind::Unavailable, "SQLITE_BUSY".into()));
    assert_eq!(run(&store, save("a", "3")), DONE);
    assert_eq!(run(&store, load("a")), text("3"));
    assert_eq!(probe.opens(), 2);
}

#[test]
fn after_an_io_error_the_log_is_emptied_before_anything_is_added_to_it() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, save("a", "1")).unwrap();
    probe.failing_commits.lock().push_back(SqliteError::new(ffi::SQLITE_IOERR_FSYNC, "disk I/O error"));
    assert_eq!(told(run(&store, save("a", "2"))), (ErrorKind::Unavailable, "SQLITE_IOERR_FSYNC".into()));
    probe.executed.lock().clear();
    assert_eq!(run(&store, load("a")), text("1"));
    assert!(probe.executed.lock().is_empty(), "a load adds nothing");
    run(&store, save("a", "3")).unwrap();
    assert_eq!(*probe.executed.lock(), ["PRAGMA wal_checkpoint(TRUNCATE)", "BEGIN IMMEDIATE"]);
    run(&store, save("a", "4")).unwrap();
    assert_eq!(probe.executed.lock().len(), 3, "once is enough");
}

#[test]
fn a_panic_rejects_its_batch_and_the_writer_lives_on() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, save("a", "1")).unwrap();
    for outcome in together(&store, [save("a", "2"), save("panic", "3")]) {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Internal);
        assert!(error.cause.unwrap().message.contains("as the test wants it"));
    }
    assert_eq!(run(&store, load("a")), text("1"));
    assert_eq!(probe.opens(), 2);
}

#[test]
fn what_is_no_database_is_corrupt_and_left_as_it_is() {
    let place = Place::new();
    let junk = "this is no database at all. ".repeat(100);
    std::fs::write(&place.path, &junk).unwrap();
    let store = place.store();
    for request in [load("u"), save("u", "1"), delete("u")] {
        assert_eq!(told(run(&store, request)), (ErrorKind::Corrupt, "SQLITE_NOTADB".into()));
    }
    assert_eq!(std::fs::read_to_string(&place.path).unwrap(), junk);
    std::fs::remove_file(&place.path).unwrap();
    run(&store, save("u", "1")).unwrap();
}

#[test]
fn a_damaged_database_is_corrupt() {
    let place = Place::new();
    place.sql("CREATE TABLE conversations (id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)");
    let mut bytes = std::fs::read(&place.path).unwrap();
    bytes[4096..].fill(0x5a);
    std::fs::write(&place.path, bytes).unwrap();
    let store = place.store();
    assert_eq!(told(run(&store, load("u"))).0, ErrorKind::Corrupt);
    assert_eq!(told(run(&store, save("u", "1"))).0, ErrorKind::Corrupt);
}

#[test]
fn rows_that_hold_no_text_are_corrupt_and_can_be_replaced() {
    let place = Place::new();
    let store = place.store();
    run(&store, load("u")).unwrap();
    place.sql(
        "PRAGMA ignore_check_constraints = 1; DROP TABLE conversations;
         CREATE TABLE conversations (id TEXT PRIMARY KEY, state BLOB, updated_at INTEGER);
         INSERT INTO conversations VALUES ('null', NULL, 1), ('blob', x'7b7d', 1), ('number', 5, 1),
         ('latin', CAST(x'22e922' AS TEXT), 1), ('empty', '', 1)",
    );
    for (id, what) in [("null", "NULL"), ("blob", "a BLOB"), ("number", "a number"), ("latin", "not UTF-8")] {
        let error = run(&store, load(id)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        for part in [what, id, "table \"conversations\" of", "states.db"] {
            assert!(error.reason.contains(part), "{}", error.reason);
        }
        run(&store, save(id, "{}")).unwrap();
        assert_eq!(run(&store, load(id)), text("{}"));
    }
    assert_eq!(run(&store, load("empty")), text(""));
}
