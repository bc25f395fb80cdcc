//! Each operation as a command, and the meaning of its reply.

use super::super::address::Address;
use super::super::commands::{Decoded, Progress, decode, encode};
use super::super::config::{Endpoint, KeySpace, Limits, Settings};
use super::super::connection::Reply;
use super::super::error_reply::ErrorReply;
use crate::error::ErrorKind;
use crate::lock::{Entered, Expected, Refusal, Written};
use crate::testing::{delete, load, save};
use crate::{Answer, Outcome, Request};

fn outcome(request: &Request, reply: Reply) -> Outcome {
    let endpoint = Endpoint::plain(Address::Tcp { host: "127.0.0.1".into(), port: 6379 });
    let keys = KeySpace { prefix: "flowkit:".into() };
    decoded(request, reply).outcome(&Settings { endpoint, keys, limits: Limits::default() }, request)
}

fn decoded(request: &Request, reply: Reply) -> Decoded {
    decode(&KeySpace::default(), request, &mut Progress::default(), std::iter::once(reply))
}

fn packed(request: &Request) -> String {
    let mut commands = Vec::new();
    encode(&KeySpace { prefix: "p:".into() }, request, &mut Progress::default(), &mut commands).unwrap();
    commands.iter().map(|words| String::from_utf8(words.get_packed_command()).unwrap()).collect()
}

fn error(text: &str) -> Reply {
    let (code, details) = text.split_once(' ').unwrap();
    Reply::Error(ErrorReply::new(code, Some(details)))
}

#[test]
fn a_command_has_its_key_and_its_expiry() {
    let kept = Request::Save { id: "x".into(), text: "{}".into(), ttl: 0 };
    assert_eq!(packed(&kept), "*3\r\n$3\r\nSET\r\n$3\r\np:x\r\n$2\r\n{}\r\n");
    let expires = Request::Save { id: "x".into(), text: "{}".into(), ttl: 60 };
    assert!(packed(&expires).ends_with("$2\r\nEX\r\n$2\r\n60\r\n"), "{:?}", packed(&expires));
    assert_eq!(packed(&load("x")), "*2\r\n$3\r\nGET\r\n$3\r\np:x\r\n");
}

#[test]
fn an_unknown_command_does_not_give_the_state_away() {
    let text = "ERR unknown command 'SET', with args beginning with: 'flowkit:x' '{\"slots\"";
    let error = outcome(&save("x", "{}"), error(text)).unwrap_err();
    assert!(!format!("{error:?}").contains("slots"), "{error:?}");
}

#[test]
fn data_of_another_kind_is_corrupt_and_named() {
    let error = outcome(&load("x"), error("WRONGTYPE Operation against a key")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(error.reason.starts_with("the key \"flowkit:x\" of the Redis server"), "{}", error.reason);
    let error = outcome(&load("x"), Reply::Text(vec![b'{', 0xff])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
}

#[test]
fn replies_of_scripts_are_read_or_refused_as_a_whole() {
    use Reply::{List, Nil, Number, Text};
    let cas =
        Request::Cas { id: "x".into(), text: None, ttl: 0, expected: Expected::Anything, holder: None, age: None };
    let enter = Request::Enter {
        id: "x".into(),
        owner: "a".into(),
        lease: 1,
        patience: 0,
        waited: 0,
        wants_text: true,
        ttl: 0,
    };
    let entered = |entered| Ok(Answer::Entered(entered));
    let text = || Text(b"{}".to_vec());
    let held = Entered::Held { waiting: 2, text: Some("{}".into()) };
    assert_eq!(outcome(&enter, List(vec![Number(1), Number(2), text()])), entered(held));
    let waits = Entered::Waits { ahead: 1, waiting: 2 };
    assert_eq!(outcome(&enter, List(vec![Number(0), Number(1), Number(2)])), entered(waits));
    assert_eq!(outcome(&cas, Text(b"locked".to_vec())), Ok(Answer::Written(Written::Refused(Refusal::Locked))));
    for (request, reply) in [
        (&enter, List(vec![Number(1), Number(2)])),
        (&enter, List(vec![Number(0), Number(1), Nil])),
        (&enter, List(vec![Number(1), Number(-1), Nil])),
        (&enter, List(vec![Number(1), Number(1), List(vec![])])),
        (&enter, text()),
        (&cas, text()),
        (&cas, Number(-1)),
        (&cas, List(vec![Number(1)])),
    ] {
        assert!(!decoded(request, reply.clone()).matches_request(), "{reply:?}");
    }
    assert_eq!(
        outcome(&enter, List(vec![Number(1), Number(2), Text(vec![0xff])])).unwrap_err().kind,
        ErrorKind::Corrupt
    );
}

#[test]
fn replies_to_something_else_are_not_taken_for_success() {
    let ok = || Reply::Status("OK".into());
    let queued = || Reply::Status("QUEUED".into());
    for (request, reply) in [
        (save("x", "{}"), queued()),
        (save("x", "{}"), Reply::Nil),
        (load("x"), ok()),
        (load("x"), Reply::Number(1)),
        (delete("x"), ok()),
        (delete("x"), Reply::Unexpected),
    ] {
        assert!(!decoded(&request, reply.clone()).matches_request(), "{request:?}");
        assert_eq!(outcome(&request, reply).unwrap_err().kind, ErrorKind::Unavailable, "{request:?}");
    }
    assert_eq!(outcome(&load("x"), Reply::Status("{}".into())), Ok(Answer::Text(Some("{}".into()))));
    assert_eq!(outcome(&save("x", "{}"), ok()), Ok(Answer::Done));
    assert_eq!(outcome(&delete("x"), Reply::Number(0)), Ok(Answer::Done));
}
