//! Servers, and what stands between, that break the protocol. No reply may be taken for that of another operation, and none
//! may take the host down.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::server::{read_commands, scripted};
use super::*;
use crate::error::ErrorKind;
use crate::testing::{found, load, run};

/// Replies to the first words of a connection: PING, CLIENT INFO, CLIENT ID, and twice CLIENT SETINFO.
fn greet(socket: &mut TcpStream) {
    read_commands(socket, 5);
    let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n");
}

/// Starts a server that sends `reply` to the first operation of its first connection. All others get the right replies:
/// loads find `{}`.
fn once(reply: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let port = scripted(move |mut socket, number| {
        count.fetch_add(1, Ordering::SeqCst);
        let reply = reply.clone();
        thread::spawn(move || {
            greet(&mut socket);
            if number == 0 {
                read_commands(&mut socket, 1);
                let _ = socket.write_all(&reply);
            }
            serve(&mut socket);
        });
    });
    (port, connections)
}

/// Replies to every command until the other side hangs up.
fn serve(socket: &mut TcpStream) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = socket.read(&mut buffer) {
        for command in String::from_utf8_lossy(&buffer[..length]).split('*').skip(1) {
            let name = command.split("\r\n").nth(2).unwrap_or_default();
            let reply = match name {
                "GET" => "$2\r\n{}\r\n",
                "DEL" => ":1\r\n",
                _ => "+OK\r\n",
            };
            let _ = socket.write_all(reply.as_bytes());
        }
    }
}

#[test]
fn a_reply_that_is_none_costs_the_connection_and_the_load_is_sent_again() {
    let nested = "*1\r\n".repeat(10_000);
    for reply in [
        &b"what?\r\n"[..],
        b"*9223372036854775807\r\n",
        b"%9223372036854775807\r\n",
        b"*4611686018427387904\r\n$1\r\nx\r\n",
        b"!-1\r\n",
        b"=-5\r\n",
        b"$2\r\n{}xx",
        b"$x\r\n",
        b":99999999999999999999\r\n",
        b"+\xff\xfe\r\n",
        b"|1\r\n+a\r\n+b\r\n",
        nested.as_bytes(),
    ] {
        let (port, connections) = once(reply.to_vec());
        // An announcement of more than comes ends with the wait for the reply.
        let patient = at(plain(port), quick_to_reconnect());
        let outcome = run(&patient, load("x"));
        let shown = String::from_utf8_lossy(&reply[..reply.len().min(40)]).into_owned();
        match outcome {
            Ok(reply) => assert_eq!(Ok(reply), found("{}"), "{shown:?}"),
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Timeout), "{shown:?}: {error:?}")
            }
        }
        assert_eq!(run(&patient, load("x")), found("{}"), "the next one, after {shown:?}");
        assert!(connections.load(Ordering::SeqCst) > 1, "{shown:?} leaves the connection in use");
    }
}

/// Starts a server that replies to each load with its key. The first connection begins with a reply that nobody asked for.
fn out_of_step(stray: &'static str) -> u16 {
    scripted(move |mut socket, number| {
        thread::spawn(move || {
            greet(&mut socket);
            let mut stray = if number == 0 { stray } else { "" };
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = socket.read(&mut buffer) {
                let mut replies = std::mem::take(&mut stray).to_owned();
                for command in String::from_utf8_lossy(&buffer[..length]).split('*').skip(1) {
                    let words: Vec<&str> = command.split("\r\n").collect();
                    match words[2] {
                        "GET" => replies += &format!("{}\r\n{}\r\n", words[3], words[4]),
                        _ => replies += "+OK\r\n",
                    }
                }
                let _ = socket.write_all(replies.as_bytes());
            }
        });
    })
}

#[test]
fn a_reply_to_nobody_gives_no_conversation_to_another() {
    for stray in ["+OK\r\n", ":1\r\n", "*0\r\n"] {
        let store = store(out_of_step(stray));
        let ids = ["a", "b", "c", "d"];
        let replies = submit(&store, ids.map(load));
        for (id, reply) in ids.into_iter().zip(replies) {
            match reply.wait() {
                Ok(reply) => assert_eq!(Ok(reply), found(format!("flowkit:{id}")), "after {stray:?}"),
                Err(error) => assert_eq!((id, error.kind), ("a", ErrorKind::Unavailable), "{error:?}"),
            }
        }
        assert_eq!(run(&store, load("e")), found("flowkit:e"), "after {stray:?}");
    }
}

/// How much memory this process has in use, in MB.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[test]
fn an_announced_reply_takes_no_memory_before_it_comes() {
    for announced in ["$629145600\r\n", "$9223372036854775807\r\n", "*629145600\r\n"] {
        let (port, _) = once(announced.as_bytes().to_vec());
        let before = resident();
        // It is not waited for longer than for any other reply. The next connection has the real one.
        let store = at(plain(port), quick_to_reconnect());
        assert_eq!(run(&store, load("x")), found("{}"), "{announced:?}");
        // Other tests run beside this one.
        assert!(resident() < before + 300, "{announced:?}: {before} MB became {}", resident());
    }
}

#[test]
fn a_load_is_repeated_once_if_only_half_a_reply_comes() {
    let half = b"$1000\r\n{\"conversationId\":";
    // The rest never comes, and the connection stays open.
    let (port, _) = once(half.to_vec());
    assert_eq!(run(&at(plain(port), quick_to_reconnect()), load("x")), found("{}"));
    let loads = Arc::new(AtomicUsize::new(0));
    let count = loads.clone();
    let port = scripted(move |mut socket, _| {
        let count = count.clone();
        thread::spawn(move || {
            greet(&mut socket);
            read_commands(&mut socket, 1);
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.write_all(half);
            read_commands(&mut socket, 1);
        });
    });
    let patient = at(plain(port), quick_to_reconnect());
    assert_eq!(run(&patient, load("x")).unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(loads.load(Ordering::SeqCst), 2);
}

#[test]
fn a_reply_that_trickles_ends_in_time() {
    let port = scripted(|mut socket, _| {
        thread::spawn(move || {
            greet(&mut socket);
            read_commands(&mut socket, 1);
            for byte in b"$1000\r\n".iter().chain([b'x'; 1000].iter()) {
                thread::sleep(Duration::from_millis(100));
                if socket.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        });
    });
    // Bytes move all the time: it is not silent. It is too slow all the same.
    let limits = Limits { slowest_reply: Duration::from_secs(2), ..limits() };
    let store = at(plain(port), limits);
    let start = Instant::now();
    assert_eq!(run(&store, load("x")).unwrap_err().kind, ErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_secs(100), "it was read to its end: {:?}", start.elapsed());
}
