//! Looks through the conversations over our own connection.

use std::collections::HashSet;
use std::time::Instant;

use super::server::{Server, scripted};
use super::*;
use crate::clock::wall_millis;
use crate::error::{ErrorKind, StoreError};
use crate::scan::{Action, Page, Scan};
use crate::testing::{DONE, found, load, run, save};
use crate::{Answer, Outcome};

pub const LIST: Action = Action::List { details: true };
pub const REMOVE: Action = Action::Remove { dry_run: false };
/// Seconds.
pub const TTL: u32 = 1_000;

pub fn scan(action: Action) -> Scan {
    Scan { action, root: String::new(), prefix: String::new(), before: None, ttl: TTL, cursor: None, most: 500 }
}

pub fn page(outcome: Outcome) -> Result<Page, StoreError> {
    outcome.map(|answer| match answer {
        Answer::Page(page) => page,
        other => panic!("{other:?}"),
    })
}

pub fn run_page(store: &RedisStore, scan: Scan) -> Result<Page, StoreError> {
    page(run(store, Request::Scan(scan)))
}

/// Adds up all pages. What was found is sorted.
pub fn run_all(store: &RedisStore, mut scan: Scan) -> Result<Page, StoreError> {
    let mut sum = Page::default();
    loop {
        let page = run_page(store, scan.clone())?;
        assert!(page.matched <= u64::from(scan.most));
        sum.found.extend(page.found);
        sum.matched += page.matched;
        sum.kept += page.kept;
        sum.unknown += page.unknown;
        scan.cursor = page.cursor;
        if scan.cursor.is_none() {
            sum.found.sort_by(|one, other| one.id.cmp(&other.id));
            return Ok(sum);
        }
    }
}

fn ids(page: &Page) -> Vec<&str> {
    page.found.iter().map(|found| &*found.id).collect()
}

pub fn save_for(id: &str, text: &str, ttl: u32) -> Request {
    Request::Save { id: id.into(), text: text.into(), ttl }
}

pub fn save_many(store: &RedisStore, count: usize) {
    let requests = (0..count).map(|number| save_for(&format!("c{number}"), "{}", TTL));
    submit(store, requests).into_iter().for_each(|pending| assert_eq!(pending.wait(), DONE));
}

#[test]
fn lists_its_own_conversations_and_nothing_else() {
    let server = Server::start(&[]);
    let store = store(server.port);
    assert_eq!(run(&store, save_for("a", "{\"é\":1}", TTL)), DONE);
    assert_eq!(run(&store, save("kept", "{}")), DONE);
    let lock = Request::Enter {
        id: "a".into(),
        owner: "o".into(),
        lease: 30_000,
        patience: 0,
        waited: 0,
        wants_text: false,
        ttl: TTL,
    };
    run(&store, lock).unwrap();
    for command in
        ["SET flowkit: x", "SET other:a x", "RPUSH flowkit:list x", "HSET flowkit:hash a b", "SET flowkitXa x"]
    {
        let _: redis::Value = server.ask(command);
    }
    let _: redis::Value = server.ask(&format!("SET flowkit:{} x", "y".repeat(1_025)));
    assert_eq!(server.ask::<i64>("DBSIZE"), 9);

    let page = run_all(&store, scan(LIST)).unwrap();
    assert_eq!(ids(&page), ["a", "kept"]);
    let [a, kept] = [0, 1].map(|index| page.found[index].details.unwrap());
    assert_eq!((a.size, kept.size), (8, 2));
    let near = |time: Option<u64>, other: u64| time.is_some_and(|time| time.abs_diff(other) < 5_000);
    assert!(near(a.updated_at, wall_millis()) && near(a.expires_at, wall_millis() + u64::from(TTL) * 1_000), "{a:?}");
    assert_eq!((kept.updated_at, kept.expires_at), (None, None));
    assert_eq!(run_all(&store, scan(Action::Count)).unwrap().matched, 2);
    assert_eq!(run_all(&store, scan(REMOVE)).unwrap().matched, 2);
    assert_eq!(server.ask::<i64>("DBSIZE"), 7);
}

#[test]
fn pages_of_any_size_are_complete_while_others_come_and_go() {
    let server = Server::start(&[]);
    let store = store(server.port);
    save_many(&store, 3_000);
    for most in [1, 7, 150, 5_000] {
        let mut known = HashSet::new();
        let mut listed = 0;
        let mut scan = Scan { most, ..scan(Action::List { details: false }) };
        for round in 0.. {
            // The table of the server grows and shrinks by that.
            let others = if round % 2 == 0 {
                "for i = 1, 300 do redis.call('SET', 'flowkit:x' .. i, 1) end"
            } else {
                "for i = 1, 300 do redis.call('DEL', 'flowkit:x' .. i) end"
            };
            redis::cmd("EVAL").arg(others).arg(0).exec(&mut connection(&server)).unwrap();
            let page = run_page(&store, scan.clone()).unwrap();
            assert!(page.matched <= u64::from(most));
            listed += page.found.len();
            known.extend(page.found.into_iter().map(|found| found.id));
            scan.cursor = page.cursor;
            if scan.cursor.is_none() || most == 1 && round == 400 {
                break;
            }
        }
        if most == 1 {
            // Each page goes on, and the text of the cursor stays short.
            assert!(listed > 300, "{listed}");
            assert!(known.len() > 300, "{}", known.len());
            continue;
        }
        let missing = (0..3_000).filter(|number| !known.contains(&format!("c{number}"))).count();
        assert_eq!(missing, 0, "{most} a page");
    }
}

fn connection(server: &Server) -> redis::Connection {
    redis::Client::open(("127.0.0.1", server.port)).unwrap().get_connection().unwrap()
}

#[test]
fn a_cursor_of_a_server_that_was_restarted_begins_anew() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = at(plain(server.port), Limits::default());
    save_many(&store, 2_000);
    let mut known = HashSet::new();
    let mut list = Scan { most: 100, ..scan(LIST) };
    let count = Scan { most: 100, ..scan(Action::Count) };
    let counted = run_page(&store, count.clone()).unwrap().cursor;
    for round in 0.. {
        let page = run_page(&store, list.clone()).unwrap();
        known.extend(page.found.into_iter().map(|found| found.id));
        list.cursor = page.cursor;
        if round == 5 {
            // Its keys are in another order then.
            server.kill();
            server.restart();
        }
        if list.cursor.is_none() {
            break;
        }
    }
    assert_eq!(known.len(), 2_000);
    let error = run_page(&store, Scan { cursor: counted, ..count }).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.reason.ends_with("count again"), "{}", error.reason);
}

#[test]
fn a_cursor_from_elsewhere_is_refused_and_nothing_behind_it_is_held_up() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let bad = Scan { cursor: Some("m0:".into()), ..scan(LIST) };
    let pending = submit(&store, [Request::Scan(bad), save("a", "{}"), load("a")]);
    let outcomes: Vec<Outcome> = pending.into_iter().map(|pending| pending.wait()).collect();
    assert_eq!(outcomes[0].as_ref().unwrap_err().kind, ErrorKind::InvalidOptions);
    assert_eq!(outcomes[1..], [DONE, found("{}")]);
}

#[test]
fn others_are_not_held_up_by_looks() {
    let server = Server::start(&[]);
    let store = store(server.port);
    save_many(&store, 20_000);
    let looks = (0..40).map(|_| Request::Scan(Scan { most: 5_000, ..scan(LIST) }));
    let looks = submit(&store, looks);
    let start = Instant::now();
    let beside = submit(&store, [save("beside", "{}"), load("beside")]);
    let outcomes: Vec<Outcome> = beside.into_iter().map(|pending| pending.wait()).collect();
    let unfinished = looks.iter().filter(|look| !look.is_settled()).count();
    assert_eq!(outcomes, [DONE, found("{}")]);
    assert!(unfinished > 20, "{unfinished} looks were unfinished after {:?}", start.elapsed());
}

/// A server before Redis 6, and one that runs no scripts.
#[test]
fn what_a_server_lacks_is_done_another_way_or_said() {
    let server = Server::start(&["--rename-command", "EVAL", "", "--rename-command", "INFO", ""]);
    let port = without_type_option(server.port);
    let store = store(port);
    save_many(&store, 1_500);
    let _: i64 = server.ask("RPUSH flowkit:list x");
    assert_eq!(run_all(&store, scan(LIST)).unwrap().found.len(), 1_500);
    assert_eq!(run_all(&store, scan(Action::Count)).unwrap().matched, 1_500);
    let error = run_page(&store, Scan { before: Some(wall_millis() + 60_000), ..scan(REMOVE) }).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.reason);
    assert_eq!(run_all(&store, scan(REMOVE)).unwrap().matched, 1_500);
    assert_eq!(server.ask::<i64>("DBSIZE"), 1);
}

/// Relays to the server at `target`, to which it spells the option of `SCAN` in a way that no server knows.
fn without_type_option(target: u16) -> u16 {
    use std::io::{Read, Write};
    scripted(move |mut client, _| {
        let mut server = std::net::TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                let text = buffer[..length].to_vec();
                let changed = replace(text, b"$4\r\nTYPE\r\n$6\r\nstring\r\n", b"$4\r\nEPYT\r\n$6\r\nstring\r\n");
                server.write_all(&changed).unwrap();
            }
        });
    })
}

fn replace(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}
