//! Threads for work that blocks: the operations of file stores, and look-ups of names.
//!
//! Ours and not tokio's, whose `spawn_blocking` panics if the system refuses a thread (tokio-rs/tokio#2309).

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::StoreError;

/// The most threads: a file store's limit ([`super::file`]) plus room for name look-ups.
const THREADS: usize = 24;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// The name of every thread here, as the system's tools show it.
pub const THREAD_NAME: &str = "flowkit-storage";

type Task = Box<dyn FnOnce() + Send>;

/// Starts a thread that runs the function. A parameter, since no test can have the system refuse one thread of its own.
type Start = fn(Box<dyn FnOnce() + Send>) -> io::Result<()>;

pub struct ThreadPool {
    state: Mutex<State>,
    has_work: Condvar,
    limit: usize,
    start: Start,
}

struct State {
    /// Is empty if there is no thread.
    tasks: VecDeque<Task>,
    threads: usize,
    /// Those of them that wait for work.
    idle: usize,
}

/// Runs `task` on a thread, as soon as one is free.
///
/// # Errors
///
/// `Unavailable` if the system refuses the first thread. `task` is dropped then.
pub fn run(task: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    static POOL: ThreadPool =
        ThreadPool::new(THREADS, |serve| thread::Builder::new().name(THREAD_NAME.into()).spawn(serve).map(drop));
    POOL.run(Box::new(task)).map_err(|error| StoreError::no_thread(&error))
}

impl ThreadPool {
    const fn new(limit: usize, start: Start) -> Self {
        let state = State { tasks: VecDeque::new(), threads: 0, idle: 0 };
        ThreadPool { state: Mutex::new(state), has_work: Condvar::new(), limit, start }
    }

    fn run(&'static self, task: Task) -> io::Result<()> {
        let mut state = self.state.lock();
        // An idle thread that was notified counts as idle until it wakes. Each task that waits has one of those.
        if state.idle <= state.tasks.len() && state.threads < self.limit {
            match (self.start)(Box::new(|| self.serve())) {
                Ok(()) => state.threads += 1,
                Err(error) if state.threads == 0 => return Err(error),
                // A thread that is busy does the task when it is free.
                Err(_) => {}
            }
        }
        state.tasks.push_back(task);
        self.has_work.notify_one();
        Ok(())
    }

    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            while let Some(task) = state.tasks.pop_front() {
                // A panic that ended the thread would leave it counted, and the task after it undone.
                MutexGuard::unlocked(&mut state, || {
                    let _ = catch_unwind(AssertUnwindSafe(task));
                });
            }
            state.idle += 1;
            let is_over = self.has_work.wait_for(&mut state, IDLE).timed_out();
            state.idle -= 1;
            if is_over && state.tasks.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;
    use crate::error::ErrorKind;

    fn pool(start: Start) -> &'static ThreadPool {
        Box::leak(Box::new(ThreadPool::new(4, start)))
    }

    fn started(serve: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        thread::Builder::new().spawn(serve).map(drop)
    }

    fn refused(_serve: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(11))
    }

    #[test]
    fn tasks_run_side_by_side_up_to_the_limit() {
        let pool = pool(started);
        let (began, has_begun) = channel();
        let (release, released) = channel::<()>();
        let released = std::sync::Arc::new(Mutex::new(released));
        for task in 0..5 {
            let (began, released) = (began.clone(), released.clone());
            let run = move || {
                began.send(task).unwrap();
                released.lock().recv().unwrap();
            };
            pool.run(Box::new(run)).unwrap();
        }
        let mut first: Vec<_> = has_begun.iter().take(4).collect();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2, 3]);
        assert!(has_begun.try_recv().is_err(), "four threads are busy");
        for _ in 0..5 {
            release.send(()).unwrap();
        }
        assert_eq!(has_begun.recv(), Ok(4));
    }

    #[test]
    fn a_thread_without_work_takes_the_next_task() {
        let pool = pool(started);
        let (done, is_done) = channel();
        for _ in 0..100 {
            let done = done.clone();
            pool.run(Box::new(move || done.send(thread::current().id()).unwrap())).unwrap();
            is_done.recv().unwrap();
            while pool.state.lock().idle == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(pool.state.lock().threads, 1);
    }

    #[test]
    fn without_any_thread_the_task_is_refused_and_not_kept() {
        let pool = pool(refused);
        let error = pool.run(Box::new(|| unreachable!())).unwrap_err();
        assert_eq!(StoreError::no_thread(&error).kind, ErrorKind::Unavailable);
        let state = pool.state.lock();
        assert_eq!((state.tasks.len(), state.threads), (0, 0));
    }

    #[test]
    fn without_another_thread_the_task_waits_for_the_one_there_is() {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let pool = pool(|serve| match STARTED.fetch_add(1, Ordering::SeqCst) {
            0 => started(serve),
            _ => refused(serve),
        });
        let (release, released) = channel::<()>();
        let (done, is_done) = channel();
        pool.run(Box::new(move || released.recv().unwrap())).unwrap();
        for task in 0..3 {
            let done = done.clone();
            pool.run(Box::new(move || done.send(task).unwrap())).unwrap();
        }
        assert!(is_done.try_recv().is_err(), "the only thread is busy");
        release.send(()).unwrap();
        assert_eq!(is_done.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn a_panic_costs_no_thread() {
        let pool = pool(started);
        let (done, is_done) = channel();
        pool.run(Box::new(|| panic!("boom"))).unwrap();
        pool.run(Box::new(move || done.send(()).unwrap())).unwrap();
        assert_eq!(is_done.recv(), Ok(()));
    }
}
