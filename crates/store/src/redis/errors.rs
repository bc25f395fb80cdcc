//! Texts of failures. None of them holds a password or a piece of a state.

use std::io;
use std::time::Duration;

use super::address::{Address, server};
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
    let reason = format!("{} cannot be reached: no reply within {}", server(address), seconds(after));
    StoreError::new(ErrorKind::Unavailable, reason)
        .with_cause(Some("ETIMEDOUT".into()), "the attempt to connect timed out")
}

/// A connection broke.
pub fn lost(address: &Address, cause: Cause) -> StoreError {
    let reason = match cause.code.as_deref() {
        // Nobody closed it: the system has given up sending.
        Some("ETIMEDOUT") => format!("{} cannot be reached any more: the connection timed out", server(address)),
        _ => format!("{} closed the connection", server(address)),
    };
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(cause.code, cause.message)
}

/// The server is not a Redis server, or its replies are out of step.
pub fn unexpected_reply(address: &Address) -> StoreError {
    let reason = format!("{} gave a reply that makes no sense; is it a Redis server?", server(address));
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(None, "an unexpected kind of reply")
}

/// Too much waits for a connection already.
pub fn queue_full(address: &Address) -> StoreError {
    let reason = format!("{} cannot be reached, and too many operations wait for it already", server(address));
    StoreError::new(ErrorKind::Unavailable, reason)
}

/// Replies were due on a connection, and no byte moved.
pub fn silent(address: &Address, after: Duration) -> StoreError {
    let reason = format!("{} gave no reply within {}", server(address), seconds(after));
    StoreError::new(ErrorKind::Timeout, reason).with_cause(Some("ETIMEDOUT".into()), "the reply did not come in time")
}

/// A write failed with `error`, and it may have taken effect.
pub fn in_doubt(error: StoreError) -> StoreError {
    StoreError { kind: ErrorKind::Timeout, reason: error.reason + DOUBT, ..error }
}

/// The operation has waited long enough. `last_error` is why there is no connection.
pub fn waited(address: &Address, after: Duration, last_error: Option<&StoreError>) -> StoreError {
    let why = match last_error {
        Some(error) => error.reason.clone(),
        None => format!("{} cannot be reached: no reply yet", server(address)),
    };
    let error = StoreError::new(ErrorKind::Unavailable, format!("{why} (given up after {})", seconds(after)));
    match last_error.and_then(|error| error.cause.clone()) {
        Some(cause) => error.with_cause(cause.code, cause.message),
        None => error.with_cause(Some("ETIMEDOUT".into()), "the attempt to connect timed out"),
    }
}

const DOUBT: &str = "; whether it took effect is unknown";

fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_millis() / 100) as f64 / 10.0)
}

#[cfg(test)]
mod tests {
    use super::super::config::{Endpoint, KeySpace, Limits, Settings};
    use super::super::queued::Queued;
    use super::*;
    use crate::Request;
    use crate::testing::{load, operation, save};

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
        let outcome = |request: Request, in_doubt| {
            let (operation, pending) = operation(request);
            let error = waited(&address(), Duration::from_secs(10), Some(&trouble));
            Queued { in_doubt, ..Queued::new(operation) }.settle(Err(error));
            pending.wait().unwrap_err()
        };
        let error = outcome(save("x", "{}"), false);
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(error.cause.as_ref().unwrap().code.as_deref(), Some("ECONNREFUSED"));
        assert_eq!(
            error.reason,
            "the Redis server at [::1]:6379 cannot be reached: connection refused (given up after 10 s)"
        );
        let doubted = outcome(save("x", "{}"), true);
        assert_eq!(doubted.kind, ErrorKind::Timeout);
        assert_eq!(doubted.reason, error.reason.clone() + "; whether it took effect is unknown");
        assert_eq!(doubted.cause, error.cause);
        assert_eq!(outcome(load("x"), true), error);
    }
}
