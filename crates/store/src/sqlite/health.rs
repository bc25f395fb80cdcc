//! What errors tell about the open connection and about the WAL.

use rusqlite::ffi;

use super::db_file;
use super::errors::SqliteError;

/// What the writer has to do before it goes on, the more urgent the later. It outlives a connection and the writer thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    #[default]
    Good,
    /// Empty the WAL before the next write: it may hold changes that the disk has lost. A system reports a failed sync once
    /// and then takes what it could not write for written. A later commit behind it would be synced and acknowledged, but
    /// unreadable after a power loss.
    Checkpoint,
    /// Open a fresh connection: the error may lie in this one.
    Reopen,
    /// Open a fresh connection and repeat the batch. SQLite refused to write although the permissions allow it: a file that
    /// it cannot open for writing, for whatever reason, it opens for reading. After a moment of too many open files all saves
    /// would be denied.
    ReopenAndRepeat,
    /// Both [`Health::Reopen`] and [`Health::Checkpoint`].
    ReopenAndCheckpoint,
}

impl Health {
    /// Takes note of an error on the database at `path`.
    pub fn record(&mut self, error: &SqliteError, path: &str) {
        let found = if error.primary() == ffi::SQLITE_IOERR {
            Health::ReopenAndCheckpoint
        } else if error.code == ffi::SQLITE_READONLY && db_file::may_write_database(path) {
            Health::ReopenAndRepeat
        } else if error.requires_reopen() {
            Health::Reopen
        } else {
            return;
        };
        *self = if *self == Health::Checkpoint { Health::ReopenAndCheckpoint } else { found.max(*self) };
    }

    /// Asks for a fresh connection for a reason that is no error.
    pub fn require_reopen(&mut self) {
        *self = if *self == Health::Checkpoint { Health::ReopenAndCheckpoint } else { Health::Reopen.max(*self) };
    }

    pub fn needs_reopen(self) -> bool {
        self >= Health::Reopen
    }

    pub fn reopened(&mut self) {
        *self = if self.needs_checkpoint() { Health::Checkpoint } else { Health::Good };
    }

    pub fn needs_checkpoint(self) -> bool {
        matches!(self, Health::Checkpoint | Health::ReopenAndCheckpoint)
    }

    pub fn checkpointed(&mut self) {
        *self = match *self {
            Health::Checkpoint => Health::Good,
            Health::ReopenAndCheckpoint => Health::Reopen,
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(health: Health, code: i32) -> Health {
        let mut health = health;
        health.record(&SqliteError::new(code, "why"), "/no/such/file");
        health
    }

    #[test]
    fn nothing_hides_that_the_wal_is_to_be_emptied() {
        let broken = after(Health::Good, ffi::SQLITE_IOERR_FSYNC);
        assert_eq!(broken, Health::ReopenAndCheckpoint);
        assert_eq!(after(broken, ffi::SQLITE_BUSY), broken);
        let mut health = broken;
        health.reopened();
        assert_eq!(health, Health::Checkpoint);
        assert_eq!(after(health, ffi::SQLITE_BUSY), broken);
        health.reopened();
        assert!(!health.needs_reopen(), "the next load would open another");
        health.checkpointed();
        assert_eq!(health, Health::Good);
    }

    #[test]
    fn an_error_of_one_statement_says_nothing_about_the_connection() {
        for code in [ffi::SQLITE_CONSTRAINT_TRIGGER, ffi::SQLITE_ERROR, ffi::SQLITE_FULL, ffi::SQLITE_TOOBIG] {
            assert_eq!(after(Health::Good, code), Health::Good);
        }
        assert_eq!(after(Health::Good, ffi::SQLITE_READONLY), Health::Reopen, "the permissions forbid it");
    }
}
