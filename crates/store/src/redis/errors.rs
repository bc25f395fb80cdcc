//! How failures read. None of these ever holds a password or a piece of a state.

use std::io;
use std::time::Duration;

use super::{Address, RedisConfig};
use crate::Request;
use crate::error::{Cause, ErrorKind, StoreError};

/// `the Redis server at 127.0.0.1:6379`
pub fn server(address: &Address) -> String {
    match address {
        Address::Tcp { host, port } if host.contains(':') => format!("the Redis server at [{host}]:{port}"),
        Address::Tcp { host, port } => format!("the Redis server at {host}:{port}"),
        Address::Unix(path) => format!("the Redis server at {}", path.display()),
    }
}

/// `the key "flowkit:x" of the Redis server at 127.0.0.1:6379`
pub fn location(config: &RedisConfig, id: &str) -> String {
    format!("the key {:?} of {}", config.key(id), server(&config.address))
}

/// No connection came about.
pub fn unreachable(address: &Address, error: &io::Error) -> StoreError {
    let server = server(address);
    let mut failure = StoreError::io(error, &server);
    // A missing socket file or a forbidden one is a server that cannot be reached: it may appear.
    failure.kind = ErrorKind::Unavailable;
    failure.reason = format!("{server} cannot be reached: {}", plain(error));
    failure
}

/// The text of an I/O error without Rust's trailing `(os error 111)`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// The host name could not be looked up.
pub fn unknown_host(address: &Address, error: &io::Error) -> StoreError {
    let reason = format!("{} cannot be reached: its name cannot be looked up", server(address));
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(Some("ENOTFOUND".into()), error.to_string())
}

/// An attempt to connect took too long.
pub fn slow_to_connect(address: &Address, after: Duration) -> StoreError {
    let reason = format!("{} cannot be reached: no answer within {}", server(address), seconds(after));
    StoreError::new(ErrorKind::Unavailable, reason)
        .with_cause(Some("ETIMEDOUT".into()), "the attempt to connect timed out")
}

/// A connection broke.
pub fn lost(address: &Address, cause: Cause) -> StoreError {
    let reason = format!("{} closed the connection", server(address));
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(cause.code, cause.message)
}

/// What answers is not a Redis server, or lost its thread.
pub fn unexpected_reply(address: &Address) -> StoreError {
    let reason = format!("{} gave an answer that makes no sense; is it a Redis server?", server(address));
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(None, "an unexpected kind of answer")
}

/// Too much is waiting already.
pub fn queue_full(address: &Address) -> StoreError {
    let reason = format!("{} cannot be reached, and too many operations wait for it already", server(address));
    StoreError::new(ErrorKind::Unavailable, reason)
}

/// A connection owes this operation an answer and nothing moves.
pub fn unanswered(address: &Address, request: &Request, after: Duration) -> StoreError {
    let reason = format!("{} gave no answer within {}", server(address), seconds(after));
    StoreError::new(ErrorKind::Timeout, reason + doubt(request))
        .with_cause(Some("ETIMEDOUT".into()), "the answer did not come in time")
}

/// The operation waited long enough; `trouble` is what the last attempt to connect met.
pub fn waited(
    address: &Address,
    request: &Request,
    sent: bool,
    after: Duration,
    trouble: Option<&StoreError>,
) -> StoreError {
    let why = match trouble {
        Some(trouble) => trouble.reason.clone(),
        None => format!("{} cannot be reached: no answer yet", server(address)),
    };
    // A write that went out before the connection broke may have been executed. `Unavailable` would deny that.
    let unsure = sent && request.is_write();
    let kind = if unsure { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    let mut reason = format!("{why} (given up after {})", seconds(after));
    if unsure {
        reason += doubt(request);
    }
    match trouble.and_then(|trouble| trouble.cause.clone()) {
        Some(cause) => StoreError::new(kind, reason).with_cause(cause.code, cause.message),
        None => StoreError::new(kind, reason).with_cause(Some("ETIMEDOUT".into()), "the attempt to connect timed out"),
    }
}

fn doubt(request: &Request) -> &'static str {
    if request.is_write() { "; whether it took effect is unknown" } else { "" }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis() as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{load, save};

    fn address() -> Address {
        Address::Tcp { host: "::1".into(), port: 6379 }
    }

    #[test]
    fn a_key_is_the_prefix_and_the_id_and_is_shown_escaped() {
        let config = RedisConfig {
            address: address(),
            tls: None,
            username: Some("eve".into()),
            password: Some("s3cret".into()),
            db: 0,
            name: None,
            prefix: "p:".into(),
        };
        assert_eq!(config.key("a\0b"), "p:a\0b");
        assert_eq!(location(&config, "a\0\"\n"), r#"the key "p:a\0\"\n" of the Redis server at [::1]:6379"#);
    }

    #[test]
    fn a_write_that_may_have_happened_is_no_longer_called_unavailable() {
        let refused = io::Error::from_raw_os_error(111);
        let trouble = unreachable(&address(), &refused);
        let after = Duration::from_secs(10);
        let error = waited(&address(), &save("x", "{}"), false, after, Some(&trouble));
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(error.cause.as_ref().unwrap().code.as_deref(), Some("ECONNREFUSED"));
        assert_eq!(
            error.reason,
            "the Redis server at [::1]:6379 cannot be reached: connection refused (given up after 10 s)"
        );
        let error = waited(&address(), &save("x", "{}"), true, after, Some(&trouble));
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.reason.ends_with("whether it took effect is unknown"), "{}", error.reason);
        assert_eq!(waited(&address(), &load("x"), true, after, None).kind, ErrorKind::Unavailable);
    }
}
