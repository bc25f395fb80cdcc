use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

use crate::lock::Expected;
use crate::scan::{Action, Scan};
use crate::testing::{delete, load, save};

const NOW: u64 = 1_800_000_000_000;

fn store() -> Arc<MemoryStore> {
    MemoryStore::new(Limits::default(), None)
}

fn loaded(store: &MemoryStore, id: &str) -> Option<String> {
    store.run(load(id), NOW, |answer| match answer {
        MemoryAnswer::Text(text) => text.map(str::to_owned),
        other => panic!("a load returned {other:?}"),
    })
}

fn write(store: &MemoryStore, request: Request, now: u64) {
    store.run(request, now, |answer| assert_eq!(answer, MemoryAnswer::Done));
}

fn page(store: &MemoryStore, scan: Scan, now: u64) -> Page {
    store.run(Request::Scan(scan), now, |answer| match answer {
        MemoryAnswer::Page(page) => page,
        other => panic!("a scan returned {other:?}"),
    })
}

/// All pages of a scan of at most `most` each.
fn pages(store: &MemoryStore, action: Action, before: Option<u64>, most: u32) -> Vec<Page> {
    let mut scan = Scan { action, root: String::new(), prefix: "c".into(), before, ttl: 60, cursor: None, most };
    let mut pages = Vec::new();
    loop {
        let next = page(store, scan.clone(), NOW);
        scan.cursor = next.cursor.clone();
        pages.push(next);
        if scan.cursor.is_none() {
            return pages;
        }
    }
}

#[test]
fn keeps_the_last_text_of_each_id() {
    let store = store();
    for number in 0..2000 {
        write(&store, save(&format!("c{number}"), "old"), NOW);
        write(&store, save(&format!("c{number}"), &format!("text {number}")), NOW);
    }
    write(&store, delete("c7"), NOW);
    assert_eq!(loaded(&store, "c7"), None);
    assert_eq!(loaded(&store, "c8").as_deref(), Some("text 8"));
    assert_eq!(loaded(&store, "c1999").as_deref(), Some("text 1999"));
    assert_eq!(store.usage().conversations(), 1999);
    store.clear();
    assert_eq!(loaded(&store, "c8"), None);
    assert_eq!((store.usage().conversations(), store.usage().bytes()), (0, 0));
}

#[test]
fn a_scan_meets_each_conversation_once_whatever_the_size_of_its_pages() {
    let store = store();
    for number in 0..3000 {
        write(&store, save(&format!("c{number}"), "{}"), NOW);
        write(&store, save(&format!("d{number}"), "{}"), NOW);
    }
    write(&store, save("c-expired", "{}"), NOW - 60_000);
    for most in [1, 7, 500, 100_000] {
        let all = pages(&store, Action::List { details: true }, None, most);
        assert!(all.iter().all(|page| page.matched <= u64::from(most) && page.matched == page.found.len() as u64));
        let mut ids: Vec<_> = all.iter().flat_map(|page| &page.found).map(|found| found.id.clone()).collect();
        ids.sort_unstable();
        let mut expected: Vec<_> = (0..3000).map(|number| format!("c{number}")).collect();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{most} a page");
    }
}

#[test]
fn a_removal_counts_what_it_leaves_once() {
    let store = store();
    for number in 0..1000u64 {
        write(&store, save(&format!("c{number}"), "{}"), NOW - number);
    }
    let remove = Action::Remove { dry_run: false };
    let removed = pages(&store, remove, Some(NOW - 499), 10);
    let sum = |of: fn(&Page) -> u64| removed.iter().map(of).sum::<u64>();
    assert_eq!((sum(|page| page.matched), sum(|page| page.kept)), (500, 500));
    assert_eq!(store.usage().conversations(), 500);
    assert_eq!((loaded(&store, "c499").as_deref(), loaded(&store, "c500")), (Some("{}"), None));
}

#[test]
fn forgets_those_that_were_not_used_for_longest() {
    let store = MemoryStore::new(Limits { conversations: Some(1000), bytes: None }, None);
    for number in 0..10_000 {
        write(&store, save(&format!("c{number}"), "{}"), NOW);
        // Always in use.
        assert_eq!(loaded(&store, "c0").as_deref(), Some("{}"), "after {number}");
    }
    assert_eq!(store.usage().conversations(), 1000);
    assert_eq!(store.usage().evicted(), 9000);
    let recent = (9000..10_000).filter(|number| loaded(&store, &format!("c{number}")).is_some()).count();
    assert!(recent > 600, "{recent} of the newest thousand are left");
}

#[test]
fn few_conversations_are_forgotten_in_exact_order() {
    let store = MemoryStore::new(Limits { conversations: Some(3), bytes: Some(40) }, None);
    for id in ["a", "b", "c"] {
        write(&store, save(id, "{}"), NOW);
    }
    loaded(&store, "a");
    write(&store, save("d", "{}"), NOW);
    assert_eq!((loaded(&store, "b"), loaded(&store, "a").is_some()), (None, true));
    // 38 bytes, of 40.
    write(&store, save("e", &"x".repeat(37)), NOW);
    assert_eq!((store.usage().conversations(), loaded(&store, "e").is_some()), (1, true));
    store.run(save("f", &"x".repeat(40)), NOW, |answer| assert!(matches!(answer, MemoryAnswer::Failed(_))));
    assert!(loaded(&store, "e").is_some());
}

proptest! {
    /// Whatever is saved and touched when, and however the clock moves: a sweep removes nothing that is there, or was a while ago.
    #[test]
    fn a_sweep_removes_nothing_that_is_there(steps in vec((0..6u8, 0..8u8, -400_000i64..400_000), 1..200)) {
        let (store, ttl) = (store(), 60);
        let mut now = NOW;
        let mut saved = HashMap::new();
        for (action, id, millis) in steps {
            let id = format!("c{id}");
            match action {
                0 | 1 => {
                    write(&store, save(&id, "{}"), now);
                    saved.insert(id, now);
                }
                2 => {
                    let touched = store.run(Request::Touch { id: id.clone(), ttl }, now, |answer| answer == MemoryAnswer::Flag(true));
                    if touched {
                        saved.insert(id, now);
                    }
                }
                3 => now = now.saturating_add_signed(millis),
                _ => {
                    let mut scan = sweeper::slice(ttl, None, now);
                    scan.most = 3;
                    loop {
                        scan.cursor = page(&store, scan.clone(), now).cursor;
                        if scan.cursor.is_none() {
                            break;
                        }
                    }
                    // Twice the time to live: as long again as it takes to expire.
                    saved.retain(|_, at| *at >= now.saturating_sub(120_000));
                }
            }
            let kept = saved.iter().filter(|(_, at)| **at + 60_000 > now);
            for (id, _) in kept {
                let text = loaded(&store, id);
                prop_assert_eq!(text.as_deref(), Some("{}"));
            }
        }
        prop_assert!(saved.keys().all(|id| loaded(&store, id).is_some()));
    }
}

#[test]
fn a_cursor_from_elsewhere_is_refused() {
    let store = store();
    for cursor in ["", "m", "mx:", "m3", "f12", "m-1:a"] {
        let scan = Scan {
            action: Action::Count,
            root: String::new(),
            prefix: String::new(),
            before: None,
            ttl: 0,
            cursor: Some(cursor.into()),
            most: 1,
        };
        store.run(Request::Scan(scan), NOW, |answer| assert!(matches!(answer, MemoryAnswer::Failed(_)), "{cursor}"));
    }
}

#[test]
fn a_copied_text_is_as_old_as_it_was() {
    let store = store();
    let age = Age { saved_at: Some(NOW - 50_000), expires_at: None };
    let copy = |expected, age| Request::Cas {
        id: "x".into(),
        text: Some("{}".into()),
        ttl: 60,
        expected,
        holder: None,
        age: Some(age),
    };
    let aged = |now, ttl| {
        store.run(Request::LoadAged { id: "x".into(), ttl }, now, |answer| match answer {
            MemoryAnswer::Aged(aged) => aged.map(|(text, age)| (text.to_owned(), age)),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(aged(NOW, 0), None);
    store.run(copy(Expected::Absent, age), NOW, |answer| {
        assert_eq!(answer, MemoryAnswer::Written(Written::Done { waiting: 0 }));
    });
    assert_eq!(aged(NOW, 0), Some(("{}".into(), age)));
    assert_eq!(aged(NOW, 60), Some(("{}".into(), Age { expires_at: Some(NOW + 10_000), ..age })));
    assert_eq!(aged(NOW + 10_000, 60), None, "it expires as if it had been saved here");
    store.run(copy(Expected::Text("{}".into()), Age::default()), NOW, |_| ());
    assert_eq!(aged(NOW, 0).unwrap().1.saved_at, Some(NOW), "of unknown age, it is saved now");
}
