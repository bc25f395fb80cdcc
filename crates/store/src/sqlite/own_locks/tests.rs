//! Against real files and locks. A [`Foreign`] stands for another copy of SQLite in this process.

use std::ffi::{c_int, c_short};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::super::error::ErrorKind;
use super::super::bundled;
use super::super::connection::Connection;
use super::super::double_open::why_not_beside;
use super::super::errors::BatchError;
use super::super::journal::Journal;
use super::system::PENDING_BYTE;
use super::*;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("states.db");
    (directory, path)
}

fn open(path: &Path) -> Box<dyn Connection> {
    let mut connection = bundled::open(path, Journal::Wal).unwrap();
    connection.execute("CREATE TABLE IF NOT EXISTS t (x)").unwrap();
    connection
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

/// How many descriptors of this process lead to the file.
fn count(path: &Path) -> usize {
    let file_id = FileId::of(path);
    descriptors::foreign(|_| false, |other| other == file_id).unwrap().len()
}

struct Foreign(File);

impl Foreign {
    fn open(path: &Path) -> Self {
        Foreign(OpenOptions::new().read(true).write(true).open(path).unwrap())
    }

    fn lock(&self, command: c_int, kind: c_int, start: i64) -> Result<libc::flock, std::io::Error> {
        // SAFETY: plain data, for which zeros are valid values.
        let mut range: libc::flock = unsafe { std::mem::zeroed() };
        (range.l_type, range.l_start, range.l_len) = (kind as c_short, start, 1);
        // SAFETY: these commands read and write one `flock`.
        match unsafe { libc::fcntl(self.0.as_raw_fd(), command, &raw mut range) } {
            0 => Ok(range),
            _ => Err(std::io::Error::last_os_error()),
        }
    }

    /// Takes the byte for this process, as another copy would.
    fn take(&self, start: i64) -> bool {
        self.lock(libc::F_SETLK, libc::F_WRLCK, start).is_ok()
    }

    /// Shares the byte, as another copy that reads.
    fn share(&self, start: i64) -> bool {
        self.lock(libc::F_SETLK, libc::F_RDLCK, start).is_ok()
    }
}

/// Returns whether anybody, in this process or another, has a lock on the byte.
fn is_locked(path: &Path, start: i64) -> bool {
    let asking = std::mem::ManuallyDrop::new(Foreign::open(path));
    // Not dropped: that would release the process's locks on the file.
    asking.lock(libc::F_OFD_GETLK, libc::F_WRLCK, start).unwrap().l_type != libc::F_UNLCK as c_short
}

const RESERVED_BYTE: i64 = PENDING_BYTE + 1;

#[test]
fn another_copy_in_this_process_sees_our_locks_and_we_see_its() {
    let (_directory, path) = place();
    let mut ours = open(&path);
    ours.execute("PRAGMA journal_mode = DELETE").unwrap();
    let foreign = Foreign::open(&path);
    ours.begin().unwrap();
    assert!(!foreign.take(RESERVED_BYTE), "our transaction is open");
    ours.commit().unwrap();
    assert!(foreign.take(RESERVED_BYTE));
    assert!(ours.begin().unwrap_err().is_busy());
}

#[test]
fn nothing_that_others_close_releases_our_locks() {
    let (_directory, path) = place();
    let mut ours = open(&path);
    ours.begin().unwrap();
    drop((Foreign::open(&path), Foreign::open(&beside(&path, "-shm"))));
    let shared = is_locked(&path, PENDING_BYTE + 2);
    assert!(shared && is_locked(&beside(&path, "-shm"), 120), "the lock of a writer");
}

#[test]
fn closing_keeps_the_locks_of_another_copy_and_the_last_one_closes_all() {
    let (_directory, path) = place();
    let mut ours = open(&path);
    let (database, shm) = (Foreign::open(&path), Foreign::open(&beside(&path, "-shm")));
    assert!(database.take(7) && shm.take(7));
    drop(ours);
    // Ours was the only connection, so that SQLite deleted the -shm.
    assert!(is_locked(&path, 7));
    assert!(!is_locked(&path, PENDING_BYTE) && !is_locked(&path, PENDING_BYTE + 2));
    let kept = count(&path);
    for _ in 0..5 {
        ours = open(&path);
        drop(ours);
    }
    // `is_locked` leaves one each time.
    assert_eq!(count(&path), kept, "a descriptor that was kept is used again");
    assert!(is_locked(&path, 7));
}

#[test]
fn a_descriptor_that_is_kept_has_no_locks() {
    let (_directory, path) = place();
    let ours = open(&path);
    let (database, shm) = (Foreign::open(&path), beside(&path, "-shm"));
    // Another copy uses the WAL, so that SQLite leaves the -shm there.
    assert!(database.share(PENDING_BYTE + 2));
    assert!(is_locked(&shm, 128), "the lock of whoever has it open");
    drop(ours);
    assert!(shm.exists() && !is_locked(&shm, 128));
    assert!(!is_locked(&path, PENDING_BYTE) && !is_locked(&path, RESERVED_BYTE));
}

#[test]
fn a_descriptor_is_closed_when_nothing_else_has_the_file_open() {
    let (_directory, path) = place();
    drop(open(&path));
    assert_eq!(count(&path), 0);
    let ours = open(&path);
    let foreign = Foreign::open(&path);
    assert!(foreign.take(7));
    drop(ours);
    assert_eq!(count(&path), 2);
    drop(foreign);
    let (_elsewhere, other) = place();
    drop(open(&other));
    assert_eq!(count(&path), 0, "any close of ours looks at all that was kept");
}

#[test]
fn several_connections_of_ours_lock_as_one() {
    let (_directory, path) = place();
    let mut first = open(&path);
    first.execute("PRAGMA journal_mode = DELETE").unwrap();
    let mut second = bundled::open(&path, Journal::Delete).unwrap();
    first.execute("BEGIN").unwrap();
    second.execute("BEGIN").unwrap();
    for connection in [&mut first, &mut second] {
        connection.run("SELECT * FROM t", &[]).unwrap();
    }
    drop(first);
    assert!(is_locked(&path, PENDING_BYTE + 2), "the second still reads");
    second.commit().unwrap();
    assert!(!is_locked(&path, PENDING_BYTE + 2));
    let foreign = Foreign::open(&path);
    assert!(foreign.take(RESERVED_BYTE));
}

#[test]
fn a_second_name_is_refused_while_the_first_is_in_use() {
    let (directory, path) = place();
    let second = directory.path().join("second.db");
    let ours = open(&path);
    std::fs::hard_link(&path, &second).unwrap();
    let refused = |path: &Path| match bundled::open(path, Journal::Wal) {
        Err(BatchError::Refused(error)) => {
            error.kind == ErrorKind::InvalidOptions && error.reason.contains("two names")
        }
        _ => false,
    };
    assert!(refused(&second));
    assert_eq!(why_not_beside(&path), None);
    assert!(why_not_beside(&second).unwrap().contains("two names"));
    drop(ours);
    let foreign = Foreign::open(&second);
    assert!(refused(&path));
    drop(foreign);
    drop(open(&path));
}

/// Has this thread, and those that it starts, meet a kernel without OFD locks.
fn forbid_ofd_locks() {
    // Load the number of the call; if it is `fcntl`, load its second argument; if that is 36, 37 or 38, return EINVAL.
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(0x20, 0, 0, 0),
        step(0x15, 0, 4, libc::SYS_fcntl as u32),
        step(0x20, 0, 0, 24),
        step(0x35, 0, 2, libc::F_OFD_GETLK as u32),
        step(0x25, 1, 0, libc::F_OFD_SETLKW as u32),
        step(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
        step(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which holds for this thread alone.
    let codes = unsafe {
        [
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter),
        ]
    };
    assert_eq!(codes, [0, 0]);
}

#[test]
fn without_ofd_locks_a_second_copy_is_refused() {
    let test = || {
        forbid_ofd_locks();
        let (_directory, path) = place();
        let ours = open(&path);
        assert!(!are_seen_by_others(FileId::of(&path)));
        assert!(why_not_beside(&path).unwrap().contains("a second copy of SQLite would destroy it"));
        drop(ours);
        assert_eq!(count(&path), 0);
        let foreign = Foreign::open(&path);
        assert!(foreign.take(RESERVED_BYTE));
        let Err(BatchError::Refused(error)) = bundled::open(&path, Journal::Wal) else { panic!("was not refused") };
        assert!(error.reason.contains("would destroy it"), "{}", error.reason);
        (_directory, path, foreign)
    };
    let (_directory, path, _foreign) = std::thread::spawn(test).join().unwrap();
    assert!(is_locked(&path, RESERVED_BYTE), "the refusal took the other's lock away");
}
