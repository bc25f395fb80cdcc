//! What a server's error answer means for an operation, whichever way it came.

use super::address::{Address, server};
use crate::error::{ErrorKind, StoreError};

/// How much of an error answer is kept, in characters. Redis' own are shorter.
const LONGEST_MESSAGE: usize = 300;
const LONGEST_CODE: usize = 40;

/// An error answer, such as `OOM command not allowed when used memory > 'maxmemory'.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// Its first word.
    pub code: String,
    /// All of it.
    pub message: String,
}

impl ErrorReply {
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
        ErrorReply { code, message }
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
        self.explain(&server(address))
    }

    /// The same, with `server` as the subject of the sentence.
    pub fn explain(&self, server: &str) -> StoreError {
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
            "WRONGTYPE" => {
                (ErrorKind::Corrupt, format!("{server} holds no text under this key but a list or the like"))
            }
            // Also what proxies and modules say in words of their own.
            _ => (ErrorKind::Unavailable, format!("{server} refused the command ({text})")),
        };
        StoreError::new(kind, reason).with_cause(Some(self.code.clone()), self.message.clone())
    }
}

/// What an error answer means that came over somebody else's connection; `message` is all of its text.
pub fn explain(message: &str) -> StoreError {
    let (code, details) = match message.split_once(' ') {
        Some((code, details)) => (code, Some(details)),
        None => (message, None),
    };
    ErrorReply::new(code, details).explain("the Redis server")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_kind_and_its_first_word_as_code() {
        for (text, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Unavailable),
            ("LOADING Redis is loading the dataset in memory", ErrorKind::Unavailable),
            ("MASTERDOWN Sidecar with MASTER is down", ErrorKind::Unavailable),
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
            ("ERR invalid expire time in 'set' command", ErrorKind::Unavailable),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", ErrorKind::Corrupt),
        ] {
            let error = explain(text);
            assert_eq!(error.kind, kind, "{text}");
            assert!(error.reason.starts_with("the Redis server "), "{}", error.reason);
            assert!(!error.reason.contains(".)"), "{}", error.reason);
            let cause = error.cause.unwrap();
            assert_eq!(cause.code.as_deref(), text.split(' ').next());
            assert_eq!(cause.message, text);
        }
    }

    #[test]
    fn a_repeated_password_is_taken_out() {
        let reply = ErrorReply::new("WRONGPASS", Some("AUTH eve s3cret"));
        assert_eq!(reply.clone().without("s3cret").message, "WRONGPASS AUTH eve ***");
        assert_eq!(reply.clone().without(""), reply);
    }

    #[test]
    fn of_a_long_answer_the_beginning_is_kept() {
        let message = ErrorReply::new("ERR", Some(&"💬".repeat(10_000))).message;
        assert_eq!(message.chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(ErrorReply::new(&"E".repeat(10_000), None).code.len(), LONGEST_CODE);
    }
}
