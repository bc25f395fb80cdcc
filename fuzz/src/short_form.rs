//! The short form of a state: what is cut out of a text can be put back, and only JSON becomes JSON.

use serde_json::Value;

use flowkit_store::incremental::{Cut, Entries};

/// Remembered by the storage whose texts are checked.
const KNOWN: &str = r#"{"history":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"","content":"\n\"\\ñ"},{"role":"user","content":"a"}]}"#;

/// Any text, and the same text in each place of a state where it may matter.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let entries = remembered(KNOWN, 4).expect("as V8 writes it");
    let known = &KNOWN["{\"history\":[".len()..KNOWN.len() - "]}".len()];
    compare(&entries, text);
    compare(&entries, &format!("{{\"history\":[{known},{text}]}}"));
    compare(&entries, &format!("{{\"history\":[{known}{text}"));
    compare(&entries, &format!("{{{text}\"history\":[{known}]}}"));
    compare(&entries, &format!("{{\"a\":{text},\"history\":[{known}]}}"));
    compare(&entries, &format!("{{\"history\":[{known}],{text}}}"));
    remember(&format!("{{\"history\":[{text}]}}"));
    remember(&format!("{{\"history\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}"));
    remember(text);
}

fn remembered(text: &str, count: usize) -> Option<Entries> {
    let mut entries = Entries::default();
    let whole = entries.splice(0, 0, count, text)?;
    assert_eq!(whole, text, "nothing was left out");
    Some(entries)
}

/// What is remembered of JSON is what serde_json reads and writes.
fn remember(text: &str) {
    for count in (0..4).rev() {
        let Some(entries) = remembered(text, count) else { continue };
        assert_eq!(entries.len(), count);
        let Ok(state) = serde_json::from_str::<Value>(text) else { continue };
        let history = state["history"].as_array().expect("what is remembered is the history");
        let written: Vec<_> = history[..count]
            .iter()
            .map(|entry| format!("{{\"role\":{},\"content\":{}}}", entry["role"], entry["content"]))
            .collect();
        assert_eq!(Some(&*format!("{{\"history\":[{}]}}", written.join(","))), whole_of(&entries, count).as_deref());
    }
}

/// Returns a state that has these entries alone.
fn whole_of(entries: &Entries, count: usize) -> Option<String> {
    entries.clone().splice(0, count, 0, "{\"history\":[]}")
}

fn compare(entries: &Entries, text: &str) {
    let Some(Cut { first, count, short }) = entries.cut(text) else { return };
    assert!(count > 0 && first + count <= entries.len());
    assert!(short.len() < text.len());
    if let Some(whole) = entries.clone().splice(first, count, 0, &short) {
        assert_eq!(whole, text);
    }
    match (serde_json::from_str::<Value>(&short), serde_json::from_str::<Value>(text)) {
        (Ok(mut short), Ok(whole)) => {
            let remembered: Value = serde_json::from_str(KNOWN).expect("JSON");
            let known = remembered["history"].as_array().expect("an array");
            let rest = short["history"].as_array_mut().expect("only the top-level history is cut");
            rest.splice(0..0, known[first..first + count].iter().cloned());
            assert_eq!(short, whole, "{text:?}");
        }
        (Err(_), Err(_)) => {}
        (short, whole) => panic!("{text:?}: {short:?} {whole:?}"),
    }
}
