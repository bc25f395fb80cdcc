//! Several stores on one file, and how they end.

use super::*;

#[test]
fn all_spellings_of_a_path_share_one_writer() {
    let place = Place::new();
    let one = place.store();
    let directory = place.directory.path();
    let name = place.path.file_name().unwrap();
    let other = SqliteStore::new(config(&directory.join("missing/..").join(name), "t"));
    let dotted = SqliteStore::new(config(&directory.join(".").join(name), "t"));
    assert!(Arc::ptr_eq(&one.writer, &dotted.writer));
    run(&one, save("u", "1")).unwrap();
    drop(other);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(directory, directory.join("link")).unwrap();
        std::os::unix::fs::symlink(&place.path, directory.join("link.db")).unwrap();
        for path in [directory.join("link").join(name), directory.join("link.db")] {
            let store = SqliteStore::new(config(&path, "conversations"));
            assert!(Arc::ptr_eq(&one.writer, &store.writer));
            assert_eq!(run(&store, load("u")), text("1"));
        }
    }
    assert!(!Arc::ptr_eq(&one.writer, &Place::new().store().writer));
}

#[test]
fn close_waits_for_what_came_before() {
    let place = Place::new();
    let store = place.store();
    let answers = submit(&store, (0..100).map(|number| save(&number.to_string(), "1")));
    close(&store).unwrap();
    for answer in answers {
        answer.wait().unwrap();
    }
    assert!(!place.has("-wal") && !place.has("-shm"), "the connection is closed");
    assert_eq!(run(&place.store(), load("99")), text("1"));
}

#[test]
fn closing_one_store_leaves_the_others() {
    let place = Place::new();
    let (one, other) = (place.store(), place.store_on("others"));
    together(&one, [save("u", "1")]);
    close(&one).unwrap();
    assert_eq!(together(&other, [save("u", "2"), load("u")])[1], text("2"));
    assert!(place.has("-wal"));
    drop(one);
    close(&other).unwrap();
    assert!(!place.has("-wal"));
}

#[test]
fn a_dropped_store_finishes_its_work_and_its_thread_ends() {
    let place = Place::new();
    let store = place.store();
    let answers = submit(&store, (0..500).map(|number| save(&number.to_string(), "1")));
    let writer = Arc::downgrade(&store.writer);
    drop(store);
    for answer in answers {
        answer.wait().unwrap();
    }
    let start = std::time::Instant::now();
    while writer.strong_count() > 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "the thread goes on");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!place.has("-wal"));
}

#[test]
fn a_new_store_right_after_the_last_one_works() {
    let place = Place::new();
    for round in 0..300 {
        let store = place.store();
        let value = round.to_string();
        assert_eq!(together(&store, [save("u", &value), load("u")])[1], text(&value));
        match round % 3 {
            0 => drop(close(&store)),
            1 => {
                submit(&store, [save("u", "x")]);
                store.close(ticket(false).0);
            }
            _ => {}
        }
    }
}

#[test]
fn many_threads_may_come_and_go() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let place = &place;
            scope.spawn(move || {
                for round in 0..40 {
                    let store = place.store();
                    let id = format!("{thread}-{round}");
                    assert_eq!(together(&store, [save(&id, &id), load(&id)])[1], text(&id));
                    if round % 2 == 0 {
                        close(&store).unwrap();
                    } else {
                        store.release(std::time::Instant::now() + Duration::from_secs(60));
                    }
                }
            });
        }
    });
    let count: i64 = place.other().query_row("SELECT count(*) FROM conversations", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 240);
}
