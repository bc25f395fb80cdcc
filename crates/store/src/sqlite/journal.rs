//! How the database file is kept whole: by a WAL, or by a rollback journal.

use rusqlite::ffi;

use super::connection::{Connection, Value};
use super::errors::SqliteError;

/// The journal that a file of our own is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Journal {
    /// Readers and the writer do not wait for each other. Needs a volume with shared memory. Without it, [`Journal::Delete`] is
    /// used instead.
    #[default]
    Wal,
    /// A rollback journal, deleted at each commit. Works on every volume.
    Delete,
}

/// Reads the database.
const READ: &str = "SELECT count(*) FROM sqlite_schema";

impl Journal {
    fn pragma(self) -> &'static str {
        match self {
            Journal::Wal => "PRAGMA journal_mode = WAL",
            Journal::Delete => "PRAGMA journal_mode = DELETE",
        }
    }
}

/// Gives the file of a fresh connection its journal, and has commits wait for the disk.
pub fn set(connection: &mut dyn Connection, journal: Journal) -> Result<(), SqliteError> {
    // Only what comes after the switch maps the shared memory.
    let switched = connection.run(journal.pragma(), &[]).and_then(|rows| connection.execute(READ).map(|()| rows));
    let is_wal = match switched {
        Ok(rows) => rows == [[Value::Text("wal".into())]],
        // Others use the file, or it is read-only: it keeps the journal that it has, which is as safe.
        Err(refusal) if refusal.is_busy() || refusal.primary() == ffi::SQLITE_READONLY => false,
        Err(failure) => return Err(failure),
    };
    // After a power loss a journal could come back and undo a commit. EXTRA syncs the directory that it was deleted from.
    connection.execute(if is_wal { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = EXTRA" })
}

/// Returns whether the volume of the database cannot hold the shared memory that a WAL needs: some network and FUSE file
/// systems refuse to map a file.
pub fn lacks_shared_memory(failure: &SqliteError) -> bool {
    let codes =
        [ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMLOCK, ffi::SQLITE_IOERR_SHMMAP];
    codes.contains(&failure.code)
}

/// Gives the file a rollback journal, although it is, or was left, in WAL mode on a volume without shared memory. The connection
/// is fresh: one that met the lack keeps failing. SQLite needs no shared memory while it has the file to itself. What is in
/// the WAL is kept. Returns an error if others use the file.
pub fn leave_wal(connection: &mut dyn Connection) -> Result<(), SqliteError> {
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")?;
    connection.execute(Journal::Delete.pragma())?;
    connection.execute("PRAGMA locking_mode = NORMAL")?;
    // Releases the lock.
    set(connection, Journal::Delete)
}
