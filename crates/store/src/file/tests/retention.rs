//! Expiry, touches, and removals by age.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lock_files::RECORD;
use super::locks::{cas, held, locked_cas, refused, text};
use super::*;
use crate::lock::{Entered, Expected, Holder, Refusal, Written};
use crate::retention::{Age, Aged};
use crate::scan::{Action, Page, Scan};
use crate::testing::{ABSENT, DONE, found, load, run, save};
use crate::{Answer, Outcome, Request, Store};

/// Seconds.
const TTL: u32 = 60;

pub const REMOVE: Action = Action::Remove { dry_run: false };

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn scan(action: Action, before: Option<u64>) -> Scan {
    Scan { action, root: String::new(), prefix: String::new(), before, ttl: 0, cursor: None, most: 1_000 }
}

pub fn page(store: &dyn Store, scan: Scan) -> Page {
    match run(store, Request::Scan(scan)).unwrap() {
        Answer::Page(page) => page,
        other => panic!("{other:?}"),
    }
}

/// Returns how many were removed, too young, and of unknown age.
pub fn counts(page: &Page) -> (u64, u64, u64) {
    (page.matched, page.kept, page.unknown)
}

/// Removes what was not saved for a second.
pub fn purge(store: &dyn Store) -> (u64, u64, u64) {
    counts(&page(store, scan(REMOVE, Some(now() - 1_000))))
}

pub fn age(path: &Path, seconds: u64) {
    fs::File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

fn dated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn living(id: &str, refresh: bool) -> Request {
    Request::Load { id: id.into(), ttl: TTL, refresh }
}

fn touch(id: &str, ttl: u32) -> Request {
    Request::Touch { id: id.into(), ttl }
}

fn enter(id: &str, ttl: u32, wants_text: bool) -> Request {
    Request::Enter { id: id.into(), owner: "a".into(), lease: 90_000, patience: 0, waited: 0, wants_text, ttl }
}

const THERE: Outcome = Ok(Answer::Flag(true));
const NOT_THERE: Outcome = Ok(Answer::Flag(false));

#[test]
fn what_is_expired_is_absent_at_once_and_begins_anew() {
    for name in ["a%3Ab.json", "a:b.json"].into_iter().filter(|_| cfg!(unix)) {
        let fixture = Fixture::with(true, CaseSensitivity::decided(false));
        let path = fixture.dir.join(name);
        fixture.write(name, state("a:b"));
        age(&path, 59);
        assert_eq!(run(&fixture.store, living("a:b", false)), found(state("a:b")));
        age(&path, 61);
        assert_eq!(run(&fixture.store, living("a:b", true)), ABSENT);
        assert_eq!(run(&fixture.store, Request::Has { id: "a:b".into(), ttl: TTL }), NOT_THERE);
        assert_eq!(run(&fixture.store, touch("a:b", TTL)), NOT_THERE);
        let with_ttl = |request| match request {
            Request::Cas { id, text, expected, holder, .. } => {
                Request::Cas { id, text, expected, holder, ttl: TTL, age: None }
            }
            other => other,
        };
        let old = with_ttl(cas("a:b", text(&state("a:b")), Some("new")));
        assert_eq!(run(&fixture.store, old), refused(Refusal::Deleted));
        assert_eq!(run(&fixture.store, load("a:b")), found(state("a:b")), "it is there without an expiry");
        let new = with_ttl(cas("a:b", Expected::Absent, Some("new")));
        assert_eq!(run(&fixture.store, new), Ok(Answer::Written(Written::Done { waiting: 0 })));
        assert_eq!(run(&fixture.store, living("a:b", false)), found("new"));
        assert_eq!(fixture.names(), ["a%3Ab.json"]);
    }
}

#[test]
fn a_touch_dates_the_file_and_neither_writes_nor_makes_it() {
    let fixture = Fixture::new();
    assert_eq!(run(&fixture.store, touch("x", TTL)), NOT_THERE);
    assert!(!fixture.dir.exists());
    fixture.write("x.json", state("x"));
    let path = fixture.dir.join("x.json");
    for ttl in [TTL, 0] {
        age(&path, 50);
        let before = now();
        assert_eq!(run(&fixture.store, touch("x", ttl)), THERE);
        assert!((before..=now()).contains(&dated(&path)));
        assert_eq!(fs::read_to_string(&path).unwrap(), state("x"));
    }
    // A lock may have given it a later time.
    fs::File::open(&path).unwrap().set_modified(SystemTime::now() + Duration::from_secs(50)).unwrap();
    let later = dated(&path);
    assert_eq!(run(&fixture.store, touch("x", TTL)), THERE);
    assert_eq!(dated(&path), later);
    // As an archive without dates leaves it: its age is unknown, and it never expires.
    fs::File::open(&path).unwrap().set_modified(UNIX_EPOCH).unwrap();
    assert_eq!(run(&fixture.store, living("x", false)), found(state("x")));
    assert_eq!(purge(&fixture.store), (0, 0, 1));
    assert_eq!(run(&fixture.store, touch("x", TTL)), THERE);
    assert!(dated(&path) >= later - 60_000);
    assert_eq!(fixture.names(), ["x.json"]);
    // What is corrupt is there.
    fixture.write("x.json", b"\xff");
    assert_eq!(run(&fixture.store, touch("x", TTL)), THERE);
}

#[test]
fn a_load_renews_after_a_twentieth() {
    let fixture = Fixture::new();
    fixture.write("x.json", state("x"));
    let path = fixture.dir.join("x.json");
    for (seconds, refresh, is_renewed) in [(2, true, false), (4, true, true), (4, false, false)] {
        age(&path, seconds);
        let before = dated(&path);
        assert_eq!(run(&fixture.store, living("x", refresh)), found(state("x")));
        assert_eq!(dated(&path) > before, is_renewed, "{seconds} s, {refresh}");
    }
}

#[test]
fn a_save_is_dated_by_the_clock_of_this_host() {
    let fixture = Fixture::new();
    let before = now();
    run(&fixture.store, save("x", "{}")).unwrap();
    // The kernel's own dates are some milliseconds old, and those of another host may be hours off.
    assert!((before..=now()).contains(&dated(&fixture.dir.join("x.json"))));
}

#[test]
fn what_is_locked_lives_for_the_lease() {
    let fixture = Fixture::new();
    fixture.write("x.json", state("x"));
    let path = fixture.dir.join("x.json");
    for wants_text in [true, false] {
        age(&path, 55);
        let text = wants_text.then(|| state("x"));
        assert_eq!(run(&fixture.store, enter("x", TTL, wants_text)), held(0, text.as_deref()));
        assert!(dated(&path) >= now() + 29_000, "a lease of 90 s, with a ttl of 60 s");
    }
    let Request::Cas { id, text, expected, .. } = locked_cas("x", "a", 1, text(&state("x")), "new") else { panic!() };
    let holder = Some(Holder { owner: "a".into(), lease: 90_000, number: 1 });
    run(&fixture.store, Request::Cas { id, text, expected, holder, ttl: TTL, age: None }).unwrap();
    assert!(dated(&path) >= now() + 29_000);
    age(&path, 61);
    assert_eq!(run(&fixture.store, enter("x", TTL, true)), held(0, None), "expired before the lock was had");
}

#[test]
fn what_is_locked_is_kept_from_a_purge_but_not_from_a_clear() {
    let fixture = Fixture::new();
    for id in ["x", "y"] {
        fixture.write(&format!("{id}.json"), state(id));
        age(&fixture.dir.join(format!("{id}.json")), 61);
    }
    run(&fixture.store, enter("x", 0, false)).unwrap();
    let dry = scan(Action::Remove { dry_run: true }, Some(now()));
    assert_eq!(counts(&page(&fixture.store, dry)), (1, 1, 0));
    assert_eq!(purge(&fixture.store), (1, 1, 0));
    assert_eq!(fixture.names(), [RECORD, "x.json"]);
    assert_eq!(counts(&page(&fixture.store, scan(REMOVE, None))), (1, 0, 0));
    assert_eq!(fixture.names(), [RECORD], "the lock is still the holder's");
    // A record of somebody who is dead locks nothing.
    fixture.write(RECORD, "H a 1 15000 0\n");
    fixture.write("x.json", state("x"));
    age(&fixture.dir.join("x.json"), 61);
    assert_eq!(purge(&fixture.store), (1, 0, 0));
}

/// Does `request` while a purge removes the conversation. Returns the outcome of the request, and whether the conversation is left.
#[cfg(unix)]
fn race(fixture: &Fixture, other: &FileStore, name: &str, request: Request) -> (Outcome, bool) {
    fixture.write(name, state("a:b"));
    age(&fixture.dir.join(name), 61);
    let outcome = std::thread::scope(|scope| {
        let purging = scope.spawn(|| purge(&fixture.store));
        let outcome = run(other, request);
        purging.join().unwrap();
        outcome
    });
    let is_left = run(other, load("a:b")).unwrap() != Answer::Text(None);
    run(other, Request::Leave { id: "a:b".into(), owner: "a".into() }).unwrap();
    (outcome, is_left)
}

#[cfg(unix)]
#[test]
fn what_is_saved_touched_or_locked_meanwhile_stays() {
    let fixture = Fixture::with(false, CaseSensitivity::decided(false));
    let config = FileConfig { dir: fixture.dir.clone(), extension: ".json".into(), durable: false };
    let other = FileStore::with_case(config, CaseSensitivity::decided(false));
    let mut removed_first = 0;
    for round in 0..600 {
        let name = ["a%3Ab.json", "a:b.json"][round % 2];
        let (outcome, is_left) = race(&fixture, &other, name, save("a:b", &state("a:b")));
        assert_eq!((outcome, is_left), (DONE, true), "a save of {name}");
        let (outcome, is_left) = race(&fixture, &other, name, touch("a:b", 0));
        assert_eq!(outcome == THERE, is_left, "a touch of {name}");
        removed_first += u32::from(!is_left);
        let (outcome, is_left) = race(&fixture, &other, name, enter("a:b", 0, true));
        let has_text = matches!(outcome, Ok(Answer::Entered(Entered::Held { text: Some(_), .. })));
        assert_eq!(has_text, is_left, "a lock of {name}");
    }
    assert!((1..600).contains(&removed_first), "either was first at times: {removed_first}");
}

#[test]
fn a_copied_text_is_as_old_as_it_was() {
    let fixture = Fixture::new();
    let saved_at = now() - 50_000;
    let age = Age { saved_at: Some(saved_at), expires_at: None };
    let copy = |text: &str, expected| Request::Cas {
        id: "a:b".into(),
        text: Some(text.into()),
        ttl: 0,
        expected,
        holder: None,
        age: Some(age),
    };
    let aged = |ttl| run(&fixture.store, Request::LoadAged { id: "a:b".into(), ttl });
    assert_eq!(aged(0), Ok(Answer::Aged(None)));
    let one = state("a:b");
    assert_eq!(run(&fixture.store, copy(&one, Expected::Absent)), Ok(Answer::Written(Written::Done { waiting: 0 })));
    assert_eq!(dated(&fixture.dir.join("a%3Ab.json")), saved_at);
    assert_eq!(aged(0), Ok(Answer::Aged(Some(Aged { text: one.clone(), age }))));
    let expires_at = Some(saved_at + 60_000);
    assert_eq!(aged(TTL), Ok(Answer::Aged(Some(Aged { text: one.clone(), age: Age { expires_at, ..age } }))));
    // Replaced, too, and never over something else.
    assert_eq!(run(&fixture.store, copy("{}", text("other"))), refused(Refusal::Changed));
    assert_eq!(run(&fixture.store, copy(&one, text(&one))), Ok(Answer::Written(Written::Done { waiting: 0 })));
    assert_eq!(dated(&fixture.dir.join("a%3Ab.json")), saved_at);
    // What another program wrote under the plain id has an age, too.
    let fixture = Fixture::with(true, CaseSensitivity::decided(false));
    if cfg!(unix) {
        fixture.write("a:b.json", &one);
        age_of(&fixture, "a:b.json", 100);
        match run(&fixture.store, Request::LoadAged { id: "a:b".into(), ttl: 0 }) {
            Ok(Answer::Aged(Some(Aged { text, age }))) => {
                assert_eq!((text, age.saved_at), (one, Some(dated(&fixture.dir.join("a:b.json")))));
            }
            other => panic!("{other:?}"),
        }
    }
}

fn age_of(fixture: &Fixture, name: &str, seconds: u64) {
    age(&fixture.dir.join(name), seconds);
}
