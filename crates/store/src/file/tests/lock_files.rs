//! The files of locks.

use std::time::{Duration, SystemTime};

use super::locks::{cas, enter, held, leave, locked_cas, refused, text};
use super::*;
use crate::Answer;
use crate::error::ErrorKind;
use crate::file::cleanup::remove_abandoned;
use crate::file::file_lock::{Hold, hold};
use crate::file::record_file::record_path;
use crate::lock::{Entered, Expected, Refusal, Written};
use crate::testing::{DONE, delete, found, load, run, save};

pub const RECORD: &str = ".flowkit-x.json.lock";

#[test]
fn the_record_is_there_only_while_somebody_holds_or_waits() {
    let fixture = Fixture::new();
    assert_eq!(run(&fixture.store, leave("x", "a")), DONE);
    assert!(!fixture.dir.exists(), "who leaves makes nothing");
    assert_eq!(run(&fixture.store, enter("x", "a")), held(0, None));
    assert_eq!(fixture.names(), [RECORD]);
    let waits = Ok(Answer::Entered(Entered::Waits { ahead: 0, waiting: 1 }));
    assert_eq!(run(&fixture.store, enter("x", "b")), waits);
    let written = Ok(Answer::Written(Written::Done { waiting: 1 }));
    assert_eq!(run(&fixture.store, locked_cas("x", "a", 1, Expected::Absent, "{}")), written);
    assert_eq!(run(&fixture.store, locked_cas("x", "b", 1, text("{}"), "b")), refused(Refusal::Locked));
    assert_eq!(run(&fixture.store, leave("x", "a")), DONE);
    assert_eq!(fixture.names(), [RECORD, "x.json"]);
    assert_eq!(run(&fixture.store, enter("x", "b")), held(0, Some("{}")));
    assert_eq!(run(&fixture.store, leave("x", "b")), DONE);
    assert_eq!(fixture.names(), ["x.json"]);
}

#[cfg(unix)]
#[test]
fn what_is_planted_in_the_place_of_a_record_is_refused_and_left_as_it_is() {
    let fixture = Fixture::new();
    let precious = fixture.root.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    fs::create_dir_all(&fixture.dir).unwrap();
    let record = fixture.dir.join(RECORD);
    let pipe = std::ffi::CString::new(record.to_str().unwrap()).unwrap();
    let plant: [&dyn Fn(); 4] = [
        &|| fs::hard_link(&precious, &record).unwrap(),
        &|| std::os::unix::fs::symlink(&precious, &record).unwrap(),
        // SAFETY: a valid NUL-terminated string, only read.
        &|| assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0),
        &|| fs::create_dir(&record).unwrap(),
    ];
    for plant in plant {
        plant();
        let error = run(&fixture.store, enter("x", "a")).unwrap_err();
        assert!(error.reason.contains(RECORD), "{}", error.reason);
        assert_eq!(fixture.names(), [RECORD]);
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        fs::remove_file(&record).or_else(|_| fs::remove_dir(&record)).unwrap();
    }
    assert_eq!(run(&fixture.store, enter("x", "a")), held(0, None));
}

#[test]
fn a_record_of_rubbish_locks_nobody_out() {
    let fixture = Fixture::new();
    fixture.write(RECORD, b"H b 99999999999999999999 1 1\n\xff\xff H\n".repeat(100));
    assert_eq!(run(&fixture.store, enter("x", "a")), held(0, None));
    assert_eq!(run(&fixture.store, leave("x", "a")), DONE);
    assert!(fixture.names().is_empty());
}

#[test]
fn records_are_swept_unless_somebody_is_in_them() {
    let fixture = Fixture::new();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    for (name, content) in [
        ("dead", format!("H a {} 15000 0\n", now - 1)),
        ("empty", String::new()),
        ("held", format!("H a {} 600000 0\n", now + 500_000)),
        ("locked", String::new()),
        ("waited", format!("W a {} {now} 0\n", now + 50_000)),
    ] {
        fixture.write(&format!(".flowkit-{name}.json.lock"), content);
    }
    let lock = hold(&fixture.dir.join(".flowkit-locked.json.lock")).unwrap();
    remove_abandoned(&fixture.dir);
    drop(lock);
    let left = ["held", "locked", "waited"].map(|name| format!(".flowkit-{name}.json.lock"));
    assert_eq!(fixture.names(), left);
}

#[test]
fn a_lock_on_a_file_that_was_replaced_is_worth_nothing() {
    let fixture = Fixture::new();
    fixture.write("x.json", "old");
    fixture.write("new", "new");
    let path = fixture.dir.join("x.json");
    let first = hold(&path).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| matches!(hold(&path), Ok(Hold::Held(_))));
        // Long enough to open the file.
        std::thread::sleep(Duration::from_millis(100));
        fs::rename(fixture.dir.join("new"), &path).unwrap();
        let second = hold(&path).unwrap();
        drop(first);
        std::thread::sleep(Duration::from_millis(100));
        assert!(!waiter.is_finished(), "two have the lock");
        drop(second);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn the_name_of_a_record_fits_wherever_a_state_fits() {
    for (id, extension) in
        [("Y".repeat(1000), "x".repeat(40)), ("x".to_owned(), "y".repeat(40)), ("💬".repeat(256), String::new())]
    {
        let path = record_path(Path::new("/data"), &id, &extension);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.len() <= 143, "{name}");
        assert!(name.starts_with(".flowkit-") && name.ends_with(".lock"), "{name}");
    }
    let record = |id: &str, extension: &str| record_path(Path::new("/data"), id, extension);
    assert_ne!(record(&"a".repeat(1000), &"x".repeat(40)), record(&"a".repeat(1000), &"y".repeat(40)));
    assert_ne!(
        record("user", ".json").as_os_str().to_ascii_lowercase(),
        record("User", ".json").as_os_str().to_ascii_lowercase()
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_stays_locked_is_unavailable_after_five_seconds() {
    let fixture = Fixture::new();
    run(&fixture.store, save("x", "old")).unwrap();
    run(&fixture.store, enter("y", "a")).unwrap();
    let locks = [fixture.dir.join("x.json"), fixture.dir.join(".flowkit-y.json.lock")].map(|path| hold(&path).unwrap());
    assert!(locks.iter().all(|lock| matches!(lock, Hold::Held(_))));
    let requests = [save("x", "new"), delete("x"), cas("x", text("old"), None), enter("y", "a"), leave("y", "a")];
    std::thread::scope(|scope| {
        for request in requests {
            // Each in a store of its own: in one, those of a conversation wait for each other.
            let config = FileConfig { dir: fixture.dir.clone(), extension: ".json".into(), durable: false };
            let store = FileStore::new(config);
            scope.spawn(move || {
                let error = run(&store, request).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Unavailable);
                assert!(error.reason.contains("another process has locked it for 5 s"), "{}", error.reason);
            });
        }
    });
    assert_eq!(run(&fixture.store, load("x")), found("old"));
    drop(locks);
    assert_eq!(run(&fixture.store, save("x", "new")), DONE);
    assert_eq!(run(&fixture.store, leave("y", "a")), DONE);
    assert_eq!(fixture.names(), ["x.json"]);
}
