//! Writes within the call: when they are refused, and that they never wait for the disk.

use std::time::Instant;

use super::*;
use crate::Request;

/// A user's database in this mode, and a store whose writer has its connection.
fn ready(journal: &str, synchronous: &str) -> (User, SidecarStore) {
    let user = User::new(journal);
    user.db.pragma_update(None, "synchronous", synchronous).unwrap();
    let store = user.store();
    assert!(!store.write_now(&save("u", "0")), "the writer has no connection yet");
    run(&store, save("u", "1")).unwrap();
    (user, store)
}

fn stored(user: &User) -> String {
    user.db.query_row("SELECT state FROM conversations WHERE id = 'u'", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_write_is_done_within_the_call_if_commits_are_not_synced() {
    for synchronous in ["NORMAL", "OFF"] {
        let (user, store) = ready("WAL", synchronous);
        assert!(store.write_now(&save("u", "2")), "{synchronous}");
        assert_eq!(stored(&user), "2");
        assert_eq!(together(&store, [load("u"), save("u", "3")]), [text("2"), DONE]);
        assert!(store.write_now(&delete("u")));
        assert_eq!(run(&store, load("u")), ABSENT);
    }
}

#[test]
fn it_is_left_to_the_writer_if_commits_are_synced() {
    for (journal, synchronous) in [("WAL", "FULL"), ("WAL", "EXTRA"), ("DELETE", "NORMAL"), ("DELETE", "OFF")] {
        let (_user, store) = ready(journal, synchronous);
        assert!(!store.write_now(&save("u", "2")), "{journal} {synchronous}");
        assert_eq!(run(&store, load("u")), text("1"));
    }
}

#[test]
fn what_is_no_small_write_is_left_to_the_writer() {
    let (_user, store) = ready("WAL", "NORMAL");
    assert!(!store.write_now(&save("u", &"x".repeat(40_000))));
    assert!(!store.write_now(&load("u")));
    assert!(!store.write_now(&Request::Append { id: "u".into(), text: "2".into() }));
    assert_eq!(run(&store, load("u")), text("1"));
}

#[test]
fn it_is_refused_while_the_user_is_in_a_transaction_or_reads() {
    let (user, store) = ready("WAL", "NORMAL");
    user.db.execute_batch("BEGIN").unwrap();
    assert!(!store.write_now(&save("u", "2")));
    user.db.execute_batch("COMMIT").unwrap();
    {
        let mut statement = user.db.prepare("SELECT state FROM conversations").unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next().unwrap().unwrap();
        assert!(!store.write_now(&save("u", "2")));
    }
    assert!(store.write_now(&save("u", "3")));
}

#[test]
fn it_waits_for_no_lock() {
    let (user, store) = ready("WAL", "NORMAL");
    assert!(store.write_now(&save("u", "2")));
    // Not known to the hook: this one stands for another process.
    let other =
        std::thread::scope(|scope| scope.spawn(|| rusqlite::Connection::open(&user.path).unwrap()).join().unwrap());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(!store.write_now(&save("u", "3")));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(stored(&user), "2");
    assert!(store.write_now(&save("u", "4")), "a lock says nothing about the connection");
}

#[test]
fn it_is_refused_while_handing_back_and_after_the_close() {
    let (user, store) = ready("WAL", "NORMAL");
    user.add_function();
    user.db.execute_batch("CREATE TRIGGER t AFTER UPDATE ON conversations BEGIN SELECT mine(); END").unwrap();
    assert!(!store.write_now(&save("u", "2")), "only the user's connection has the function");
    assert_eq!(run(&store, save("u", "2")).unwrap_err().kind, ErrorKind::HandedBack);
    user.db.execute_batch("DROP TRIGGER t").unwrap();
    assert!(!store.write_now(&save("v", "3")), "what was handed back comes first");
    let (user, store) = ready("WAL", "NORMAL");
    assert!(store.write_now(&save("u", "2")));
    let User { _directory, path, db } = user;
    db.close().unwrap();
    assert!(!path.with_extension("db-wal").exists(), "our connections are closed before the user's");
    assert!(!store.write_now(&save("u", "3")));
}

#[test]
fn the_connection_closes_for_statements_that_need_the_file_alone_and_when_idle() {
    let (user, store) = ready("WAL", "NORMAL");
    assert!(store.write_now(&save("u", "2")));
    let journal: String = user.db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).unwrap();
    assert_eq!(journal, "delete");
    assert!(!store.write_now(&save("u", "3")));
    user.db.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    run(&store, save("u", "4")).unwrap();
    assert!(store.write_now(&save("u", "5")));
    // Nothing reports what another process is about to do.
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.write_now(&save("u", "6")) {
        assert!(Instant::now() < deadline, "the writer is idle, but the connection stays open");
        std::thread::sleep(Duration::from_millis(50));
    }
    run(&store, save("u", "7")).unwrap();
    assert!(store.write_now(&save("u", "8")));
}

#[cfg(unix)]
#[test]
fn a_replaced_file_is_left_to_the_writer() {
    let (user, store) = ready("WAL", "NORMAL");
    assert!(store.write_now(&save("u", "2")));
    std::fs::rename(&user.path, user.path.with_extension("moved")).unwrap();
    assert!(!store.write_now(&save("u", "3")));
    assert_eq!(stored(&user), "2");
}

/// Returns what a sync would have changed: the database, and the salt in the WAL's header. The database is not opened: to close it
/// would drop the locks of this process.
fn on_disk(user: &User) -> (u64, std::time::SystemTime, [u8; 32]) {
    let data = user.path.metadata().unwrap();
    let mut header = [0; 32];
    let mut wal = std::fs::File::open(format!("{}-wal", user.path.display())).unwrap();
    std::io::Read::read_exact(&mut wal, &mut header).unwrap();
    (data.len(), data.modified().unwrap(), header)
}

#[test]
fn it_never_copies_the_wal_nor_begins_it_anew() {
    let (user, store) = ready("WAL", "NORMAL");
    user.db.pragma_update(None, "wal_autocheckpoint", 1000).unwrap();
    let (mut within, mut by_the_writer) = (0, 0);
    let mut headers = std::collections::HashSet::new();
    for round in 0..3000 {
        let request = save(&(round % 50).to_string(), &format!("{round}").repeat(500));
        let before = on_disk(&user);
        if store.write_now(&request) {
            within += 1;
            assert_eq!(on_disk(&user), before, "round {round}");
        } else {
            by_the_writer += 1;
            run(&store, request).unwrap();
        }
        headers.insert(on_disk(&user).2);
    }
    assert!(within > by_the_writer * 50, "{within} within the call, {by_the_writer} by the writer");
    assert!(headers.len() > 3, "the WAL was begun anew only {} times", headers.len());
    let wal = std::fs::metadata(format!("{}-wal", user.path.display())).unwrap().len();
    assert!(wal < 12_000_000, "{wal} bytes");
}
