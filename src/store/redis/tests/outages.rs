//! A real server that goes away and comes back.

use std::collections::HashMap;
use std::thread;
use std::time::Instant;

use super::server::Server;
use super::*;
use crate::store::error::ErrorKind;
use crate::store::testing::{load, run, save};

/// Long enough for a restart, whatever else the machine does.
fn patient(port: u16) -> RedisStore {
    RedisStore::with_limits(config(tcp(port)), Limits { wait: Duration::from_secs(15), ..limits() })
}

#[test]
fn a_killed_server_loses_nothing_acknowledged_and_gets_the_rest_in_order() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = patient(server.port);
    let mut answers = Vec::new();
    for round in 0..3 {
        for number in 0..300 {
            let text = format!("{round}.{number}");
            let id = format!("id{}", number % 10);
            let mut pair = submit(&store, [save(&id, &text), load(&id)]);
            answers.push((text, pair.pop().unwrap(), pair.pop().unwrap()));
        }
        thread::sleep(Duration::from_millis(3));
        server.kill();
        thread::sleep(Duration::from_millis(50));
        server.restart();
    }
    let mut last = HashMap::new();
    for (index, (text, read, written)) in answers.into_iter().enumerate() {
        assert_eq!(written.wait(), Ok(None));
        assert_eq!(read.wait(), Ok(Some(text.clone())), "a load did not see the save right before it");
        last.insert(format!("id{}", index % 10), text);
    }
    for (id, text) in last {
        assert_eq!(server.ask::<String>(&format!("GET flowkit:{id}")), text);
    }
}

#[test]
fn a_connection_killed_under_load_is_replaced_in_order() {
    let server = Server::start(&[]);
    let store = patient(server.port);
    let mut answers = Vec::new();
    for number in 0..2_000 {
        let text = number.to_string();
        answers.push((text.clone(), submit(&store, [save("x", &text), load("x")])));
        if number % 250 == 100 {
            server.ask::<i64>("CLIENT KILL TYPE normal");
        }
    }
    for (text, mut pair) in answers {
        assert_eq!(pair.pop().unwrap().wait(), Ok(Some(text)));
        assert_eq!(pair.pop().unwrap().wait(), Ok(None));
    }
    assert_eq!(server.ask::<String>("GET flowkit:x"), "1999");
}

#[test]
fn an_idle_connection_that_broke_is_replaced_unnoticed() {
    let mut server = Server::start(&[]);
    let store = patient(server.port);
    run(&store, save("x", "1")).unwrap();
    server.kill();
    server.restart();
    assert_eq!(run(&store, save("x", "2")), Ok(None));
    assert_eq!(server.ask::<String>("GET flowkit:x"), "2");
}

#[test]
fn a_short_stall_delays_and_fails_nothing() {
    let server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "1")).unwrap();
    server.pause();
    let answers = submit(&store, [save("x", "2"), load("x")]);
    thread::sleep(Duration::from_millis(300));
    server.resume();
    let outcomes: Vec<_> = answers.into_iter().map(|answer| answer.wait()).collect();
    assert_eq!(outcomes, [Ok(None), Ok(Some("2".into()))]);
}

#[test]
fn a_stalled_server_does_not_execute_old_writes_after_newer_ones() {
    let server = Server::start(&[]);
    let store = patient(server.port);
    run(&store, save("x", "before")).unwrap();
    server.pause();
    // More than the server reads from one connection at a time, so that it would mix the two connections.
    let padding = "x".repeat(4_000);
    let old = submit(&store, (0..200).map(|number| save("x", &format!("old {number} {padding}"))));
    for answer in old {
        let error = answer.wait().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.reason.ends_with("whether it took effect is unknown"), "{}", error.reason);
    }
    let new = submit(&store, [save("x", "new"), load("x")]);
    thread::sleep(Duration::from_millis(500));
    server.resume();
    let outcomes: Vec<_> = new.into_iter().map(|answer| answer.wait()).collect();
    assert_eq!(outcomes, [Ok(None), Ok(Some("new".into()))]);
    for _ in 0..20 {
        assert_eq!(server.ask::<String>("GET flowkit:x"), "new");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_that_stays_stalled_ends_every_wait_in_time() {
    let server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "1")).unwrap();
    server.pause();
    let start = Instant::now();
    assert_eq!(run(&store, save("x", "2")).unwrap_err().kind, ErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_millis(1_700), "{:?}", start.elapsed());
    let error = run(&store, save("x", "3")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "never sent: {error:?}");
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("ETIMEDOUT"));
    server.resume();
    assert_eq!(run(&store, save("x", "4")), Ok(None));
}
