//! Conditional writes, with a lock and without.

use std::sync::Arc;
use std::time::Duration;

use super::lock_files::RECORD;
use super::*;
use crate::error::ErrorKind;
use crate::file::file_lock::hold;
use crate::lock::{Entered, Expected, Holder, Refusal, Written};
use crate::testing::{ABSENT, DONE, delete, found, load, run, save};
use crate::{Answer, Outcome, Request};

pub fn enter(id: &str, owner: &str) -> Request {
    Request::Enter {
        id: id.into(),
        owner: owner.into(),
        lease: 60_000,
        patience: 500,
        waited: 0,
        wants_text: true,
        ttl: 0,
    }
}

pub fn leave(id: &str, owner: &str) -> Request {
    Request::Leave { id: id.into(), owner: owner.into() }
}

pub fn cas(id: &str, expected: Expected, text: Option<&str>) -> Request {
    Request::Cas { id: id.into(), text: text.map(Into::into), ttl: 0, expected, holder: None, age: None }
}

pub fn locked_cas(id: &str, owner: &str, number: u32, expected: Expected, text: &str) -> Request {
    let holder = Some(Holder { owner: owner.into(), lease: 60_000, number });
    Request::Cas { id: id.into(), text: Some(text.into()), ttl: 0, expected, holder, age: None }
}

pub fn text(text: &str) -> Expected {
    Expected::Text(text.into())
}

pub fn held(waiting: u32, text: Option<&str>) -> Outcome {
    Ok(Answer::Entered(Entered::Held { waiting, text: text.map(Into::into) }))
}

const WRITTEN: Outcome = Ok(Answer::Written(Written::Done { waiting: 0 }));

pub fn refused(refusal: Refusal) -> Outcome {
    Ok(Answer::Written(Written::Refused(refusal)))
}

#[test]
fn a_lapsed_lease_alone_refuses_nothing() {
    let fixture = Fixture::new();
    assert_eq!(run(&fixture.store, locked_cas("x", "a", 1, Expected::Absent, "one")), WRITTEN);
    assert_eq!(fixture.names(), [RECORD, "x.json"], "it has the lock again");
    // Sent again: it was done.
    run(&fixture.store, save("x", "other")).unwrap();
    assert_eq!(run(&fixture.store, locked_cas("x", "a", 1, Expected::Absent, "one")), WRITTEN);
    assert_eq!(run(&fixture.store, load("x")), found("other"));
    assert_eq!(run(&fixture.store, locked_cas("x", "a", 2, text("one"), "two")), refused(Refusal::Changed));
}

#[test]
fn a_state_under_another_name_is_compared_and_moved() {
    for (id, name, own) in [("a:b", "a:b.json", "a%3Ab.json"), ("User", "%55ser.json", "User.json")] {
        let fixture = Fixture::with(true, CaseSensitivity::decided(false));
        fixture.write(name, state(id));
        assert_eq!(run(&fixture.store, cas(id, Expected::Absent, Some("new"))), refused(Refusal::Changed));
        assert_eq!(run(&fixture.store, cas(id, text("other"), None)), refused(Refusal::Changed));
        assert_eq!(fixture.names(), [name]);
        assert_eq!(run(&fixture.store, cas(id, text(&state(id)), Some("new"))), WRITTEN);
        assert_eq!(fixture.names(), [own]);
        fixture.write(name, state(id));
        assert_eq!(run(&fixture.store, cas(id, text(&state(id)), None)), refused(Refusal::Changed), "ours counts");
        assert_eq!(run(&fixture.store, cas(id, text("new"), None)), WRITTEN);
        assert!(fixture.names().is_empty(), "{:?}", fixture.names());
        fixture.write(name, state(id));
        assert_eq!(run(&fixture.store, cas(id, text(&state(id)), None)), WRITTEN);
        assert_eq!(run(&fixture.store, load(id)), ABSENT);
    }
}

#[cfg(unix)]
#[test]
fn a_state_under_another_name_is_not_moved_while_somebody_deletes_it() {
    let fixture = Fixture::with(true, CaseSensitivity::decided(false));
    fixture.write("a:b.json", state("a:b"));
    let path = fixture.dir.join("a:b.json");
    let deleting = hold(&path).unwrap();
    std::thread::scope(|scope| {
        let write = scope.spawn(|| run(&fixture.store, cas("a:b", text(&state("a:b")), Some("new"))));
        // Long enough for a write that does not wait.
        std::thread::sleep(Duration::from_millis(100));
        fs::remove_file(&path).unwrap();
        drop(deleting);
        assert_eq!(write.join().unwrap(), refused(Refusal::Deleted));
    });
    assert!(fixture.names().is_empty(), "{:?}", fixture.names());
}

#[test]
fn the_file_of_another_conversation_under_our_name_counts_as_nothing() {
    let fixture = Fixture::with(true, CaseSensitivity::decided(true));
    fixture.write("ann.json", state("Ann"));
    assert_eq!(run(&fixture.store, cas("ann", text(&state("Ann")), Some("new"))), refused(Refusal::Deleted));
    assert_eq!(run(&fixture.store, cas("ann", Expected::Absent, Some("new"))), WRITTEN);
    assert_eq!(run(&fixture.store, load("ann")), found("new"));
    assert_eq!(run(&fixture.store, load("Ann")), found(state("Ann")));
}

#[test]
fn without_a_directory_nothing_is_stored() {
    let fixture = Fixture::new();
    assert_eq!(run(&fixture.store, cas("x", text("{}"), Some("new"))), refused(Refusal::Deleted));
    assert_eq!(run(&fixture.store, cas("x", Expected::Absent, None)), WRITTEN);
    assert_eq!(run(&fixture.store, cas("x", Expected::Absent, Some("new"))), WRITTEN);
    assert_eq!(run(&fixture.store, load("x")), found("new"));
}

#[test]
fn what_is_corrupt_is_something_and_replaced_by_who_expects_anything() {
    let fixture = Fixture::new();
    fixture.write("x.json", b"\xff\xff");
    assert_eq!(run(&fixture.store, enter("x", "a")).unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(fixture.names(), ["x.json"], "nobody has the lock");
    for expected in [Expected::Absent, text("{}")] {
        assert_eq!(run(&fixture.store, cas("x", expected, Some("new"))), refused(Refusal::Changed));
    }
    assert_eq!(run(&fixture.store, cas("x", Expected::Anything, Some("new"))), WRITTEN);
    assert_eq!(run(&fixture.store, load("x")), found("new"));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_nothing() {
    for request in [save("x", "new"), cas("x", Expected::Absent, Some("new"))] {
        let fixture = Fixture::new();
        fs::create_dir_all(&fixture.dir).unwrap();
        std::os::unix::fs::symlink("nowhere", fixture.dir.join("x.json")).unwrap();
        run(&fixture.store, request).unwrap();
        assert_eq!(fixture.names(), ["x.json"]);
        assert!(fs::symlink_metadata(fixture.dir.join("x.json")).unwrap().is_file());
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_something_and_replaced_as_ever() {
    for expected in [Expected::Absent, text("{}")] {
        let fixture = Fixture::new();
        fs::create_dir_all(&fixture.dir).unwrap();
        let path = fixture.dir.join("x.json");
        let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(run(&fixture.store, cas("x", expected, Some("new"))), refused(Refusal::Changed));
        assert_eq!(run(&fixture.store, save("x", "new")), DONE);
        assert_eq!(run(&fixture.store, load("x")), found("new"));
        drop(socket);
    }
}

#[cfg(unix)]
#[test]
fn one_file_with_both_names_is_deleted_at_once() {
    // As a crash leaves it: `Ann` was given its file, under which `ann` still finds it.
    let fixture = Fixture::with(true, CaseSensitivity::decided(false));
    fixture.write("Ann.json", state("Ann"));
    fs::hard_link(fixture.dir.join("Ann.json"), fixture.dir.join("%41nn.json")).unwrap();
    assert_eq!(run(&fixture.store, delete("Ann")), DONE);
    assert!(fixture.names().is_empty(), "{:?}", fixture.names());
}

/// Adds one, `count` times, each time from what is stored. No two writers write the same text.
fn add_up(store: &FileStore, id: &str, count: usize, name: usize) {
    let mut done = 0;
    while done < count {
        let Ok(Answer::Text(stored)) = run(store, load(id)) else { panic!() };
        let number: usize = stored.as_deref().map_or(0, |text| text.rsplit(' ').next().unwrap().parse().unwrap());
        let expected = stored.map_or(Expected::Absent, Expected::Text);
        let next = format!("{name} {}", number + 1);
        match run(store, cas(id, expected, Some(&next))).unwrap() {
            Answer::Written(Written::Done { .. }) => done += 1,
            Answer::Written(Written::Refused(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn of_conditional_writes_by_several_stores_none_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let store = |durable| {
        let config = FileConfig { dir: root.path().join("new"), extension: String::new(), durable };
        Arc::new(FileStore::new(config))
    };
    let stores = [store(false), store(false), store(true)];
    std::thread::scope(|scope| {
        for (name, store) in stores.iter().enumerate() {
            scope.spawn(move || add_up(store, "x", 100, name));
        }
    });
    assert_eq!(fs::read_to_string(root.path().join("new/x")).unwrap().split_once(' ').unwrap().1, "300");
    assert_eq!(names(&root.path().join("new")), ["x"]);
}
