//! Whose state a text is: never a panic, and the same result as a whole parse by serde_json wherever that has one.

use serde_json::{Map, Value};

use flowkit_store::file::state_owner::conversation_id;

/// Any text, and the same text as the value of a key, so that the fuzzer gets inside of an object at once.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    compare(text);
    compare(&format!("{{\"conversationId\":\"x\",\"a\":{text}}}"));
    compare(&format!("{{\"a\":{text},\"conversationId\":\"x\"}}"));
    compare(&format!("{{\"conversationId\":{text}}}"));
    compare(&format!("{{\"conversationId\":\"first\",{text}:\"last\"}}"));
}

fn compare(text: &str) {
    let ours = conversation_id(text);
    // serde_json keeps the last of two equal keys, as `JSON.parse` does.
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(members) => {
            let expected = members.get("conversationId").and_then(Value::as_str);
            assert_eq!(ours.expect("valid JSON").as_deref(), expected, "{text:?}");
        }
        // It refuses some JSON that V8 writes: deep nesting, lone surrogates, numbers out of range. Then ours may find
        // an id, but never in what is no object.
        Err(_) => {
            if let Ok(Some(_)) = ours {
                assert!(text.trim_start().starts_with('{') && text.trim_end().ends_with('}'), "{text:?}");
            }
        }
    }
    if let Ok(value) = serde_json::from_str::<Value>(text)
        && !value.is_object()
    {
        assert_eq!(conversation_id(text).expect("valid JSON"), None, "{text:?}");
    }
}
