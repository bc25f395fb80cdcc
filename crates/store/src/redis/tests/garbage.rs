//! Servers, or what stands between, that break the protocol: nothing may be taken for the answer to something else, and
//! nothing may take the host down.

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

/// Answers the first words of a connection: PING, CLIENT INFO, CLIENT ID, and twice CLIENT SETINFO.
fn greet(socket: &mut TcpStream) {
    read_commands(socket, 5);
    let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n");
}

/// A server whose first connection answers its first operation with `answer`. All the others are answered as they
/// should: loads find `{}`.
fn once(answer: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let port = scripted(move |mut socket, number| {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = answer.clone();
        thread::spawn(move || {
            greet(&mut socket);
            if number == 0 {
                read_commands(&mut socket, 1);
                let _ = socket.write_all(&answer);
            }
            serve(&mut socket);
        });
    });
    (port, connections)
}

/// Answers every operation, and whatever else is said, until the other side hangs up.
fn serve(socket: &mut TcpStream) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = socket.read(&mut buffer) {
        for command in String::from_utf8_lossy(&buffer[..length]).split('*').skip(1) {
            let name = command.split("\r\n").nth(2).unwrap_or_default();
            let answer = match name {
                "GET" => "$2\r\n{}\r\n",
                "DEL" => ":1\r\n",
                _ => "+OK\r\n",
            };
            let _ = socket.write_all(answer.as_bytes());
        }
    }
}

#[test]
fn an_answer_that_is_none_costs_the_connection_and_the_load_is_sent_again() {
    let nested = "*1\r\n".repeat(10_000);
    for answer in [
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
        let (port, connections) = once(answer.to_vec());
        let patient = at(plain(port), Limits { wait: Duration::from_secs(5), ..limits() });
        let start = Instant::now();
        let outcome = run(&patient, load("x"));
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned();
        assert!(start.elapsed() < Duration::from_secs(4), "{shown:?}: {outcome:?}");
        match outcome {
            Ok(answer) => assert_eq!(Ok(answer), found("{}"), "{shown:?}"),
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Timeout), "{shown:?}: {error:?}")
            }
        }
        assert_eq!(run(&patient, load("x")), found("{}"), "the next one, after {shown:?}");
        assert!(connections.load(Ordering::SeqCst) > 1, "{shown:?} leaves the connection in use");
    }
}

/// Answers each load with the key that it asks for, after one answer that nobody asked for.
fn out_of_step(stray: &'static str) -> u16 {
    scripted(move |mut socket, number| {
        thread::spawn(move || {
            greet(&mut socket);
            let mut stray = if number == 0 { stray } else { "" };
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = socket.read(&mut buffer) {
                let mut answers = std::mem::take(&mut stray).to_owned();
                for command in String::from_utf8_lossy(&buffer[..length]).split('*').skip(1) {
                    let words: Vec<&str> = command.split("\r\n").collect();
                    match words[2] {
                        "GET" => answers += &format!("{}\r\n{}\r\n", words[3], words[4]),
                        _ => answers += "+OK\r\n",
                    }
                }
                let _ = socket.write_all(answers.as_bytes());
            }
        });
    })
}

#[test]
fn an_answer_to_nobody_gives_no_conversation_to_another() {
    for stray in ["+OK\r\n", ":1\r\n", "*0\r\n"] {
        let patient = Limits { wait: Duration::from_secs(5), ..limits() };
        let store = at(plain(out_of_step(stray)), patient);
        let ids = ["a", "b", "c", "d"];
        let answers = submit(&store, ids.map(load));
        for (id, answer) in ids.into_iter().zip(answers) {
            match answer.wait() {
                Ok(answer) => assert_eq!(Ok(answer), found(format!("flowkit:{id}")), "after {stray:?}"),
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
fn an_announced_answer_takes_no_memory_before_it_comes() {
    for announced in ["$629145600\r\n", "$9223372036854775807\r\n", "*629145600\r\n"] {
        let (port, _) = once(announced.as_bytes().to_vec());
        let before = resident();
        let outcome = run(&store(port), load("x"));
        // One that could never be kept is not waited for: the next connection answers.
        let refused = outcome == found("{}") && announced.len() > 20;
        let waited = matches!(&outcome, Err(error) if error.kind == ErrorKind::Timeout);
        assert!(refused || waited, "{announced:?}: {outcome:?}");
        // Other tests run beside this one.
        assert!(resident() < before + 300, "{announced:?}: {before} MB became {}", resident());
    }
}

#[test]
fn half_an_answer_is_none() {
    // The rest never comes, and the connection stays open.
    let (port, _) = once(b"$1000\r\n{\"conversationId\":".to_vec());
    assert_eq!(run(&store(port), load("x")).unwrap_err().kind, ErrorKind::Timeout);
}

#[test]
fn an_answer_that_trickles_ends_in_time() {
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
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
