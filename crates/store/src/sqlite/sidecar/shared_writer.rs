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
use super::api::Api;
use super::connection::{self, Target};
use super::user_connection::UserConnection;
use super::{keep_loaded, transaction_hook};

/// Under this key the user's connection knows its shared. Every copy and version of this package uses the same, as there
/// is one trace slot: the second copy must find that it comes too late.
const KEY: &CStr = c"flowkit-storage";

/// How long an open but idle connection of ours may stand in the way of others.
const IDLE: Duration = Duration::from_secs(1);

/// How long the user's `close()` waits for un-awaited saves.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Gives the operations called so far, of all storages of this JavaScript thread, to their stores.
pub type HandOver = Box<dyn Fn() + Send + Sync>;

/// What the user's connection keeps under [`KEY`]. The first field has this place in every version of the package.
#[repr(C)]
struct Slot {
    /// The address of something in the image that made it: only that image can read the rest.
    image: *const c_void,
    shared: Arc<SharedWriter>,
}

pub struct SharedWriter {
    pub writer: Arc<Writer>,
    target: Target,
    hand_over: HandOver,
    /// The user's connection is closed.
    closed: AtomicBool,
    owner: OnThread,
}

/// The user's connection, until it closes.
struct OnThread(Cell<Option<UserConnection>>);

// SAFETY: the shared is shared with no other thread but through `Arc<dyn Store>`, whose operations on it (`submit`,
// `release`) run on the JavaScript thread, as the destructor does, which alone reads this cell. The writer thread has the
// `Writer` only.
unsafe impl Send for OnThread {}
// SAFETY: as above.
unsafe impl Sync for OnThread {}

fn image() -> *const c_void {
    (&raw const IMAGE).cast()
}
static IMAGE: AtomicBool = AtomicBool::new(false);

impl SharedWriter {
    /// The shared of this connection, made if it is missing; or why there must be none.
    pub fn of(owner: UserConnection, hand_over: HandOver) -> Result<Arc<SharedWriter>, String> {
        // SAFETY: the connection is open and this thread's own.
        let found = unsafe { (owner.api.get_clientdata)(owner.db, KEY.as_ptr()) };
        if !found.is_null() {
            // SAFETY: only this package uses the key, and begins what it keeps there with the image's address.
            let maker = unsafe { *found.cast::<*const c_void>() };
            if maker != image() {
                return Err("another copy of this package serves this connection".into());
            }
            // SAFETY: this very image made it, as a `Slot`, which lives until the connection closes.
            return Ok(unsafe { (*found.cast::<Slot>()).shared.clone() });
        }
        let (target, lock_timeout) = owner.target()?;
        keep_loaded::keep_loaded(owner.api.open as *const c_void);
        let limits = Limits { lock_timeout, idle: Some(IDLE), ..Limits::default() };
        let there = target.clone();
        let open = Box::new(move || Ok(Box::new(connection::open(&there)?) as Box<dyn Connection>));
        let writer = Writer::new(open, limits);
        let owner_here = OnThread(Cell::new(Some(owner)));
        let shared =
            Arc::new(SharedWriter { writer, target, hand_over, closed: AtomicBool::new(false), owner: owner_here });
        shared.attach(owner)?;
        Ok(shared)
    }

    fn attach(self: &Arc<Self>, owner: UserConnection) -> Result<(), String> {
        let slot = Box::into_raw(Box::new(Slot { image: image(), shared: self.clone() }));
        // SAFETY: the connection is open and this thread's own. It calls `on_close` exactly once with the slot, also
        // where it has no memory for it and answers an error: then at once, before anything else knows of the slot.
        unsafe {
            if (owner.api.set_clientdata)(owner.db, KEY.as_ptr(), slot.cast(), Some(on_close)) != ffi::SQLITE_OK {
                return Err("its SQLite is out of memory".into());
            }
            transaction_hook::begin(self, owner.db);
        }
        Ok(())
    }

    /// The user's copy of SQLite.
    pub fn api(&self) -> &Api {
        &self.target.api
    }

    /// As the user's connection knows it.
    pub fn filename(&self) -> &CStr {
        &self.target.filename
    }

    /// Whether a second connection can do with `table` what the user's own can. Runs on the JavaScript thread.
    pub fn probe(&self, statements: &Statements) -> Result<(), String> {
        let explain =
            |error: String| format!("a second connection cannot use {}: {error}", statements.table.location());
        // Someone may hold the file locked just now; the user's own statement would wait as long.
        let mut budget = RetryBudget::until(Instant::now() + self.writer.limits.lock_timeout);
        let probe = || Ok(connection::open(&self.target)?.probe(statements)?);
        budget.retry(probe).map_err(|error| explain(error.explain(&statements.table).reason))
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether the user's connection can read now: it finds all that was committed, and waits for nobody's lock. Runs on
    /// the JavaScript thread.
    pub fn may_read_on_user_connection(&self) -> bool {
        let is_at_rest = |owner: UserConnection| !owner.is_in_transaction() && !owner.is_reading();
        self.target.is_wal.load(Ordering::Relaxed) && self.owner.0.get().is_some_and(is_at_rest)
    }

    /// Waits until everything called so far is done: on the user's connection something is about to begin that it
    /// would disturb.
    pub fn drain_writer(&self, disconnect: bool) {
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

    fn close(&self) {
        (self.hand_over)();
        self.closed.store(true, Ordering::Relaxed);
        transaction_hook::end(self);
        // A transaction that is still open is rolled back only after us; until then the writer cannot go on.
        let waits = self.owner.0.take().is_some_and(|owner| !owner.is_in_transaction());
        self.writer.stop(Instant::now() + if waits { CLOSE_TIMEOUT } else { Duration::ZERO });
    }
}

/// Called by SQLite within the user's `close()`, before it lets go of the file. Our connection closes first, so that
/// the user's is the last and removes `-wal` and `-shm`.
unsafe extern "C" fn on_close(slot: *mut c_void) {
    // SAFETY: made by `attach`; SQLite calls this once for each.
    let slot = unsafe { Box::from_raw(slot.cast::<Slot>()) };
    // A panic must not unwind through SQLite.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.shared.close()));
}
