//! Connections beside a client: they hand back what they cannot do.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use super::server::{Server, read_commands, scripted, slow_relay};
use super::*;
use crate::error::ErrorKind;
use crate::redis::sidecar::{Phase, Report, Sidecar, Timeouts};
use crate::testing::{ABSENT, DONE, Pending, delete, found, load, save};

fn open(port: u16) -> Sidecar {
    Sidecar::open(plain(port), Timeouts { grace: PATIENCE, connect: PATIENCE, reply: PATIENCE })
}

/// Opens one that notices soon that nothing is said.
fn open_impatient(port: u16) -> Sidecar {
    Sidecar::open(plain(port), Timeouts { grace: PATIENCE, connect: PATIENCE, reply: Duration::from_secs(2) })
}

fn send(sidecar: &Sidecar, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, submitted): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    sidecar.view().submit(operations);
    submitted
}

fn is_handed_back(pending: Pending) -> bool {
    pending.wait().is_err_and(|error| error.kind == ErrorKind::HandedBack)
}

fn wait_for(sidecar: &Sidecar, phase: Phase) {
    let end = Instant::now() + PATIENCE;
    while sidecar.phase() != phase {
        assert!(Instant::now() < end, "still {:?}", sidecar.phase());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Given a little time: it comes once the socket is closed.
fn report(sidecar: &Sidecar) -> &Report {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(report) = sidecar.report() {
            return report;
        }
        assert!(Instant::now() < end, "no report");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn operations_wait_while_it_is_being_made() {
    let server = Server::start(&[]);
    let sidecar = open(server.port);
    let submitted = send(&sidecar, [save("x", "{}"), load("x"), delete("x"), load("x")]);
    let outcomes: Vec<_> = submitted.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, found("{}"), DONE, ABSENT]);
    assert_eq!(sidecar.phase(), Phase::Ready);
    assert!(sidecar.report().is_none());
    drop(sidecar);
    server.wait_until_alone();
}

#[test]
fn they_do_not_wait_long() {
    let port = scripted(|mut socket, _| drop(thread::spawn(move || read_commands(&mut socket, usize::MAX))));
    let timeouts = Timeouts {
        grace: Duration::from_millis(250),
        connect: Duration::from_secs(2),
        reply: Duration::from_millis(500),
    };
    let sidecar = Sidecar::open(plain(port), timeouts);
    assert!(send(&sidecar, [save("x", "{}")]).into_iter().all(is_handed_back));
    wait_for(&sidecar, Phase::Ended);
    let report = sidecar.report().unwrap();
    assert!(report.is_failure && !report.replied && report.kill_command.is_none(), "{report:?}");
}

#[test]
fn a_server_that_falls_silent_is_told_to_forget_the_write() {
    let server = Server::start(&[]);
    let sidecar = open_impatient(server.port);
    assert!(send(&sidecar, [save("x", "1")]).into_iter().all(|pending| pending.wait().is_ok()));
    server.pause();
    let submitted = send(&sidecar, [save("x", "2"), load("x")]);
    assert!(submitted.into_iter().all(is_handed_back));
    let kill_command = sidecar.report().unwrap().kill_command.clone().unwrap();
    server.resume();
    assert_eq!(kill_command[..3], ["CLIENT", "KILL", "ID"]);
    assert_eq!(kill_command[4], "ADDR");
    assert!(sidecar.report().unwrap().replied);
    assert!(send(&sidecar, [load("x")]).into_iter().all(is_handed_back));
}

#[test]
fn what_drains_slowly_is_not_handed_back() {
    let server = Server::start(&[]);
    let sidecar = open_impatient(slow_relay(server.port, 1_000_000));
    let text = "x".repeat(2_000_000);
    let submitted = send(&sidecar, [save("x", &text), save("y", "1"), load("y")]);
    let outcomes: Vec<_> = submitted.into_iter().map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, DONE, found("1")]);
}

#[test]
fn a_read_in_doubt_needs_no_kill_command() {
    let server = Server::start(&[]);
    let sidecar = open_impatient(server.port);
    assert!(send(&sidecar, [load("x")]).into_iter().all(|pending| pending.wait().is_ok()));
    server.pause();
    assert!(send(&sidecar, [load("x")]).into_iter().all(is_handed_back));
    assert!(sidecar.report().unwrap().kill_command.is_none());
    server.resume();
}

#[test]
fn from_the_first_refusal_a_conversation_goes_the_other_way() {
    let server = Server::start(&[]);
    server.ask::<()>("ACL SETUSER default -del");
    let sidecar = open(server.port);
    wait_for(&sidecar, Phase::Ready);
    // In one pipeline, so that the server has done the saves before the refusal of the first delete is known.
    let submitted = send(
        &sidecar,
        [save("x", "0"), delete("x"), save("x", "1"), load("x"), delete("x"), delete("y"), save("z", "1"), load("z")],
    );
    let outcomes: Vec<_> = submitted.into_iter().map(|pending| pending.wait().map_err(|error| error.kind)).collect();
    const BACK: Result<crate::Answer, ErrorKind> = Err(ErrorKind::HandedBack);
    let done = || Ok(crate::Answer::Done);
    let one = || Ok(crate::Answer::Text(Some("1".into())));
    assert_eq!(outcomes, [done(), BACK, BACK, BACK, BACK, BACK, done(), one()]);
    let report = report(&sidecar);
    assert!(report.is_failure && report.kill_command.is_none(), "all replies came: {report:?}");
    assert!(send(&sidecar, [load("z")]).into_iter().all(is_handed_back));
}

#[test]
fn what_is_handed_back_arrives_in_order() {
    use crate::{Outcome, Receiver, Ticket, Token};
    use std::sync::Arc;
    struct Order(std::sync::mpsc::Sender<(Token, bool)>);
    impl Receiver for Order {
        fn receive(&self, token: Token, _is_write: bool, outcome: Outcome) {
            let _ = self.0.send((token, outcome.is_ok()));
        }
    }
    let server = Server::start(&[]);
    server.ask::<()>("ACL SETUSER default -del");
    let sidecar = open(server.port);
    wait_for(&sidecar, Phase::Ready);
    let (sender, receiver) = std::sync::mpsc::channel();
    let order: Arc<dyn Receiver> = Arc::new(Order(sender));
    // More than one pipeline. The refusal is in the middle of the first one.
    let requests = (0..1_000).map(|number| if number == 50 { delete("x") } else { save("x", &number.to_string()) });
    let operations = requests
        .enumerate()
        .map(|(token, request)| Operation { ticket: Ticket::new(token, request.is_write(), order.clone()), request });
    sidecar.view().submit(operations.collect());
    let settled: Vec<_> = (0..1_000).map(|_| receiver.recv_timeout(PATIENCE).expect("an outcome")).collect();
    let expected: Vec<_> = (0..1_000).map(|token| (token, token < 50)).collect();
    assert_eq!(settled, expected);
}

#[test]
fn an_end_that_was_asked_for_lets_replies_come() {
    let server = Server::start(&[]);
    let sidecar = open(server.port);
    wait_for(&sidecar, Phase::Ready);
    let submitted = send(&sidecar, (0..100).map(|number| save("x", &number.to_string())));
    sidecar.end("not wanted", PATIENCE);
    assert_eq!(sidecar.phase(), Phase::Ended);
    assert!(submitted.into_iter().all(|pending| pending.wait().is_ok()));
    server.wait_until_alone();
    let report = report(&sidecar);
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
        // Replies to the first one only.
        let _ = socket.write_all(b"+OK\r\n");
    });
    let sidecar = open(port);
    wait_for(&sidecar, Phase::Ready);
    assert_eq!(send(&sidecar, [save("x", "1")]).remove(0).wait(), DONE);
    let rest = send(&sidecar, [save("x", "2"), load("x")]);
    assert!(rest.into_iter().all(is_handed_back));
    // Without an address in the identity nobody can be sure whom a CLIENT KILL would meet.
    assert!(sidecar.report().unwrap().kill_command.is_none());
}

#[test]
fn replies_out_of_step_are_nobodys() {
    let port = scripted(|mut socket, _| {
        read_commands(&mut socket, 5);
        let _ = socket.write_all(b"+PONG\r\n-ERR no\r\n:7\r\n-ERR no\r\n-ERR no\r\n");
        read_commands(&mut socket, 2);
        // A stray reply, so that the load of the second conversation would get the text of the first.
        let _ = socket.write_all(b"+OK\r\n$1\r\n1\r\n");
    });
    let sidecar = open(port);
    wait_for(&sidecar, Phase::Ready);
    assert!(send(&sidecar, [load("x"), load("y")]).into_iter().all(is_handed_back));
    assert!(report(&sidecar).is_failure);
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
    let sidecar = open(port);
    let mut submitted = send(&sidecar, requests()).into_iter();
    assert_eq!(submitted.next().unwrap().wait(), found("old"));
    assert!(is_handed_back(submitted.next().unwrap()) && is_handed_back(submitted.next().unwrap()));
    assert_eq!(submitted.next().unwrap().wait(), found("b"));

    let sidecar = open(port);
    let submitted = send(&sidecar, [save("a", "mid"), load("a"), save("a", "new"), load("a")]);
    assert!(submitted.into_iter().all(is_handed_back), "also the save that succeeded");
}
