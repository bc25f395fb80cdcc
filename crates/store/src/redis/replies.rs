//! Reads the replies to commands as answers.

use std::string::FromUtf8Error;

use super::connection::Reply;
use crate::Answer;
use crate::lock::{Entered, Refusal, Written};

/// Turns a reply into an answer. Returns `None` if the reply cannot belong to the command.
pub type Read = fn(Reply) -> Option<Result<Answer, FromUtf8Error>>;

/// Reads the reply to `SET`.
pub fn read_ok(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    matches!(reply, Reply::Status(status) if status == "OK").then_some(Ok(Answer::Done))
}

/// Reads the reply to `GET`.
pub fn read_text(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    match reply {
        Reply::Nil => Some(Ok(Answer::Text(None))),
        // Look-alikes send short values so (cunla/fakeredis-py#448). No word of a server, such as `OK`, is an object.
        Reply::Status(status) if status.starts_with('{') => Some(Ok(Answer::Text(Some(status)))),
        Reply::Text(bytes) => Some(String::from_utf8(bytes).map(|text| Answer::Text(Some(text)))),
        _ => None,
    }
}

/// Reads the reply to `EXISTS`.
pub fn read_flag(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    let Reply::Number(count) = reply else { return None };
    Some(Ok(Answer::Flag(count > 0)))
}

/// Reads the reply to `DEL` and to a script that gives a lock back.
pub fn read_count(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    matches!(reply, Reply::Number(_)).then_some(Ok(Answer::Done))
}

/// Reads how many wait for the lock, or why a conditional write changed nothing.
pub fn read_written(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    let written = match reply {
        Reply::Number(waiting) => Written::Done { waiting: count(waiting)? },
        Reply::Text(word) => Written::Refused(Refusal::of(&word)?),
        _ => return None,
    };
    Some(Ok(Answer::Written(written)))
}

/// Reads the lock, or a place in the line.
pub fn read_entered(reply: Reply) -> Option<Result<Answer, FromUtf8Error>> {
    let Reply::List(parts) = reply else { return None };
    let entered = match <[Reply; 3]>::try_from(parts).ok()? {
        [Reply::Number(0), Reply::Number(ahead), Reply::Number(waiting)] => {
            Entered::Waits { ahead: count(ahead)?, waiting: count(waiting)? }
        }
        [Reply::Number(1), Reply::Number(waiting), state] => match read_text(state)? {
            Ok(Answer::Text(text)) => Entered::Held { waiting: count(waiting)?, text },
            other => return Some(other),
        },
        _ => return None,
    };
    Some(Ok(Answer::Entered(entered)))
}

fn count(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}
