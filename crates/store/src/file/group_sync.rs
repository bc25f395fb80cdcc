//! Shares one disk sync among many callers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex};

use super::error::FileError;
use crate::error::StoreError;

type SyncResult = Result<(), FileError>;

/// Lets callers that need the same sync share it.
///
/// A caller that comes while a sync is running needs the next one: the running one may have missed its change. All callers
/// that came meanwhile share that next one. One of them, the leader, runs it, and the others wait for its result.
#[derive(Default)]
pub struct GroupSync {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    running: bool,
    /// The round that has not begun. Each caller keeps its own: the result of a later round would hide a failure, since a
    /// disk reports a lost write only once.
    next: Arc<Round>,
}

#[derive(Default)]
struct Round {
    result: OnceLock<SyncResult>,
    /// Those that share it.
    callers: AtomicUsize,
}

impl GroupSync {
    /// Returns the result of a sync that began after this call did. `sync` is given the number of those that share it.
    pub fn run(&self, sync: impl FnOnce(usize) -> SyncResult) -> SyncResult {
        let mut state = self.state.lock();
        let round = state.next.clone();
        round.callers.fetch_add(1, Ordering::Relaxed);
        loop {
            if let Some(result) = round.result.get() {
                return result.clone();
            }
            if !state.running {
                break;
            }
            self.done.wait(&mut state);
        }
        state.running = true;
        state.next = Arc::default();
        drop(state);
        let callers = round.callers.load(Ordering::Relaxed);
        // A panic that left `running` behind would make all later callers wait without end.
        let result = catch_unwind(AssertUnwindSafe(|| sync(callers)))
            .unwrap_or_else(|payload| Err(FileError::from(StoreError::panicked(&*payload))));
        let mut state = self.state.lock();
        state.running = false;
        let result = round.result.get_or_init(|| result).clone();
        drop(state);
        self.done.notify_all();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    /// A first sync that is held up, and 20 callers that came meanwhile and whose sync is `second`.
    fn meanwhile(second: impl Fn() -> SyncResult + Sync) -> (Vec<SyncResult>, usize) {
        let group = GroupSync::default();
        let syncs = AtomicUsize::new(0);
        let (began, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let outcomes = thread::scope(|scope| {
            let (group, syncs, second) = (&group, &syncs, &second);
            scope.spawn(move || {
                group.run(|callers| {
                    assert_eq!(callers, 1);
                    began.send(()).unwrap();
                    released.recv().unwrap();
                    syncs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            });
            has_begun.recv().unwrap();
            let late: Vec<_> = (0..20)
                .map(|_| {
                    scope.spawn(move || {
                        group.run(|callers| {
                            assert_eq!(callers, 20);
                            syncs.fetch_add(1, Ordering::SeqCst);
                            second()
                        })
                    })
                })
                .collect();
            // The first sync and each of the 20 hold the round they joined; the state holds the next one.
            while Arc::strong_count(&group.state.lock().next) < 21 {
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(syncs.load(Ordering::SeqCst), 0, "nobody may run beside the first");
            release.send(()).unwrap();
            late.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        (outcomes, syncs.into_inner())
    }

    #[test]
    fn those_who_come_during_a_sync_share_one_later_sync() {
        let (outcomes, syncs) = meanwhile(|| Ok(()));
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(syncs, 2);
    }

    #[test]
    fn a_failure_reaches_all_who_shared_it() {
        let (outcomes, syncs) = meanwhile(|| Err(FileError::from(StoreError::new(ErrorKind::Unavailable, "lost"))));
        assert!(outcomes.iter().all(Result::is_err));
        assert_eq!(syncs, 2);
    }

    #[test]
    fn a_panic_is_an_error_and_the_next_sync_runs() {
        let group = GroupSync::default();
        let error = group.run(|_| panic!("boom")).unwrap_err();
        assert_eq!(error.error.kind, ErrorKind::Internal);
        assert!(group.run(|_| Ok(())).is_ok());
    }
}
