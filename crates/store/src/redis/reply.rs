//! From the server's answers to outcomes.

use super::error_reply::ErrorReply;
use super::{RedisConfig, errors};
use crate::error::{ErrorKind, StoreError};
use crate::{Answer, Outcome, Request};

/// What a server answered to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `OK`, `PONG` and the like.
    Status(String),
    Nil,
    Text(Vec<u8>),
    Number(i64),
    Error(ErrorReply),
    /// Nothing that any of our commands is answered with.
    Unexpected,
}

impl Reply {
    /// Whether the next command has to go through a new connection: the server has become a replica (its name may lead
    /// to another one by now), wants to hear the password again, or talks unexpected_reply.
    pub fn requires_reconnect(&self) -> bool {
        match self {
            Reply::Error(refusal) => matches!(refusal.code.as_str(), "READONLY" | "NOAUTH"),
            Reply::Unexpected => true,
            _ => false,
        }
    }

    /// Whether it can be the answer to `request`. If not, the answers are out of step with the commands, by a stray one
    /// perhaps: whatever comes after it may answer another operation.
    pub fn matches_request(&self, request: &Request) -> bool {
        #[cfg(test)]
        if let (Request::Append { .. }, Reply::Number(_)) = (request, self) {
            return true;
        }
        matches!(
            (request, self),
            (_, Reply::Error(_))
                | (Request::Save { .. }, Reply::Status(_))
                | (Request::Load { .. }, Reply::Nil | Reply::Text(_))
                | (Request::Delete { .. }, Reply::Number(_))
        )
    }
}

/// The outcome of `request`, which the server answered with `reply`.
pub fn outcome(config: &RedisConfig, request: &Request, reply: Reply) -> Outcome {
    match (request, reply) {
        (Request::Load { id }, Reply::Error(refusal)) if refusal.code == "WRONGTYPE" => {
            let reason = format!("{} holds no text but a list, a hash or the like", errors::location(config, id));
            let error = StoreError::new(ErrorKind::Corrupt, reason);
            Err(error.with_cause(Some(refusal.code), refusal.message))
        }
        (_, Reply::Error(refusal)) => Err(refusal.to_error(&config.address)),
        (Request::Save { .. }, Reply::Status(status)) if status == "OK" => Ok(Answer::Done),
        (Request::Load { .. }, Reply::Nil) => Ok(Answer::Text(None)),
        (Request::Load { id }, Reply::Text(bytes)) => {
            String::from_utf8(bytes).map(|text| Answer::Text(Some(text))).map_err(|error| {
                let reason = format!("{} holds bytes that are not UTF-8 text", errors::location(config, id));
                StoreError::new(ErrorKind::Corrupt, reason).with_cause(None, error.utf8_error().to_string())
            })
        }
        (Request::Delete { .. }, Reply::Number(_)) => Ok(Answer::Done),
        #[cfg(test)]
        (Request::Append { .. }, Reply::Number(_)) => Ok(Answer::Done),
        _ => Err(errors::unexpected_reply(&config.address)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Address;
    use super::*;
    use crate::testing::{delete, load, save};

    fn config() -> RedisConfig {
        let address = Address::Tcp { host: "127.0.0.1".into(), port: 6379 };
        let password = Some("s3cret".into());
        RedisConfig { address, tls: None, username: None, password, db: 0, name: None, prefix: "flowkit:".into() }
    }

    fn refusal(text: &str) -> Reply {
        let (code, details) = text.split_once(' ').unwrap();
        Reply::Error(ErrorReply::new(code, Some(details)))
    }

    #[test]
    fn an_unknown_command_does_not_give_the_state_away() {
        let text = "ERR unknown command 'SET', with args beginning with: 'flowkit:x' '{\"slots\"";
        let error = outcome(&config(), &save("x", "{}"), refusal(text)).unwrap_err();
        assert!(!format!("{error:?}").contains("slots"), "{error:?}");
    }

    #[test]
    fn a_repeated_password_is_taken_out() {
        let refusal = ErrorReply::new("WRONGPASS", Some("AUTH eve s3cret"));
        assert_eq!(refusal.clone().without("s3cret").message, "WRONGPASS AUTH eve ***");
        assert_eq!(refusal.clone().without(""), refusal);
    }

    #[test]
    fn data_of_another_kind_is_corrupt_and_named() {
        let error = outcome(&config(), &load("x"), refusal("WRONGTYPE Operation against a key")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        assert!(error.reason.starts_with("the key \"flowkit:x\" of the Redis server"), "{}", error.reason);
        let error = outcome(&config(), &load("x"), Reply::Text(vec![b'{', 0xff])).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt);
    }

    #[test]
    fn answers_to_something_else_are_not_taken_for_success() {
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
            assert_eq!(outcome(&config(), &request, reply).unwrap_err().kind, ErrorKind::Unavailable, "{request:?}");
        }
        assert_eq!(outcome(&config(), &save("x", "{}"), ok()), Ok(Answer::Done));
        assert_eq!(outcome(&config(), &delete("x"), Reply::Number(0)), Ok(Answer::Done));
    }
}
