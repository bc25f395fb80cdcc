use super::*;

/// A copy of `main` of the user's database, as a program makes it.
struct Backup {
    target: rusqlite::Connection,
    raw: *mut ffi::sqlite3_backup,
}

impl Backup {
    fn of(user: &User) -> Self {
        let target = rusqlite::Connection::open(user.path.with_extension("copy")).unwrap();
        let main = c"main".as_ptr();
        // SAFETY: two open connections of this thread's, which both outlive the backup.
        let raw = unsafe { ffi::sqlite3_backup_init(target.handle(), main, user.db.handle(), main) };
        assert!(!raw.is_null());
        Backup { target, raw }
    }

    /// Copies so many pages and returns how many are left.
    fn step(&self, pages: c_int) -> c_int {
        // SAFETY: a backup that is not finished.
        unsafe {
            let code = ffi::sqlite3_backup_step(self.raw, pages);
            assert!(matches!(code, ffi::SQLITE_OK | ffi::SQLITE_DONE), "{code}");
            ffi::sqlite3_backup_remaining(self.raw)
        }
    }

    fn finish(self) -> rusqlite::Connection {
        // SAFETY: used for the last time.
        assert_eq!(unsafe { ffi::sqlite3_backup_finish(self.raw) }, ffi::SQLITE_OK);
        self.target
    }
}

#[test]
fn a_backup_is_running_from_its_first_step_to_its_end() {
    for journal in ["WAL", "DELETE"] {
        let user = User::new(journal);
        let store = user.store();
        run(&store, save("a", &"x".repeat(100_000))).unwrap();
        assert!(!store.is_backup_running());
        let backup = Backup::of(&user);
        for _ in 0..3 {
            assert!(backup.step(1) > 0);
            assert!(store.is_backup_running(), "{journal}");
        }
        let target = backup.finish();
        assert!(!store.is_backup_running());
        drop(target);
        assert!(!store.is_backup_running());
    }
}

#[test]
fn a_commit_of_ours_makes_a_backup_begin_anew() {
    let user = User::new("WAL");
    let store = user.store();
    run(&store, save("a", &"x".repeat(100_000))).unwrap();
    let backup = Backup::of(&user);
    let left = backup.step(10);
    run(&store, save("b", "{}")).unwrap();
    assert!(backup.step(10) >= left, "if SQLite no longer does this, nothing of this is needed");
    user.db.execute("UPDATE conversations SET state = '{\"a\":1}' WHERE id = 'b'", []).unwrap();
    assert_eq!(backup.step(-1), 0);
    let target = backup.finish();
    let copied: String =
        target.query_row("SELECT state FROM conversations WHERE id = 'b'", [], |row| row.get(0)).unwrap();
    assert_eq!(copied, "{\"a\":1}");
}

#[test]
fn other_connections_are_no_backup() {
    let user = User::new("WAL");
    let store = user.store();
    let elsewhere = rusqlite::Connection::open(user.path.with_extension("other")).unwrap();
    elsewhere.execute_batch("CREATE TABLE x (y); BEGIN IMMEDIATE; INSERT INTO x VALUES (1)").unwrap();
    assert!(!store.is_backup_running(), "a transaction");
    elsewhere.execute_batch("COMMIT").unwrap();
    let mut statement = elsewhere.prepare("INSERT INTO x VALUES (2), (3) RETURNING y").unwrap();
    let mut rows = statement.query([]).unwrap();
    rows.next().unwrap();
    assert!(!store.is_backup_running(), "a statement that writes");
    drop(rows);
    drop(statement);
    let backup = Backup::of(&user);
    backup.step(1);
    let seen = std::thread::scope(|scope| {
        let elsewhere = scope.spawn(|| super::super::backups::is_running(&user_api()));
        elsewhere.join().unwrap()
    });
    assert!(!seen, "another thread's");
    assert!(store.is_backup_running());
    drop(backup.finish());
}

/// The functions of the bundled copy.
fn user_api() -> Api {
    // SAFETY: the bundled copy's own table.
    unsafe { Api::copy(bundled_routines()) }.unwrap()
}

#[test]
fn connections_of_our_own_are_forgotten() {
    let user = User::new("WAL");
    let store = user.store();
    let known = super::super::backups::known_here;
    let before = known();
    let own = user.connection();
    assert_eq!(known(), before);
    let other = rusqlite::Connection::open(user.path.with_extension("other")).unwrap();
    assert_eq!(known(), before + 1);
    drop(other);
    assert_eq!(known(), before);
    drop((own, store));
}
