//! From ids to file names: one to one, one safe component, never too long, whatever the file system does with case.

use std::path::{Component, Path};

use flowkit_store::file::file_name::{all_names, file_name, is_plain_component, short_name};

/// Two ids, parted by the byte 0xFF, which no UTF-8 text holds.
pub fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0xff).map(std::str::from_utf8);
    let (Some(Ok(one)), other) = (parts.next(), parts.next()) else { return };
    let other = match other {
        Some(Ok(other)) => other.to_owned(),
        Some(Err(_)) => return,
        // A relative of the first, which a careless mapping would take for the same.
        None => one.to_ascii_uppercase(),
    };
    for id in [one, &other] {
        if id.is_empty() || id.len() > 1_024 {
            return;
        }
        alone(id);
    }
    if one == other {
        return;
    }
    assert_ne!(file_name(one, false), file_name(&other, false));
    // Where case is ignored, two names that differ in case alone are one file.
    assert_ne!(file_name(one, true).to_ascii_lowercase(), file_name(&other, true).to_ascii_lowercase());
    // Nor may any name that is called unique be another's.
    for folds in [false, true] {
        let shown = |name: String| if folds { name.to_ascii_lowercase() } else { name };
        for name in all_names(one, folds).into_iter().filter(|name| name.is_unique) {
            assert!(
                [file_name, short_name].iter().all(|theirs| shown(name.name.clone()) != shown(theirs(&other, folds)))
            );
        }
    }
    // Nor may one id's plain name be another's own: a save there would be found, or removed, by the wrong one.
    for (id, name) in [(one, file_name(&other, false)), (&other[..], file_name(one, false))] {
        assert!(!is_plain_component(id) || id != name, "{id:?} as it stands is the name of another conversation");
    }
}

fn alone(id: &str) {
    for folds in [false, true] {
        let name = file_name(id, folds);
        assert!(short_name(id, folds).len() <= 103, "{id:?}");
        let path = Path::new(&name);
        assert!(path.components().eq([Component::Normal(name.as_ref())]), "{name:?} is no single component");
        assert!((1..=200).contains(&name.len()), "{name:?}");
        assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "{name:?}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@+=, %".contains(&byte)), "{name:?}");
        match decoded(&name) {
            Some(decoded) => assert_eq!(decoded, id.as_bytes()),
            None => assert!(name.len() > 66, "{name:?} is hashed and short"),
        }
    }
    if is_plain_component(id) {
        assert!(Path::new(id).components().eq([Component::Normal(id.as_ref())]), "{id:?} is no single component");
    }
}

/// Returns the id that a name stands for, or `None` if it ends in a hash. Written anew, from the README's description.
fn decoded(name: &str) -> Option<Vec<u8>> {
    let mut bytes = name.bytes();
    let mut id = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            id.push(byte);
            continue;
        }
        let high = bytes.next().expect("an escape has two digits");
        if high == b'-' {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_lowercase());
        let low = bytes.next().and_then(digit).expect("an escape has two digits");
        let high = digit(high).expect("an escape has two digits");
        id.push(u8::try_from(high * 16 + low).expect("two digits are one byte"));
    }
    Some(id)
}
