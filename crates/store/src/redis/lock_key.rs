//! The key of a conversation's lock: `K`, 0xFF, `lock:` and four characters, where `K` is the key of the conversation.
//!
//! The byte 0xFF occurs in no UTF-8 text, so it is the key of no conversation, whatever ids an attacker chooses. The four
//! characters put it into the hash slot of `K`: a cluster runs a script only on keys of one slot. All processes that share a
//! server must come to the same key, so this never changes.

use std::sync::LazyLock;

const HEAD: [u8; 6] = *b"\xfflock:";
const CHARACTERS: usize = 4;
const SLOTS: usize = 1 << 14;
const ALPHABET: [u8; 36] = *b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The part behind the key of a conversation in the key of its lock.
pub type Tail = [u8; HEAD.len() + CHARACTERS];

/// Returns what to append to `key`, which is the whole key as the server sees it.
///
/// The slot is the CRC-16 of the key, in its low 14 bits. That is linear: the CRC of `key` and a tail is the CRC of `key` and
/// so many zero bytes, xor the CRC of the tail. So the tail is looked up by the difference that it has to make. If `key` has
/// a hash tag `{…}`, the slot is that of the tag, and any tail will do; the tail has no braces, so it adds no tag.
pub fn lock_tail(key: &[u8]) -> Tail {
    let crc = crc16(0, key);
    let behind_zeros = crc16(crc, &[0; HEAD.len() + CHARACTERS]);
    let mut tail = [0; HEAD.len() + CHARACTERS];
    let (head, characters) = tail.split_at_mut(HEAD.len());
    head.copy_from_slice(&HEAD);
    characters.copy_from_slice(&CHARACTERS_FOR[slot(behind_zeros ^ crc)]);
    tail
}

/// The first four characters, in counting order, that give a tail this CRC in its low 14 bits.
static CHARACTERS_FOR: LazyLock<Vec<[u8; CHARACTERS]>> = LazyLock::new(|| {
    let start = crc16(0, &HEAD);
    let mut table = vec![[0; CHARACTERS]; SLOTS];
    let mut missing = SLOTS;
    for number in 0.. {
        let characters = spell(number);
        let entry = &mut table[slot(crc16(start, &characters))];
        if *entry == [0; CHARACTERS] {
            *entry = characters;
            missing -= 1;
            if missing == 0 {
                break;
            }
        }
    }
    table
});

fn spell(mut number: usize) -> [u8; CHARACTERS] {
    let mut characters = [0; CHARACTERS];
    for character in characters.iter_mut().rev() {
        *character = ALPHABET[number % ALPHABET.len()];
        number /= ALPHABET.len();
    }
    characters
}

fn slot(crc: u16) -> usize {
    usize::from(crc) % SLOTS
}

/// Continues a CRC-16 of the kind that Redis Cluster uses (polynomial 0x1021).
fn crc16(start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |crc, byte| (crc << 8) ^ CRC_OF_BYTE[usize::from((crc >> 8) as u8 ^ byte)])
}

const CRC_OF_BYTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The slot as the specification of Redis Cluster has it.
    fn slot_of(key: &[u8]) -> usize {
        let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
            let rest = &key[open + 1..];
            rest.iter().position(|byte| *byte == b'}').filter(|length| *length > 0).map(|length| &rest[..length])
        });
        slot(crc16(0, tag.unwrap_or(key)))
    }

    fn is_beside(key: &[u8]) -> bool {
        slot_of(&[key, &lock_tail(key)].concat()) == slot_of(key)
    }

    #[test]
    fn the_crc_is_that_of_the_specification() {
        assert_eq!(crc16(0, b"123456789"), 0x31c3);
    }

    #[test]
    fn it_never_changes() {
        for (key, tail) in [
            ("flowkit:user-1", b"\xfflock:0c8p"),
            ("flowkit:user-2", b"\xfflock:0a5u"),
            ("flowkit:{a}b", b"\xfflock:0feo"),
        ] {
            assert_eq!(&lock_tail(key.as_bytes()), tail);
        }
    }

    #[test]
    fn named_keys_and_their_locks_are_in_one_slot() {
        for key in ["", "{", "}", "}{", "{}", "{a}b", "{}{a}", "x{y", "a{b}c", "💬{", "{\0}", "{flowkit:user-1}:lock"]
        {
            assert!(is_beside(key.as_bytes()), "{key}");
        }
    }

    proptest! {
        #[test]
        fn keys_and_their_locks_are_in_one_slot(key in "[ab{}:💬\0é]{0,12}|.{0,40}") {
            prop_assert!(is_beside(key.as_bytes()), "{}", key);
        }
    }
}
