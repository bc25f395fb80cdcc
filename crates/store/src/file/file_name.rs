//! Maps conversation ids to file names, one to one.
//!
//! An id comes from a web request, so an attacker chooses it. The name must be one safe path component on every
//! system, and two ids must never share a name, also where the file system ignores case.

use sha2::{Digest, Sha256};

/// Names longer than this end in a hash of the id. Leaves room for an extension below the usual limit of 255 bytes.
const LONGEST_NAME: usize = 200;

/// How many bytes of a too long name are kept in front of the hash, for the human reader.
const KEPT_OF_LONG_NAME: usize = 120;

/// Returns the file name of `id`, without extension.
///
/// `A-Z a-z 0-9 _ - . @ + = ,` and space stand for themselves; every other byte of the UTF-8 form is `%XX`, and so are a
/// leading or trailing dot or space, the first letter of a reserved Windows name, and, with `fold_case`, every
/// upper-case letter. `%` is always escaped, so the mapping can be undone; a hashed name holds `%-`, which no escape
/// sequence starts with.
pub fn file_name(id: &str, fold_case: bool) -> String {
    let bytes = id.as_bytes();
    let reserved = is_reserved_on_windows(id);
    let mut name = String::with_capacity(bytes.len() + 8);
    let mut cut = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let at_end = index == 0 || index == bytes.len() - 1;
        let stands = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'@' | b'+' | b'=' | b',' => !(reserved && index == 0),
            b'A'..=b'Z' => !(fold_case || reserved && index == 0),
            b'.' | b' ' => !at_end,
            _ => false,
        };
        if stands {
            name.push(byte as char);
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            name.push('%');
            name.push(HEX[usize::from(byte >> 4)] as char);
            name.push(HEX[usize::from(byte & 15)] as char);
        }
        if name.len() <= KEPT_OF_LONG_NAME {
            cut = name.len();
        }
    }
    if name.len() <= LONGEST_NAME {
        return name;
    }
    name.truncate(cut);
    name.push_str("%-");
    for byte in Sha256::digest(bytes) {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

/// Returns whether Windows takes the name for a device, whatever follows the first dot.
fn is_reserved_on_windows(id: &str) -> bool {
    let stem = id.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => {
            stem.len() == 4
                && (stem.starts_with("COM") || stem.starts_with("LPT"))
                && stem.as_bytes()[3].is_ascii_digit()
        }
    }
}

/// Returns whether `id` itself could be the name that another program gave this conversation's file: one path component that
/// cannot be taken for a name of ours.
pub fn is_plain_component(id: &str) -> bool {
    // On Windows a colon names a stream or a drive, some names are devices, and opening a device may wait without end.
    // Elsewhere `whatsapp:+57300` is an ordinary name.
    let is_safe_here = cfg!(unix)
        || !(is_reserved_on_windows(id)
            || id.contains([':', '<', '>', '"', '|', '?', '*'])
            || id.contains(|letter: char| letter < ' '));
    is_safe_here && !id.starts_with('.') && !id.contains(['/', '\\', '\0', '%'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Undoes [`file_name`] for a name without a hash.
    fn decode(name: &str) -> String {
        let bytes = name.as_bytes();
        let mut id = Vec::new();
        let mut index = 0;
        while index < bytes.len() {
            if bytes[index] == b'%' {
                id.push(u8::from_str_radix(&name[index + 1..index + 3], 16).unwrap());
                index += 3;
            } else {
                id.push(bytes[index]);
                index += 1;
            }
        }
        String::from_utf8(id).unwrap()
    }

    #[test]
    fn named_cases() {
        for (id, name) in [
            ("user-1", "user-1"),
            ("User", "User"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            (" a ", "%20a%20"),
            ("a b.c", "a b.c"),
            ("CON", "%43ON"),
            ("con.txt", "%63on.txt"),
            ("Con ", "%43on%20"),
            ("COM1", "%43OM1"),
            ("COM10", "COM10"),
            ("console", "console"),
            ("a%41", "a%2541"),
            ("*", "%2A"),
            ("a\0b", "a%00b"),
            ("💬", "%F0%9F%92%AC"),
            ("whatsapp:+57300", "whatsapp%3A+57300"),
        ] {
            assert_eq!(file_name(id, false), name, "{id:?}");
        }
        assert_eq!(file_name("User", true), "%55ser");
        assert_eq!(file_name("CON", true), "%43%4F%4E");
    }

    #[test]
    fn long_ids_end_in_a_hash_and_stay_apart() {
        let one = file_name(&"💬".repeat(256), false);
        let other = file_name(&format!("{}a", "💬".repeat(255)), false);
        assert!(one.len() <= LONGEST_NAME && other.len() <= LONGEST_NAME);
        assert_ne!(one, other);
        assert_eq!(file_name(&"a".repeat(200), false).len(), 200);
        assert!(file_name(&"a".repeat(201), false).contains("%-"));
    }

    #[test]
    fn plain_names_are_single_safe_components() {
        for id in ["..", ".hidden", "a/b", "a\\b", "a%41", "a\0"] {
            assert!(!is_plain_component(id), "{id:?}");
        }
        assert!(is_plain_component("user 💬"));
        for id in ["user*", "whatsapp:+57300", "CON", "a\nb"] {
            assert_eq!(is_plain_component(id), cfg!(unix), "{id:?}");
        }
    }

    proptest! {
        #[test]
        fn names_are_safe_and_can_be_undone(id in "\\PC{1,40}|[.%A-Za-z /\\\\:-]{1,20}|(?s).{1,60}", fold in any::<bool>()) {
            let name = file_name(&id, fold);
            prop_assert!(name.len() <= LONGEST_NAME);
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@+=, %".contains(&byte)), "{}", name);
            prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']));
            prop_assert!(!is_reserved_on_windows(&name));
            if !name.contains("%-") {
                prop_assert_eq!(decode(&name), id);
            }
        }

        #[test]
        fn with_folded_case_no_two_ids_meet(ids in proptest::collection::hash_set("[aAbB.% ]{1,4}|[a-zA-Z]{1,3}", 1..40)) {
            let mut seen = HashMap::new();
            for id in ids {
                if let Some(other) = seen.insert(file_name(&id, true).to_ascii_lowercase(), id.clone()) {
                    prop_assert!(false, "{other:?} and {id:?} share a name");
                }
            }
        }
    }
}
