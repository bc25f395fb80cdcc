//! Conditional writes and locks.

use crate::clock::wall_millis;
use crate::lock::{Entered, Expected, Holder, Refusal, Written};
use crate::retention::{Age, Aged};
use crate::{Answer, Request};

use super::*;

fn enter(owner: &str, patience: u32) -> Request {
    let (id, owner) = ("x".to_owned(), owner.to_owned());
    Request::Enter { id, owner, lease: 60_000, patience, waited: 0, wants_text: true, ttl: 0 }
}

fn leave(owner: &str) -> Request {
    Request::Leave { id: "x".into(), owner: owner.into() }
}

fn write(owner: &str, number: u32, expected: Expected, text: &str) -> Request {
    let holder = Some(Holder { owner: owner.into(), lease: 60_000, number });
    Request::Cas { id: "x".into(), text: Some(text.into()), ttl: 0, expected, holder, age: None }
}

fn if_match(expected: Expected, text: Option<&str>) -> Request {
    Request::Cas { id: "x".into(), text: text.map(str::to_owned), ttl: 0, expected, holder: None, age: None }
}

fn held(text: Option<&str>) -> Outcome {
    Ok(Answer::Entered(Entered::Held { waiting: 0, text: text.map(str::to_owned) }))
}

fn written(waiting: u32) -> Outcome {
    Ok(Answer::Written(Written::Done { waiting }))
}

fn refused(refusal: Refusal) -> Outcome {
    Ok(Answer::Written(Written::Refused(refusal)))
}

#[test]
fn a_lock_is_a_row_that_goes_with_it() {
    let place = Place::new();
    let (mine, others) = (place.store(), place.probed().0);
    assert_eq!(run(&mine, enter("a", 0)), held(None));
    assert_eq!(run(&others, enter("b", 0)), Ok(Answer::Entered(Entered::Waits { ahead: 0, waiting: 0 })));
    assert_eq!(run(&others, enter("b", 5_000)), Ok(Answer::Entered(Entered::Waits { ahead: 0, waiting: 1 })));
    assert_eq!(run(&mine, write("a", 1, Expected::Absent, "one")), written(1));
    assert_eq!(run(&mine, load("x")), text("one"));
    assert_eq!(run(&mine, leave("a")), DONE);
    assert_eq!(run(&others, enter("b", 5_000)), held(Some("one")));
    assert_eq!(run(&mine, write("a", 2, Expected::Text("one".into()), "two")), refused(Refusal::Locked));
    assert_eq!(run(&others, leave("b")), DONE);
    let rows: i64 = place.other().query_row("SELECT count(*) FROM conversations_locks", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn a_plain_write_takes_effect_and_refuses_the_turn() {
    let place = Place::new();
    let store = place.store();
    let ends = together(&store, [save("x", "one"), enter("a", 0), save("x", "two")]);
    assert_eq!(ends, [DONE, held(Some("one")), DONE]);
    assert_eq!(run(&store, write("a", 1, Expected::Text("one".into()), "three")), refused(Refusal::Changed));
    assert_eq!(run(&store, delete("x")), DONE);
    assert_eq!(run(&store, write("a", 2, Expected::Text("one".into()), "three")), refused(Refusal::Deleted));
    assert_eq!(run(&store, load("x")), ABSENT);
}

#[test]
fn a_condition_without_a_lock_makes_no_table() {
    let place = Place::new();
    let store = place.store();
    let first = if_match(Expected::Absent, Some("one"));
    assert_eq!(together(&store, [first.clone(), first]), [written(0), written(0)]);
    assert_eq!(run(&store, if_match(Expected::Absent, Some("two"))), refused(Refusal::Changed));
    assert_eq!(run(&store, if_match(Expected::Etag("0".repeat(40)), None)), refused(Refusal::Changed));
    assert_eq!(run(&store, if_match(Expected::Text("one".into()), None)), written(0));
    assert_eq!(run(&store, load("x")), ABSENT);
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'conversations_locks'";
    let count: i64 = place.other().query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[test]
fn a_foreign_table_of_that_name_is_refused() {
    let place = Place::new();
    let store = place.store();
    place.sql("CREATE TABLE conversations_locks (door TEXT, key TEXT)");
    let error = run(&store, enter("a", 0)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    assert!(error.reason.contains("(door, key)"), "{}", error.reason);
    assert_eq!(run(&store, save("x", "one")), DONE);
}

#[test]
fn a_corrupt_state_is_named_and_the_lock_can_be_had_without_it() {
    let place = Place::new();
    let store = place.store();
    assert_eq!(run(&store, save("x", "one")), DONE);
    place.sql("UPDATE conversations SET state = x'00'");
    assert_eq!(run(&store, enter("a", 0)).unwrap_err().kind, ErrorKind::Corrupt);
    let Request::Enter { id, owner, lease, patience, waited, ttl, .. } = enter("a", 0) else { unreachable!() };
    let blind = Request::Enter { id, owner, lease, patience, waited, wants_text: false, ttl };
    assert_eq!(run(&store, blind), held(None));
    assert_eq!(run(&store, write("a", 1, Expected::Text("one".into()), "two")), refused(Refusal::Changed));
    assert_eq!(run(&store, write("a", 2, Expected::Anything, "two")), written(0));
    assert_eq!(run(&store, load("x")), text("two"));
}

/// Counts commits of locks alone with `synchronous` as SQLite has it in them.
#[test]
fn a_commit_of_locks_alone_waits_for_no_disk() {
    let place = Place::new();
    let mut connection = bundled::open(&place.path, super::super::journal::Journal::Wal).unwrap();
    let level = |connection: &mut Box<dyn Connection>| connection.run("PRAGMA synchronous", &[]).unwrap();
    assert_eq!(level(&mut connection), [[Value::Integer(2)]]);
    assert!(connection.relax_sync());
    assert_eq!(level(&mut connection), [[Value::Integer(1)]]);
    connection.restore_sync().unwrap();
    assert_eq!(level(&mut connection), [[Value::Integer(2)]]);
    assert!(connection.relax_sync());
    assert_eq!(level(&mut connection), [[Value::Integer(1)]]);
    connection.restore_sync().unwrap();
    connection.execute("PRAGMA journal_mode = DELETE").unwrap();
    assert!(!connection.relax_sync(), "a rollback journal without syncs can destroy the file");
}

#[test]
fn a_copied_text_is_as_old_as_it_was() {
    let place = Place::new();
    let store = place.store();
    let saved_at = wall_millis() - 50_000;
    let age = Age { saved_at: Some(saved_at), expires_at: None };
    let copy = |expected, text: &str| match if_match(expected, Some(text)) {
        Request::Cas { id, text, ttl, expected, holder, .. } => {
            Request::Cas { id, text, ttl, expected, holder, age: Some(age) }
        }
        other => other,
    };
    let aged = |ttl| run(&store, Request::LoadAged { id: "x".into(), ttl });
    assert_eq!(aged(0), Ok(Answer::Aged(None)));
    assert_eq!(run(&store, copy(Expected::Absent, "{}")), written(0));
    assert_eq!(aged(0), Ok(Answer::Aged(Some(Aged { text: "{}".into(), age }))));
    let expires_at = Some(saved_at + 60_000);
    assert_eq!(aged(60), Ok(Answer::Aged(Some(Aged { text: "{}".into(), age: Age { expires_at, ..age } }))));
    assert_eq!(aged(40), Ok(Answer::Aged(None)));
    assert_eq!(run(&store, copy(Expected::Text("other".into()), "[]")), refused(Refusal::Changed));
    assert_eq!(run(&store, copy(Expected::Text("{}".into()), "[]")), written(0));
    assert_eq!(aged(0), Ok(Answer::Aged(Some(Aged { text: "[]".into(), age }))));
    // Times of other programs: real numbers, seconds, texts.
    for (time, saved_at) in [("1700000000000.5", Some(1_700_000_000_000)), ("1700000000", None), ("'now'", None)] {
        place.other().execute(&format!("UPDATE conversations SET updated_at = {time}"), []).unwrap();
        let age = Age { saved_at, expires_at: None };
        assert_eq!(aged(0), Ok(Answer::Aged(Some(Aged { text: "[]".into(), age }))), "{time}");
    }
}
