//! Looks through the conversations.

use super::retention::{REMOVE, age, counts, now, page, purge, scan};
use super::*;
use crate::error::ErrorKind;
use crate::file::file_name::all_names;
use crate::scan::{Action, Scan};
use crate::testing::{ABSENT, load, run, save};
use crate::{Request, Store};

const LIST: Action = Action::List { details: false };

/// Returns the ids on all pages, in the order of the pages.
fn listed(store: &dyn Store, scan: Scan) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = scan;
    loop {
        let page = page(store, next.clone());
        assert!(page.matched <= next.most.into());
        ids.extend(page.found.into_iter().map(|found| found.id));
        match page.cursor {
            None => return ids,
            cursor => next.cursor = cursor,
        }
    }
}

fn ids(store: &dyn Store) -> Vec<String> {
    let mut ids = listed(store, scan(LIST, None));
    ids.sort();
    ids
}

fn count(store: &dyn Store) -> u64 {
    let mut next = scan(Action::Count, None);
    let mut count = 0;
    loop {
        let page = page(store, next.clone());
        count += page.matched;
        match page.cursor {
            None => return count,
            cursor => next.cursor = cursor,
        }
    }
}

fn again(fixture: &Fixture, folds: bool) -> FileStore {
    let config = FileConfig { dir: fixture.dir.clone(), extension: ".json".to_owned(), durable: false };
    FileStore::with_case(config, CaseSensitivity::decided(folds))
}

#[test]
fn each_conversation_is_on_one_page_whoever_reads_the_next() {
    let fixture = Fixture::with(false, CaseSensitivity::decided(false));
    let expected: Vec<String> = (0..230).map(|number| format!("c:{number:03}")).collect();
    for id in &expected {
        run(&fixture.store, save(id, &state(id))).unwrap();
    }
    for most in [1, 7, 49, 50, 51, 100, 230, 1_000] {
        assert_eq!(listed(&fixture.store, Scan { most, ..scan(LIST, None) }), expected, "{most} a page");
    }
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        // Each page by another process.
        let page = page(&again(&fixture, false), Scan { most: 30, cursor, ..scan(LIST, None) });
        found.extend(page.found.into_iter().map(|found| found.id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    assert_eq!(listed(&fixture.store, Scan { prefix: "c:1".into(), ..scan(LIST, None) }), expected[100..200]);
    assert_eq!(count(&fixture.store), 230);
    let details = page(&fixture.store, scan(Action::List { details: true }, None)).found.remove(0).details.unwrap();
    assert_eq!((details.size, details.expires_at), (state("c:000").len() as u64, None));
}

#[test]
fn a_cursor_from_elsewhere_is_refused() {
    let fixture = Fixture::new();
    for cursor in ["", "f", "m3:x", "from elsewhere", "fh", "i"] {
        let request = Request::Scan(Scan { cursor: Some(cursor.into()), ..scan(LIST, None) });
        assert_eq!(run(&fixture.store, request).unwrap_err().kind, ErrorKind::InvalidOptions, "{cursor}");
    }
    assert!(ids(&fixture.store).is_empty());
}

#[test]
fn files_of_strangers_are_neither_listed_nor_removed() {
    let fixture = Fixture::with(true, CaseSensitivity::decided(false));
    let mut strangers = vec![
        ("package.json", r#"{ "name": "app" }"#.to_owned()),
        ("list.json", "[1, 2]".to_owned()),
        ("copy of a.json", state("a")),
        // Of a storage with the extension `.state.json`.
        ("b.state.json", state("b")),
        ("c.txt", state("c")),
        (".hidden.json", state(".hidden")),
        (".flowkit-0-x.tmp", state("t")),
        ("%61.json", state("z")),
        ("large.json", format!("{{\"a\":\"{}\"}}", "x".repeat(10_000))),
        ("empty-id.json", r#"{"conversationId":""}"#.to_owned()),
        // A name with a hash, and with another one than that of its id.
        ("d%-00.json", state("d")),
        ("e%-00.json", "{".to_owned()),
    ];
    for (name, content) in &strangers {
        fixture.write(name, content);
        age(&fixture.dir.join(name), 9);
    }
    fs::create_dir(fixture.dir.join("directory.json")).unwrap();
    strangers.push(("directory.json", String::new()));
    // Its id is behind much else, or there twice.
    for (id, content) in [
        ("mine", state("mine")),
        ("last", format!("{{\"a\":\"{}\",\"conversationId\":\"last\"}}", "x".repeat(10_000))),
        ("twice", r#"{"conversationId":"no","conversationId":"twice"}"#.to_owned()),
    ] {
        fixture.write(&format!("{id}.json"), content);
        age(&fixture.dir.join(format!("{id}.json")), 9);
    }
    assert_eq!(ids(&fixture.store), ["last", "mine", "twice"]);
    assert_eq!(count(&fixture.store), 3);
    for remove in [scan(REMOVE, Some(now())), scan(REMOVE, None)] {
        fixture.write("mine.json", state("mine"));
        age(&fixture.dir.join("mine.json"), 9);
        assert!(page(&fixture.store, remove).matched > 0);
        let mut left: Vec<&str> = strangers.iter().map(|(name, _)| *name).collect();
        left.sort_unstable();
        assert_eq!(fixture.names(), left);
    }
}

#[test]
fn what_is_corrupt_is_listed_and_cleared_but_not_by_its_age() {
    let fixture = Fixture::with(true, CaseSensitivity::decided(false));
    for (name, content) in [("x.json", b"{".as_slice()), ("y.json", b"\xff"), ("z.json", b"")] {
        fixture.write(name, content);
        age(&fixture.dir.join(name), 9);
    }
    // Under a plain name it may be another program's, which a delete leaves too.
    if cfg!(unix) {
        fixture.write("a:b.json", b"{");
    }
    assert_eq!(ids(&fixture.store), ["x", "y", "z"]);
    assert_eq!(purge(&fixture.store), (0, 0, 3));
    assert_eq!(counts(&page(&fixture.store, scan(REMOVE, None))), (3, 0, 0));
    assert_eq!(fixture.names().len(), usize::from(cfg!(unix)));
}

#[test]
fn a_conversation_with_several_files_is_listed_once_and_removed_with_all() {
    let long = ["User".to_owned(), "a".repeat(150), "A".repeat(90), "日".repeat(70), "Y".repeat(1000)];
    for (folds, id) in [false, true].into_iter().flat_map(|folds| long.clone().map(|id| (folds, id))) {
        let names: Vec<String> = all_names(&id, folds).into_iter().map(|name| name.name + ".json").collect();
        // Each alone, and all at once.
        let alone = names.iter().map(|name| vec![name.clone()]);
        for names in alone.chain([names.clone()]) {
            let fixture = Fixture::with(false, CaseSensitivity::decided(folds));
            for name in &names {
                fixture.write(name, state(&id));
                age(&fixture.dir.join(name), 9);
            }
            assert_eq!(ids(&fixture.store), [id.as_str()], "{names:?}");
            assert_eq!(purge(&fixture.store).0, 1, "{names:?}");
            assert!(fixture.names().is_empty(), "{:?} of {names:?}", fixture.names());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_foreign_file_is_listed_once_and_the_younger_one_stays() {
    let fixture = Fixture::with(false, CaseSensitivity::decided(false));
    for name in ["a:b.json", "a%3Ab.json"] {
        fixture.write(name, state("a:b"));
        assert_eq!(ids(&fixture.store), ["a:b"], "{name}");
    }
    age(&fixture.dir.join("a%3Ab.json"), 9);
    // Another program has saved it anew.
    assert_eq!(purge(&fixture.store), (1, 0, 0));
    assert_eq!(fixture.names(), ["a:b.json"]);
    assert_eq!(purge(&fixture.store), (0, 1, 0));
}

#[cfg(unix)]
#[test]
fn links_are_listed_and_only_they_are_removed() {
    let fixture = Fixture::new();
    let elsewhere = fixture.root.path().join("elsewhere");
    fixture.write("x.json", state("x"));
    fs::rename(fixture.dir.join("x.json"), &elsewhere).unwrap();
    for removal in [scan(REMOVE, Some(now())), scan(REMOVE, None)] {
        age(&elsewhere, 9);
        std::os::unix::fs::symlink(&elsewhere, fixture.dir.join("x.json")).unwrap();
        std::os::unix::fs::symlink("nowhere", fixture.dir.join("y.json")).unwrap();
        std::os::unix::fs::symlink("z.json", fixture.dir.join("z.json")).unwrap();
        assert_eq!(ids(&fixture.store), ["x"]);
        assert_eq!(page(&fixture.store, removal).matched, 1);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), state("x"));
        assert_eq!(fixture.names(), ["y.json", "z.json"]);
        for name in fixture.names() {
            fs::remove_file(fixture.dir.join(name)).unwrap();
        }
        fs::hard_link(&elsewhere, fixture.dir.join("x.json")).unwrap();
        assert_eq!(purge(&fixture.store).0, 1);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), state("x"));
    }
}

#[test]
fn files_and_the_directory_may_go_at_any_time() {
    let fixture = Fixture::with(false, CaseSensitivity::decided(false));
    for number in 0..40 {
        let id = format!("c{number:02}");
        run(&fixture.store, save(&id, &state(&id))).unwrap();
    }
    let first = page(&fixture.store, Scan { most: 10, ..scan(LIST, None) });
    for number in 10..20 {
        fs::remove_file(fixture.dir.join(format!("c{number}.json"))).unwrap();
    }
    let next = page(&fixture.store, Scan { most: 10, cursor: first.cursor, ..scan(LIST, None) });
    assert_eq!(next.found.first().map(|found| found.id.as_str()), Some("c20"));
    fs::remove_dir_all(&fixture.dir).unwrap();
    for store in [&fixture.store, &again(&fixture, false)] {
        for action in [LIST, Action::Count, REMOVE, Action::Remove { dry_run: true }] {
            let page = page(store, Scan { cursor: next.cursor.clone(), ..scan(action, Some(now())) });
            assert_eq!((page.cursor, page.matched), (None, 0));
        }
    }
    fs::write(&fixture.dir, "").unwrap();
    let error = run(&fixture.store, Request::Scan(scan(LIST, None))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions, "{error:?}");
}

#[test]
fn what_is_expired_is_not_listed_and_a_sweep_removes_it() {
    let fixture = Fixture::with(true, CaseSensitivity::decided(false));
    for (id, seconds) in [("old", 61), ("young", 9)] {
        fixture.write(&format!("{id}.json"), state(id));
        age(&fixture.dir.join(format!("{id}.json")), seconds);
    }
    assert_eq!(listed(&fixture.store, Scan { ttl: 60, ..scan(LIST, None) }), ["young"]);
    assert_eq!(listed(&fixture.store, Scan { ttl: 60, ..scan(LIST, Some(now() - 5_000)) }), ["young"]);
    assert_eq!(page(&fixture.store, Scan { ttl: 60, ..scan(Action::Count, None) }).matched, 1);
    let sweep = Scan { ttl: 60, ..scan(REMOVE, Some(now() - 60_000)) };
    assert_eq!(counts(&page(&fixture.store, sweep)), (1, 1, 0));
    assert_eq!(fixture.names(), ["young.json"]);
    assert_eq!(run(&fixture.store, load("old")), ABSENT);
}
