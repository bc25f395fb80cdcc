//! Files that another program wrote under the plain id.
#![cfg(unix)]

use super::*;
use crate::Store;
use crate::error::ErrorKind;
use crate::testing::{ABSENT, delete, found, load, operation, run, save};

const ID: &str = "whatsapp:+57300";
const PLAIN: &str = "whatsapp:+57300.json";
const OWN: &str = "whatsapp%3A+57300.json";

#[test]
fn is_loaded_and_goes_with_the_next_save() {
    let fixture = Fixture::new();
    let foreign = format!("{{\n \"a\": 1, \"conversationId\": \"{ID}\" }}\n");
    fixture.write(PLAIN, &foreign);
    assert_eq!(run(&fixture.store, load(ID)), found(foreign));
    run(&fixture.store, save(ID, "new")).unwrap();
    assert_eq!(fixture.names(), [OWN]);
    assert_eq!(run(&fixture.store, load(ID)), found("new"));
}

#[test]
fn is_deleted() {
    let fixture = Fixture::new();
    fixture.write(PLAIN, state(ID));
    run(&fixture.store, delete(ID)).unwrap();
    assert!(fixture.names().is_empty());
    fixture.write(PLAIN, state(ID));
    fixture.write(OWN, state(ID));
    run(&fixture.store, delete(ID)).unwrap();
    assert!(fixture.names().is_empty());
}

#[test]
fn ours_goes_before_it() {
    let fixture = Fixture::new();
    fixture.write(PLAIN, state(ID));
    fixture.write(OWN, "ours");
    assert_eq!(run(&fixture.store, load(ID)), found("ours"));
}

#[test]
fn of_another_conversation_or_none_is_left_alone() {
    for content in [state("whatsapp:+57301"), "[]".to_owned(), format!("{{\"a\":{}}}", state(ID))] {
        let fixture = Fixture::new();
        fixture.write(PLAIN, &content);
        assert_eq!(run(&fixture.store, load(ID)), ABSENT, "{content}");
        run(&fixture.store, save(ID, "new")).unwrap();
        run(&fixture.store, delete(ID)).unwrap();
        assert_eq!(fixture.names(), [PLAIN]);
        assert_eq!(fs::read_to_string(fixture.dir.join(PLAIN)).unwrap(), content);
    }
}

#[test]
fn corrupt_is_reported_and_left_alone() {
    for content in [b"{".as_slice(), b"", b"\xff\xfe"] {
        let fixture = Fixture::new();
        fixture.write(PLAIN, content);
        let error = run(&fixture.store, load(ID)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        assert!(error.reason.contains(PLAIN), "{}", error.reason);
        run(&fixture.store, save(ID, "new")).unwrap();
        assert_eq!(run(&fixture.store, load(ID)), found("new"));
        run(&fixture.store, delete(ID)).unwrap();
        assert_eq!(fs::read(fixture.dir.join(PLAIN)).unwrap(), content);
    }
}

#[test]
fn a_directory_of_that_name_is_corrupt_and_stays() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.dir.join(PLAIN)).unwrap();
    assert_eq!(run(&fixture.store, load(ID)).unwrap_err().kind, ErrorKind::Corrupt);
    run(&fixture.store, save(ID, "new")).unwrap();
    run(&fixture.store, delete(ID)).unwrap();
    assert_eq!(fixture.names(), [PLAIN]);
}

#[test]
fn unsafe_names_are_never_looked_at() {
    let fixture = Fixture::new();
    fixture.write(".hidden:.json", state(".hidden:"));
    fixture.write("a%41.json", state("a%41"));
    fs::write(fixture.root.path().join("data").join("up:.json"), state("../up:")).unwrap();
    for id in [".hidden:", "a%41", "../up:"] {
        assert_eq!(run(&fixture.store, load(id)), ABSENT, "{id}");
    }
    // Too long for a file name: no `ENAMETOOLONG`.
    assert_eq!(run(&fixture.store, load(&"a:".repeat(126))), ABSENT);
}

#[test]
fn a_load_never_misses_it_while_another_process_saves() {
    let fixture = Fixture::with(false, CaseSensitivity::decided(false));
    let config = FileConfig { dir: fixture.dir.clone(), extension: ".json".to_owned(), durable: false };
    let other = FileStore::with_case(config, CaseSensitivity::decided(false));
    for _ in 0..1000 {
        fixture.write(PLAIN, state(ID));
        let (saving, saved) = operation(save(ID, &state(ID)));
        other.submit(vec![saving]);
        while fixture.dir.join(PLAIN).exists() {
            assert_eq!(run(&fixture.store, load(ID)), found(state(ID)));
        }
        saved.wait().unwrap();
        fs::remove_file(fixture.dir.join(OWN)).unwrap();
    }
}
