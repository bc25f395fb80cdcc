//! Files under names that this package gives elsewhere, or gave once: where case is treated differently, or long names.

use super::*;
use crate::error::ErrorKind;
use crate::file::file_name::{all_names, file_name};
use crate::testing::{ABSENT, DONE, delete, found, load, run, save};

fn fixture(folds: bool) -> Fixture {
    Fixture::with(true, CaseSensitivity::decided(folds))
}

/// Returns ids that have another name elsewhere, or had one once.
fn renamed_ids() -> [String; 5] {
    ["User-1".to_owned(), "a".repeat(150), "A".repeat(90), "日".repeat(40), "Y".repeat(1000)]
}

#[test]
fn are_found_by_load_and_removed_by_save_and_delete() {
    for (folds, id) in [false, true].into_iter().flat_map(|folds| renamed_ids().map(|id| (folds, id))) {
        let current = file_name(&id, folds) + ".json";
        let names = all_names(&id, folds);
        assert!(names.len() > 1, "{id}");
        for former in names.into_iter().skip(1) {
            let fixture = fixture(folds);
            fixture.write(&format!("{}.json", former.name), state(&id));
            assert_eq!(run(&fixture.store, load(&id)), found(state(&id)), "{}", former.name);
            run(&fixture.store, save(&id, "new")).unwrap();
            assert_eq!(fixture.names(), [current.as_str()]);
            assert_eq!(run(&fixture.store, load(&id)), found("new"));
            fixture.write(&format!("{}.json", former.name), state(&id));
            assert_eq!(run(&fixture.store, load(&id)), found("new"), "the current name goes first");
            run(&fixture.store, delete(&id)).unwrap();
            assert!(fixture.names().is_empty(), "{:?}", fixture.names());
        }
    }
}

#[test]
fn of_another_conversation_are_left_alone() {
    for (folds, name) in [(false, "%55ser-1.json"), (true, "User-1.json")] {
        let fixture = fixture(folds);
        fixture.write(name, state("user-1"));
        assert_eq!(run(&fixture.store, load("User-1")), ABSENT);
        run(&fixture.store, save("User-1", "{}")).unwrap();
        run(&fixture.store, delete("User-1")).unwrap();
        assert_eq!(fixture.names(), [name]);
    }
}

#[test]
fn corrupt_ones_go_if_they_can_be_nobody_elses() {
    for (folds, name, stays) in [(false, "%55ser-1.json", false), (true, "User-1.json", true)] {
        for request in [save("User-1", "{}"), delete("User-1")] {
            let fixture = fixture(folds);
            fixture.write(name, "{");
            let error = run(&fixture.store, load("User-1")).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Corrupt);
            assert!(error.reason.contains(name), "{}", error.reason);
            run(&fixture.store, request).unwrap();
            assert_eq!(fixture.dir.join(name).exists(), stays);
        }
    }
}

/// Returns a store where case is ignored, which shows `Ann.json`, written where case counts, under the name `ann.json` as well.
fn with_file_of_ann() -> Fixture {
    let fixture = fixture(true);
    fixture.write("ann.json", state("Ann"));
    fixture
}

#[test]
fn a_file_found_by_ignoring_case_is_not_taken_for_ours() {
    let fixture = with_file_of_ann();
    assert_eq!(run(&fixture.store, load("ann")), ABSENT);
    assert_eq!(run(&fixture.store, delete("ann")), DONE);
    assert_eq!(fs::read_to_string(fixture.dir.join("ann.json")).unwrap(), state("Ann"));
}

#[test]
fn a_save_moves_a_file_found_by_ignoring_case_to_its_owner() {
    let fixture = with_file_of_ann();
    run(&fixture.store, save("ann", &state("ann"))).unwrap();
    assert_eq!(fixture.names(), ["%41nn.json", "ann.json"]);
    for id in ["ann", "Ann"] {
        assert_eq!(run(&fixture.store, load(id)), found(state(id)));
    }
}

#[test]
fn a_moved_file_replaces_no_newer_one() {
    let fixture = with_file_of_ann();
    fixture.write("%41nn.json", "newer");
    run(&fixture.store, save("ann", &state("ann"))).unwrap();
    assert_eq!(run(&fixture.store, load("Ann")), found("newer"));
    assert_eq!(run(&fixture.store, load("ann")), found(state("ann")));
}

#[test]
fn any_other_file_under_our_name_is_ours_and_replaced() {
    let fixture = fixture(true);
    for content in [state("Bob"), "{".to_owned(), "[]".to_owned()] {
        fixture.write("ann.json", &content);
        assert_eq!(run(&fixture.store, load("ann")), found(content), "it is refused as corrupt by what parses it");
        run(&fixture.store, save("ann", "{}")).unwrap();
        assert_eq!(fixture.names(), ["ann.json"]);
    }
}
