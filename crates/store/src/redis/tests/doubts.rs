//! Writes whose first reply was lost: no later failure may deny that they took effect.

use super::server::{DeafRelay, Server};
use super::*;
use crate::error::{ErrorKind, StoreError};
use crate::testing::{delete, run, save};

/// Lets the server execute `request`, loses its reply, and does `then` before the request is sent again. Returns the end.
fn sent_twice(server: &Server, endpoint: Endpoint, request: Request, then: &[&str]) -> StoreError {
    let relay = DeafRelay::start(server.port, false);
    let endpoint = Endpoint { address: tcp(relay.port), ..endpoint };
    let store = at(endpoint, limits());
    run(&store, save("x", "before")).unwrap();
    relay.deafen();
    let pending = submit(&store, [request]).remove(0);
    relay.wait_for_loss();
    // Each further handshake is cut short, until this is over.
    then.iter().for_each(|command| server.ask::<()>(command));
    relay.hear();
    pending.wait().unwrap_err()
}

fn assert_in_doubt(error: &StoreError, code: &str) {
    assert_eq!(error.kind, ErrorKind::Timeout, "{}", error.reason);
    assert!(error.reason.ends_with("; whether it took effect is unknown"), "{}", error.reason);
    assert_eq!(error.cause.as_ref().unwrap().code.as_deref(), Some(code), "{error:?}");
}

#[test]
fn a_write_that_is_refused_when_it_is_sent_again_is_in_doubt() {
    for (request, command, code) in [
        (save("x", "after"), "REPLICAOF 127.0.0.1 1", "READONLY"),
        (delete("x"), "REPLICAOF 127.0.0.1 1", "READONLY"),
        (save("x", "after"), "CONFIG SET maxmemory 1", "OOM"),
        (save("x", "after"), "ACL SETUSER eve -set", "NOPERM"),
        (save("x", "after"), "CONFIG SET min-replicas-to-write 1", "NOREPLICAS"),
    ] {
        let server = Server::start(&[]);
        server.ask::<()>("ACL SETUSER eve on >pw ~* +@all");
        let eve = Endpoint { username: Some("eve".into()), password: Some("pw".into()), ..plain(server.port) };
        assert_in_doubt(&sent_twice(&server, eve, request, &[command]), code);
    }
}

#[test]
fn a_write_is_in_doubt_also_if_the_next_login_is_refused() {
    let server = Server::start(&[]);
    server.ask::<()>("ACL SETUSER eve on >pw ~* +@all");
    let eve = Endpoint { username: Some("eve".into()), password: Some("pw".into()), ..plain(server.port) };
    let error = sent_twice(&server, eve, save("x", "after"), &["ACL SETUSER eve <pw >other"]);
    assert_in_doubt(&error, "WRONGPASS");
    assert_eq!(server.ask::<String>("GET flowkit:x"), "after", "it did take effect");
}

#[test]
fn a_write_that_is_refused_at_once_is_in_no_doubt() {
    let server = Server::start(&["--maxmemory", "1"]);
    assert_eq!(run(&store(server.port), save("x", "{}")).unwrap_err().kind, ErrorKind::Unavailable);
}
