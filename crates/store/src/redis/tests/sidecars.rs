//! Connections beside a client: what they cannot answer, they give back.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use super::server::{Server, read_commands, scripted};
use super::*;
use crate::error::ErrorKind;
use crate::redis::sidecar::{Phase, Report, Sidecar, Timeouts};
use crate::testing::{ABSENT, DONE, Pending, delete, found, load, save};

fn open(port: u16) -> Sidecar {
    let patience = Timeouts { connect: Duration::from_secs(2), answer: Duration::from_millis(500) };
    Sidecar::open(RedisConfig { prefix: String::new(), ..config(tcp(port)) }, patience)
}

fn send(link: &Sidecar, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, answers): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    link.view().submit(operations);
    answers
}

fn is_returned(answer: Pending) -> bool {
    answer.wait().is_err_and(|error| error.kind == ErrorKind::Returned)
}

fn wait_for(link: &Sidecar, phase: Phase) {
    let end = Instant::now() + Duration::from_secs(5);
    while link.phase() != phase {
        assert!(Instant::now() < end, "still {:?}", link.phase());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Given a little time: it comes once the socket is closed.
fn report(link: &Sidecar) -> &Report {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(report) = link.report() {
            return report;
        }
        assert!(Instant::now() < end, "no report");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn operations_wait_while_it_is_being_made() {
    let server = Server::start(&[]);
    let link = open(server.port);
    let answers = send(&link, [save("x", "{}"), load("x"), delete("x"), load("x")]);
    let outcomes: Vec<_> = answers.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, found("{}"), DONE, ABSENT]);
    assert_eq!(link.phase(), Phase::Ready);
    assert!(link.report().is_none());
    drop(link);
    server.wait_until_alone();
}

#[test]
fn they_do_not_wait_long() {
    let port = scripted(|mut socket, _| drop(thread::spawn(move || read_commands(&mut socket, usize::MAX))));
    let link = open(port);
    let start = Instant::now();
    assert!(send(&link, [save("x", "{}")]).into_iter().all(is_returned));
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    assert_eq!(link.phase(), Phase::Late);
    wait_for(&link, Phase::Ended);
    let report = link.report().unwrap();
    assert!(report.is_failure && !report.answered && report.kill_command.is_none(), "{report:?}");
}

#[test]
fn a_server_that_falls_silent_is_told_to_forget_the_write() {
    let server = Server::start(&[]);
    let link = open(server.port);
    assert!(send(&link, [save("x", "1")]).into_iter().all(|answer| answer.wait().is_ok()));
    server.pause();
    let answers = send(&link, [save("x", "2"), load("x")]);
    assert!(answers.into_iter().all(is_returned));
    let kill_command = link.report().unwrap().kill_command.clone().unwrap();
    server.resume();
    assert_eq!(kill_command[..3], ["CLIENT", "KILL", "ID"]);
    assert_eq!(kill_command[4], "ADDR");
    assert!(link.report().unwrap().answered);
    assert!(send(&link, [load("x")]).into_iter().all(is_returned));
}

#[test]
fn a_read_in_doubt_needs_no_farewell() {
    let server = Server::start(&[]);
    let link = open(server.port);
    assert!(send(&link, [load("x")]).into_iter().all(|answer| answer.wait().is_ok()));
    server.pause();
    assert!(send(&link, [load("x")]).into_iter().all(is_returned));
    assert!(link.report().unwrap().kill_command.is_none());
    server.resume();
}

#[test]
fn a_refused_write_is_not_repeated_on_top_of_a_newer_one() {
    let server = Server::start(&[]);
    server.ask::<()>("ACL SETUSER default -del");
    let link = open(server.port);
    wait_for(&link, Phase::Ready);
    let mut answers = send(&link, [delete("x"), save("x", "1"), delete("x"), delete("y"), save("z", "1")]);
    // In one pipeline, so that the server has seen the save before we hear of the refusal.
    assert!(is_returned(answers.remove(2)), "nothing newer took effect");
    assert!(is_returned(answers.remove(2)));
    let outcomes: Vec<_> = answers.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, DONE, DONE]);
    assert!(link.report().unwrap().is_failure);
    assert_eq!(server.ask::<String>("GET x"), "1");
}

#[test]
fn an_end_that_was_asked_for_lets_answers_come() {
    let server = Server::start(&[]);
    let link = open(server.port);
    wait_for(&link, Phase::Ready);
    let answers = send(&link, (0..100).map(|number| save("x", &number.to_string())));
    link.end("not wanted", Duration::from_secs(5));
    assert_eq!(link.phase(), Phase::Ended);
    assert!(answers.into_iter().all(|answer| answer.wait().is_ok()));
    server.wait_until_alone();
    let report = report(&link);
    assert_eq!((report.is_failure, report.reason.as_str()), (false, "not wanted"));
}

#[test]
fn a_connection_that_breaks_gives_back_what_it_owes() {
    let port = scripted(|mut socket, _| {
        read_commands(&mut socket, 5);
        let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n:7\r\n-ERR no\r\n-ERR no\r\n");
        read_commands(&mut socket, 1);
        let _ = socket.write_all(b"+OK\r\n");
        read_commands(&mut socket, 2);
        // Answers the first one only.
        let _ = socket.write_all(b"+OK\r\n");
    });
    let link = open(port);
    wait_for(&link, Phase::Ready);
    assert_eq!(send(&link, [save("x", "1")]).remove(0).wait(), DONE);
    let rest = send(&link, [save("x", "2"), load("x")]);
    assert!(rest.into_iter().all(is_returned));
    // Without an address in the identity nobody can be sure whom a CLIENT KILL would meet.
    assert!(link.report().unwrap().kill_command.is_none());
}

#[test]
fn answers_out_of_step_are_nobodys() {
    let port = scripted(|mut socket, _| {
        read_commands(&mut socket, 5);
        let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n:7\r\n-ERR no\r\n-ERR no\r\n");
        read_commands(&mut socket, 2);
        // A stray answer, so that the load of the second conversation would get the text of the first.
        let _ = socket.write_all(b"+OK\r\n$1\r\n1\r\n");
    });
    let link = open(port);
    wait_for(&link, Phase::Ready);
    assert!(send(&link, [load("x"), load("y")]).into_iter().all(is_returned));
    assert!(report(&link).is_failure);
}

#[test]
fn a_load_behind_a_refused_write_does_not_find_what_was_before() {
    let refusals = |socket: &mut TcpStream, rest: &[u8]| {
        read_commands(socket, 5);
        let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n:7\r\n-ERR no\r\n-ERR no\r\n");
        read_commands(socket, 4);
        let _ = socket.write_all(rest);
    };
    // The server stops being a replica between the save and what comes after it.
    let port = scripted(move |mut socket, number| match number {
        0 => refusals(&mut socket, b"$3\r\nold\r\n-READONLY no\r\n$3\r\nold\r\n$1\r\nb\r\n"),
        _ => refusals(&mut socket, b"-READONLY no\r\n$3\r\nold\r\n+OK\r\n$3\r\nnew\r\n"),
    });
    let requests = || [load("a"), save("a", "mid"), load("a"), load("b")];
    let link = open(port);
    let mut answers = send(&link, requests()).into_iter();
    assert_eq!(answers.next().unwrap().wait(), found("old"));
    assert!(is_returned(answers.next().unwrap()) && is_returned(answers.next().unwrap()));
    assert_eq!(answers.next().unwrap().wait(), found("b"));

    let link = open(port);
    let answers = send(&link, [save("a", "mid"), load("a"), save("a", "new"), load("a")]);
    let outcomes: Vec<_> = answers.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, found("mid"), DONE, found("new")]);
}
