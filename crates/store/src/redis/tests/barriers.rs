//! What must not be done twice, among connections that break.

use std::time::Instant;

use super::server::Server;
use super::*;
use crate::error::ErrorKind;
use crate::testing::{DONE, load, save};

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
