//! A real server that says no.

use super::server::Server;
use super::*;
use crate::error::{ErrorKind, StoreError};
use crate::testing::{ABSENT, DONE, found, load, run, save};

/// Fails a load at once: nobody could wait as long as an outage is waited for here.
fn denied(config: Endpoint) -> StoreError {
    let store = at(config, Limits { wait: Duration::from_secs(3_600), ..limits() });
    let submitted = submit(&store, [load("x"), load("y")]);
    let mut errors: Vec<_> = submitted.into_iter().map(|pending| pending.wait().unwrap_err()).collect();
    assert_eq!(errors[0], errors[1]);
    errors.remove(0)
}

#[test]
fn a_wrong_password_is_denied_at_once_and_never_shown() {
    let server = Server::start(&["--requirepass", "right"]);
    let address = || tcp(server.port);
    let error = denied(Endpoint { password: Some("s3cret".into()), ..Endpoint::plain(address()) });
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(error.cause.as_ref().unwrap().code.as_deref(), Some("WRONGPASS"));
    assert!(!format!("{error:?}").contains("s3cret"));
    let error = denied(Endpoint::plain(address()));
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("NOAUTH"));
    let error = denied(Endpoint {
        username: Some("nobody".into()),
        password: Some("right".into()),
        ..Endpoint::plain(address())
    });
    assert_eq!(error.kind, ErrorKind::Denied);
    let right = Endpoint { password: Some("right".into()), ..Endpoint::plain(address()) };
    assert_eq!(run(&at(right, Limits::default()), save("x", "{}")), DONE);
}

#[test]
fn a_corrected_password_works_for_the_next_operation() {
    let server = Server::start(&[]);
    server.ask::<()>("CONFIG SET requirepass other");
    let config = Endpoint { password: Some("right".into()), ..plain(server.port) };
    let store = at(config, limits());
    assert_eq!(run(&store, load("x")).unwrap_err().kind, ErrorKind::Denied);
    let client = redis::Client::open(format!("redis://:other@127.0.0.1:{}", server.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    redis::cmd("CONFIG").arg(&["SET", "requirepass", "right"]).exec(&mut connection).unwrap();
    assert_eq!(run(&store, load("x")), ABSENT);
}

#[test]
fn a_password_too_many_does_no_harm() {
    let server = Server::start(&[]);
    let config = Endpoint { password: Some("s3cret".into()), ..plain(server.port) };
    assert_eq!(run(&at(config, Limits::default()), save("x", "{}")), DONE);
}

#[test]
fn a_user_who_may_only_get_and_set_is_enough() {
    let server = Server::start(&[]);
    server.ask::<()>("ACL SETUSER eve on >pw ~flowkit:* -@all +get +set +del");
    let eve = Endpoint { username: Some("eve".into()), password: Some("pw".into()), ..plain(server.port) };
    let store = at(eve, limits());
    run(&store, save("x", "1")).unwrap();
    server.ask::<i64>("CLIENT KILL USER eve");
    assert_eq!(run(&store, load("x")), found("1"));
    server.ask::<()>("ACL SETUSER eve -get");
    let error = run(&store, load("x")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("NOPERM"));
    assert_eq!(run(&store, save("x", "2")), DONE);
}

#[test]
fn a_database_out_of_range_is_a_wrong_option() {
    let server = Server::start(&[]);
    let error = denied(Endpoint { db: 99, ..plain(server.port) });
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    assert!(error.reason.contains("database 99"), "{}", error.reason);
}

#[test]
fn foreign_data_is_corrupt_is_left_alone_and_can_be_replaced() {
    let server = Server::start(&[]);
    let store = store(server.port);
    server.ask::<i64>("RPUSH flowkit:x 1 2");
    let error = run(&store, load("x")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(error.reason.starts_with("the key \"flowkit:x\" of"), "{}", error.reason);
    assert_eq!(server.ask::<i64>("LLEN flowkit:x"), 2);
    server.ask::<i64>("SETBIT flowkit:y 0 1");
    assert_eq!(run(&store, load("y")).unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(run(&store, save("x", "{}")), DONE);
    assert_eq!(run(&store, load("x")), found("{}"));
}

#[test]
fn out_of_memory_is_unavailable_and_does_not_show_the_state() {
    let server = Server::start(&["--maxmemory", "1"]);
    let error = run(&store(server.port), save("x", "{\"slot\":1}")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.cause.as_ref().unwrap().code.as_deref(), Some("OOM"));
    assert!(!format!("{error:?}").contains("slot"));
}

#[test]
fn a_server_that_became_a_replica_is_left_and_found_again() {
    let server = Server::start(&[]);
    let store = store(server.port);
    run(&store, save("x", "1")).unwrap();
    let before = server.wait_for_one_connection();
    server.ask::<()>("REPLICAOF 127.0.0.1 1");
    let error = run(&store, save("x", "2")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("READONLY"));
    server.ask::<()>("REPLICAOF NO ONE");
    assert_eq!(run(&store, save("x", "3")), DONE);
    assert_ne!(server.wait_for_one_connection(), before);
}
