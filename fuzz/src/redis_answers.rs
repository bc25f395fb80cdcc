//! The bytes of a hostile server: never a panic, never a success that the server did not report.

use flowkit_store::redis::fuzzing::Answered;
use flowkit_store::redis::fuzzing::answers;

/// The bytes are what the server sends back to a save, two loads and a delete, cut into pieces.
pub fn check(bytes: &[u8]) {
    // The first byte says where the bytes are cut: a parser must not depend on how they arrive.
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    let whole = answers(bytes, bytes.len().max(1));
    let pieces = answers(bytes, usize::from(cut).max(1));
    assert_eq!(whole, pieces, "the same bytes in pieces mean something else");
    let Some(answered) = whole else { return };
    let said = said(bytes);
    for (index, answer) in answered.iter().enumerate() {
        let Some(said) = said.get(index) else {
            // Behind something that only a newer protocol knows, such as a push.
            match answer {
                Answered::Text(text) => assert!(contains(bytes, text.as_bytes()), "a state nobody sent"),
                Answered::Done if index == 0 => assert!(contains(bytes, b"OK\r\n"), "nobody said OK"),
                _ => {}
            }
            continue;
        };
        match (index, answer) {
            (0, Answered::Done) => assert_eq!(said, &Said::Ok, "a save is acknowledged"),
            (1 | 2, Answered::Done) => assert_eq!(said, &Said::Nil, "a conversation is absent"),
            (1 | 2, Answered::Text(text)) => assert_eq!(said, &Said::Bulk(text.as_bytes()), "a state is loaded"),
            (3, Answered::Done) => assert_eq!(said, &Said::Number, "a delete is acknowledged"),
            (_, Answered::Refused) => {}
            _ => panic!("{answer:?} to operation {index}"),
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    Ok,
    Nil,
    Number,
    Error,
    Bulk(&'a [u8]),
}

/// Returns the leading replies of the kinds that our commands get, read by the letter of the protocol. Anything else ends the
/// list: what follows is not understood here.
fn said(mut bytes: &[u8]) -> Vec<Said<'_>> {
    let mut said = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let (line, rest) = (&bytes[..end], &bytes[end + 2..]);
        let Some((kind, line)) = line.split_first() else { break };
        let number = std::str::from_utf8(line).ok().and_then(|line| line.trim().parse::<i64>().ok());
        bytes = rest;
        said.push(match (kind, number) {
            (b'+', _) if line == b"OK" => Said::Ok,
            (b'+', _) if line.starts_with(b"{") => Said::Bulk(line),
            (b':', Some(_)) => Said::Number,
            (b'_', _) => Said::Nil,
            (b'-', _) => Said::Error,
            (b'$', Some(length)) if length < 0 => Said::Nil,
            (b'*', Some(length)) if length < 0 => Said::Nil,
            (b'~', Some(length)) if length < 0 => Said::Nil,
            (b'$', Some(length)) => {
                let Some((bulk, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
                else {
                    break;
                };
                bytes = rest.strip_prefix(b"\r\n").unwrap_or(rest);
                Said::Bulk(bulk)
            }
            _ => break,
        });
    }
    said
}
