//! Maps conversation ids to file names, one to one.
//!
//! An id comes from a web request, so an attacker chooses it. The name must be one safe path component on every
//! system, and two ids must never share a name, also where the file system ignores case.

use sha2::{Digest, Sha256};

/// How long the name of any file may be, with everything that is added to it, in bytes: no longer one fits on eCryptfs
/// (psf/black#4174).
pub const LONGEST_WHOLE_NAME: usize = 143;

/// Longer names end in a hash of the id, in bytes. Leaves room for an extension below the usual limit of 255 bytes.
const LONGEST: usize = 200;

/// No file system refuses a name of so many bytes: the longest extension has 40.
const LONGEST_EVERYWHERE: usize = LONGEST_WHOLE_NAME - 40;

/// How many bytes of a too long name are kept in front of the hash, for the human reader. Then come 66 bytes.
const KEPT: usize = LONGEST_EVERYWHERE - 66;

/// The same in earlier versions.
const FORMERLY_KEPT: usize = 120;

/// One of the names that this package gives a conversation, or gave it in an earlier version.
#[derive(Debug, PartialEq, Eq)]
pub struct Name {
    pub name: String,
    /// No other conversation has a file that is found under this name.
    pub is_unique: bool,
}

/// Returns the file name of `id`, without extension.
///
/// `A-Z a-z 0-9 _ - . @ + = ,` and space stand for themselves; every other byte of the UTF-8 form is `%XX`, and so are a
/// leading or trailing dot or space, the first letter of a reserved Windows name, and, with `fold_case`, every
/// upper-case letter. `%` is always escaped, so the mapping can be undone; a hashed name holds `%-`, which no escape
/// sequence starts with.
pub fn file_name(id: &str, fold_case: bool) -> String {
    shortened(id, escaped(id, fold_case), LONGEST, KEPT)
}

/// Returns the file name of `id` on a file system that refuses long names.
pub fn short_name(id: &str, fold_case: bool) -> String {
    shortened(id, escaped(id, fold_case), LONGEST_EVERYWHERE, KEPT)
}

/// Returns whether no file system refuses the name for its length.
pub fn fits_everywhere(name: &str) -> bool {
    name.len() <= LONGEST_EVERYWHERE
}

/// Returns every name that this package may have given `id`: here, on another kind of file system, or in an earlier version.
/// `fold_case` says whether case is ignored here.
pub fn all_names(id: &str, fold_case: bool) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for folded in [fold_case, !fold_case] {
        let escaped = escaped(id, folded);
        for (longest, kept) in [(LONGEST, KEPT), (LONGEST_EVERYWHERE, KEPT), (LONGEST, FORMERLY_KEPT)] {
            let name = shortened(id, escaped.clone(), longest, kept);
            if names.iter().all(|known| known.name != name) {
                // Where case is ignored, `User` may be the file of `user`.
                names.push(Name { name, is_unique: folded || !fold_case });
            }
        }
    }
    names
}

fn escaped(id: &str, fold_case: bool) -> String {
    let bytes = id.as_bytes();
    let reserved = is_reserved_on_windows(id);
    let mut name = String::with_capacity(bytes.len() + 8);
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
    }
    name
}

/// Returns the name as it is, or with a hash of the id in place of its end if it is longer than `longest`.
fn shortened(id: &str, mut name: String, longest: usize, kept: usize) -> String {
    if name.len() <= longest {
        return name;
    }
    // Not within an escape sequence, which has three bytes.
    let cut = name[kept - 2..kept].find('%').map_or(kept, |start| kept - 2 + start);
    name.truncate(cut);
    name + &hash(id.as_bytes())
}

/// Returns a name for `bytes` that is no other one's, and that no id without a hash has.
pub fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("%-".to_owned(), |name, byte| name + &format!("{byte:02x}"))
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
    use crate::file::names::decode;
    use proptest::prelude::*;
    use std::collections::HashMap;

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
        for name in [file_name, short_name] {
            let one = name(&"💬".repeat(256), false);
            let other = name(&format!("{}a", "💬".repeat(255)), false);
            assert!(fits_everywhere(&one) && fits_everywhere(&other));
            assert_ne!(one, other);
            assert!(one.starts_with(&format!("{}%-", "%F0%9F%92%AC".repeat(3))), "{one}");
        }
        assert_eq!(file_name(&"a".repeat(200), false).len(), 200);
        assert!(file_name(&"a".repeat(201), false).starts_with(&format!("{}%-", "a".repeat(37))));
        assert_eq!(short_name(&"a".repeat(103), false).len(), 103);
        assert!(short_name(&"a".repeat(104), false).starts_with(&format!("{}%-", "a".repeat(37))));
    }

    #[test]
    fn a_name_is_not_cut_within_an_escape_sequence() {
        for (before, kept) in [(34, 37), (35, 35), (36, 36), (37, 37)] {
            let name = file_name(&format!("{}:{}", "a".repeat(before), "b".repeat(300)), false);
            assert_eq!(name.find("%-"), Some(kept), "{name}");
        }
    }

    /// Returns all names of `id`, and whether each is unique.
    fn all(id: &str, fold_case: bool) -> Vec<(String, bool)> {
        all_names(id, fold_case).into_iter().map(|name| (name.name, name.is_unique)).collect()
    }

    #[test]
    fn all_names_are_those_of_other_file_systems_and_of_earlier_versions() {
        for id in ["user-1", "whatsapp:+57300", "💬", "."] {
            assert_eq!(all(id, false), [(file_name(id, false), true)], "{id}");
            assert_eq!(all(id, true), [(file_name(id, true), true)], "{id}");
        }
        assert_eq!(all("User", false), [("User".to_owned(), true), ("%55ser".to_owned(), true)]);
        assert_eq!(all("User", true), [("%55ser".to_owned(), true), ("User".to_owned(), false)]);
        let hashed = |letter: &str, kept, hash| (format!("{}%-{hash}", letter.repeat(kept)), true);
        let hash = "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3";
        assert_eq!(all(&"a".repeat(1000), true), [hashed("a", 37, hash), hashed("a", 120, hash)]);
        let long = "a".repeat(150);
        let names = all(&long, false);
        assert_eq!((names.len(), &names[0]), (2, &(long, true)));
        assert_eq!(names[1].0, short_name(&"a".repeat(150), false));
        let lengths: Vec<usize> = all(&"A".repeat(70), false).iter().map(|(name, _)| name.len()).collect();
        assert_eq!(lengths, [70, 36 + 66, 120 + 66], "escaped, each is over the limit");
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
            prop_assert!(name.len() <= LONGEST && short_name(&id, fold).len() <= LONGEST_EVERYWHERE);
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@+=, %".contains(&byte)), "{}", name);
            prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']));
            prop_assert!(!is_reserved_on_windows(&name));
            if !name.contains("%-") {
                prop_assert_eq!(decode(&name), Some(id));
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

        #[test]
        fn a_unique_name_is_no_name_of_another_id(
            ids in proptest::collection::hash_set("[aAbB.% ]{1,4}|[a-zA-Z]{1,3}|[aA]{102,105}|[aA]{199,203}", 1..30),
            folds in any::<bool>(),
        ) {
            let shown = |name: &str| if folds { name.to_ascii_lowercase() } else { name.to_owned() };
            let mut seen = HashMap::new();
            for id in ids {
                for name in all_names(&id, folds).into_iter().filter(|name| name.is_unique) {
                    if let Some(other) = seen.insert(shown(&name.name), id.clone()) {
                        prop_assert!(false, "{other:?} and {id:?} share the name {name:?}");
                    }
                }
            }
        }
    }
}
