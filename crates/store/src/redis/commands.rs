//! The commands of the operations: how each is sent, and how its reply is read.
//!
//! A new operation is one arm in [`Command::of`]. Queues, connections and their owners know no operation by name.

use std::string::FromUtf8Error;

use super::age;
use super::config::{KeySpace, Settings};
use super::connection::{Reply, Words};
use super::error_reply::ErrorReply;
use super::errors;
use super::replies::{Read, read_count, read_entered, read_flag, read_ok, read_text, read_written};
use super::scan::{Look, Step};
use super::scripts::SCRIPTS;
use crate::error::{ErrorKind, StoreError};
use crate::lock::{Expected, Holder, etag_of};
use crate::{Answer, Outcome, Request};

/// One operation as a command. Borrows from the request, so that it costs next to nothing.
struct Command<'a> {
    /// As many as it has, and [`Word::End`] behind them.
    words: [Word<'a>; MOST_WORDS],
    read: Read,
}

const MOST_WORDS: usize = 12;

/// About what a `SCAN` replies. Three are sent together, and no more, so that others do not wait for them.
const BYTES_OF_KEYS: usize = 64 * 1024;

#[derive(Clone, Copy)]
enum Word<'a> {
    End,
    Name(&'static str),
    /// An id, which becomes a key.
    Key(&'a str),
    /// An id, which becomes the key of its lock.
    LockKey(&'a str),
    Text(&'a str),
    /// A text, which becomes its SHA-1.
    EtagOf(&'a str),
    Number(u64),
}

impl<'a> Command<'a> {
    fn new<const COUNT: usize>(words: [Word<'a>; COUNT], read: Read) -> Self {
        let mut all = [Word::End; MOST_WORDS];
        all[..COUNT].copy_from_slice(&words);
        Command { words: all, read }
    }

    fn pack(self, keys: &KeySpace, request: &Request) -> Words {
        let mut words = Words::with_capacity(MOST_WORDS, keys.prefix.len() + request.size() + 32);
        for word in self.words {
            match word {
                Word::End => break,
                Word::Name(text) | Word::Text(text) => words.arg(text),
                Word::Key(id) => words.arg(keys.key(id)),
                Word::LockKey(id) => words.arg(keys.lock_key(id)),
                Word::EtagOf(text) => words.arg(etag_of(text.as_bytes())),
                Word::Number(number) => words.arg(number),
            };
        }
        words
    }

    fn of(request: &'a Request) -> Self {
        use Word::{End, Key, LockKey, Name, Number, Text};
        match request {
            Request::Save { id, text, ttl: 0 } => Command::new([Name("SET"), Key(id), Text(text)], read_ok),
            Request::Save { id, text, ttl } => {
                Command::new([Name("SET"), Key(id), Text(text), Name("EX"), Number((*ttl).into())], read_ok)
            }
            Request::Load { id, .. } | Request::LoadAged { id, .. } => Command::new([Name("GET"), Key(id)], read_text),
            Request::Has { id, .. } => Command::new([Name("EXISTS"), Key(id)], read_flag),
            Request::Delete { id } => Command::new([Name("DEL"), Key(id)], read_count),
            Request::Cas { id, text, ttl, expected, holder, age } => {
                let [how, what] = comparison(expected);
                let ttl = Number(age.map_or(u64::from(*ttl) * 1_000, age::time_left));
                let text = text.as_deref().map_or(End, Text);
                match holder {
                    None => {
                        let script = Name(&SCRIPTS.compare_and_set);
                        Command::new([Name("EVAL"), script, Name("1"), Key(id), ttl, how, what, text], read_written)
                    }
                    Some(Holder { owner, lease, number }) => {
                        let [script, keys] = [Name(&SCRIPTS.write), Name("2")];
                        let [lease, number] = [lease, number].map(|number| Number((*number).into()));
                        let words = [
                            Name("EVAL"),
                            script,
                            keys,
                            Key(id),
                            LockKey(id),
                            Text(owner),
                            lease,
                            number,
                            ttl,
                            how,
                            what,
                            text,
                        ];
                        Command::new(words, read_written)
                    }
                }
            }
            Request::Enter { id, owner, lease, patience, waited, wants_text, .. } => {
                let [script, keys] = [Name(&SCRIPTS.enter), Name("2")];
                let [lease, patience, waited] = [lease, patience, waited].map(|number| Number((*number).into()));
                let wants_text = Number((*wants_text).into());
                let owner = Text(owner);
                let words =
                    [Name("EVAL"), script, keys, Key(id), LockKey(id), owner, lease, patience, waited, wants_text];
                Command::new(words, read_entered)
            }
            // An expiry of 0 s would delete it.
            Request::Touch { id, ttl: 0 } => Command::new([Name("EXISTS"), Key(id)], read_flag),
            Request::Touch { id, ttl } => renewal(id, *ttl),
            // Has stages.
            Request::Scan(_) => Command::new([], |_| None),
            Request::Leave { id, owner } => {
                let [script, keys] = [Name(&SCRIPTS.leave), Name("2")];
                let words = [Name("EVAL"), script, keys, Key(id), LockKey(id), Text(owner), Number(0)];
                Command::new(words, read_count)
            }
            #[cfg(test)]
            Request::Append { id, text } => Command::new([Name("APPEND"), Key(id), Text(text)], read_count),
        }
    }
}

/// Returns the command that lets a conversation expire after so many seconds from now, if it is there.
fn renewal(id: &str, ttl: u32) -> Command<'_> {
    Command::new([Word::Name("EXPIRE"), Word::Key(id), Word::Number(ttl.into())], read_flag)
}

/// Returns how a script compares with what is stored, and with what. A text travels as its SHA-1, which is shorter.
fn comparison(expected: &Expected) -> [Word<'_>; 2] {
    match expected {
        Expected::Anything => [Word::Name("X"), Word::Name("")],
        Expected::Absent => [Word::Name("A"), Word::Name("")],
        Expected::Text(text) => [Word::Name("H"), Word::EtagOf(text)],
        Expected::Etag(etag) => [Word::Name("H"), Word::Text(etag)],
    }
}

/// How far an operation is. Most take one command, or a few that are sent together. What takes more goes on between others.
#[derive(Default)]
pub struct Progress(Option<Box<Look>>);

impl Progress {
    /// Returns the bytes of the commands that come next, if they are more than the request.
    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(0, |look| look.size())
    }
}

/// Returns the bytes of the replies, about, if they are much more than those of the request.
pub fn expected_bytes(request: &Request) -> usize {
    if let Request::Scan(_) = request { BYTES_OF_KEYS } else { 0 }
}

/// Appends the next commands of `request`. Returns an error if its arguments make no sense for this server.
pub fn encode(
    keys: &KeySpace,
    request: &Request,
    progress: &mut Progress,
    commands: &mut Vec<Words>,
) -> Result<(), StoreError> {
    match request {
        Request::Scan(scan) => {
            let look = match progress.0.take() {
                Some(look) => look,
                None => Box::new(Look::begin(keys, scan)?),
            };
            commands.extend(progress.0.insert(look).commands(keys, scan));
        }
        // First, so that the text is not one that has expired in between. Two commands that every server has: GETEX needs Redis
        // 6.2, and a server without it would tell too late, behind the next save.
        Request::Load { id, ttl: ttl @ 1.., refresh: true } => {
            commands.extend([renewal(id, *ttl).pack(keys, request), Command::of(request).pack(keys, request)]);
        }
        // First, so that the text is never older than its age says. Two commands, since a user who may only read may run no script.
        Request::LoadAged { id, .. } => {
            let left = Command::new([Word::Name("PTTL"), Word::Key(id)], read_text);
            commands.extend([left.pack(keys, request), Command::of(request).pack(keys, request)]);
        }
        _ => commands.push(Command::of(request).pack(keys, request)),
    }
    Ok(())
}

/// The meaning of a reply for the request that it arrived for.
#[derive(Debug)]
pub enum Decoded {
    Answer(Answer),
    NotUtf8(FromUtf8Error),
    Error(ErrorReply),
    /// The server cannot do it.
    Failed(StoreError),
    /// No reply to such a request.
    Mismatch,
    /// Another stage is to be sent.
    Unfinished,
}

/// Reads the replies to what [`encode`] appended.
pub fn decode(
    keys: &KeySpace,
    request: &Request,
    progress: &mut Progress,
    mut replies: impl Iterator<Item = Reply>,
) -> Decoded {
    if let (Request::Scan(scan), Some(look)) = (request, progress.0.take()) {
        return match look.read(keys, scan, replies) {
            Step::Goes(look) => {
                progress.0 = Some(Box::new(look));
                Decoded::Unfinished
            }
            Step::Done(page) => Decoded::Answer(Answer::Page(page)),
            Step::Refused(error) => Decoded::Error(error),
            Step::Failed(error) => Decoded::Failed(error),
            Step::Mismatch => Decoded::Mismatch,
        };
    }
    if let Request::Load { ttl: 1.., refresh: true, .. } = request {
        match replies.next() {
            Some(Reply::Number(_)) => {}
            Some(Reply::Error(error)) => return Decoded::Error(error),
            _ => return Decoded::Mismatch,
        }
    }
    if let Request::LoadAged { ttl, .. } = request {
        return age::decode(*ttl, replies);
    }
    match replies.next() {
        Some(Reply::Error(error)) => Decoded::Error(error),
        Some(reply) => match (Command::of(request).read)(reply) {
            Some(Ok(answer)) => Decoded::Answer(answer),
            Some(Err(error)) => Decoded::NotUtf8(error),
            None => Decoded::Mismatch,
        },
        None => Decoded::Mismatch,
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
            Decoded::Failed(error) => Err(error),
            Decoded::Mismatch | Decoded::Unfinished => Err(errors::unexpected_reply(&settings.endpoint.address)),
        }
    }
}
