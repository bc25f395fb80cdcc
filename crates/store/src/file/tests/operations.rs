use super::*;
use crate::testing::{ABSENT, DONE, Pending, close, delete, found, load, operation, run, save};
use crate::{Operation, Request, Store};

/// Submits a burst in one batch.
fn burst(store: &FileStore, requests: impl IntoIterator<Item = Request>) -> Vec<Pending> {
    let (operations, outcomes): (Vec<Operation>, Vec<Pending>) = requests.into_iter().map(operation).unzip();
    store.submit(operations);
    outcomes
}

#[test]
fn absent_is_nothing_and_makes_no_directory() {
    let fixture = Fixture::new();
    assert_eq!(run(&fixture.store, load("x")), ABSENT);
    assert_eq!(run(&fixture.store, delete("whatsapp:+57300")), DONE);
    assert!(!fixture.root.path().join("data").exists());
    run(&fixture.store, save("y", "{}")).unwrap();
    assert_eq!(run(&fixture.store, load("whatsapp:+57300")), ABSENT);
    assert_eq!(run(&fixture.store, delete("whatsapp:+57300")), DONE);
    assert_eq!(run(&fixture.store, delete("x")), DONE);
    assert_eq!(fixture.names(), ["y.json"]);
}

#[test]
fn un_awaited_operations_take_effect_in_order() {
    let fixture = Fixture::with(false, CaseSensitivity::default());
    let mut outcomes = Vec::new();
    for number in 0..500 {
        outcomes.extend(burst(&fixture.store, [save("x", &format!("{number}a")), save("x", &format!("{number}"))]));
        let loaded = burst(&fixture.store, [load("x")]).remove(0);
        if number % 7 == 0 {
            outcomes.extend(burst(&fixture.store, [delete("x")]));
            assert_eq!(run(&fixture.store, load("x")), ABSENT);
        }
        assert_eq!(loaded.wait(), found(format!("{number}")));
    }
    outcomes.into_iter().for_each(|outcome| assert_eq!(outcome.wait(), DONE));
    assert_eq!(run(&fixture.store, load("x")), found("499"));
}

#[test]
fn many_conversations_at_once_stay_apart() {
    let fixture = Fixture::new();
    let ids: Vec<String> = (0..300).map(|number| format!("chat:{number}/é")).collect();
    let saves = ids.iter().flat_map(|id| [save(id, "old"), save(id, &state(id))]);
    burst(&fixture.store, saves).into_iter().for_each(|outcome| assert_eq!(outcome.wait(), DONE));
    for (id, answer) in ids.iter().zip(burst(&fixture.store, ids.iter().map(|id| load(id)))) {
        assert_eq!(answer.wait(), found(state(id)));
    }
    burst(&fixture.store, ids.iter().map(|id| delete(id))).into_iter().for_each(|answer| {
        answer.wait().unwrap();
    });
    assert!(fixture.names().is_empty());
}

#[test]
fn text_comes_back_as_it_was() {
    let fixture = Fixture::new();
    let large = "💬\u{2028}".repeat(1 << 20);
    for text in ["", "{}", "not json", "\u{feff}", large.as_str()] {
        run(&fixture.store, save("x", text)).unwrap();
        assert!(run(&fixture.store, load("x")) == found(text));
    }
}

#[test]
fn hostile_ids_stay_in_the_directory() {
    let fixture = Fixture::new();
    let long = "a".repeat(1024);
    let ids = ["../../etc/passwd", "/abs", ".", "..", "a\0b", "CON", "*", "User", "user", ".flowkit-x.tmp", &long];
    for id in ids {
        run(&fixture.store, save(id, id)).unwrap();
    }
    for id in ids {
        assert_eq!(run(&fixture.store, load(id)), found(id), "{id:?}");
    }
    assert_eq!(fixture.names().len(), ids.len());
    assert_eq!(names(fixture.root.path()), ["data"]);
}

#[test]
fn folded_case_keeps_ids_apart() {
    let fixture = Fixture::with(true, CaseSensitivity::decided(true));
    run(&fixture.store, save("User", "upper")).unwrap();
    run(&fixture.store, save("user", "lower")).unwrap();
    assert_eq!(fixture.names(), ["%55ser.json", "user.json"]);
    assert_eq!(run(&fixture.store, load("User")), found("upper"));
    assert_eq!(run(&fixture.store, load("user")), found("lower"));
    assert_eq!(fixture.store.location("User"), fixture.dir.join("%55ser.json").display().to_string());
    // Written before the directory came to lie on such a file system.
    fixture.write("Anna.json", state("Anna"));
    assert_eq!(run(&fixture.store, load("Anna")), found(state("Anna")));
    run(&fixture.store, delete("User")).unwrap();
    assert_eq!(fixture.names(), ["Anna.json", "user.json"]);
}

#[test]
fn close_waits_for_what_came_before() {
    let fixture = Fixture::new();
    let requests = (0..100).map(|number| save(&format!("c{}", number % 40), "{}"));
    let saves = burst(&fixture.store, requests);
    assert_eq!(close(&fixture.store), DONE);
    assert_eq!(fixture.names().len(), 40, "all saves are done when close is");
    assert!(saves.into_iter().all(|save| save.wait() == DONE));
}

#[test]
fn close_of_an_unused_store_touches_nothing() {
    let fixture = Fixture::new();
    assert_eq!(close(&fixture.store), DONE);
    assert!(names(fixture.root.path()).is_empty());
}
