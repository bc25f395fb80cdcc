//! What must not be done twice, among connections that break.

use std::time::Instant;

use super::server::{DeafRelay, Server};
use super::*;
use crate::error::ErrorKind;
use crate::redis::sidecar::{Sidecar, Timeouts};
use crate::testing::{DONE, found, load, run, save};
use crate::{Outcome, Store};

fn append(id: &str, text: &str) -> Request {
    Request::Append { id: id.into(), text: text.into() }
}

/// Appends numbers to three conversations while every connection is killed again and again. Checks that each acknowledged
/// number is there once, that none is there twice, and that they are in order.
#[test]
fn an_append_is_never_done_twice_and_keeps_its_order() {
    let server = Server::start(&[]);
    // With the real limits: a busy machine may take longer than the short ones of other tests.
    let store = at(plain(server.port), Limits::default());
    let start = Instant::now();
    let mut acknowledged = vec![Vec::new(); 3];
    let (mut lost, mut number) = (0, 0);
    while start.elapsed() < Duration::from_secs(4) {
        let numbers: Vec<usize> = (0..60).map(|offset| number + offset).collect();
        number += 60;
        let requests = numbers.iter().flat_map(|number| {
            let id = format!("c{}", number % 3);
            [append(&id, &format!("{number},")), load(&id), save(&format!("other{number}"), "1")]
        });
        let pending = submit(&store, requests);
        let _: i64 = server.ask("CLIENT KILL TYPE normal SKIPME yes");
        for (index, pending) in pending.into_iter().enumerate() {
            let outcome = pending.wait();
            match (index % 3, outcome) {
                (0, Ok(_)) => acknowledged[numbers[index / 3] % 3].push(numbers[index / 3]),
                (0, Err(error)) => {
                    assert_eq!(error.kind, ErrorKind::Timeout, "{}", error.reason);
                    assert!(error.reason.ends_with("whether it took effect is unknown"), "{}", error.reason);
                    lost += 1;
                }
                (1, outcome) => assert!(outcome.is_ok(), "{outcome:?}"),
                (_, outcome) => assert_eq!(outcome, DONE),
            }
        }
    }
    for (conversation, acknowledged) in acknowledged.iter().enumerate() {
        let stored: String = server.ask(&format!("GET flowkit:c{conversation}"));
        let stored: Vec<usize> = stored.split_terminator(',').map(|text| text.parse().unwrap()).collect();
        assert!(stored.is_sorted_by(|one, next| one < next), "out of order, or twice: {stored:?}");
        let missing: Vec<_> = acknowledged.iter().filter(|number| !stored.contains(number)).collect();
        assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    }
    assert!(lost > 0, "no reply was lost: the test shows nothing");
}

fn assert_unknown(outcome: &Outcome) {
    let error = outcome.as_ref().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{}", error.reason);
    assert!(error.reason.ends_with("whether it took effect is unknown"), "{}", error.reason);
}

/// Lets the server execute an append, whose reply is lost: the connection breaks, or falls silent. Checks that it is not
/// sent again, and that what waits behind it is sent all the same.
fn lose_a_reply(by_silence: bool) {
    let server = Server::start(&[]);
    let relay = DeafRelay::start(server.port, by_silence);
    let store = at(plain(relay.port), if by_silence { quick_to_reconnect() } else { limits() });
    run(&store, append("x", "1")).unwrap();
    relay.deafen();
    let requests = [append("x", "2"), append("x", "3"), load("y"), load("x"), append("x", "4")];
    let outcomes = submit(&store, requests);
    relay.wait_for_loss();
    relay.hear();
    let outcomes: Vec<_> = outcomes.into_iter().map(|pending| pending.wait()).collect();
    assert_unknown(&outcomes[0]);
    assert_eq!(outcomes[1..], [DONE, crate::testing::ABSENT, found("123"), DONE]);
    assert_eq!(server.ask::<String>("GET flowkit:x"), "1234");
}

#[test]
fn an_append_whose_connection_broke_is_not_sent_again() {
    lose_a_reply(false);
}

#[test]
fn an_append_whose_reply_is_swallowed_is_not_sent_again() {
    lose_a_reply(true);
}

#[test]
fn an_append_that_is_refused_was_not_done() {
    let server = Server::start(&["--replicaof", "127.0.0.1 1"]);
    let error = run(&store(server.port), append("x", "1")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{}", error.reason);
}

/// Opens a sidecar that waits for a reply as long as `reply`.
fn beside(port: u16, reply: Duration) -> impl Store {
    Sidecar::open(plain(port), Timeouts { grace: PATIENCE, connect: PATIENCE, reply }).view()
}

#[test]
fn a_sidecar_hands_back_a_refused_append_and_no_lost_one() {
    for by_silence in [false, true] {
        let server = Server::start(&[]);
        let relay = DeafRelay::start(server.port, by_silence);
        let sidecar = beside(relay.port, if by_silence { Duration::from_secs(2) } else { PATIENCE });
        run(&sidecar, append("x", "1")).unwrap();
        relay.deafen();
        let (operations, pending): (Vec<_>, Vec<_>) =
            [append("x", "2"), append("x", "3"), append("y", "1"), save("z", "1")].map(operation).into_iter().unzip();
        sidecar.submit(operations);
        let outcomes: Vec<_> = pending.into_iter().map(|pending| pending.wait()).collect();
        assert_unknown(&outcomes[0]);
        assert_unknown(&outcomes[2]);
        for waited in [&outcomes[1], &outcomes[3]] {
            assert_eq!(waited.as_ref().unwrap_err().kind, ErrorKind::HandedBack);
        }
        assert_eq!(server.ask::<String>("GET x"), "12");
    }
    let server = Server::start(&["--replicaof", "127.0.0.1 1"]);
    assert_eq!(run(&beside(server.port, PATIENCE), append("x", "1")).unwrap_err().kind, ErrorKind::HandedBack);
}
