//! The commands of the operations: how each is sent, and how its reply is read.
//!
//! A new operation is one arm in [`Command::of`]. Queues, connections and their owners know no operation by name.

use std::string::FromUtf8Error;

use super::config::{KeySpace, Settings};
use super::connection::{Reply, Words};
use super::error_reply::ErrorReply;
use super::errors;
use crate::error::{ErrorKind, StoreError};
use crate::{Answer, Outcome, Request};

/// One operation as a command. Borrows from the request, so that making one costs next to nothing.
struct Command<'a> {
    words: [Word<'a>; MOST_WORDS],
    read: Read,
}

/// Turns a reply into an answer. Returns `None` if the reply cannot belong to the command.
type Read = fn(Reply) -> Option<Result<Answer, FromUtf8Error>>;

const MOST_WORDS: usize = 5;

#[derive(Clone, Copy)]
enum Word<'a> {
    /// The end of a command with fewer words than [`MOST_WORDS`].
    End,
    Name(&'static str),
    /// An id, which becomes a key.
    Key(&'a str),
    Text(&'a str),
    Number(u32),
}

impl<'a> Command<'a> {
    fn of(request: &'a Request) -> Self {
        use Word::{End, Key, Name, Number, Text};
        match request {
            Request::Save { id, text, ttl } => {
                let [expire, seconds] = if *ttl > 0 { [Name("EX"), Number(*ttl)] } else { [End, End] };
                Command { words: [Name("SET"), Key(id), Text(text), expire, seconds], read: read_ok }
            }
            Request::Load { id } => Command { words: [Name("GET"), Key(id), End, End, End], read: read_text },
            Request::Has { id } => Command { words: [Name("EXISTS"), Key(id), End, End, End], read: read_flag },
            Request::Delete { id } => Command { words: [Name("DEL"), Key(id), End, End, End], read: read_count },
            #[cfg(test)]
            Request::Append { id, text } => {
                Command { words: [Name("APPEND"), Key(id), Text(text), End, End], read: read_count }
            }
        }
    }
}

fn read_ok(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    matches!(reply, Reply::Status(status) if status == "OK").then_some(Ok(Answer::Done))
}

fn read_text(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    match reply {
        Reply::Nil => Some(Ok(Answer::Text(None))),
        Reply::Text(bytes) => Some(String::from_utf8(bytes).map(|text| Answer::Text(Some(text)))),
        _ => None,
    }
}

fn read_flag(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    let Reply::Number(count) = reply else { return None };
    Some(Ok(Answer::Flag(count > 0)))
}

fn read_count(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    matches!(reply, Reply::Number(_)).then_some(Ok(Answer::Done))
}

/// Returns the command that does `request`.
pub fn encode(keys: &KeySpace, request: &Request) -> Words {
    let mut words = Words::with_capacity(MOST_WORDS, keys.prefix.len() + request.size() + 32);
    for word in Command::of(request).words {
        match word {
            Word::End => break,
            Word::Name(text) | Word::Text(text) => words.arg(text),
            Word::Key(id) => words.arg(keys.key(id)),
            Word::Number(number) => words.arg(number),
        };
    }
    words
}

/// The meaning of a reply for the request that it arrived for.
#[derive(Debug)]
pub enum Decoded {
    Answer(Answer),
    NotUtf8(FromUtf8Error),
    Error(ErrorReply),
    /// No reply to such a request.
    Mismatch,
}

/// Reads the reply to `request`.
pub fn decode(request: &Request, reply: Reply) -> Decoded {
    match reply {
        Reply::Error(error) => Decoded::Error(error),
        reply => match (Command::of(request).read)(reply) {
            Some(Ok(answer)) => Decoded::Answer(answer),
            Some(Err(error)) => Decoded::NotUtf8(error),
            None => Decoded::Mismatch,
        },
    }
}

impl Decoded {
    /// Returns whether the reply can belong to its request. If not, replies and commands are out of step, perhaps by a
    /// stray reply: each later reply may belong to another operation.
    pub fn matches_request(&self) -> bool {
        !matches!(self, Decoded::Mismatch)
    }

    /// Returns whether the next command needs a new connection. The server has become a replica (its name may lead to
    /// another server by now), or it wants the password again.
    pub fn requires_reconnect(&self) -> bool {
        matches!(self, Decoded::Error(error) if matches!(error.code.as_str(), "READONLY" | "NOAUTH"))
    }

    /// Returns whether the user's client may know what to do about it: find the new master, log in again, ask another
    /// node. An error about the key, or about the server's memory, means the same through any connection.
    pub fn is_for_the_client(&self) -> bool {
        let Decoded::Error(error) = self else { return false };
        !matches!(error.code.as_str(), "WRONGTYPE" | "OOM" | "MISCONF" | "NOREPLICAS" | "BUSY")
    }

    /// Returns the outcome of `request`.
    pub fn outcome(self, settings: &Settings, request: &Request) -> Outcome {
        let corrupt = |what: &str| {
            StoreError::new(ErrorKind::Corrupt, format!("{} holds {what}", settings.location(request.id())))
        };
        match self {
            Decoded::Answer(answer) => Ok(answer),
            Decoded::NotUtf8(error) => {
                Err(corrupt("bytes that are not UTF-8 text").with_cause(None, error.utf8_error().to_string()))
            }
            Decoded::Error(error) if error.code == "WRONGTYPE" => {
                Err(corrupt("no text but a list, a hash or the like").with_cause(Some(error.code), error.message))
            }
            Decoded::Error(error) => Err(error.to_error(&settings.endpoint.address)),
            Decoded::Mismatch => Err(errors::unexpected_reply(&settings.endpoint.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::Address;
    use super::super::config::{Endpoint, Limits};
    use super::*;
    use crate::testing::{delete, load, save};

    fn outcome(request: &Request, reply: Reply) -> Outcome {
        let endpoint = Endpoint::plain(Address::Tcp { host: "127.0.0.1".into(), port: 6379 });
        let keys = KeySpace { prefix: "flowkit:".into() };
        decode(request, reply).outcome(&Settings { endpoint, keys, limits: Limits::default() }, request)
    }

    fn error(text: &str) -> Reply {
        let (code, details) = text.split_once(' ').unwrap();
        Reply::Error(ErrorReply::new(code, Some(details)))
    }

    #[test]
    fn a_command_has_its_key_and_its_expiry() {
        let keys = KeySpace { prefix: "p:".into() };
        let packed = |request: &Request| String::from_utf8(encode(&keys, request).get_packed_command()).unwrap();
        let kept = Request::Save { id: "x".into(), text: "{}".into(), ttl: 0 };
        assert_eq!(packed(&kept), "*3\r\n$3\r\nSET\r\n$3\r\np:x\r\n$2\r\n{}\r\n");
        let expires = Request::Save { id: "x".into(), text: "{}".into(), ttl: 60 };
        assert!(packed(&expires).ends_with("$2\r\nEX\r\n$2\r\n60\r\n"), "{:?}", packed(&expires));
        assert_eq!(packed(&load("x")), "*2\r\n$3\r\nGET\r\n$3\r\np:x\r\n");
    }

    #[test]
    fn an_unknown_command_does_not_give_the_state_away() {
        let text = "ERR unknown command 'SET', with args beginning with: 'flowkit:x' '{\"slots\"";
        let error = outcome(&save("x", "{}"), error(text)).unwrap_err();
        assert!(!format!("{error:?}").contains("slots"), "{error:?}");
    }

    #[test]
    fn data_of_another_kind_is_corrupt_and_named() {
        let error = outcome(&load("x"), error("WRONGTYPE Operation against a key")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        assert!(error.reason.starts_with("the key \"flowkit:x\" of the Redis server"), "{}", error.reason);
        let error = outcome(&load("x"), Reply::Text(vec![b'{', 0xff])).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
    }

    #[test]
    fn replies_to_something_else_are_not_taken_for_success() {
        let ok = || Reply::Status("OK".into());
        let queued = || Reply::Status("QUEUED".into());
        for (request, reply) in [
            (save("x", "{}"), queued()),
            (save("x", "{}"), Reply::Nil),
            (load("x"), ok()),
            (load("x"), Reply::Number(1)),
            (delete("x"), ok()),
            (delete("x"), Reply::Unexpected),
        ] {
            assert!(!decode(&request, reply.clone()).matches_request(), "{request:?}");
            assert_eq!(outcome(&request, reply).unwrap_err().kind, ErrorKind::Unavailable, "{request:?}");
        }
        assert_eq!(outcome(&save("x", "{}"), ok()), Ok(Answer::Done));
        assert_eq!(outcome(&delete("x"), Reply::Number(0)), Ok(Answer::Done));
    }
}
