//! Locks and conditional writes over our own connection.

use super::server::Server;
use super::*;
use crate::error::ErrorKind;
use crate::lock::{Entered, Expected, Holder, Refusal, Written, etag_of};
use crate::testing::{DONE, found, load, run, save};
use crate::{Answer, Outcome};

const LEASE: u32 = 30_000;

fn enter(owner: &str) -> Request {
    Request::Enter {
        id: "x".into(),
        owner: owner.into(),
        lease: LEASE,
        patience: 1_000,
        waited: 0,
        wants_text: true,
        ttl: 0,
    }
}

fn write(owner: &str, number: u32, expected: Expected, text: Option<&str>) -> Request {
    let holder = Some(Holder { owner: owner.into(), lease: LEASE, number });
    Request::Cas { id: "x".into(), text: text.map(str::to_owned), ttl: 3_600, expected, holder, age: None }
}

fn compare_and_set(expected: Expected, text: Option<&str>) -> Request {
    Request::Cas { id: "x".into(), text: text.map(str::to_owned), ttl: 3_600, expected, holder: None, age: None }
}

fn leave(owner: &str) -> Request {
    Request::Leave { id: "x".into(), owner: owner.into() }
}

fn held(waiting: u32, text: Option<&str>) -> Outcome {
    Ok(Answer::Entered(Entered::Held { waiting, text: text.map(str::to_owned) }))
}

fn done(waiting: u32) -> Outcome {
    Ok(Answer::Written(Written::Done { waiting }))
}

fn refused(refusal: Refusal) -> Outcome {
    Ok(Answer::Written(Written::Refused(refusal)))
}

fn text(text: &str) -> Expected {
    Expected::Text(text.into())
}

#[test]
fn a_turn_holds_the_lock_and_leaves_nothing_behind() {
    let server = Server::start(&[]);
    let store = store(server.port);
    assert_eq!(run(&store, enter("a")), held(0, None));
    assert_eq!(run(&store, write("a", 1, Expected::Absent, Some("{}"))), done(0));
    let waits = Ok(Answer::Entered(Entered::Waits { ahead: 0, waiting: 1 }));
    assert_eq!(run(&store, enter("b")), waits);
    assert_eq!(run(&store, write("b", 1, text("{}"), Some("[]"))), refused(Refusal::Locked));
    assert_eq!(run(&store, write("a", 2, text("{}"), Some("{\"é\":1}"))), done(1));
    assert!(server.ask::<i64>("TTL flowkit:x") > 3_500);
    assert_eq!(run(&store, leave("a")), DONE);
    assert_eq!(run(&store, enter("b")), held(0, Some("{\"é\":1}")));
    assert_eq!(run(&store, write("b", 1, text("{}"), None)), refused(Refusal::Changed));
    assert_eq!(run(&store, write("b", 2, text("{\"é\":1}"), None)), done(0));
    assert_eq!(run(&store, write("b", 3, text("{}"), Some("{}"))), refused(Refusal::Deleted));
    assert_eq!(run(&store, write("b", 4, Expected::Anything, Some("{}"))), done(0));
    assert_eq!(run(&store, leave("b")), DONE);
    assert_eq!(server.ask::<Vec<String>>("KEYS *"), ["flowkit:x"]);
}

#[test]
fn a_conditional_write_asks_for_no_lock() {
    let server = Server::start(&[]);
    let store = store(server.port);
    assert_eq!(run(&store, enter("a")), held(0, None));
    assert_eq!(run(&store, compare_and_set(Expected::Absent, Some("{}"))), done(0));
    assert_eq!(run(&store, compare_and_set(Expected::Absent, Some("[]"))), refused(Refusal::Changed));
    assert_eq!(run(&store, compare_and_set(Expected::Etag(etag_of(b"{}")), Some("[]"))), done(0));
    assert_eq!(run(&store, load("x")), found("[]"));
    assert!(server.ask::<i64>("TTL flowkit:x") > 3_500);
    assert_eq!(run(&store, compare_and_set(Expected::Etag(etag_of(b"{}")), None)), refused(Refusal::Changed));
    assert_eq!(run(&store, compare_and_set(text("[]"), None)), done(0));
    assert_eq!(run(&store, compare_and_set(text("[]"), Some("{}"))), refused(Refusal::Deleted));
}

#[test]
fn a_locked_conversation_does_not_expire() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let short = Request::Save { id: "x".into(), text: "{}".into(), ttl: 5 };
    assert_eq!(run(&store, short), DONE);
    assert_eq!(run(&store, enter("a")), held(0, Some("{}")));
    assert!(server.ask::<i64>("PTTL flowkit:x") > 5_000);
}

#[test]
fn what_is_no_text_is_corrupt_and_can_be_replaced() {
    let server = Server::start(&[]);
    let store = store(server.port);
    for command in ["RPUSH flowkit:x 1", "SETBIT flowkit:x 0 1"] {
        let _: i64 = server.ask(command);
        assert_eq!(run(&store, enter("a")).unwrap_err().kind, ErrorKind::Corrupt, "{command}");
        assert_eq!(run(&store, compare_and_set(Expected::Absent, Some("{}"))), refused(Refusal::Changed));
        assert_eq!(run(&store, write("a", 1, text("{}"), Some("{}"))), refused(Refusal::Changed));
        assert_eq!(run(&store, write("a", 1, Expected::Anything, Some("{}"))), done(0));
        assert_eq!(run(&store, load("x")), found("{}"));
        assert_eq!(run(&store, leave("a")), DONE);
        let _: i64 = server.ask("DEL flowkit:x");
    }
}

#[test]
fn a_conditional_write_whose_reply_is_lost_is_not_sent_twice() {
    let server = Server::start(&[]);
    let relay = server::DeafRelay::start(server.port, false);
    let store = store(relay.port);
    assert_eq!(run(&store, save("x", "0")), DONE);
    relay.deafen();
    let mut pending = submit(&store, [compare_and_set(text("0"), Some("1"))]);
    relay.wait_for_loss();
    relay.hear();
    assert_eq!(pending.remove(0).wait().unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(run(&store, load("x")), found("1"));
    let sent: String = server.ask("INFO commandstats");
    assert!(sent.contains("cmdstat_eval:calls=1,"), "{sent}");
}

#[test]
fn writes_inside_a_lock_whose_replies_are_lost_are_done_once() {
    let server = Server::start(&[]);
    let relay = server::DeafRelay::start(server.port, false);
    let store = store(relay.port);
    assert_eq!(run(&store, enter("a")), held(0, None));
    relay.deafen();
    let pending = submit(
        &store,
        [
            write("a", 1, Expected::Absent, Some("1")),
            write("a", 2, text("1"), Some("2")),
            write("a", 3, text("2"), Some("3")),
        ],
    );
    relay.wait_for_loss();
    relay.hear();
    assert!(pending.into_iter().all(|pending| pending.wait() == done(0)));
    assert_eq!(server.ask::<String>("GET flowkit:x"), "3");
    let sent: String = server.ask("INFO commandstats");
    assert!(sent.contains("cmdstat_eval:calls=7,"), "{sent}");
}
