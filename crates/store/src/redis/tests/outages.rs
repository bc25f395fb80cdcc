//! A real server that goes away and comes back.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::server::{Server, scripted, slow_relay};
use super::*;
use crate::error::ErrorKind;
use crate::testing::{ABSENT, DONE, found, load, run, save};

/// Takes a server for silent soon.
fn store_that_notices(port: u16) -> RedisStore {
    at(plain(port), quick_to_reconnect())
}

#[test]
fn a_killed_server_loses_nothing_acknowledged_and_gets_the_rest_in_order() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = store(server.port);
    let mut submitted = Vec::new();
    for round in 0..3 {
        for number in 0..300 {
            let text = format!("{round}.{number}");
            let id = format!("id{}", number % 10);
            let mut pair = submit(&store, [save(&id, &text), load(&id)]);
            submitted.push((text, pair.pop().unwrap(), pair.pop().unwrap()));
        }
        thread::sleep(Duration::from_millis(3));
        server.kill();
        thread::sleep(Duration::from_millis(50));
        server.restart();
    }
    let mut last = HashMap::new();
    for (index, (text, read, written)) in submitted.into_iter().enumerate() {
        assert_eq!(written.wait(), DONE);
        assert_eq!(read.wait(), found(text.clone()), "a load did not see the save right before it");
        last.insert(format!("id{}", index % 10), text);
    }
    for (id, text) in last {
        assert_eq!(server.ask::<String>(&format!("GET flowkit:{id}")), text);
    }
}

#[test]
fn a_connection_killed_under_load_is_replaced_in_order() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let mut submitted = Vec::new();
    for number in 0..2_000 {
        let text = number.to_string();
        submitted.push((text.clone(), submit(&store, [save("x", &text), load("x")])));
        if number % 250 == 100 {
            server.ask::<i64>("CLIENT KILL TYPE normal");
        }
    }
    for (text, mut pair) in submitted {
        assert_eq!(pair.pop().unwrap().wait(), found(text));
        assert_eq!(pair.pop().unwrap().wait(), DONE);
    }
    assert_eq!(server.ask::<String>("GET flowkit:x"), "1999");
}

#[test]
fn an_idle_connection_that_broke_is_replaced_unnoticed() {
    let mut server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "1")).unwrap();
    server.kill();
    server.restart();
    assert_eq!(run(&store, save("x", "2")), DONE);
    assert_eq!(server.ask::<String>("GET flowkit:x"), "2");
}

#[test]
fn a_short_stall_delays_and_fails_nothing() {
    let server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "1")).unwrap();
    server.pause();
    let submitted = submit(&store, [save("x", "2"), load("x")]);
    thread::sleep(Duration::from_millis(300));
    server.resume();
    let outcomes: Vec<_> = submitted.into_iter().map(|pending| pending.wait()).collect();
    assert_eq!(outcomes, [DONE, found("2")]);
}

#[test]
fn a_stall_that_outlasts_the_replies_ends_with_the_newest_state() {
    let server = Server::start(&[]);
    let store = store_that_notices(server.port);
    run(&store, save("x", "before")).unwrap();
    server.pause();
    for pending in submit(&store, (0..10_000).map(|number| save("x", &format!("old {number}")))) {
        let error = pending.wait().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.reason.ends_with("whether it took effect is unknown"), "{}", error.reason);
    }
    let new = submit(&store, [save("x", "new"), load("x")]);
    thread::sleep(Duration::from_millis(300));
    server.resume();
    let outcomes: Vec<_> = new.into_iter().map(|pending| pending.wait()).collect();
    assert_eq!(outcomes, [DONE, found("new")]);
    for _ in 0..10 {
        assert_eq!(server.ask::<String>("GET flowkit:x"), "new");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a relay to `server` that passes on nothing of what its first connection sends while `held`. Returns its port.
fn relay_holding_first(server: &Server, held: &Arc<AtomicBool>) -> u16 {
    let (port, is_held) = (server.port, held.clone());
    scripted(move |client, number| {
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || pass(back, client, &AtomicBool::new(false)));
        let is_held = if number == 0 { is_held.clone() } else { Arc::default() };
        thread::spawn(move || pass(forth, server, &is_held));
    })
}

#[test]
fn a_write_that_is_late_on_an_abandoned_connection_is_not_executed() {
    let server = Server::start(&[]);
    let held = Arc::new(AtomicBool::new(false));
    let relay = relay_holding_first(&server, &held);
    let store = store_that_notices(relay);
    run(&store, save("x", "before")).unwrap();
    // The network swallows the first connection, and gives back later what it swallowed.
    held.store(true, Ordering::SeqCst);
    assert_eq!(run(&store, save("x", "old")).unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(run(&store, save("x", "new")), DONE);
    held.store(false, Ordering::SeqCst);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(server.ask::<String>("GET flowkit:x"), "new");
}

#[test]
fn a_load_whose_connection_was_forgotten_is_repeated() {
    let server = Server::start(&[]);
    let held = Arc::new(AtomicBool::new(false));
    // A balancer that forgets the first connection, and tells nobody.
    let relay = relay_holding_first(&server, &held);
    let store = store_that_notices(relay);
    run(&store, save("x", "1")).unwrap();
    held.store(true, Ordering::SeqCst);
    let submitted = submit(&store, [load("x"), load("y"), save("x", "2"), load("x")]);
    let outcomes: Vec<_> = submitted.into_iter().map(|pending| pending.wait()).collect();
    assert_eq!(outcomes[..2], [found("1"), ABSENT]);
    // A write is never repeated behind a silence. So the last load finds either state.
    assert_eq!(outcomes[2].as_ref().unwrap_err().kind, ErrorKind::Timeout);
    assert!(outcomes[3] == found("1") || outcomes[3] == found("2"), "{:?}", outcomes[3]);
}

#[test]
fn what_drains_slowly_is_not_silent() {
    let server = Server::start(&[]);
    let store = store(slow_relay(server.port, 1_000_000));
    let text = "x".repeat(2_500_000);
    // Three times the limit for a silent connection, during which no byte is seen to move.
    let submitted = submit(&store, [save("small", "1"), save("large", &text), save("small", "2"), load("small")]);
    let outcomes: Vec<_> = submitted.into_iter().map(|pending| pending.wait()).collect();
    assert_eq!(outcomes, [DONE, DONE, DONE, found("2")]);
    assert_eq!(server.ask::<usize>("STRLEN flowkit:large"), text.len());
}

/// Passes bytes on, but not while they are `held`, and never tells that the other side hung up.
fn pass(mut from: TcpStream, mut to: TcpStream, held: &AtomicBool) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        while held.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    // Keeps the descriptors open.
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_server_that_stays_stalled_ends_every_wait_in_time() {
    let server = Server::start(&[]);
    let store = at(plain(server.port), impatient());
    run(&store, save("x", "1")).unwrap();
    server.pause();
    let start = Instant::now();
    assert_eq!(run(&store, save("x", "2")).unwrap_err().kind, ErrorKind::Timeout);
    // Without these limits it would be longer.
    assert!(start.elapsed() < Limits::default().reply, "{:?}", start.elapsed());
    let error = run(&store, save("x", "3")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "never sent: {error:?}");
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("ETIMEDOUT"));
    server.resume();
    assert_eq!(run(&store, save("x", "4")), DONE);
}
