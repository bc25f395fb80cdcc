//! Texts of failures. None of them holds a password or a piece of a state.

use std::io;
use std::time::Duration;

use super::address::{Address, server};
use crate::Request;
use crate::error::{Cause, ErrorKind, StoreError, describe_io};

/// The socket could not connect.
pub fn unreachable(address: &Address, error: &io::Error) -> StoreError {
    let server = server(address);
    let mut failure = StoreError::io(error, &server);
    // A missing socket file or a forbidden one is a server that cannot be reached: it may appear.
    failure.kind = ErrorKind::Unavailable;
    failure.reason = format!("{server} cannot be reached: {}", describe_io(error));
    failure
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

/// The server is not a Redis server, or its replies are out of step.
pub fn unexpected_reply(address: &Address) -> StoreError {
    let reason = format!("{} gave an answer that makes no sense; is it a Redis server?", server(address));
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(None, "an unexpected kind of answer")
}

/// Too much waits for a connection already.
pub fn queue_full(address: &Address) -> StoreError {
    let reason = format!("{} cannot be reached, and too many operations wait for it already", server(address));
    StoreError::new(ErrorKind::Unavailable, reason)
}

/// Replies were due on a connection, and no byte moved.
pub fn silent(address: &Address, after: Duration) -> StoreError {
    let reason = format!("{} gave no answer within {}", server(address), seconds(after));
    StoreError::new(ErrorKind::Timeout, reason).with_cause(Some("ETIMEDOUT".into()), "the answer did not come in time")
}

/// The operation did not get its reply, since the connection ended with `error`.
pub fn unanswered(mut error: StoreError, request: &Request) -> StoreError {
    if error.kind == ErrorKind::Timeout && request.is_write() {
        error.reason += DOUBT;
    }
    error
}

/// The reply to an operation that must not be sent twice is lost, since the connection ended with `error`.
pub fn in_doubt(error: Option<&StoreError>) -> StoreError {
    let reason = error.map_or("the connection ended", |error| &error.reason);
    let timeout = StoreError::new(ErrorKind::Timeout, format!("{reason}{DOUBT}"));
    StoreError { cause: error.and_then(|error| error.cause.clone()), ..timeout }
}

/// The operation has waited long enough. `last_error` is why there is no connection.
pub fn waited(
    address: &Address,
    request: &Request,
    in_doubt: bool,
    after: Duration,
    last_error: Option<&StoreError>,
) -> StoreError {
    let why = match last_error {
        Some(error) => error.reason.clone(),
        None => format!("{} cannot be reached: no answer yet", server(address)),
    };
    // A write that was sent before the connection broke may have taken effect. `Unavailable` would deny that.
    let in_doubt = in_doubt && request.is_write();
    let kind = if in_doubt { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    let doubt = if in_doubt { DOUBT } else { "" };
    let error = StoreError::new(kind, format!("{why} (given up after {}){doubt}", seconds(after)));
    match last_error.and_then(|error| error.cause.clone()) {
        Some(cause) => error.with_cause(cause.code, cause.message),
        None => error.with_cause(Some("ETIMEDOUT".into()), "the attempt to connect timed out"),
    }
}

const DOUBT: &str = "; whether it took effect is unknown";

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis() as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::super::config::{Endpoint, KeySpace, Limits, Settings};
    use super::*;
    use crate::testing::{load, save};

    fn address() -> Address {
        Address::Tcp { host: "::1".into(), port: 6379 }
    }

    #[test]
    fn a_key_is_the_prefix_and_the_id_and_is_shown_escaped() {
        let endpoint = Endpoint { password: Some("s3cret".into()), ..Endpoint::plain(address()) };
        let keys = KeySpace { prefix: "p:".into() };
        assert_eq!(keys.key("a\0b"), "p:a\0b");
        let settings = Settings { endpoint, keys, limits: Limits::default() };
        assert_eq!(settings.location("a\0\"\n"), r#"the key "p:a\0\"\n" of the Redis server at [::1]:6379"#);
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
