//! Group commit, order, and that one operation's failure is its own.

use super::*;

#[test]
fn un_awaited_saves_share_a_transaction() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, save("first", "{}")).unwrap();
    let before = probe.commits();
    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers = submit(&store, (0..500).map(|number| save(&format!("u{number}"), "{}")));
    std::thread::sleep(Duration::from_millis(100));
    other.execute_batch("ROLLBACK").unwrap();
    for answer in answers {
        answer.wait().unwrap();
    }
    let commits = probe.commits() - before;
    assert!(commits <= 2, "{commits} transactions");
    assert_eq!(probe.opens(), 1);
}

#[test]
fn a_transaction_is_bounded_in_number_and_in_bytes() {
    let place = Place::new();
    let (store, probe) = place.probed();
    let big = "x".repeat(3 << 20);
    together(&store, (0..5).map(|number| save(&number.to_string(), &big)));
    assert_eq!(probe.commits(), 3);
    together(&store, (0..2500).map(|number| save(&number.to_string(), "{}")));
    assert_eq!(probe.commits(), 6);
    let huge = "x".repeat(20 << 20);
    assert_eq!(together(&store, [save("huge", &huge), load("huge")])[1], text(&huge));
}

#[test]
fn loads_see_what_was_called_before_them() {
    let place = Place::new();
    let store = place.store();
    for round in 0..200 {
        let [a, b] = ["a", "b"].map(|name| format!("{{\"{name}\":{round}}}"));
        let requests = [save("u", &a), load("u"), save("u", &b), load("u"), delete("u"), load("u"), save("u", &a)];
        let mut answers = submit(&store, requests).into_iter();
        let mut next = || answers.next().unwrap().wait();
        assert_eq!([next(), next(), next(), next()], [DONE, text(&a), DONE, text(&b)]);
        assert_eq!([next(), next(), next()], [DONE, ABSENT, DONE]);
        assert_eq!(run(&store, load("u")), text(&a));
    }
}

#[test]
fn a_statement_that_fails_fails_alone() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, load("u")).unwrap();
    place.sql(
        "CREATE TRIGGER no BEFORE INSERT ON conversations WHEN new.id = 'bad' BEGIN SELECT RAISE(ABORT, 'not him'); END;
         CREATE TRIGGER never BEFORE INSERT ON conversations WHEN new.id = 'worse'
         BEGIN SELECT RAISE(ROLLBACK, 'nor her'); END;",
    );
    let mut outcomes = together(&store, [save("a", "1"), save("bad", "2"), save("b", "3"), load("b")]);
    assert_eq!(told(outcomes.remove(1)), (ErrorKind::Denied, "SQLITE_CONSTRAINT_TRIGGER".into()));
    assert_eq!(outcomes, [DONE, DONE, text("3")]);
    assert_eq!(probe.commits(), 1);
    // This one takes the whole transaction with it; the others are done again.
    let mut outcomes = together(&store, [save("a", "4"), load("a"), save("worse", "5"), save("b", "6"), load("b")]);
    assert_eq!(told(outcomes.remove(2)), (ErrorKind::Denied, "SQLITE_CONSTRAINT_TRIGGER".into()));
    assert_eq!(outcomes, [DONE, text("4"), DONE, text("6")]);
    assert_eq!(run(&store, load("worse")), ABSENT);
}

#[test]
fn a_full_disk_fails_only_what_does_not_fit() {
    let place = Place::new();
    let (store, probe) = place.probed();
    *probe.after_open.lock() = Some("PRAGMA max_page_count = 40".into());
    let big = "x".repeat(1 << 20);
    let small: Vec<_> = (0..9).map(|number| save(&format!("small{number}"), "{}")).collect();
    let mut outcomes = together(&store, small.into_iter().chain([save("big", &big), save("last", "{}"), load("last")]));
    assert_eq!(told(outcomes.remove(9)), (ErrorKind::Unavailable, "SQLITE_FULL".into()));
    assert_eq!(outcomes.pop(), Some(text("{}")));
    assert!(outcomes.iter().all(|outcome| outcome == &DONE));
    assert_eq!(run(&store, load("small4")), text("{}"));
}

#[test]
fn a_failed_commit_is_done_again_in_parts() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, save("a", "0")).unwrap();
    let broken = SqliteError::new(ffi::SQLITE_IOERR_FSYNC, "disk I/O error");
    probe.failing_commits.lock().push_back(broken.clone());
    assert_eq!(together(&store, [save("a", "1"), save("b", "2"), load("a")]), [DONE, DONE, text("1")]);
    assert_eq!(run(&store, load("b")), text("2"));
    assert_eq!(probe.opens(), 2, "an I/O error is answered with a fresh connection");
    probe.failing_commits.lock().push_back(broken);
    assert_eq!(told(run(&store, save("a", "3"))), (ErrorKind::Unavailable, "SQLITE_IOERR_FSYNC".into()));
    assert_eq!(run(&store, load("a")), text("1"));
}

fn append(id: &str, text: &str) -> Request {
    Request::Append { id: id.to_owned(), text: text.to_owned() }
}

#[test]
fn what_may_not_be_done_twice_is_not_repeated_after_a_commit_of_unknown_effect() {
    let place = Place::new();
    let (store, probe) = place.probed();
    together(&store, [save("a", "0"), save("b", "0"), save("c", "0")]);
    let broken = SqliteError::new(ffi::SQLITE_IOERR_FSYNC, "disk I/O error");
    probe.deceiving_commits.lock().push_back(broken.clone());
    let requests =
        [load("a"), save("b", "1"), append("a", "x"), append("c", "y"), load("b"), load("a"), save("d", "1")];
    let (known, unknown): (Vec<_>, Vec<_>) = together(&store, requests).into_iter().partition(Result::is_ok);
    assert_eq!(known, [DONE, text("1"), DONE]);
    assert_eq!(unknown.len(), 4);
    for outcome in unknown {
        let error = outcome.unwrap_err();
        assert!(error.reason.contains("whether it took effect is unknown"), "{}", error.reason);
        assert_eq!(told(Err(error)), (ErrorKind::Timeout, "SQLITE_IOERR_FSYNC".into()));
    }
    assert_eq!(together(&store, [load("a"), load("c")]), [text("0x"), text("0y")], "both took effect, once");
    // One alone, and with no effect.
    probe.failing_commits.lock().push_back(broken);
    assert_eq!(told(run(&store, append("a", "z"))), (ErrorKind::Timeout, "SQLITE_IOERR_FSYNC".into()));
    assert_eq!(run(&store, load("a")), text("0x"));
}

#[test]
fn what_may_not_be_done_twice_is_repeated_after_a_rollback() {
    let place = Place::new();
    let (store, probe) = place.probed();
    run(&store, save("a", "0")).unwrap();
    place.sql(
        "CREATE TRIGGER never BEFORE INSERT ON conversations WHEN new.id = 'worse'
         BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
    );
    let mut outcomes = together(&store, [append("a", "x"), save("worse", "1"), append("a", "y"), load("a")]);
    assert_eq!(outcomes.remove(1).unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(outcomes, [DONE, DONE, text("0xy")]);
    // The transaction stays open while a commit waits for a lock, so that its effect is known.
    let busy = SqliteError::new(ffi::SQLITE_BUSY, "database is locked");
    probe.failing_commits.lock().extend([busy.clone(), busy]);
    assert_eq!(together(&store, [append("a", "z"), load("a")]), [DONE, text("0xyz")]);
}
