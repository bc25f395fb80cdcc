//! Renews held locks while the event loop is blocked. JavaScript renews them as long as its timers run.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::{Operation, Outcome, Receiver, Request, Store, Ticket, Token};

static KEEPER: Keeper =
    Keeper { state: Mutex::new(State { locks: Vec::new(), is_running: false }), changed: Condvar::new() };

/// A held lock.
#[derive(Clone)]
pub struct Lock {
    pub store: Weak<dyn Store>,
    pub id: String,
    pub owner: String,
    /// Milliseconds.
    pub lease: u32,
    /// The `ttl` of its requests, in seconds.
    pub ttl: u32,
    /// From then on it is not renewed: a function that never ends must not hold a lock forever.
    pub until: Instant,
}

struct Keeper {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// With the moment of the next renewal.
    locks: Vec<(Instant, Lock)>,
    is_running: bool,
}

/// Keeps a lock from now on. Called again after each renewal by JavaScript, so that nothing is renewed twice.
///
/// Without a thread to be had, the timers of JavaScript are all that renews.
pub fn keep(lock: Lock) {
    let mut state = KEEPER.state.lock();
    let due = Instant::now() + pause(&lock);
    state.locks.retain(|(_, known)| known.owner != lock.owner);
    state.locks.push((due, lock));
    if !state.is_running {
        state.is_running = thread::Builder::new().name("flowkit-locks".into()).spawn(run).is_ok();
    }
    KEEPER.changed.notify_one();
}

/// Keeps the lock of `owner` no longer.
pub fn let_go(owner: &str) {
    KEEPER.state.lock().locks.retain(|(_, lock)| lock.owner != owner);
}

/// Takes the requests that give back all locks of `store`: the process, or this thread's environment, is about to end.
pub fn take_leaves(store: &Arc<dyn Store>) -> Vec<Request> {
    let mut leaves = Vec::new();
    KEEPER.state.lock().locks.retain(|(_, lock)| {
        let is_of_store = lock.store.upgrade().is_some_and(|known| Arc::ptr_eq(&known, store));
        if is_of_store {
            leaves.push(Request::Leave { id: lock.id.clone(), owner: lock.owner.clone() });
        }
        !is_of_store
    });
    leaves
}

/// JavaScript renews after a third of the lease. This is later, and leaves time for a slow store.
fn pause(lock: &Lock) -> Duration {
    Duration::from_millis(u64::from(lock.lease) / 2)
}

fn run() {
    let mut state = KEEPER.state.lock();
    while !state.locks.is_empty() {
        let now = Instant::now();
        state.locks.retain(|(_, lock)| lock.until > now && lock.store.strong_count() > 0);
        let mut renewals = Vec::new();
        for (due, lock) in &mut state.locks {
            if *due <= now {
                *due = now + pause(lock);
                renewals.push(lock.clone());
            }
        }
        if !renewals.is_empty() {
            MutexGuard::unlocked(&mut state, || renewals.into_iter().for_each(renew));
            continue;
        }
        let next = state.locks.iter().map(|(due, _)| *due).min();
        if let Some(next) = next {
            KEEPER.changed.wait_until(&mut state, next);
        }
    }
    state.is_running = false;
}

/// Renews without a place in the line: a lock that is lost stays lost.
fn renew(Lock { store, id, owner, lease, ttl, .. }: Lock) {
    let Some(store) = store.upgrade() else { return };
    let request = Request::Enter { id, owner, lease, patience: 0, waited: 0, wants_text: false, ttl };
    let ticket = Ticket::new(0, false, Arc::new(Ignored));
    store.submit(vec![Operation { request, ticket }]);
}

/// JavaScript learns by its own next renewal, or by a write, that a lock is lost.
struct Ignored;

impl Receiver for Ignored {
    fn receive(&self, _token: Token, _is_write: bool, _outcome: Outcome) {}
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::Answer;

    struct Recorder(Mutex<Sender<Request>>);

    impl Store for Recorder {
        fn submit(&self, operations: Vec<Operation>) {
            for Operation { request, ticket } in operations {
                let _ = self.0.lock().send(request);
                ticket.settle(Ok(Answer::Done));
            }
        }

        fn close(&self, ticket: Ticket) {
            ticket.settle(Ok(Answer::Done));
        }

        fn location(&self, _id: &str) -> String {
            String::new()
        }
    }

    #[test]
    fn a_lock_is_renewed_until_it_is_let_go_or_its_time_is_over() {
        let (sender, renewals) = channel();
        let store: Arc<dyn Store> = Arc::new(Recorder(Mutex::new(sender)));
        let lock = |owner: &str, time: u64| Lock {
            store: Arc::downgrade(&store),
            id: "x".into(),
            owner: owner.into(),
            lease: 20,
            ttl: 0,
            until: Instant::now() + Duration::from_millis(time),
        };
        let patience = Duration::from_secs(20);
        keep(lock("keeper-a", 60_000));
        for _ in 0..2 {
            let Request::Enter { owner, patience: 0, wants_text: false, .. } = renewals.recv_timeout(patience).unwrap()
            else {
                panic!("no renewal")
            };
            assert_eq!(owner, "keeper-a");
        }
        let_go("keeper-a");
        while renewals.recv_timeout(Duration::from_millis(100)).is_ok() {}
        keep(lock("keeper-b", 15));
        let count = std::iter::from_fn(|| renewals.recv_timeout(Duration::from_millis(200)).ok()).count();
        assert!(count <= 1, "{count}");
        keep(lock("keeper-c", 60_000));
        let leaves = take_leaves(&store);
        assert_eq!(leaves, [Request::Leave { id: "x".into(), owner: "keeper-c".into() }]);
        assert_eq!(take_leaves(&store), []);
    }
}
