//! Renewals of the expiry, and what an access rule forbids.

use super::scans::{LIST, REMOVE, TTL, run_page, save_for, save_many, scan};
use super::server::Server;
use super::*;
use crate::clock::wall_millis;
use crate::error::ErrorKind;
use crate::lock::{Expected, Refusal, Written};
use crate::retention::{Age, Aged};
use crate::scan::Scan;
use crate::testing::{DONE, found, load, run, save};
use crate::{Answer, Outcome};

#[test]
fn a_touch_renews_and_a_load_may() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let touch = |ttl| run(&store, Request::Touch { id: "x".into(), ttl });
    assert_eq!((touch(TTL), touch(0)), (Ok(Answer::Flag(false)), Ok(Answer::Flag(false))));
    assert_eq!(run(&store, save_for("x", "{}", 50)), DONE);
    assert_eq!(touch(0), Ok(Answer::Flag(true)));
    assert!((1..=50).contains(&server.ask::<i64>("TTL flowkit:x")), "an expiry stays as it is");
    assert_eq!(touch(TTL), Ok(Answer::Flag(true)));
    assert!(server.ask::<i64>("TTL flowkit:x") > 900);
    assert_eq!(run(&store, save("x", "{}")), DONE);
    assert_eq!(touch(0), Ok(Answer::Flag(true)));
    assert_eq!(server.ask::<i64>("TTL flowkit:x"), -1);
    let refresh = |id: &str, ttl| Request::Load { id: id.into(), ttl, refresh: true };
    assert_eq!(run(&store, refresh("x", 0)), found("{}"));
    assert_eq!(server.ask::<i64>("TTL flowkit:x"), -1);
    assert_eq!(run(&store, refresh("x", TTL)), found("{}"));
    assert!(server.ask::<i64>("TTL flowkit:x") > 900);
    // In order among others of the conversation.
    let requests = [save_for("y", "1", TTL), refresh("y", TTL), save_for("y", "2", TTL), refresh("y", TTL), load("z")];
    let outcomes: Vec<Outcome> = submit(&store, requests).into_iter().map(|pending| pending.wait()).collect();
    assert_eq!(outcomes, [DONE, found("1"), DONE, found("2"), crate::testing::ABSENT]);
}

#[test]
fn what_a_server_does_not_permit_is_named() {
    let server = Server::start(&[]);
    for (missing, scan) in [
        ("scan", scan(LIST)),
        ("strlen", scan(LIST)),
        ("pttl", scan(LIST)),
        ("del", scan(REMOVE)),
        ("eval", Scan { before: Some(wall_millis() + 60_000), ..scan(REMOVE) }),
        ("time", Scan { before: Some(wall_millis() + 60_000), ..scan(REMOVE) }),
    ] {
        let _: String = server.ask(&format!("ACL SETUSER eve reset on >secret ~flowkit:* +@all -info -{missing}"));
        let endpoint = Endpoint { username: Some("eve".into()), password: Some("secret".into()), ..plain(server.port) };
        let store = at(endpoint, limits());
        save_many(&store, 1);
        let error = run_page(&store, scan).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{missing}: {}", error.reason);
        assert!(error.reason.contains(&format!("'{missing}'")), "{missing}: {}", error.reason);
        if missing != "del" {
            assert!(error.reason.contains(&format!("+{missing}")), "{missing}: {}", error.reason);
        }
        assert_eq!(server.ask::<i64>("EXISTS flowkit:c0"), 1);
    }
    let _: String = server.ask("ACL SETUSER eve reset on >secret ~flowkit:* +@all -expire");
    let endpoint = Endpoint { username: Some("eve".into()), password: Some("secret".into()), ..plain(server.port) };
    let store = at(endpoint, limits());
    for request in
        [Request::Touch { id: "c0".into(), ttl: TTL }, Request::Load { id: "c0".into(), ttl: TTL, refresh: true }]
    {
        let error = run(&store, request).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.reason.contains("+expire"), "{}", error.reason);
    }
}

#[test]
fn a_copied_text_expires_when_it_would_have() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let copy = |expected, text: &str, expires_at| Request::Cas {
        id: "x".into(),
        text: Some(text.into()),
        ttl: TTL,
        expected,
        holder: None,
        age: Some(Age { saved_at: None, expires_at }),
    };
    let aged = |ttl| match run(&store, Request::LoadAged { id: "x".into(), ttl }) {
        Ok(Answer::Aged(aged)) => aged,
        other => panic!("{other:?}"),
    };
    let done = Ok(Answer::Written(Written::Done { waiting: 0 }));
    assert_eq!(aged(0), None);
    let expires_at = wall_millis() + 500_000;
    assert_eq!(run(&store, copy(Expected::Absent, "{}", Some(expires_at))), done);
    assert!((1..=500_000).contains(&server.ask::<i64>("PTTL flowkit:x")));
    let Aged { text, age } = aged(TTL).unwrap();
    assert_eq!(text, "{}");
    // The time that is left passes on the way.
    assert!(age.expires_at.unwrap().abs_diff(expires_at) < 60_000, "{age:?}");
    assert_eq!(age.saved_at, age.expires_at.map(|at| at - u64::from(TTL) * 1_000));
    assert_eq!(aged(0).unwrap().age.saved_at, None);
    let refused = Ok(Answer::Written(Written::Refused(Refusal::Changed)));
    assert_eq!(run(&store, copy(Expected::Absent, "[]", None)), refused);
    assert_eq!(run(&store, copy(Expected::Text("{}".into()), "[]", None)), done);
    assert_eq!(server.ask::<i64>("PTTL flowkit:x"), -1, "what never expires stays so");
    assert_eq!(aged(TTL).unwrap().age, Age::default());
    // Too late is not forever.
    assert_eq!(run(&store, copy(Expected::Text("[]".into()), "{}", Some(1))), done);
    while server.ask::<i64>("EXISTS flowkit:x") == 1 {}
    assert_eq!(aged(0), None);
    // What may only be read can be copied.
    assert_eq!(run(&store, save("x", "{}")), DONE);
    let _: String = server.ask("ACL SETUSER reader reset on >secret ~flowkit:* +@read +@connection +info");
    let endpoint = Endpoint { username: Some("reader".into()), password: Some("secret".into()), ..plain(server.port) };
    let outcome = run(&at(endpoint, limits()), Request::LoadAged { id: "x".into(), ttl: 0 });
    assert_eq!(outcome, Ok(Answer::Aged(Some(Aged { text: "{}".into(), age: Age::default() }))));
}
