//! What is on the disk afterwards, and what stands in the way.
//!
//! Tests run as root in containers, so none of them takes permissions away and expects that to hold.

use std::fs::File;
use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::Store;
use crate::error::ErrorKind;
use crate::testing::{ABSENT, DONE, delete, found, load, run, save};

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    // SAFETY: umask cannot fail and touches no memory. It holds for the whole process, but no other test minds.
    unsafe { libc::umask(0) };
    let fixture = Fixture::new();
    run(&fixture.store, save("x", "{}")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&fixture.dir.join("x.json")), 0o600);
    assert_eq!(mode(&fixture.dir), 0o700);
    assert_eq!(mode(&fixture.root.path().join("data")), 0o700);
}

#[test]
fn a_directory_removed_in_between_is_made_again() {
    for durable in [true, false] {
        let fixture = Fixture::with(durable, CaseSensitivity::default());
        for _ in 0..3 {
            run(&fixture.store, save("x", "{}")).unwrap();
            assert_eq!(fixture.names(), ["x.json"]);
            fs::remove_dir_all(fixture.root.path().join("data")).unwrap();
            assert_eq!(run(&fixture.store, load("x")), ABSENT);
            assert_eq!(run(&fixture.store, delete("x")), DONE);
        }
    }
}

#[test]
fn a_file_in_the_place_of_the_directory_is_a_wrong_option() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    for dir in [file.clone(), file.join("deeper").join("still")] {
        for request in [save("x", "{}"), load("x"), delete("x")] {
            let config = FileConfig { dir: dir.clone(), extension: String::new(), durable: true };
            let error = run(&FileStore::new(config), request).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOptions);
            assert_eq!(error.reason, format!("{} is a file, not a directory", file.display()));
            assert_eq!(error.cause.unwrap().code.as_deref(), Some("ENOTDIR"));
        }
    }
    assert_eq!(names(root.path()), ["file"]);
}

#[test]
fn a_directory_in_the_place_of_a_file_is_corrupt() {
    let fixture = Fixture::new();
    let path = fixture.dir.join("x.json");
    fs::create_dir_all(&path).unwrap();
    for request in [save("x", "{}"), load("x"), delete("x")] {
        let error = run(&fixture.store, request).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        assert!(error.reason.starts_with(&path.display().to_string()), "{}", error.reason);
        assert_eq!(error.cause.unwrap().code.as_deref(), Some("EISDIR"));
    }
    assert_eq!(fixture.names(), ["x.json"], "a failed save leaves no temporary file");
}

#[test]
fn what_is_not_text_is_corrupt_until_the_next_save() {
    let fixture = Fixture::new();
    fixture.write("x.json", b"{\"a\":\"\xff\"}");
    let error = run(&fixture.store, load("x")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(error.reason.starts_with(&fixture.store.location("x")), "{}", error.reason);
    run(&fixture.store, save("x", "{}")).unwrap();
    assert_eq!(run(&fixture.store, load("x")), found("{}"));
}

#[test]
fn a_byte_order_mark_is_named() {
    let fixture = Fixture::new();
    // The first is a foreign file, which is parsed here.
    for (name, id, content) in [
        ("a:b.json", "a:b", "\u{feff}{}".as_bytes()),
        ("x.json", "x", b"\xff\xfe{\0}\0"),
        ("x.json", "x", b"\xfe\xff\0{\0}"),
    ] {
        fixture.write(name, content);
        let reason = run(&fixture.store, load(id)).unwrap_err().reason;
        assert!(reason.ends_with("begins with a byte order mark: save it as UTF-8 without one"), "{reason}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_hang_a_load() {
    let fixture = Fixture::new();
    fs::create_dir_all(&fixture.dir).unwrap();
    let path = std::ffi::CString::new(fixture.dir.join("x.json").to_str().unwrap()).unwrap();
    // SAFETY: a valid NUL-terminated string, only read.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    assert_eq!(run(&fixture.store, load("x")).unwrap_err().kind, ErrorKind::Corrupt);
    run(&fixture.store, save("x", "{}")).unwrap();
    assert_eq!(run(&fixture.store, load("x")), found("{}"));
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_not_followed() {
    let fixture = Fixture::new();
    let target = fixture.root.path().join("elsewhere");
    fs::write(&target, "precious").unwrap();
    fs::create_dir_all(&fixture.dir).unwrap();
    std::os::unix::fs::symlink(&target, fixture.dir.join("x.json")).unwrap();
    run(&fixture.store, save("x", "{}")).unwrap();
    assert_eq!(fs::read_to_string(target).unwrap(), "precious");
    assert!(fs::symlink_metadata(fixture.dir.join("x.json")).unwrap().is_file());
}

#[test]
fn a_reader_sees_whole_states_only() {
    let fixture = Fixture::with(false, CaseSensitivity::default());
    let texts = ["a".repeat(200_000), "b".repeat(100_000)];
    run(&fixture.store, save("x", &texts[0])).unwrap();
    let path = fixture.dir.join("x.json");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..2000 {
                let text = fs::read_to_string(&path).unwrap();
                assert!(texts.contains(&text), "{} bytes", text.len());
            }
        });
        while !reader.is_finished() {
            texts.iter().for_each(|text| assert_eq!(run(&fixture.store, save("x", text)), DONE));
        }
        reader.join().unwrap();
    });
    assert_eq!(fixture.names(), ["x.json"]);
}

#[test]
fn old_temporary_files_are_swept_and_nothing_else() {
    let fixture = Fixture::new();
    let old = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    for name in [".flowkit-old.tmp", ".flowkit-young.tmp", ".flowkit-old.json", "old.tmp", "x.json"] {
        fixture.write(name, "{}");
        if name != ".flowkit-young.tmp" {
            File::options().write(true).open(fixture.dir.join(name)).unwrap().set_modified(old).unwrap();
        }
    }
    fs::create_dir(fixture.dir.join(".flowkit-directory.tmp")).unwrap();
    assert_eq!(run(&fixture.store, load("x")), found("{}"));
    let deadline = Instant::now() + Duration::from_secs(60);
    while fixture.dir.join(".flowkit-old.tmp").exists() {
        assert!(Instant::now() < deadline, "never swept");
        std::thread::sleep(Duration::from_millis(5));
    }
    let left = [".flowkit-directory.tmp", ".flowkit-old.json", ".flowkit-young.tmp", "old.tmp", "x.json"];
    assert_eq!(fixture.names(), left);
}

#[cfg(target_os = "linux")]
#[test]
fn as_long_as_it_cannot_be_told_whether_case_counts_the_safe_name_is_used() {
    let root = tempfile::tempdir().unwrap();
    // So long that the directory can be made and listed, a conversation in it named, but no temporary file.
    let mut dir = root.path().to_path_buf();
    while dir.as_os_str().len() < 4080 {
        dir.push("d".repeat((4080 - dir.as_os_str().len()).min(200)));
    }
    fs::create_dir_all(&dir).unwrap();
    let store = FileStore::new(FileConfig { dir: dir.clone(), extension: String::new(), durable: true });
    let error = run(&store, save("User", "{}")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("ENAMETOOLONG"));
    for name in ["User", "%55ser"] {
        fs::write(dir.join(name), state("User")).unwrap();
        assert_eq!(run(&store, load("User")), found(state("User")), "{name}");
        assert_eq!(run(&store, delete("User")), DONE);
        assert!(names(&dir).is_empty());
    }
    assert_eq!(run(&store, load("User")), ABSENT);
}
