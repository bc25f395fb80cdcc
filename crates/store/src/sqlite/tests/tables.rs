//! Which tables are taken, and that ids and names may hold anything.

use super::*;

#[test]
fn ids_may_hold_anything_and_never_meet() {
    let place = Place::new();
    let store = place.store();
    let long = "💬".repeat(256);
    let ids = [
        "a",
        "a\0",
        "a\0b",
        "A",
        "a ",
        "007",
        "7",
        "7.0",
        "'",
        "\"; DROP TABLE conversations; --",
        "é",
        "e\u{301}",
        "%",
        "_",
        "null",
        "\u{feff}a",
        &long,
    ];
    let outcomes = together(&store, ids.iter().map(|id| save(id, &format!("{{\"id\":{id:?}}}"))));
    assert!(outcomes.iter().all(Result::is_ok));
    for id in ids {
        assert_eq!(run(&store, load(id)), text(&format!("{{\"id\":{id:?}}}")), "{id:?}");
    }
    run(&store, delete("a\0")).unwrap();
    assert_eq!(run(&store, load("a\0")), ABSENT);
    assert!(run(&store, load("a\0b")).unwrap() != crate::Answer::Text(None));
}

#[test]
fn texts_come_back_byte_for_byte() {
    let place = Place::new();
    let store = place.store();
    for state in ["{}", "{\"a\":\"\0\"}", "\"\u{2028}💬\"", "7", "1e999", ""] {
        assert_eq!(together(&store, [save("u", state), load("u")])[1], text(state));
    }
}

#[test]
fn updated_at_is_the_time_of_the_save() {
    let place = Place::new();
    let store = place.store();
    let clock = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    run(&store, save("u", "1")).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let before = clock();
    run(&store, save("u", "2")).unwrap();
    let sql = "SELECT updated_at FROM conversations WHERE id = 'u' AND typeof(updated_at) = 'integer'";
    let updated: i64 = place.other().query_row(sql, [], |row| row.get(0)).unwrap();
    assert!((before..=clock()).contains(&updated));
}

#[test]
fn table_names_may_hold_anything() {
    let place = Place::new();
    for name in ["\"; DROP TABLE x; --", "with spaces", "💬", "select", "it's", "[a]", "main.x", "%", "x\ny"] {
        let store = place.store_on(name);
        assert_eq!(together(&store, [save("u", name), load("u")])[1], text(name), "{name:?}");
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        assert_eq!(place.other().query_row(sql, [name], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }
}

#[test]
fn a_table_with_other_columns_is_refused_and_others_go_on() {
    let place = Place::new();
    place.sql("CREATE TABLE foreign_one (id TEXT PRIMARY KEY, body TEXT); INSERT INTO foreign_one VALUES ('u', 'x')");
    let (bad, good) = (place.store_on("foreign_one"), place.store());
    let message = reason(run(&bad, save("u", "1")));
    assert!(message.contains("(id, body) instead of (id, state, updated_at)"), "{message}");
    assert!(message.contains("\"foreign_one\" of ") && message.contains("states.db"), "{message}");
    assert_eq!(together(&good, [save("u", "1"), load("u")])[1], text("1"));
    reason(run(&bad, load("u")));
    // Nothing is remembered: a repaired table is taken at once.
    place.sql("DROP TABLE foreign_one");
    run(&bad, save("u", "2")).unwrap();
}

#[test]
fn one_batch_may_hold_good_and_bad_tables() {
    let place = Place::new();
    place.sql("CREATE TABLE foreign_one (x)");
    let (bad, good) = (place.store_on("foreign_one"), place.store());
    let other = place.other();
    run(&good, load("u")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = submit(&good, [save("u", "1")]);
    std::thread::sleep(Duration::from_millis(30));
    let refused = submit(&bad, [save("u", "1")]);
    let second = submit(&good, [save("u", "2"), load("u")]);
    other.execute_batch("ROLLBACK").unwrap();
    reason(refused.into_iter().next().unwrap().wait());
    let outcomes: Vec<_> = first.into_iter().chain(second).map(Pending::wait).collect();
    assert_eq!(outcomes, [DONE, DONE, text("2")]);
}

#[test]
fn tables_in_which_ids_could_meet_are_refused() {
    for (id, part) in [
        ("id TEXT COLLATE NOCASE PRIMARY KEY", "collation NOCASE"),
        ("id TEXT PRIMARY KEY COLLATE RTRIM", "collation RTRIM"),
        ("id INTEGER PRIMARY KEY", "type INTEGER"),
        ("id NUMERIC PRIMARY KEY", "type NUMERIC"),
        ("id REAL UNIQUE", "type REAL"),
        ("id TEXT", "not unique"),
    ] {
        let place = Place::new();
        place.sql(&format!("CREATE TABLE conversations ({id}, state TEXT, updated_at INTEGER)"));
        let message = reason(run(&place.store(), load("u")));
        assert!(message.contains(part), "{message}");
    }
    let place = Place::new();
    place.sql("CREATE TABLE conversations (id TEXT, state TEXT, updated_at INTEGER, PRIMARY KEY (id, state))");
    assert!(reason(run(&place.store(), load("u"))).contains("not unique"));
}

#[test]
fn what_is_no_plain_table_is_refused() {
    let place = Place::new();
    place.sql(
        "CREATE VIEW v AS SELECT 'a' AS id, 'b' AS state, 1 AS updated_at;
         CREATE TABLE t (id); CREATE INDEX i ON t (id);
         CREATE TABLE g (id TEXT PRIMARY KEY, state TEXT, updated_at AS (1));",
    );
    assert!(reason(run(&place.store_on("v"), load("u"))).contains("is a view"));
    assert!(reason(run(&place.store_on("i"), load("u"))).contains("there is already an index named i"));
    assert!(reason(run(&place.store_on("g"), load("u"))).contains("(id, state, updated_at)"));
}

#[test]
fn tables_made_otherwise_are_taken() {
    for (columns, options) in [
        ("updated_at INTEGER, state TEXT, id TEXT PRIMARY KEY", ""),
        ("ID VARCHAR(100) UNIQUE, State BLOB, Updated_At", ""),
        ("id TEXT PRIMARY KEY, state TEXT, updated_at INTEGER", "WITHOUT ROWID"),
        ("id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL", "STRICT"),
        ("id COLLATE NOCASE, state, updated_at, PRIMARY KEY (id COLLATE BINARY)", ""),
    ] {
        let place = Place::new();
        place.sql(&format!("CREATE TABLE conversations ({columns}) {options}"));
        let store = place.store();
        let outcomes = together(&store, [save("u", "1"), save("U", "2"), save("u", "3"), load("u"), load("U")]);
        assert_eq!(outcomes, [DONE, DONE, DONE, text("3"), text("2")], "{columns}");
        assert_eq!(together(&store, [delete("u"), load("U")]), [DONE, text("2")]);
    }
}

#[test]
fn a_table_dropped_by_someone_comes_back() {
    let place = Place::new();
    let store = place.store();
    run(&store, save("u", "1")).unwrap();
    place.sql("DROP TABLE conversations");
    assert_eq!(told(run(&store, save("u", "2"))), (ErrorKind::Unavailable, "SQLITE_ERROR".into()));
    run(&store, save("u", "3")).unwrap();
}
