//! Finds out whose a state is: the only time that a store looks inside one.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{Read, Seek};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::state_file::read_opened;

/// Returns the top-level `conversationId` of a JSON object; `None` if it has none that is text.
///
/// Agrees with `JSON.parse` on everything that V8 can write: any depth of nesting (a recursive parser would refuse it or
/// overflow the stack, with data that an attacker chose), lone surrogates in text, and duplicate keys, of which the last
/// counts. Returns an error if `text` is not JSON.
pub fn conversation_id(text: &str) -> Result<Option<String>, serde_json::Error> {
    if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        serde_json::from_str::<IgnoredAny>(text)?;
        return Ok(None);
    }
    let Members(id) = serde_json::from_str(text)?;
    Ok(id)
}

/// How many bytes of a file are read first: most states begin with their id.
const HEAD: u64 = 4_096;

/// The conversation that a file is of, by its JSON.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner {
    Named(String),
    /// It is JSON that names no conversation.
    Nobody,
    /// It cannot be read, or is no JSON.
    Unknown,
}

impl Owner {
    /// Looks into an open file. If it begins as that of `expected` does, the rest is not read.
    pub fn of(file: File, metadata: &Metadata, expected: Option<&str>) -> Self {
        let read = || -> Option<Owner> {
            let mut head = Vec::new();
            (&file).take(HEAD).read_to_end(&mut head).ok()?;
            if let Some(id) = leading_id(&head).filter(|id| Some(id.as_str()) == expected) {
                return Some(Owner::Named(id));
            }
            (&file).rewind().ok()?;
            let text = read_opened(&file, metadata, Path::new("")).ok()?;
            conversation_id(&text).ok().map(|id| id.map_or(Owner::Nobody, Owner::Named))
        };
        read().unwrap_or(Owner::Unknown)
    }
}

/// Returns the first `conversationId` of a JSON object that may be cut off.
fn leading_id(head: &[u8]) -> Option<String> {
    let mut found = None;
    let _ = serde_json::Deserializer::from_slice(head).deserialize_map(First(&mut found));
    found
}

/// Ends with the first `conversationId`, as if it were an error.
struct First<'a>(&'a mut Option<String>);

impl<'de> Visitor<'de> for First<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Key(is_conversation_id)) = members.next_key()? {
            if is_conversation_id {
                *self.0 = Some(members.next_value()?);
                return Err(serde::de::Error::custom("found"));
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

struct Members(Option<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
        let mut id = None;
        while let Some(Key(is_conversation_id)) = members.next_key()? {
            if is_conversation_id {
                // Raw first: a number or an array here means "no id", and is not an error.
                let value: &RawValue = members.next_value()?;
                // Text that is not well-formed names no conversation, since no id is ill-formed.
                id = serde_json::from_str::<String>(value.get()).ok();
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Members(id))
    }
}

/// True if a key is `conversationId`. Read as bytes: as text, a lone surrogate in any other key would be an error.
struct Key(bool);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_bytes<E>(self, key: &[u8]) -> Result<Key, E> {
                Ok(Key(key == b"conversationId"))
            }
        }
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<String> {
        conversation_id(text).unwrap_or_else(|error| panic!("{text:.60}: {error}"))
    }

    #[test]
    fn finds_the_top_level_id_only() {
        assert_eq!(id(r#"{"a":{"conversationId":"inner"},"conversationId":"x"}"#).as_deref(), Some("x"));
        assert_eq!(id(r#"{"a":[{"conversationId":"inner"}]}"#), None);
        assert_eq!(id("\n { \"conversationId\" : \"\\u00e9\\ud83d\\udcac\" }\n").as_deref(), Some("é💬"));
        assert_eq!(id(r#"{"conversation\u0049d":"x"}"#).as_deref(), Some("x"));
        assert_eq!(id("{}"), None);
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        assert_eq!(id(r#"{"conversationId":"a","conversationId":"b"}"#).as_deref(), Some("b"));
        assert_eq!(id(r#"{"conversationId":"a","conversationId":1}"#), None);
    }

    #[test]
    fn other_json_names_no_conversation() {
        for text in ["null", "[]", "\"conversationId\"", "1e999", "\"\\ud800\"", " true "] {
            assert_eq!(id(text), None, "{text}");
        }
        for value in ["1", "null", "[\"x\"]", "{\"conversationId\":\"x\"}", "\"\\ud800\"", "-0.5e+7"] {
            assert_eq!(id(&format!("{{\"conversationId\":{value}}}")), None, "{value}");
        }
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in [
            "",
            " ",
            "{",
            "{\"conversationId\":\"x\"",
            "{\"conversationId\":\"x\"}}",
            "{'a':1}",
            "\u{feff}{}",
            "{\"a\":01}",
        ] {
            assert!(conversation_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lone_surrogates_elsewhere_are_no_error() {
        let text = r#"{"\ud800":"\udfff","a":{"\udc00x":"\ud800\u0041"},"conversationId":"x"}"#;
        assert_eq!(id(text).as_deref(), Some("x"));
    }

    #[test]
    fn any_depth_of_nesting_is_stepped_over() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let middle = if open == "[" { "" } else { "1" };
            let deep = format!("{}{middle}{}", open.repeat(100_000), close.repeat(100_000));
            assert_eq!(id(&format!("{{\"a\":{deep},\"conversationId\":\"x\"}}")).as_deref(), Some("x"));
            assert_eq!(id(&format!("{{\"conversationId\":{deep}}}")), None);
            assert_eq!(id(&format!("[{deep}]")), None);
        }
    }
}
