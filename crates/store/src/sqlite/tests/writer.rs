//! The thread: when it starts and ends, and what becomes of the commands that meet its end.

use super::*;
use crate::{Operation, Receiver, Ticket, Token};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn an_operation_may_come_just_as_the_idle_thread_ends() {
    let place = Place::new();
    let (store, probe) = place.probed_with(Limits { idle: Some(Duration::from_micros(200)), ..Limits::default() });
    for round in 0..1500_u64 {
        assert_eq!(run(&store, save("u", &round.to_string())), DONE);
        // Now shorter, now longer than the thread waits.
        std::thread::sleep(Duration::from_micros(round % 13 * 40));
    }
    assert!(probe.opens() > 10, "the thread never ended");
    assert_eq!(run(&store, load("u")), text("1499"));
}

#[test]
fn what_is_submitted_around_a_stop_is_done_in_order() {
    let place = Place::new();
    let (store, _) = place.probed();
    run(&store, save("u", "0")).unwrap();
    std::thread::scope(|scope| {
        let stops = scope.spawn(|| (0..100).for_each(|_| store.writer.stop(soon())));
        while !stops.is_finished() {
            // Few at a time: a stop waits behind all of them.
            let values: Vec<_> = (0..10).map(|number| number.to_string()).collect();
            let answers = submit(&store, values.iter().flat_map(|value| [save("u", value), load("u")]));
            let outcomes: Vec<_> = answers.into_iter().map(Pending::wait).collect();
            let expected: Vec<_> = values.iter().flat_map(|value| [DONE, text(value)]).collect();
            assert_eq!(outcomes, expected);
        }
    });
}

#[test]
fn a_drain_waits_for_what_was_submitted_and_a_stop_for_the_connection() {
    let place = Place::new();
    let store = place.store();
    store.writer.drain(soon());
    store.writer.stop(soon());
    for round in 0..200 {
        let value = round.to_string();
        let answers = submit(&store, [save("u", &value), save("v", &value)]);
        if round % 2 == 0 {
            store.writer.drain(soon());
        } else {
            store.writer.stop(soon());
            assert!(!place.has("-wal"), "the connection is open");
        }
        assert!(answers.iter().all(Pending::is_settled));
    }
}

#[test]
fn waiting_ends_with_the_deadline() {
    let place = Place::new();
    let (store, _) = place.probed();
    run(&store, save("u", "1")).unwrap();
    let other = place.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers = submit(&store, [save("u", "2")]);
    store.writer.drain(Instant::now());
    store.writer.stop(Instant::now() + Duration::from_millis(10));
    assert!(!answers[0].is_settled());
    other.execute_batch("ROLLBACK").unwrap();
    store.writer.drain(soon());
    assert_eq!(run(&store, load("u")), text("2"));
}

#[test]
fn a_store_may_leave_a_writer_that_never_started() {
    let place = Place::new();
    let store = place.store();
    assert_eq!(close(&store), DONE);
    drop(place.store());
    assert!(!place.path.exists());
}

/// Panics on the writer thread.
struct Panics;

impl Receiver for Panics {
    fn receive(&self, _token: Token, _is_write: bool, _outcome: Outcome) {
        panic!("as the test wants it");
    }
}

#[test]
fn a_thread_that_dies_rejects_what_waits_and_the_next_operation_starts_another() {
    let place = Place::new();
    let (store, _) = place.probed();
    run(&store, save("u", "1")).unwrap();
    for _ in 0..20 {
        let other = place.other();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let ticket = Ticket::new(0, true, Arc::new(Panics));
        store.submit(vec![Operation { request: save("u", "2"), ticket }]);
        // More than fits into the first batch.
        let waiting = together_later(&store, (0..3000).map(|_| load("u")));
        std::thread::scope(|scope| {
            let drain = scope.spawn(|| store.writer.drain(soon()));
            other.execute_batch("ROLLBACK").unwrap();
            drain.join().unwrap();
        });
        let outcomes: Vec<_> = waiting.into_iter().map(Pending::wait).collect();
        let rejected = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        assert!(rejected > 0);
        assert!(
            outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|error| error.kind == ErrorKind::Internal)
        );
        assert_eq!(run(&store, save("u", "1")), DONE);
    }
}

/// Submits all requests in one go, without waiting.
fn together_later(store: &SqliteStore, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, answers): (Vec<_>, Vec<_>) = requests.into_iter().map(operation).unzip();
    store.submit(operations);
    answers
}
