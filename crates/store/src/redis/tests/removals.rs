//! Removals of many conversations over our own connection, by age and altogether.

use super::scans::{LIST, REMOVE, TTL, page, run_all, run_page, save_for, save_many, scan};
use super::server::{DeafRelay, Server};
use super::*;
use crate::Answer;
use crate::clock::wall_millis;
use crate::error::ErrorKind;
use crate::scan::{Action, Page, Scan};
use crate::testing::{DONE, load, run, save};

#[test]
fn purges_by_the_time_that_is_left_and_leaves_what_is_locked() {
    let server = Server::start(&[]);
    let store = store(server.port);
    save_many(&store, 300);
    for id in ["locked", "touched", "other ttl"] {
        assert_eq!(run(&store, save_for(id, "{}", TTL)), DONE);
    }
    assert_eq!(run(&store, save("no expiry", "{}")), DONE);
    // An hour goes by.
    for number in (0..300).map(|number| format!("c{number}")).chain(["locked".into(), "touched".into()]) {
        let _: i64 = server.ask(&format!("EXPIRE flowkit:{number} 400"));
    }
    let lock = |owner: &str| Request::Enter {
        id: "locked".into(),
        owner: owner.into(),
        lease: 30_000,
        patience: 0,
        waited: 0,
        wants_text: false,
        ttl: TTL,
    };
    run(&store, lock("o")).unwrap();
    assert_eq!(run(&store, Request::Touch { id: "touched".into(), ttl: TTL }), Ok(Answer::Flag(true)));
    let before = Some(wall_millis() - 500_000);
    let purge = |action| Scan { before, most: 100, ..scan(action) };
    let expected = |page: Page| (page.matched, page.kept, page.unknown);
    // "locked", "touched" and "other ttl" are kept.
    assert_eq!(expected(run_all(&store, purge(Action::Remove { dry_run: true })).unwrap()), (300, 3, 1));
    assert_eq!(expected(run_all(&store, purge(REMOVE)).unwrap()), (300, 3, 1));
    assert_eq!(expected(run_all(&store, purge(REMOVE)).unwrap()), (0, 3, 1));
    run(&store, Request::Leave { id: "locked".into(), owner: "o".into() }).unwrap();
    assert_eq!(expected(run_all(&store, purge(REMOVE)).unwrap()), (1, 2, 1));
    run(&store, save_for("locked", "{}", TTL)).unwrap();
    run(&store, lock("o")).unwrap();
    assert_eq!(run_all(&store, scan(REMOVE)).unwrap().matched, 4, "a lock does not hinder it");
}

#[test]
fn without_an_expiry_the_state_tells_its_age() {
    let server = Server::start(&[]);
    let store = store(server.port);
    let dated = |time: u64, size: usize| format!(r#"{{"text":"{}","updatedAt":{time}}}"#, "x".repeat(size));
    // More than is read at a time.
    for number in 0..30 {
        assert_eq!(run(&store, save(&format!("old{number}"), &dated(1_700_000_000_000, 400_000))), DONE);
    }
    let young = dated(wall_millis(), 10);
    for (id, text) in
        [("young", &*young), ("seconds", r#"{"updatedAt":1700000000}"#), ("corrupt", "no JSON"), ("none", "{}")]
    {
        assert_eq!(run(&store, save(id, text)), DONE);
    }
    let purge = |action| Scan { before: Some(1_750_000_000_000), ttl: 0, most: 100, ..scan(action) };
    let expected = |page: Page| (page.matched, page.kept, page.unknown);
    assert_eq!(expected(run_all(&store, purge(Action::Remove { dry_run: true })).unwrap()), (30, 1, 3));
    let listed = run_all(&store, purge(LIST)).unwrap();
    assert_eq!((listed.found.len(), listed.unknown), (30, 3));
    assert_eq!(listed.found[0].details.unwrap().updated_at, Some(1_700_000_000_000));
    assert_eq!(expected(run_all(&store, purge(REMOVE)).unwrap()), (30, 1, 3));
    assert_eq!(server.ask::<i64>("DBSIZE"), 4);
}

/// Saves while a purge of everything that is older goes on, again and again.
#[test]
fn a_save_during_a_purge_wins() {
    let server = Server::start(&[]);
    let store = store(server.port);
    for ttl in [TTL, 0] {
        let text = |round: usize| format!(r#"{{"round":{round},"updatedAt":{}}}"#, wall_millis());
        for round in 0..60 {
            let saves = |store: &RedisStore| {
                let requests = (0..60).map(|number| save_for(&format!("c{number}"), &text(round), ttl));
                submit(store, requests)
            };
            saves(&store).into_iter().for_each(|pending| assert_eq!(pending.wait(), DONE));
            std::thread::sleep(Duration::from_millis(2));
            let purge = Scan { before: Some(wall_millis()), ttl, most: 100, ..scan(REMOVE) };
            let (operation, purged) = operation(Request::Scan(purge));
            store.submit(vec![operation]);
            std::thread::sleep(Duration::from_micros((round % 20) as u64 * 50));
            saves(&store).into_iter().for_each(|pending| assert_eq!(pending.wait(), DONE));
            page(purged.wait()).unwrap();
            for number in 0..60 {
                let stored = run(&store, load(&format!("c{number}"))).unwrap();
                assert!(matches!(stored, Answer::Text(Some(_))), "c{number} of round {round} was saved and is gone");
            }
        }
    }
}

#[test]
fn an_empty_prefix_removes_nothing_unless_ids_are_named() {
    let server = Server::start(&[]);
    let store = RedisStore::with_limits(plain(server.port), KeySpace::default(), limits());
    let foreign: String = server.ask("SET foreign 1 EX 60");
    assert_eq!(foreign, "OK");
    assert_eq!(run(&store, save("a:1", "{}")), DONE);
    for before in [None, Some(wall_millis())] {
        let error = run_page(&store, Scan { before, ..scan(REMOVE) }).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOptions, "{}", error.reason);
    }
    assert_eq!(run_all(&store, scan(Action::Count)).unwrap().matched, 2);
    assert_eq!(run_all(&store, Scan { prefix: "a:".into(), ..scan(REMOVE) }).unwrap().matched, 1);
    assert_eq!(server.ask::<i64>("EXISTS foreign"), 1);
}

#[test]
fn a_removal_whose_reply_is_lost_is_unknown_and_a_listing_goes_on() {
    let server = Server::start(&[]);
    let relay = DeafRelay::start(server.port, false);
    let store = store(relay.port);
    save_many(&store, 50);
    relay.deafen();
    let pending = submit(&store, [Request::Scan(scan(REMOVE))]);
    relay.wait_for_loss();
    relay.hear();
    let outcome = pending.into_iter().next().unwrap().wait();
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Timeout);
    relay.deafen();
    let pending = submit(&store, [Request::Scan(scan(LIST))]);
    relay.wait_for_loss();
    relay.hear();
    let listed = page(pending.into_iter().next().unwrap().wait()).unwrap();
    assert_eq!(listed.found.len(), 50);
}
