//! A server that means harm.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{read_commands, scripted};
use super::*;
use crate::error::ErrorKind;
use crate::testing::{ABSENT, load, run};

/// The replies to the first words of a connection, one for each of its five commands.
const WELCOME: &[u8] = b"+PONG\r\n$-1\r\n:1\r\n+OK\r\n+OK\r\n";

/// Writes `piece` again and again, until the other side hangs up or a gigabyte is out. Returns how much it was.
fn flood(socket: &mut TcpStream, piece: &[u8]) -> usize {
    let piece = piece.repeat(1 + 64 * 1024 / piece.len());
    let mut written = 0;
    while written < 1 << 30 && socket.write_all(&piece).is_ok() {
        written += piece.len();
    }
    written
}

#[test]
fn a_reply_without_end_is_cut_off() {
    for (head, piece) in [
        // A list of tiny values, each of which takes twenty times its bytes.
        (&b"*1000000000\r\n"[..], &b":1\r\n"[..]),
        // A line without end.
        (b"+", b"x"),
        // Data that nobody asked for.
        (b"$-1\r\n", b">1\r\n+x\r\n"),
        (b"$99999999999999\r\n", b"x"),
    ] {
        let most = Arc::new(AtomicUsize::new(0));
        let seen = most.clone();
        let port = scripted(move |mut socket, _| {
            read_commands(&mut socket, 5);
            let _ = socket.write_all(WELCOME);
            read_commands(&mut socket, 1);
            let _ = socket.write_all(head);
            seen.fetch_max(flood(&mut socket, piece), Ordering::Relaxed);
        });
        // It is asked again and again, until the operation may wait no longer.
        match run(&at(plain(port), impatient()), load("x")) {
            // This server replied before it sent what nobody had asked for.
            Ok(reply) => assert!(Ok(reply) == ABSENT && head == b"$-1\r\n"),
            Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable),
        }
        // What the sockets hold in between is not in our memory.
        let most = most.load(Ordering::Relaxed);
        assert!(most < 64 * 1024 * 1024, "{most} bytes were taken of {:?}", String::from_utf8_lossy(piece));
    }
}
