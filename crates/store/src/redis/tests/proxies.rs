//! Proxies that know few commands, in front of a real server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::server::{Server, scripted};
use super::*;
use crate::redis::sidecar::{Sidecar, Timeouts};
use crate::testing::{DONE, delete, found, load, run, save};

/// Passes on the commands in `known`, and hangs up at the first other one. Also returns how many connections it had.
fn proxy(target: u16, known: &'static [&'static str]) -> (u16, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let port = scripted(move |mut client, _| {
        count.fetch_add(1, Ordering::Relaxed);
        let mut server = TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
        thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                // The commands of these tests are small and hold no asterisk.
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let mut names = text.split('*').skip(1).map(|command| command.split("\r\n").nth(2).unwrap());
                if !names.all(|name| known.contains(&name)) || server.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        });
    });
    (port, connections)
}

const FEW: &[&str] = &["GET", "SET", "DEL", "EXISTS", "AUTH"];

#[test]
fn a_proxy_that_hangs_up_at_ping_and_client_is_served() {
    let server = Server::start(&["--requirepass", "pw"]);
    let (port, connections) = proxy(server.port, FEW);
    let store = at(Endpoint { password: Some("pw".into()), ..plain(port) }, limits());
    assert_eq!(run(&store, save("x", "1")), DONE);
    assert_eq!(run(&store, load("x")), found("1"));
    assert_eq!(run(&store, delete("x")), DONE);
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[test]
fn a_wrong_password_behind_such_a_proxy_is_denied() {
    let server = Server::start(&["--requirepass", "pw"]);
    let (port, _) = proxy(server.port, FEW);
    let store = at(Endpoint { password: Some("other".into()), ..plain(port) }, limits());
    assert_eq!(run(&store, load("x")).unwrap_err().kind, crate::error::ErrorKind::Denied);
}

#[test]
fn a_sidecar_works_through_such_a_proxy() {
    let server = Server::start(&[]);
    let (port, connections) = proxy(server.port, FEW);
    let timeouts = Timeouts { grace: PATIENCE, connect: PATIENCE, reply: PATIENCE };
    let sidecar = Sidecar::open(Endpoint { name: Some("n".into()), ..plain(port) }, timeouts);
    assert_eq!(run(&sidecar.view(), save("x", "1")), DONE);
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[test]
fn a_proxy_that_knows_no_select_is_named() {
    let server = Server::start(&[]);
    let (port, _) = proxy(server.port, FEW);
    let error = run(&at(Endpoint { db: 1, ..plain(port) }, impatient()), load("x")).unwrap_err();
    assert!(error.reason.contains("closed the connection at the first words"), "{}", error.reason);
}
