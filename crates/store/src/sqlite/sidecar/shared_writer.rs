//! One for each of the user's connections: the writer beside it, and the end of both.

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::ffi;

use super::super::connection::Connection;
use super::super::queue::Limits;
use super::super::retry_budget::RetryBudget;
use super::super::statements::Statements;
use super::super::writer::Writer;
use super::super::writer_thread;
use super::api::Api;
use super::backups;
use super::connection::{self, Target};
use super::keep_loaded::keep_loaded;
use super::transaction_hook::{self, PauseWriter};
use super::user_connection::UserConnection;
use super::write_now::WriteNow;
use crate::Request;

/// The key under which the user's connection keeps its shared writer. Every copy and version of this package uses the same,
/// as a connection has one trace slot: the second copy must find that it comes too late.
const KEY: &CStr = c"flowkit-storage";

/// How long an open but idle connection of ours may stand in the way of others.
const IDLE: Duration = Duration::from_secs(1);

/// How long the user's `close()` waits for un-awaited saves.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Gives the operations called so far, of all storages of this JavaScript thread, to their stores.
pub type HandOver = Box<dyn Fn() + Send + Sync>;

/// The value under [`KEY`]. The first field has this place in every version of the package.
#[repr(C)]
struct Slot {
    /// The address of something in the image that made it: only that image can read the rest.
    image: *const c_void,
    shared: Arc<SharedWriter>,
}

pub struct SharedWriter {
    pub writer: Arc<Writer>,
    target: Target,
    write_now: Arc<WriteNow>,
    hand_over: HandOver,
    /// The user's connection is closed.
    closed: AtomicBool,
    user: OnThread,
}

/// The user's connection, until it closes.
struct OnThread(Cell<Option<UserConnection>>);

// SAFETY: the shared writer reaches another thread only as a part of an `Arc<dyn Store>`, whose operations on it (`submit`,
// `release`) run on the JavaScript thread, and that thread alone reads this cell. Another thread, the keeper of locks or the
// sweeper, may drop the last `Arc`; the destructor does not look at the user's connection. The writer thread has only the
// `Writer`.
unsafe impl Send for OnThread {}
// SAFETY: as above.
unsafe impl Sync for OnThread {}

fn image() -> *const c_void {
    (&raw const IMAGE).cast()
}
static IMAGE: AtomicBool = AtomicBool::new(false);

impl SharedWriter {
    /// Returns the shared writer of this connection, made if it is missing; or why there must be none.
    pub fn of(user: UserConnection, hand_over: HandOver) -> Result<Arc<SharedWriter>, String> {
        // SAFETY: the connection is open and this thread's own.
        let found = unsafe { (user.api.get_clientdata)(user.db, KEY.as_ptr()) };
        if !found.is_null() {
            // SAFETY: only this package uses the key, and what it keeps there begins with the image's address.
            let maker = unsafe { *found.cast::<*const c_void>() };
            if maker != image() {
                return Err("another copy of this package serves this connection".into());
            }
            // SAFETY: this very image made it, as a `Slot`, which lives until the connection closes.
            return Ok(unsafe { (*found.cast::<Slot>()).shared.clone() });
        }
        let (target, lock_timeout) = user.target()?;
        keep_loaded(user.api.open as *const c_void);
        let limits = Limits { lock_timeout, idle: Some(IDLE), ..Limits::default() };
        let write_now = Arc::new(WriteNow::default());
        let (there, beside) = (target.clone(), write_now.clone());
        let open = Box::new(move || Ok(Box::new(beside.open_for_writer(&there)?) as Box<dyn Connection>));
        let shared = Arc::new(SharedWriter {
            writer: Writer::new(open, limits, writer_thread::serve),
            target,
            write_now,
            hand_over,
            closed: AtomicBool::new(false),
            user: OnThread(Cell::new(Some(user))),
        });
        shared.attach(user)?;
        Ok(shared)
    }

    fn attach(self: &Arc<Self>, user: UserConnection) -> Result<(), String> {
        let slot = Box::into_raw(Box::new(Slot { image: image(), shared: self.clone() }));
        // SAFETY: the connection is open and this thread's own. It calls `on_close` exactly once with the slot, also if it has
        // no memory for it and returns an error: then immediately, before anything else knows of the slot.
        unsafe {
            if (user.api.set_clientdata)(user.db, KEY.as_ptr(), slot.cast(), Some(on_close)) != ffi::SQLITE_OK {
                return Err("its SQLite is out of memory".into());
            }
            transaction_hook::begin(self.clone(), user.db);
        }
        Ok(())
    }

    /// Checks that a second connection can run `statements` as the user's own can. Runs on the JavaScript thread.
    pub fn probe(&self, statements: &Statements) -> Result<(), String> {
        // Another connection may hold the file locked just now; the user's own statement would wait as long.
        let mut budget = RetryBudget::until(Instant::now() + self.writer.limits.lock_timeout);
        let probe = || Ok(connection::open(&self.target)?.probe(statements)?);
        budget.retry(probe).map_err(|error| {
            let table = &statements.table;
            format!("a second connection cannot use {}: {}", table.location(), error.explain(table).reason)
        })
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Returns whether the user's connection can read now: it finds all that is committed, and waits for no lock. Runs on the
    /// JavaScript thread.
    pub fn may_read_on_user_connection(&self) -> bool {
        self.target.is_wal.load(Ordering::Relaxed) && self.is_user_at_rest()
    }

    /// Returns whether a write within the call may succeed now. Runs on the JavaScript thread.
    pub fn may_write_now(&self) -> bool {
        self.may_read_on_user_connection() && self.target.wal.as_ref().is_some_and(|wal| wal.has_room())
    }

    /// Does one write within the call and returns whether it is done. If not, nothing happened. Runs on the JavaScript thread.
    pub fn write_now(&self, statements: &Statements, request: &Request) -> bool {
        self.write_now.write(&self.target, statements, request)
    }

    /// Returns whether a backup is running that our commits would make begin anew. Runs on the JavaScript thread.
    pub fn is_backup_running(&self) -> bool {
        backups::is_running(&self.target.api)
    }

    fn is_user_at_rest(&self) -> bool {
        self.user.0.get().is_some_and(|user| !user.is_in_transaction() && !user.is_reading())
    }

    fn close(&self) {
        (self.hand_over)();
        self.closed.store(true, Ordering::Relaxed);
        transaction_hook::end(self);
        // The user's open transaction is rolled back only after this call, and until then the writer cannot go on.
        let waits = self.user.0.take().is_some_and(|user| !user.is_in_transaction());
        self.writer.stop(Instant::now() + if waits { CLOSE_TIMEOUT } else { Duration::ZERO });
    }
}

impl PauseWriter for SharedWriter {
    fn api(&self) -> &Api {
        &self.target.api
    }

    fn filename(&self) -> &CStr {
        &self.target.filename
    }

    fn drain_writer(&self, disconnect: bool) {
        (self.hand_over)();
        // One batch may wait that long for a lock, and then be followed by another that has waited in the queue.
        let deadline = Instant::now() + self.writer.limits.lock_timeout * 2;
        if !disconnect {
            return self.writer.drain(deadline);
        }
        self.writer.stop(deadline);
        // The user may be about to leave WAL mode. The next connection looks.
        self.target.is_wal.store(false, Ordering::Relaxed);
    }
}

/// Called by SQLite within the user's `close()`, before it releases the file. Our connections close first, so that the user's
/// is the last and removes `-wal` and `-shm`.
unsafe extern "C" fn on_close(slot: *mut c_void) {
    // SAFETY: made by `attach`; SQLite calls this once for each.
    let slot = unsafe { Box::from_raw(slot.cast::<Slot>()) };
    // A panic must not unwind through SQLite.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.shared.close()));
}
