//! The store, its writer, and what the user does meanwhile.

use super::*;

#[test]
fn the_users_close_waits_for_the_writer_and_is_the_last() {
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
    assert_eq!(close(&store), DONE);
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
fn what_the_sidecar_cannot_do_is_handed_back_with_all_that_follows() {
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
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::HandedBack);
    }
    assert_eq!(run(&store, load("a")).unwrap_err().kind, ErrorKind::HandedBack);
    let ids: Vec<_> = store.take_handed_back().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(ids, ["a", "b", "a", "c", "a"]);
    assert!(store.take_handed_back().is_empty());
    assert!(store.why_handed_back().unwrap().contains("mine"));
    let state: String =
        user.db.query_row("SELECT state FROM conversations WHERE id = 'a'", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "0", "none of the batch has taken effect");
}

#[test]
fn a_slice_of_a_sweep_shares_the_transaction_of_the_users_next_write_and_is_never_handed_back() {
    let user = User::new("WAL");
    let store = user.store();
    let count = || user.db.query_row("SELECT count(*) FROM conversations", [], |row| row.get::<_, i64>(0)).unwrap();
    let old = "INSERT INTO conversations VALUES ('old', '0', 1600000000000)";
    user.db.execute_batch(old).unwrap();
    let slice = || operation(crate::Request::Scan(crate::sweeper::slice(60, None, crate::clock::wall_millis())));
    let (first, answer) = slice();
    store.submit_in_background(first);
    // The user has read and is about to write: a commit in between would refuse that.
    user.db.execute_batch("BEGIN; SELECT count(*) FROM conversations").unwrap();
    store.drain();
    user.db.execute_batch("INSERT INTO conversations VALUES ('users', '0', 1800000000000); COMMIT").unwrap();
    run(&store, load("old")).unwrap();
    assert_eq!(count(), 2);
    assert!(!store.may_write_now(), "the next write takes the slice along");
    run(&store, save("new", "1")).unwrap();
    let crate::Answer::Page(page) = answer.wait().unwrap() else { panic!("no page") };
    assert_eq!((page.matched, count()), (1, 2));
    // What the user's connection alone can do stops the slice, and nothing else knows of it.
    user.add_function();
    user.db.execute_batch("CREATE TRIGGER t AFTER DELETE ON conversations BEGIN SELECT mine(); END").unwrap();
    user.db.execute_batch(old).unwrap();
    let (second, failed) = slice();
    store.submit_in_background(second);
    run(&store, save("another", "1")).unwrap();
    assert!(failed.wait().is_err());
    assert_eq!(store.why_handed_back(), None);
    assert!(store.take_handed_back().is_empty());
    assert_eq!(count(), 4);
}
