use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cut, Entries};

/// As V8 writes it: serde_json has the same form and the same escapes.
fn text(value: &Value) -> String {
    value.to_string()
}

/// Returns the text of a state with these members around its history.
fn state(before: &[(String, Value)], entries: &[String], after: &[(String, Value)]) -> String {
    let member = |(key, value): &(String, Value)| format!("{}:{}", json!(key), text(value));
    let history = format!("\"history\":[{}]", entries.join(","));
    let members: Vec<_> = before.iter().map(member).chain([history]).chain(after.iter().map(member)).collect();
    format!("{{{}}}", members.join(","))
}

fn entries_of(texts: &[String]) -> Entries {
    let mut entries = Entries::default();
    let short = state(&[], texts, &[]);
    assert_eq!(entries.splice(0, 0, texts.len(), &short).as_deref(), Some(&*short));
    assert_eq!(entries.len(), texts.len());
    entries
}

/// Written by hand, since serde_json sorts the keys.
fn entry_text(role: &str, content: &str) -> String {
    format!("{{\"role\":{},\"content\":{}}}", json!(role), json!(content))
}

fn plain(contents: &[&str]) -> Vec<String> {
    contents.iter().map(|content| entry_text("user", content)).collect()
}

#[test]
fn an_appended_entry_travels_alone() {
    let texts = plain(&["a", "b\n\"\\\u{1}", "ñ💬", "new"]);
    let mut entries = entries_of(&texts[..3]);
    let whole = state(&[("slots".into(), json!({"history": [1]}))], &texts, &[("ended".into(), json!(false))]);
    let short = state(&[("slots".into(), json!({"history": [1]}))], &texts[3..], &[("ended".into(), json!(false))]);
    assert_eq!(entries.cut(&whole), Some(Cut { first: 0, count: 3, short: short.clone() }));
    assert_eq!(entries.splice(0, 3, 1, &short), Some(whole.clone()));
    assert_eq!(entries, entries_of(&texts));
    let short = state(&[("slots".into(), json!({"history": [1]}))], &[], &[("ended".into(), json!(false))]);
    assert_eq!(entries.cut(&whole), Some(Cut { first: 0, count: 4, short: short.clone() }));
    assert_eq!(entries.splice(0, 4, 0, &short), Some(whole));
}

#[test]
fn entries_that_were_dropped_in_front_are_forgotten() {
    let texts = plain(&["a", "b", "c", "d", "e"]);
    let mut entries = entries_of(&texts[..4]);
    let whole = state(&[], &texts[2..], &[]);
    let short = state(&[], &texts[4..], &[]);
    assert_eq!(entries.cut(&whole), Some(Cut { first: 2, count: 2, short: short.clone() }));
    assert_eq!(entries.splice(2, 2, 1, &short), Some(whole));
    assert_eq!(entries, entries_of(&texts[2..]));
}

#[test]
fn what_follows_may_be_anything() {
    let texts = plain(&["a", "b"]);
    let other = [&texts[..], &["{\"id\":1}".to_owned(), "null".to_owned()]].concat();
    let mut entries = entries_of(&texts);
    assert_eq!(entries.splice(0, 2, 0, &state(&[], &other[2..], &[])), Some(state(&[], &other, &[])));
    assert_eq!(entries.len(), 2);
    assert_eq!(entries.cut(&state(&[], &other, &[])).map(|cut| cut.short), Some(state(&[], &other[2..], &[])));
}

#[test]
fn a_key_may_have_the_escapes_of_v8() {
    let texts = plain(&["a", "b"]);
    for key in ["quo\\\"ted", "a\\\\", "\\n\\u001f", "\\ud800", "history\\udfff"] {
        let state = |entries: &[String]| {
            let history = entries.join(",");
            format!("{{\"{key}\":{{\"history\":[]}},\"history\":[{history}],\"{key}\":1}}")
        };
        let (whole, short) = (state(&texts), state(&texts[1..]));
        assert_eq!(entries_of(&texts[..1]).splice(0, 1, 1, &short).as_ref(), Some(&whole), "{key}");
        assert_eq!(entries_of(&texts[..1]).cut(&whole), Some(Cut { first: 0, count: 1, short }), "{key}");
    }
    // V8 writes none of these.
    for key in ["hist\\u006fry", "\\/", "\\u0068istory", "\\ue000", "\\uD800"] {
        let short = format!("{{\"{key}\":[],\"history\":[]}}");
        assert_eq!(entries_of(&texts[..1]).splice(0, 1, 0, &short), None, "{key}");
    }
}

#[test]
fn arguments_that_do_not_fit_change_nothing() {
    let texts = plain(&["a", "b"]);
    let mut entries = entries_of(&texts);
    let short = state(&[], &plain(&["c"]), &[]);
    for (first, count, more) in
        [(0, 3, 0), (2, 1, 0), (usize::MAX, 1, 0), (1, usize::MAX, 0), (0, 1, 2), (0, 1, usize::MAX)]
    {
        assert_eq!(entries.splice(first, count, more, &short), None, "{first} {count} {more}");
    }
    for short in [
        "",
        "{",
        "[]",
        "{}",
        "{\"history\":1}",
        "{\"history\":[]",
        "{\"history\":[]}}",
        "{\"history\":[],\"history\":[]}",
        "{\"history\":[],\"hist\\u006fry\":[]}",
        "{\"a\":{\"history\":[]}}",
        "{\"a\": {\"b\":1,\"history\":[]}}",
        "{\"history\":[],\"a\":}",
    ] {
        assert_eq!(entries.splice(0, 2, 0, short), None, "{short}");
    }
    for odd in [
        "{\"role\":\"a\",\"content\":\"\\ud800\"}",
        "{\"role\":\"a\"}",
        "{\"content\":\"\",\"role\":\"\"}",
        "{\"role\":\"\",\"content\":\"\",\"x\":1}",
        "{\"role\":\"\",\"content\":1}",
    ] {
        assert_eq!(entries.splice(0, 2, 1, &state(&[], &[odd.to_owned()], &[])), None, "{odd}");
    }
    assert_eq!(entries, entries_of(&texts));
}

#[test]
fn sizes_are_those_of_what_is_left_out() {
    let texts = plain(&["a", "ñ💬", "c"]);
    let entries = entries_of(&texts);
    assert_eq!(entries.size_of(0, 3), Some(texts.join(",").len()));
    assert_eq!(entries.size_of(1, 1), Some(texts[1].len()));
    assert_eq!(entries.size_of(3, 0), Some(0));
    assert_eq!(entries.size_of(2, 2), None);
    assert_eq!(entries.size_of(usize::MAX, 2), None);
}

#[test]
fn text_of_another_program_is_cut_only_where_it_is_the_same() {
    let entries = entries_of(&plain(&["a", "é", "\u{1}"]));
    let entry = |content: &str| format!("{{\"role\":\"user\",\"content\":\"{content}\"}}");
    let cut = |history: &str| entries.cut(&format!("{{\"history\":[{history}]}}")).map(|cut| (cut.count, cut.short));
    let (a, e) = (entry("a"), entry("é"));
    assert_eq!(cut(&format!("{a},{e}")), Some((2, "{\"history\":[]}".to_owned())));
    let escaped = entry("\\u00e9");
    assert_eq!(cut(&format!("{a},{escaped}")), Some((1, format!("{{\"history\":[{escaped}]}}"))));
    // Not JSON: what is cut out of it must not become JSON.
    for history in
        [format!("{a},"), format!("{a},,{e}"), format!("{a} "), format!("{a}, "), format!("{a}{e}"), format!("{a}x")]
    {
        assert_eq!(cut(&history), None, "{history}");
    }
    for text in [
        format!("{{\"history\":[{a}],\"history\":[]}}"),
        format!("{{\"history\":[{a}],\"hist\\u006fry\":[]}}"),
        format!("{{\"hist\\u006fry\":[{a}],\"history\":[]}}"),
        format!("{{\"history\":[],\"history\":[{a}]}}"),
        format!("{{\"a\": {{\"b\":1,\"history\":[{a}]}}}}"),
        format!("{{\"history\": [{a}]}}"),
        format!(" {{\"history\":[{a}]}}"),
        format!("{{\"history\":[{a}]}} "),
        format!("{{\"history\":[{a}]"),
        format!("[{{\"history\":[{a}]}}]"),
    ] {
        assert_eq!(entries.cut(&text), None, "{text}");
    }
}

#[test]
fn only_the_escapes_of_v8_are_remembered() {
    let odd =
        ["\\u0041", "\\/", "\\u000a", "\\u001F", "\\ud83d\\udcac", "\\udc00", "\\u007f", "\\u0020", "\\u00", "\\x"];
    for escape in odd {
        let text = format!("{{\"history\":[{{\"role\":\"user\",\"content\":\"{escape}\"}}]}}");
        assert_eq!(Entries::default().splice(0, 0, 1, &text), None, "{escape}");
    }
    for character in ('\0'..='\u{a0}').chain(['\u{2028}', '\u{2029}', '\u{feff}', '\u{10ffff}']) {
        entries_of(&plain(&[&format!("{character}")]));
    }
}

/// Text with what has to be escaped.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c\"\\\\,\\[\\]{}:\u{0}-\u{1f}é💬]{0,6}", Just("history".to_owned())]
}

fn any_entry() -> impl Strategy<Value = String> {
    (any_text(), any_text()).prop_map(|(role, content)| entry_text(&role, &content))
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..4)
                .prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
        ]
    })
}

fn any_members() -> impl Strategy<Value = Vec<(String, Value)>> {
    let key = any_text();
    prop::collection::vec((key, any_value()), 0..4)
        .prop_map(|members| members.into_iter().filter(|(key, _)| key != "history").collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splice_undoes_what_was_left_out(
        (before, after) in (any_members(), any_members()),
        old in prop::collection::vec(any_entry(), 0..6),
        new in prop::collection::vec(any_entry(), 0..4),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        rest in prop::collection::vec(any_value().prop_map(|value| text(&value)), 0..3),
    ) {
        let first = from.index(old.len() + 1);
        let count = to.index(old.len() - first + 1);
        let more = [&new[..], &rest[..]].concat();
        let short = state(&before, &more, &after);
        let mut entries = entries_of(&old);
        let whole = state(&before, &[&old[first..first + count], &more].concat(), &after);
        prop_assert_eq!(entries.splice(first, count, new.len(), &short), Some(whole));
        prop_assert_eq!(entries, entries_of(&[&old[first..first + count], &new].concat()));
    }

    #[test]
    fn what_is_cut_can_be_put_back(
        (before, after) in (any_members(), any_members()),
        old in prop::collection::vec(any_entry(), 1..6),
        new in prop::collection::vec(prop_oneof![any_entry(), any_value().prop_map(|value| text(&value))], 0..4),
        from in any::<prop::sample::Index>(),
    ) {
        let kept = &old[from.index(old.len())..];
        let whole = state(&before, &[kept, &new].concat(), &after);
        let entries = entries_of(&old);
        if let Some(Cut { first, count, short }) = entries.cut(&whole) {
            prop_assert_eq!(entries.clone().splice(first, count, 0, &short), Some(whole));
        } else {
            // Only a value that is no object, behind what is the same, may stop it.
            let is_stopped = new.iter().any(|value| !value.starts_with('{'));
            prop_assert!(is_stopped);
        }
    }

    #[test]
    fn any_text_is_cut_into_json_exactly_if_it_is_json(
        text in "(\\{|\"history\":\\[|\\{\"role\":\"user\",\"content\":\"a\"\\}|[\\[\\]{},: \"]|1|\"a\":){0,14}",
    ) {
        let entries = entries_of(&plain(&["a", "a"]));
        if let Some(Cut { count, short, .. }) = entries.cut(&text) {
            let cut: Result<Value, _> = serde_json::from_str(&short);
            let whole: Result<Value, _> = serde_json::from_str(&text);
            prop_assert_eq!(cut.is_ok(), whole.is_ok());
            if let (Ok(cut), Ok(whole)) = (cut, whole) {
                let history = |value: &Value| value["history"].as_array().map_or(0, Vec::len);
                prop_assert_eq!(history(&cut) + count, history(&whole));
            }
        }
    }
}
