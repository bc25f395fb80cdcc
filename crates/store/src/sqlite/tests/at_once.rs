//! Writes in the caller's thread, on the connection that the writer lends.

use super::super::queue::{Queue, Task};
use super::*;

#[test]
fn is_done_where_nothing_is_waited_for() {
    let place = Place::new();
    let (store, probe) = place.probed();
    probe.may_write_at_once.store(true, Ordering::SeqCst);
    assert_eq!(store.write_at_once(&save("u", "1")), None, "there is no connection yet");
    run(&store, save("u", "1")).unwrap();
    assert_eq!(at_once(&store, save("u", "2")), Some(Ok(None)));
    let waits: Vec<_> = probe.executed.lock().iter().filter(|sql| sql.starts_with("wait")).cloned().collect();
    assert_eq!(waits, ["wait for locks: false", "wait for locks: true"]);
    assert_eq!(run(&store, load("u")), text("2"));
    assert_eq!(at_once(&store, delete("u")), Some(Ok(None)));
    assert_eq!(run(&store, load("u")), Ok(None));
    assert_eq!(store.write_at_once(&load("u")), None);
    assert_eq!(store.write_at_once(&save("u", &"x".repeat(40_000))), None);
    probe.may_write_at_once.store(false, Ordering::SeqCst);
    assert_eq!(at_once(&store, save("u", "3")), None);
    assert_eq!(run(&store, load("u")), Ok(None), "what was not answered was not done");
    assert_eq!(probe.opens(), 1);
}

#[test]
fn a_lock_of_others_is_left_to_the_writer() {
    let place = Place::new();
    let (store, probe) = place.probed();
    probe.may_write_at_once.store(true, Ordering::SeqCst);
    run(&store, save("u", "1")).unwrap();
    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(at_once(&store, save("u", "2")), None);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(run(&store, load("u")), text("1"));
    assert_eq!(at_once(&store, save("u", "3")), Some(Ok(None)));
    assert_eq!(probe.opens(), 1, "a lock says nothing about the connection");
}

#[test]
fn a_panic_costs_the_connection_and_nothing_else() {
    let place = Place::new();
    let (store, probe) = place.probed();
    probe.may_write_at_once.store(true, Ordering::SeqCst);
    run(&store, save("u", "1")).unwrap();
    assert_eq!(at_once(&store, save("panic", "2")), None);
    assert_eq!(run(&store, load("u")), text("1"));
    assert_eq!(probe.opens(), 2);
}

#[test]
fn a_table_that_is_gone_is_left_to_the_writer() {
    let place = Place::new();
    let (store, probe) = place.probed();
    probe.may_write_at_once.store(true, Ordering::SeqCst);
    run(&store, save("u", "1")).unwrap();
    place.sql("DROP TABLE conversations");
    assert_eq!(at_once(&store, save("u", "2")), None);
    // It notices with the first operation, and makes it anew for the next.
    let _ = run(&store, save("u", "2"));
    run(&store, save("u", "3")).unwrap();
    assert_eq!(run(&store, load("u")), text("3"));
}

#[test]
fn a_log_that_is_too_long_is_copied_by_the_writer() {
    let place = Place::new();
    let (store, probe) = place.probed();
    probe.needs_checkpoint.store(true, Ordering::SeqCst);
    run(&store, save("u", "1")).unwrap();
    store.writer.queue.drain(Instant::now() + Duration::from_secs(5));
    assert_eq!(probe.executed.lock().last().unwrap(), "checkpoint");
    run(&store, save("u", "2")).unwrap();
    store.writer.queue.drain(Instant::now() + Duration::from_secs(5));
    assert_ne!(probe.executed.lock().last().unwrap(), "checkpoint");
}

#[test]
fn the_connection_is_lent_only_where_nothing_comes_first() {
    let queue = Queue::new(Limits { idle: Some(Duration::from_millis(500)), ..Limits::default() });
    queue.join();
    assert!(!queue.borrow(), "there is none");
    let (first, _) = operation(save("u", "1"));
    let store = Place::new().store();
    let job = |operation| super::super::job::Job { table: store.table.clone(), operation, returns: None };
    queue.push(vec![job(first)], false);
    assert!(!queue.borrow(), "something waits");
    let Task::Batch(jobs) = queue.next(false) else { panic!("there is a job") };
    assert!(!queue.borrow(), "the thread is at work");
    for job in jobs {
        job.settle(Ok(None));
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| queue.next(true));
        borrow(&queue);
        assert!(!queue.borrow(), "it is lent");
        // Twice as long as the thread stays without work: it must not close what another uses.
        std::thread::sleep(Duration::from_millis(1000));
        assert!(!thread.is_finished());
        queue.give_back();
        assert!(matches!(thread.join().unwrap(), Task::Disconnect), "idle in the end");
    });
    assert!(!queue.borrow(), "the thread closes it");
    let (second, _) = operation(save("u", "2"));
    queue.push(vec![job(second)], false);
    queue.abandon();
    assert!(!queue.borrow(), "there is none any more");
}

#[test]
fn the_connection_is_not_lent_while_something_waits() {
    let (queue, store) = (Queue::new(Limits::default()), Place::new().store());
    queue.join();
    let job = |operation| super::super::job::Job { table: store.table.clone(), operation, returns: None };
    let (first, _) = operation(save("u", "1"));
    queue.push(vec![job(first)], false);
    let Task::Batch(_) = queue.next(false) else { panic!("there is a job") };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| queue.next(true));
        borrow(&queue);
        queue.give_back();
        let (second, _) = operation(save("u", "2"));
        queue.push(vec![job(second)], false);
        assert!(!queue.borrow(), "the thread takes it, or has taken it");
        assert!(matches!(thread.join().unwrap(), Task::Batch(_)));
    });
}

#[test]
fn a_connection_that_is_to_be_closed_is_not_lent() {
    let (queue, store) = (Queue::new(Limits::default()), Place::new().store());
    queue.join();
    let (first, _) = operation(save("u", "1"));
    let job = super::super::job::Job { table: store.table.clone(), operation: first, returns: None };
    queue.push(vec![job], false);
    let Task::Batch(_) = queue.next(false) else { panic!("there is a job") };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| queue.next(true));
        borrow(&queue);
        queue.disconnect(Instant::now());
        queue.give_back();
        assert!(!queue.borrow());
        assert!(matches!(thread.join().unwrap(), Task::Disconnect));
    });
    assert!(!queue.borrow(), "someone waits for it to be closed");
}

/// Waits until the thread waits for work.
fn borrow(queue: &Queue) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !queue.borrow() {
        assert!(Instant::now() < deadline, "it is never lent");
    }
}

/// As the binding asks: whatever was called before is answered.
fn at_once(store: &SqliteStore, request: Request) -> Option<Outcome> {
    store.writer.queue.drain(Instant::now() + Duration::from_secs(5));
    store.write_at_once(&request)
}
