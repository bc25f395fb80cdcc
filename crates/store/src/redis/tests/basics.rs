use super::server::Server;
use super::*;
use crate::error::ErrorKind;
use crate::testing::{ABSENT, DONE, close, delete, found, load, run, save};

/// A save of `x` that expires after `ttl` seconds.
fn saved_for(ttl: u32, text: &str) -> Request {
    Request::Save { id: "x".into(), text: text.into(), ttl }
}

#[test]
fn a_state_comes_back_and_expires_and_goes() {
    let server = Server::start(&[]);
    let store = store(server.port);
    assert_eq!(run(&store, load("x")), ABSENT);
    assert_eq!(run(&store, saved_for(60, "{\"a\":\"💬\"}")), DONE);
    assert_eq!(run(&store, load("x")), found("{\"a\":\"💬\"}"));
    let ttl: i64 = server.ask("TTL flowkit:x");
    assert!((58..=60).contains(&ttl), "{ttl}");
    assert_eq!(run(&store, delete("x")), DONE);
    assert_eq!(run(&store, delete("x")), DONE);
    assert_eq!(run(&store, load("x")), ABSENT);
}

#[test]
fn a_ttl_of_zero_keeps_it_forever() {
    let server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "{}")).unwrap();
    assert_eq!(server.ask::<i64>("TTL flowkit:x"), -1);
}

#[test]
fn a_thousand_operations_on_one_id_keep_their_order() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let mut submitted = Vec::new();
    for number in 0..1_000 {
        let text = number.to_string();
        submitted.push((text.clone(), submit(&store, [save("x", &text), load("x")])));
    }
    for (text, mut pair) in submitted {
        assert_eq!(pair.pop().unwrap().wait(), found(text));
        assert_eq!(pair.pop().unwrap().wait(), DONE);
    }
}

#[test]
fn a_burst_of_large_states_comes_through_whole() {
    let server = Server::start(&[]);
    let store = at(plain(server.port), Limits::default());
    let text = |number: usize| format!("{number}:{}", "x".repeat(number * 20_000));
    let writes = submit(&store, (0..120).map(|number| save(&number.to_string(), &text(number))));
    let reads = submit(&store, (0..120).map(|number| load(&number.to_string())));
    for pending in writes {
        assert_eq!(pending.wait(), DONE);
    }
    for (number, pending) in reads.into_iter().enumerate() {
        assert_eq!(pending.wait(), found(text(number)));
    }
}

#[test]
fn a_state_of_64_mib_comes_through_whole() {
    let server = Server::start(&[]);
    let store = at(plain(server.port), Limits::default());
    let text = "é".repeat(32 * 1024 * 1024);
    run(&store, save("x", &text)).unwrap();
    assert!(run(&store, load("x")) == found(text));
}

#[test]
fn a_unix_socket_and_a_database_are_honoured() {
    let server = Server::start(&[]);
    let address = Address::Unix(server.socket());
    let store = at(Endpoint { db: 5, ..Endpoint::plain(address) }, limits());
    run(&store, save("x", "{}")).unwrap();
    assert_eq!(server.ask::<i64>("EXISTS flowkit:x"), 0);
    assert!(server.ask::<String>("INFO keyspace").contains("db5:keys=1"));
    assert!(store.location("x").ends_with("redis.sock"), "{}", store.location("x"));
}

#[test]
fn nothing_connects_before_the_first_operation() {
    let server = Server::start(&[]);
    let store = store(server.port);
    server.wait_until_alone();
    run(&store, load("x")).unwrap();
    server.wait_for_one_connection();
}

#[test]
fn close_waits_for_what_came_before_and_ends_the_connection() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let saves = submit(&store, (0..500).map(|number| save(&number.to_string(), "1")).chain([save("x", "1")]));
    assert_eq!(close(&store), DONE);
    assert!(saves.into_iter().all(|save| save.wait() == DONE));
    assert_eq!(server.ask::<String>("GET flowkit:x"), "1");
    server.wait_until_alone();
}

#[test]
fn a_store_that_was_never_used_closes_without_a_server() {
    let store = store(server::free_port());
    assert_eq!(close(&store), DONE);
}

#[test]
fn a_dropped_store_still_settles_and_then_hangs_up() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let submitted = submit(&store, (0..500).map(|number| save("x", &number.to_string())));
    drop(store);
    assert!(submitted.into_iter().all(|pending| pending.wait() == DONE));
    assert_eq!(server.ask::<String>("GET flowkit:x"), "499");
    server.wait_until_alone();
}

#[test]
fn a_panic_rejects_what_waits_and_the_next_operation_works() {
    use crate::{Outcome, Receiver, Ticket, Token};
    struct Panics;
    impl Receiver for Panics {
        fn receive(&self, _token: Token, _is_write: bool, _outcome: Outcome) {
            panic!("a test panics on purpose");
        }
    }
    let server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "1")).unwrap();
    let ticket = Ticket::new(0, false, std::sync::Arc::new(Panics));
    let (next, pending) = operation(load("x"));
    store.submit(vec![Operation { request: load("x"), ticket }, next]);
    assert_eq!(pending.wait().unwrap_err().kind, ErrorKind::Internal);
    // The panic drops the inbox a moment later; what falls into that gap is rejected too, not lost.
    let outcome = run(&store, load("x"));
    assert!(matches!(&outcome, Err(error) if error.kind == ErrorKind::Internal) || outcome == found("1"));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(run(&store, load("x")), found("1"));
}
