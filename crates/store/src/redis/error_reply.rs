//! Turns error replies into failures of operations, whichever way they came.

use super::address::{Address, server};
use crate::error::{ErrorKind, StoreError};

/// How much of an error reply is kept, in characters. Redis' own are shorter.
const LONGEST_MESSAGE: usize = 300;
const LONGEST_CODE: usize = 40;

/// An error reply, such as `OOM command not allowed when used memory > 'maxmemory'.`
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
            Some(details) => without_script(&format!("{code} {details}")),
            None => code.to_owned(),
        };
        // "unknown command" repeats the arguments, which may hold a piece of a state, or a password.
        if let Some(arguments) = message.find(", with args beginning with") {
            message.truncate(arguments);
        }
        // The user sees it, and the server decides how long it is.
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        let code = message.split(' ').next().unwrap_or_default().chars().take(LONGEST_CODE).collect();
        ErrorReply { code, message }
    }

    /// Removes `secret`: some servers and proxies repeat the words that they refuse.
    pub fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.message = self.message.replace(secret, "***");
            self.code = self.code.replace(secret, "***");
        }
        self
    }

    /// Returns the refusal as the failure of an operation.
    ///
    /// None of these is tried again here, not even `LOADING`: the commands behind it in the same pipeline may have been
    /// executed, and repeating this one now would reverse their order.
    pub fn to_error(&self, address: &Address) -> StoreError {
        self.explain(&server(address))
    }

    /// Does the same, with `server` as the subject of the sentence.
    pub fn explain(&self, server: &str) -> StoreError {
        let text = self.message.trim_end_matches('.');
        let (kind, reason) = match self.code.as_str() {
            "NOPERM" if is_about_scripts(text) => {
                let needed = "+eval +time +pttl +pexpire, beside +get +set +del";
                (ErrorKind::Denied, format!("{server} does not permit what locks and purge() need: {needed} ({text})"))
            }
            "NOPERM" if names_any(text, &["scan", "strlen", "pttl", "type", "time"]) => {
                let needed = "+scan +strlen +pttl, and for purge() +eval +time";
                (ErrorKind::Denied, format!("{server} does not permit what a look through it needs: {needed} ({text})"))
            }
            "NOPERM" if names_any(text, &["expire"]) => {
                (ErrorKind::Denied, format!("{server} does not permit what renews an expiry: +expire ({text})"))
            }
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
            // Proxies and modules have words of their own.
            _ => (ErrorKind::Unavailable, format!("{server} refused the command ({text})")),
        };
        StoreError::new(kind, reason).with_cause(Some(self.code.clone()), self.message.clone())
    }
}

/// Returns whether a refusal names one of these commands.
fn names_any(text: &str, commands: &[&str]) -> bool {
    commands.iter().any(|command| text.contains(&format!("'{command}'")))
}

fn is_about_scripts(text: &str) -> bool {
    text.contains("the script") || text.contains("in script") || text.contains("'eval'")
}

/// Returns the error that a script met, as the same command outside of a script is refused. Servers write around it where in
/// the script it was, and before Redis 7 they make an `ERR` of all of them.
fn without_script(message: &str) -> String {
    let mut met = message.strip_prefix("ERR ").unwrap_or(message);
    if met.starts_with("Error running script")
        && let Some((_, inner)) = met.rsplit_once("@user_script")
    {
        let place = |character: char| matches!(character, ':' | ' ' | '0'..='9');
        let inner = inner.trim_start_matches(place);
        met = inner.strip_prefix('-').unwrap_or(inner);
    } else if let Some((inner, place)) = met.rsplit_once(" script: ")
        && place.contains("@user_script")
    {
        met = inner;
    } else {
        return message.to_owned();
    }
    if met.starts_with("ACL failure") || met.starts_with("The user executing the script") {
        return format!("NOPERM {met}");
    }
    let code = met.split(' ').next().unwrap_or_default();
    let has_code =
        code.len() > 1 && code.chars().all(|character| character.is_ascii_uppercase() || character.is_ascii_digit());
    if has_code { met.to_owned() } else { format!("ERR {met}") }
}

/// Returns what an error reply means that came over somebody else's connection. `message` is all of its text.
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

    /// As Redis 6.2, Redis 7.0 and Valkey 9 word them.
    #[test]
    fn an_error_inside_a_script_means_the_same_as_outside() {
        let sha = "f0129c510217adcc74e960fb5c68f2240a5fda84";
        let denied = "The user executing the script can't run this command or subcommand";
        for (met, code, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", "OOM", ErrorKind::Unavailable),
            ("READONLY You can't write against a read only replica.", "READONLY", ErrorKind::Unavailable),
            ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", ErrorKind::Unavailable),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", ErrorKind::Corrupt),
            ("Script killed by user with SCRIPT KILL...", "ERR", ErrorKind::Unavailable),
            (denied, "NOPERM", ErrorKind::Denied),
            (
                "ACL failure in script: User eve has no permissions to run the 'time' command",
                "NOPERM",
                ErrorKind::Denied,
            ),
        ] {
            let prefix = if code == "ERR" || code == "NOPERM" { "ERR " } else { "" };
            for text in [
                format!("ERR Error running script (call to f_{sha}): @user_script:59: @user_script: 59: -{met}"),
                format!("ERR Error running script (call to f_{sha}): @user_script:59: {met}"),
                format!("{prefix}{met} script: {sha}, on @user_script:59."),
                format!("{prefix}{met} script: on @user_script:59."),
            ] {
                let error = explain(&text);
                assert_eq!(error.kind, kind, "{text}");
                assert!(!error.reason.contains(sha) && !error.reason.contains("@user_script"), "{}", error.reason);
                let cause = error.cause.unwrap();
                assert_eq!((cause.code.as_deref(), cause.message.ends_with(met)), (Some(code), true), "{cause:?}");
            }
        }
    }

    #[test]
    fn what_a_lock_needs_is_named() {
        let needed = "does not permit what locks and purge() need: +eval +time +pttl +pexpire";
        for text in [
            "NOPERM this user has no permissions to run the 'eval' command or its subcommand",
            "NOPERM User eve has no permissions to run the 'eval' command",
            "ERR The user executing the script can't run this command or subcommand script: f0, on @user_script:2.",
        ] {
            assert!(explain(text).reason.contains(needed), "{text}");
        }
        assert!(!explain("NOPERM User eve has no permissions to run the 'get' command").reason.contains(needed));
    }

    #[test]
    fn a_repeated_password_is_taken_out() {
        let reply = ErrorReply::new("WRONGPASS", Some("AUTH eve s3cret"));
        assert_eq!(reply.clone().without("s3cret").message, "WRONGPASS AUTH eve ***");
        assert_eq!(reply.clone().without(""), reply);
    }

    #[test]
    fn of_a_long_reply_the_beginning_is_kept() {
        let message = ErrorReply::new("ERR", Some(&"💬".repeat(10_000))).message;
        assert_eq!(message.chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(ErrorReply::new(&"E".repeat(10_000), None).code.len(), LONGEST_CODE);
    }
}
