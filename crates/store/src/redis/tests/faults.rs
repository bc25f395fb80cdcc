//! Servers that are not there, or not what they should be.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::server::{free_port, read_commands, scripted};
use super::*;
use crate::Answer;
use crate::error::{ErrorKind, StoreError};
use crate::testing::{ABSENT, DONE, found, load, run, save};

/// Fails one save, and makes sure that it was not given up before operations may be.
fn fail(store: &RedisStore) -> StoreError {
    let start = Instant::now();
    let error = run(store, save("x", "{}")).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(1_400), "{:?}", start.elapsed());
    error
}

#[test]
fn nothing_listening_is_unavailable_within_the_bound() {
    let port = free_port();
    let error = fail(&at(plain(port), impatient()));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("ECONNREFUSED"));
    let expected = format!("the Redis server at 127.0.0.1:{port} cannot be reached: connection refused");
    assert!(error.reason.starts_with(&expected), "{}", error.reason);
}

#[test]
fn a_missing_unix_socket_is_unavailable() {
    let address = Address::Unix("/nonexistent/redis.sock".into());
    let error = fail(&at(Endpoint::plain(address), impatient()));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("ENOENT"));
}

#[test]
fn an_unknown_host_is_unavailable() {
    let address = Address::Tcp { host: "no-such-host.invalid".into(), port: 6379 };
    let store = at(Endpoint::plain(address), impatient());
    let error = run(&store, load("x")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let code = error.cause.unwrap().code;
    assert!(matches!(code.as_deref(), Some("ENOTFOUND" | "ETIMEDOUT")), "{code:?}");
}

#[test]
fn a_server_that_never_says_a_word_is_unavailable() {
    let port = scripted(|socket, _| drop(thread::spawn(move || keep(socket))));
    let error = fail(&at(plain(port), impatient()));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("ETIMEDOUT"));
}

fn keep(mut socket: TcpStream) {
    read_commands(&mut socket, usize::MAX);
}

#[test]
fn what_is_no_redis_is_asked_once_and_named() {
    type Script = fn(&mut TcpStream);
    let scripts: [(&str, Script); 5] = [
        ("speaks HTTP; is it a Redis server?", |socket| {
            read_commands(socket, 1);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            read_commands(socket, usize::MAX);
        }),
        ("speaks SSH; is it a Redis server?", |socket| {
            let _ = socket.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n");
            read_commands(socket, usize::MAX);
        }),
        ("speaks another protocol; is it a Redis server?", |socket| {
            let _ = socket.write_all(b"220 mail.example.com ESMTP\r\n");
            read_commands(socket, usize::MAX);
        }),
        ("speaks another protocol; is it a Redis server?", |socket| {
            read_commands(socket, 1);
            let _ = socket.write_all(b"ERROR\r\n");
            read_commands(socket, usize::MAX);
        }),
        ("expects TLS; set the option \"tls\"", |socket| {
            read_commands(socket, 1);
            let _ = socket.write_all(b"\x15\x03\x01\x00\x02\x02\x46");
            read_commands(socket, usize::MAX);
        }),
    ];
    for (text, script) in scripts {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let port = scripted(move |mut socket, _| {
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || script(&mut socket));
        });
        let error = run(&at(plain(port), Limits::default()), save("x", "{}")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOptions, "{error:?}");
        assert!(error.reason.contains(text), "{}", error.reason);
        assert_eq!(connections.load(Ordering::Relaxed), 1, "{text}");
    }
}

#[test]
fn what_hangs_up_without_a_word_may_be_starting() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let port = scripted(move |mut socket, _| {
        count.fetch_add(1, Ordering::Relaxed);
        read_commands(&mut socket, 1);
    });
    let error = fail(&at(plain(port), impatient()));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.reason.contains("is it a Redis server, and does it expect TLS"), "{}", error.reason);
    assert!(connections.load(Ordering::Relaxed) < 24, "{connections:?}");
}

/// Replies to the first words of a connection: PING, CLIENT INFO, CLIENT ID, and twice CLIENT SETINFO.
fn greet(socket: &mut TcpStream) {
    read_commands(socket, 5);
    let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n");
}

#[test]
fn rubbish_in_the_middle_costs_the_connection_and_time_but_no_more() {
    let port = scripted(|mut socket, _| {
        greet(&mut socket);
        read_commands(&mut socket, 1);
        let _ = socket.write_all(b"what?\r\n");
    });
    let error = fail(&at(plain(port), impatient()));
    // It was sent, so nobody knows; it was sent again, so it was not given up early.
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.reason.ends_with("whether it took effect is unknown"), "{}", error.reason);
}

#[test]
fn a_reply_of_the_wrong_kind_is_not_taken_for_success() {
    let port = scripted(|mut socket, _| {
        greet(&mut socket);
        read_commands(&mut socket, 1);
        let _ = socket.write_all(b"*1\r\n:1\r\n");
        keep(socket);
    });
    let error = run(&store(port), save("x", "{}")).unwrap_err();
    // It was sent, so nobody knows.
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.reason.contains("makes no sense"), "{}", error.reason);
}

#[test]
fn texts_of_look_alikes_are_read_however_they_are_sent() {
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    for (request, reply, outcome) in [
        (load("x"), "+{\"a\":\"é\"}\r\n".to_owned(), found("{\"a\":\"é\"}")),
        (load("x"), format!("+{large}\r\n"), found(large)),
        (load("x"), "=6\r\ntxt:{}\r\n".to_owned(), found("{}")),
        (load("x"), "_\r\n".to_owned(), ABSENT),
        (Request::Has { id: "x".into(), ttl: 0 }, "#t\r\n".to_owned(), Ok(Answer::Flag(true))),
    ] {
        let port = scripted(move |mut socket, _| {
            greet(&mut socket);
            read_commands(&mut socket, 1);
            let _ = socket.write_all(reply.as_bytes());
            keep(socket);
        });
        assert!(run(&store(port), request.clone()) == outcome, "{request:?}");
    }
}

#[test]
fn a_loading_server_is_waited_for() {
    let port = scripted(|mut socket, number| {
        read_commands(&mut socket, 5);
        if number < 3 {
            let _ = socket.write_all(b"-LOADING Redis is loading the dataset in memory\r\n:1\r\n:1\r\n:1\r\n:1\r\n");
            return;
        }
        let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n:1\r\n+OK\r\n+OK\r\n");
        read_commands(&mut socket, 1);
        let _ = socket.write_all(b"+OK\r\n");
        keep(socket);
    });
    assert_eq!(run(&store(port), save("x", "{}")), DONE);
}

#[test]
fn a_cluster_node_asks_for_a_cluster_client() {
    let port = scripted(|mut socket, _| {
        greet(&mut socket);
        read_commands(&mut socket, 1);
        let _ = socket.write_all(b"-MOVED 3999 127.0.0.1:6381\r\n");
        keep(socket);
    });
    let error = run(&store(port), save("x", "{}")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.reason.contains("cluster client"), "{}", error.reason);
    assert_eq!(error.cause.unwrap().code.as_deref(), Some("MOVED"));
}

#[test]
fn too_much_waiting_turns_the_newest_away() {
    let endpoint = plain(free_port());
    let small = Limits { operations: 10, grace: Duration::ZERO, ..impatient() };
    let store = at(endpoint, small);
    let submitted = submit(&store, (0..20).map(|number| save("x", &number.to_string())));
    let errors: Vec<_> = submitted.into_iter().map(|pending| pending.wait().unwrap_err()).collect();
    assert!(errors.iter().all(|error| error.kind == ErrorKind::Unavailable));
    assert_eq!(errors.iter().position(|error| error.reason.contains("too many")), Some(10));
    assert_eq!(errors.iter().filter(|error| error.reason.contains("too many")).count(), 10);
}
