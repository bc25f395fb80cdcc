//! From the server's answers to outcomes.

use super::errors;
use super::{Address, RedisConfig};
use crate::store::error::{ErrorKind, StoreError};
use crate::store::{Outcome, Request};

/// How much of an error answer is kept, in characters. Redis' own are shorter.
const LONGEST_MESSAGE: usize = 300;
const LONGEST_CODE: usize = 40;

/// What a server answered to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `OK`, `PONG` and the like.
    Status(String),
    Nil,
    Text(Vec<u8>),
    Number(i64),
    Refusal(Refusal),
    /// Nothing that any of our commands is answered with.
    Strange,
}

impl Reply {
    /// Whether the next command has to go through a new connection: the server has become a replica (its name may lead
    /// to another one by now), wants to hear the password again, or talks nonsense.
    pub fn spoils_connection(&self) -> bool {
        match self {
            Reply::Refusal(refusal) => matches!(refusal.code.as_str(), "READONLY" | "NOAUTH"),
            Reply::Strange => true,
            _ => false,
        }
    }
}

/// An error answer, such as `OOM command not allowed when used memory > 'maxmemory'.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its first word.
    pub code: String,
    /// All of it.
    pub message: String,
}

impl Refusal {
    pub fn new(code: &str, details: Option<&str>) -> Self {
        let mut message = match details {
            Some(details) => format!("{code} {details}"),
            None => code.to_owned(),
        };
        // "unknown command" repeats the arguments, which may hold a piece of a state, or a password.
        if let Some(arguments) = message.find(", with args beginning with") {
            message.truncate(arguments);
        }
        // What a server says is shown to the user, and how much it says is up to the server.
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        let code = code.chars().take(LONGEST_CODE).collect();
        Refusal { code, message }
    }

    /// The same without `secret`: some servers and proxies repeat the words that they refuse.
    pub fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.message = self.message.replace(secret, "***");
            self.code = self.code.replace(secret, "***");
        }
        self
    }

    /// The refusal as the failure of an operation.
    ///
    /// None of these is tried again here, not even `LOADING`: the commands behind it in the same pipeline may have been
    /// executed, and repeating this one now would reverse their order.
    pub fn to_error(&self, address: &Address) -> StoreError {
        let server = errors::server(address);
        let text = self.message.trim_end_matches('.');
        let (kind, reason) = match self.code.as_str() {
            "NOPERM" | "NOAUTH" | "WRONGPASS" | "DENIED" => {
                (ErrorKind::Denied, format!("{server} denied it ({text}); check the user name, password and ACL rules"))
            }
            "OOM" => (
                ErrorKind::Unavailable,
                format!("{server} is out of memory ({text}); raise its maxmemory or choose an eviction policy"),
            ),
            "READONLY" => {
                (ErrorKind::Unavailable, format!("{server} is a read-only replica ({text}); name the master instead"))
            }
            "MOVED" | "ASK" | "CROSSSLOT" => (
                ErrorKind::Unavailable,
                format!("{server} is part of a cluster, which needs a cluster client ({text})"),
            ),
            "LOADING" | "MASTERDOWN" | "MISCONF" | "TRYAGAIN" | "CLUSTERDOWN" | "NOREPLICAS" | "BUSY" => {
                (ErrorKind::Unavailable, format!("{server} cannot do it now ({text})"))
            }
            _ if self.message.contains("unknown command") => {
                (ErrorKind::Denied, format!("{server} does not offer the command ({text})"))
            }
            _ => (ErrorKind::Internal, format!("{server} refused the command ({text})")),
        };
        StoreError::new(kind, reason).with_cause(Some(self.code.clone()), self.message.clone())
    }
}

/// The outcome of `request`, which the server answered with `reply`.
pub fn outcome(config: &RedisConfig, request: &Request, reply: Reply) -> Outcome {
    match (request, reply) {
        (Request::Load { id }, Reply::Refusal(refusal)) if refusal.code == "WRONGTYPE" => {
            let reason = format!("{} holds no text but a list, a hash or the like", errors::place(config, id));
            let error = StoreError::new(ErrorKind::Corrupt, reason);
            Err(error.with_cause(Some(refusal.code), refusal.message))
        }
        (_, Reply::Refusal(refusal)) => Err(refusal.to_error(&config.address)),
        (Request::Save { .. }, Reply::Status(status)) if status == "OK" => Ok(None),
        (Request::Load { .. }, Reply::Nil) => Ok(None),
        (Request::Load { id }, Reply::Text(bytes)) => String::from_utf8(bytes).map(Some).map_err(|error| {
            let reason = format!("{} holds bytes that are not UTF-8 text", errors::place(config, id));
            StoreError::new(ErrorKind::Corrupt, reason).with_cause(None, error.utf8_error().to_string())
        }),
        (Request::Delete { .. }, Reply::Number(_)) => Ok(None),
        _ => Err(errors::nonsense(&config.address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{delete, load, save};

    fn config() -> RedisConfig {
        let address = Address::Tcp { host: "127.0.0.1".into(), port: 6379 };
        let password = Some("s3cret".into());
        RedisConfig { address, username: None, password, db: 0, prefix: "flowkit:".into(), ttl: 60 }
    }

    fn refusal(text: &str) -> Reply {
        let (code, details) = text.split_once(' ').unwrap();
        Reply::Refusal(Refusal::new(code, Some(details)))
    }

    #[test]
    fn every_refusal_has_its_kind_and_its_first_word_as_code() {
        for (text, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Unavailable),
            ("LOADING Redis is loading the dataset in memory", ErrorKind::Unavailable),
            ("MASTERDOWN Link with MASTER is down", ErrorKind::Unavailable),
            ("READONLY You can't write against a read only replica.", ErrorKind::Unavailable),
            ("MISCONF Redis is configured to save RDB snapshots", ErrorKind::Unavailable),
            ("TRYAGAIN later", ErrorKind::Unavailable),
            ("CLUSTERDOWN The cluster is down", ErrorKind::Unavailable),
            ("NOREPLICAS Not enough good replicas to write.", ErrorKind::Unavailable),
            ("BUSY Redis is busy running a script.", ErrorKind::Unavailable),
            ("MOVED 3999 127.0.0.1:6381", ErrorKind::Unavailable),
            ("ASK 3999 127.0.0.1:6381", ErrorKind::Unavailable),
            ("NOPERM this user has no permissions", ErrorKind::Denied),
            ("NOAUTH Authentication required.", ErrorKind::Denied),
            ("WRONGPASS invalid username-password pair", ErrorKind::Denied),
            ("ERR unknown command 'SET'", ErrorKind::Denied),
            ("ERR invalid expire time in 'set' command", ErrorKind::Internal),
        ] {
            let error = outcome(&config(), &save("x", "{}"), refusal(text)).unwrap_err();
            assert_eq!(error.kind, kind, "{text}");
            assert!(error.reason.contains("the Redis server at 127.0.0.1:6379"), "{}", error.reason);
            assert!(!error.reason.contains(".)"), "{}", error.reason);
            let cause = error.cause.unwrap();
            assert_eq!(cause.code.as_deref(), text.split(' ').next());
            assert_eq!(cause.message, text);
        }
    }

    #[test]
    fn an_unknown_command_does_not_give_the_state_away() {
        let text = "ERR unknown command 'SET', with args beginning with: 'flowkit:x' '{\"slots\"";
        let error = outcome(&config(), &save("x", "{}"), refusal(text)).unwrap_err();
        assert!(!format!("{error:?}").contains("slots"), "{error:?}");
    }

    #[test]
    fn of_a_long_answer_the_beginning_is_kept() {
        let message = Refusal::new("ERR", Some(&"💬".repeat(10_000))).message;
        assert_eq!(message.chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(Refusal::new(&"E".repeat(10_000), None).code.len(), LONGEST_CODE);
    }

    #[test]
    fn a_repeated_password_is_taken_out() {
        let refusal = Refusal::new("WRONGPASS", Some("AUTH eve s3cret"));
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
            (delete("x"), Reply::Strange),
        ] {
            assert_eq!(outcome(&config(), &request, reply).unwrap_err().kind, ErrorKind::Unavailable, "{request:?}");
        }
        assert_eq!(outcome(&config(), &save("x", "{}"), ok()), Ok(None));
        assert_eq!(outcome(&config(), &delete("x"), Reply::Number(0)), Ok(None));
    }
}
