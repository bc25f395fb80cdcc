//! The scheduling by itself, without a disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::ErrorKind;
use crate::file::keyed_queue::{Concurrency, KeyedQueue};
use crate::testing::{DONE, Pending, delete, load, operation, save, ticket};
use crate::{Operation, Request};

const CONCURRENCIES: [Concurrency; 2] = [Concurrency::DURABLE, Concurrency::NOT_DURABLE];

fn submit(queue: &KeyedQueue, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, outcomes): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    queue.submit(operations);
    outcomes
}

fn close(queue: &KeyedQueue) -> Pending {
    let (ticket, pending) = ticket(false);
    queue.close(ticket);
    pending
}

#[test]
fn a_panic_rejects_one_operation_and_no_other() {
    for concurrency in CONCURRENCIES {
        let queue = KeyedQueue::new(concurrency, |request| match request {
            Request::Delete { .. } => panic!("boom"),
            _ => DONE,
        });
        for _ in 0..3 * concurrency.workers {
            let outcomes = submit(&queue, [load("x"), delete("x"), load("x"), delete("y"), load("z")]);
            let kinds: Vec<_> =
                outcomes.into_iter().map(|outcome| outcome.wait().err().map(|error| error.kind)).collect();
            let internal = Some(ErrorKind::Internal);
            assert_eq!(kinds, [None, internal, None, internal, None]);
        }
        assert_eq!(close(&queue).wait(), DONE);
    }
}

#[test]
fn queues_run_side_by_side_but_not_more_than_allowed() {
    for concurrency in CONCURRENCIES {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        // Passed only by as many operations at once as there are workers.
        let barrier = Barrier::new(concurrency.workers);
        let (seen, peak) = (running.clone(), most.clone());
        let queue = KeyedQueue::new(concurrency, move |_| {
            peak.fetch_max(seen.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            seen.fetch_sub(1, Ordering::SeqCst);
            DONE
        });
        let outcomes = submit(&queue, (0..10 * concurrency.workers).map(|number| load(&format!("c{number}"))));
        outcomes.into_iter().for_each(|outcome| assert_eq!(outcome.wait(), DONE));
        assert_eq!(most.load(Ordering::SeqCst), concurrency.workers);
    }
}

#[test]
fn a_conversation_is_never_in_two_hands_and_keeps_its_order() {
    for concurrency in CONCURRENCIES {
        let log: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
        let busy: Arc<Mutex<Vec<String>>> = Arc::default();
        let (queue_log, queue_busy) = (log.clone(), busy.clone());
        let queue = KeyedQueue::new(concurrency, move |request| {
            let Request::Save { id, text, .. } = request else { return DONE };
            assert!(!queue_busy.lock().contains(id));
            queue_busy.lock().push(id.clone());
            std::thread::yield_now();
            queue_log.lock().push((id.clone(), text.parse().unwrap()));
            queue_busy.lock().retain(|other| other != id);
            DONE
        });
        // A load after each save, so that saves do not wait in a row.
        let requests = (0..4000).flat_map(|number| {
            let id = format!("c{}", number % 40);
            [save(&id, &number.to_string()), load(&id)]
        });
        submit(&queue, requests).into_iter().for_each(|outcome| assert_eq!(outcome.wait(), DONE));
        let log = log.lock();
        assert_eq!(log.len(), 4000);
        for number in 0..40 {
            let numbers: Vec<_> =
                log.iter().filter(|(id, _)| *id == format!("c{number}")).map(|(_, number)| *number).collect();
            assert!(numbers.is_sorted() && numbers.len() == 100, "{numbers:?}");
        }
    }
}

#[test]
fn saves_that_wait_in_a_row_are_coalesced() {
    for concurrency in CONCURRENCIES {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let queue_log = log.clone();
        let queue = KeyedQueue::new(concurrency, move |request| {
            match request {
                Request::Load { .. } => {
                    released.lock().recv_timeout(Duration::from_secs(60)).expect("released in time")
                }
                Request::Save { id, text, .. } => queue_log.lock().push(format!("{id}={}", &**text)),
                _ => queue_log.lock().push("delete".to_owned()),
            }
            DONE
        });
        // `X` shares the queue but is another conversation.
        let held =
            [load("x"), save("x", "1"), save("x", "2"), save("X", "3"), save("x", "4"), delete("x"), save("x", "5")];
        let outcomes = submit(&queue, held);
        release.send(()).unwrap();
        outcomes.into_iter().for_each(|outcome| assert_eq!(outcome.wait(), DONE));
        assert_eq!(*log.lock(), ["x=2", "X=3", "x=4", "delete", "x=5"]);
    }
}

#[test]
fn close_is_settled_last() {
    for concurrency in CONCURRENCIES {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let queue = KeyedQueue::new(concurrency, move |_| {
            released.lock().recv_timeout(Duration::from_secs(60)).expect("released in time");
            DONE
        });
        let before = submit(&queue, [load("x"), load("y")]);
        let close = close(&queue);
        assert!(!close.is_settled());
        release.send(()).unwrap();
        release.send(()).unwrap();
        before.into_iter().chain([close]).for_each(|outcome| assert_eq!(outcome.wait(), DONE));
    }
}

#[test]
fn a_group_of_saves_holds_up_no_load_and_no_panic_spreads_in_it() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let queue = KeyedQueue::new(Concurrency { workers: 1, batch: 4 }, move |request| match request {
        Request::Load { id, .. } if id != "c" => {
            released.lock().recv_timeout(Duration::from_secs(60)).expect("released in time");
            DONE
        }
        Request::Save { text, .. } if &**text == "boom" => panic!("boom"),
        _ => DONE,
    });
    let held = submit(&queue, [load("held")]).remove(0);
    let mut outcomes = submit(&queue, [save("a", "1"), save("b", "boom"), load("c"), save("d", "1"), load("e")]);
    release.send(()).unwrap();
    held.wait().unwrap();
    // The load at the end is not done. The operations before it are settled all the same.
    let last = outcomes.pop().unwrap();
    let kinds: Vec<_> = outcomes.into_iter().map(|outcome| outcome.wait().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Internal), None, None]);
    release.send(()).unwrap();
    last.wait().unwrap();
}

#[test]
fn a_save_does_not_wait_for_a_removal_of_many() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let queue = KeyedQueue::new(Concurrency { workers: 1, batch: 4 }, move |request| {
        if matches!(request, Request::Load { .. } | Request::Scan(_)) {
            released.lock().recv_timeout(Duration::from_secs(60)).expect("released in time");
        }
        DONE
    });
    let held = submit(&queue, [load("held")]).remove(0);
    let removal = Request::Scan(super::retention::scan(super::retention::REMOVE, None));
    let [first, removal, second] = submit(&queue, [save("a", "1"), removal, save("b", "1")]).try_into().ok().unwrap();
    release.send(()).unwrap();
    held.wait().unwrap();
    // The removal is not done.
    first.wait().unwrap();
    release.send(()).unwrap();
    removal.wait().unwrap();
    second.wait().unwrap();
}
