//! The store as a whole, against real files. Faults come from [`Probe`] and from other connections on the same file.

mod batches;
mod faults;
mod files;
mod locks;
mod sharing;
mod tables;
mod writer;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::ffi;
use tempfile::TempDir;

use super::super::error::{ErrorKind, StoreError};
use super::super::testing::{ABSENT, DONE, Pending, close, delete, found, load, operation, run, save, ticket};
use super::super::{Outcome, Request, Store};
use super::connection::{Connection, Param, Row, Value};
use super::errors::SqliteError;
use super::journal::Journal;
use super::own_locks;
use super::queue::Limits;
use super::statements::Statements;
use super::table::Table;
use super::writer::Writer;
use super::{SqliteConfig, SqliteStore, bundled};

/// A directory of its own for each test, and the database in it.
struct Place {
    directory: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("states.db");
        Place { directory, path }
    }

    fn store(&self) -> SqliteStore {
        self.store_on("conversations")
    }

    fn store_on(&self, table: &str) -> SqliteStore {
        SqliteStore::new(config(&self.path, table))
    }

    /// A writer of its own, with faults on demand. It waits for locks longer than a loaded machine lets a thread stand still.
    fn probed(&self) -> (SqliteStore, Arc<Probe>) {
        self.probed_with(Limits { lock_timeout: Duration::from_secs(60), ..Limits::default() })
    }

    /// Gives up on locks that are held to the end of the test.
    fn impatient(&self) -> (SqliteStore, Arc<Probe>) {
        self.probed_with(Limits { lock_timeout: Duration::from_millis(600), ..Limits::default() })
    }

    fn probed_with(&self, limits: Limits) -> (SqliteStore, Arc<Probe>) {
        let probe = Arc::new(Probe::default());
        let (path, watched) = (self.path.clone(), probe.clone());
        let open = Box::new(move || {
            watched.opens.fetch_add(1, Ordering::SeqCst);
            watched.stuck.store(false, Ordering::SeqCst);
            let mut inner = bundled::open(&path, Journal::Wal)?;
            if let Some(sql) = watched.after_open.lock().as_deref() {
                inner.execute(sql)?;
            }
            Ok(Box::new(Probed { inner, probe: watched.clone() }) as Box<dyn Connection>)
        });
        let writer = Writer::new(open, limits, super::writer_thread::serve);
        writer.join();
        (SqliteStore::with(writer, Statements::new(Table::new(&self.path, "conversations".into())), None), probe)
    }

    /// Another program's connection.
    fn other(&self) -> rusqlite::Connection {
        own_locks::install();
        rusqlite::Connection::open(&self.path).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.other().execute_batch(sql).unwrap();
    }

    fn has(&self, suffix: &str) -> bool {
        Path::new(&format!("{}{suffix}", self.path.display())).exists()
    }
}

fn config(path: &Path, table: &str) -> SqliteConfig {
    SqliteConfig { path: path.to_owned(), table: table.to_owned(), journal: Journal::Wal, secure_delete: false }
}

/// Submits each request on its own, without waiting.
fn submit(store: &SqliteStore, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    requests
        .into_iter()
        .map(|request| {
            let (operation, answer) = operation(request);
            store.submit(vec![operation]);
            answer
        })
        .collect()
}

/// Submits all requests in one go and waits for all of them.
pub fn together(store: &dyn Store, requests: impl IntoIterator<Item = Request>) -> Vec<Outcome> {
    let (operations, answers): (Vec<_>, Vec<_>) = requests.into_iter().map(operation).unzip();
    store.submit(operations);
    answers.into_iter().map(Pending::wait).collect()
}

pub fn text(text: &str) -> Outcome {
    found(text)
}

/// The kind and the SQLite code of a failure.
fn told(outcome: Outcome) -> (ErrorKind, String) {
    let StoreError { kind, cause, .. } = outcome.unwrap_err();
    (kind, cause.and_then(|cause| cause.code).unwrap_or_default())
}

fn reason(outcome: Outcome) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions, "{}", error.reason);
    error.reason
}

/// Counts what a connection does, and makes it fail.
#[derive(Default)]
struct Probe {
    opens: AtomicUsize,
    commits: AtomicUsize,
    /// The results of the next commits, which commit nothing.
    failing_commits: Mutex<VecDeque<SqliteError>>,
    /// The results of the next commits after these, which do commit.
    deceiving_commits: Mutex<VecDeque<SqliteError>>,
    after_open: Mutex<Option<String>>,
    /// This connection is turned away by a lock until another takes its place.
    stuck: AtomicBool,
    executed: Mutex<Vec<String>>,
}

impl Probe {
    fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    fn opens(&self) -> usize {
        self.opens.load(Ordering::SeqCst)
    }
}

struct Probed {
    inner: Box<dyn Connection>,
    probe: Arc<Probe>,
}

impl Connection for Probed {
    fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, SqliteError> {
        assert!(!matches!(params, [Param::Text("panic"), ..]), "as the test wants it");
        if params.is_empty() {
            self.probe.executed.lock().push(sql.to_owned());
            if self.probe.stuck.load(Ordering::SeqCst) {
                return Err(SqliteError::new(ffi::SQLITE_BUSY, "database is locked"));
            }
        }
        self.inner.run(sql, params)
    }

    fn in_transaction(&self) -> bool {
        self.inner.in_transaction()
    }

    fn commit(&mut self) -> Result<(), SqliteError> {
        if let Some(failure) = self.probe.failing_commits.lock().pop_front() {
            if failure.primary() == ffi::SQLITE_IOERR {
                self.inner.rollback()?;
            }
            return Err(failure);
        }
        self.inner.commit()?;
        if let Some(error) = self.probe.deceiving_commits.lock().pop_front() {
            return Err(error);
        }
        self.probe.commits.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
