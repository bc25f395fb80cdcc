//! Recognizes what is no Redis server by the first bytes that it sends.

use super::address::{Address, server};
use crate::error::{Cause, ErrorKind, StoreError};

/// The first bytes of the values of the Redis protocol, of version 3 too.
const KINDS_OF_VALUES: &[u8] = b"+-:$*_#,(!=%~>|";

/// Returns the error for a server that began with `first`; `None` if that may have been Redis.
///
/// It is not `Unavailable`, so that operations fail immediately: waiting cures no wrong port. A server that closes the
/// connection without a word may still be starting, behind a proxy that is already there.
pub fn recognize(address: &Address, first: &[u8], cause: &Cause) -> Option<StoreError> {
    let server = server(address);
    let reason = match first {
        // A fatal alert: it took our first words for its own handshake.
        [0x15, 0x03, ..] => {
            format!(r#"{server} expects TLS; set the option "tls" (rediss: instead of redis:), or use its plain port"#)
        }
        _ => {
            let protocol = protocol(first)?;
            format!("{server} speaks {protocol}; is it a Redis server? Check the host and the port")
        }
    };
    Some(StoreError::new(ErrorKind::InvalidOptions, reason).with_cause(cause.code.clone(), cause.message.clone()))
}

/// Returns what a server that began with `first` speaks; `None` if that may be Redis' protocol.
fn protocol(first: &[u8]) -> Option<&'static str> {
    match first {
        [kind, ..] if KINDS_OF_VALUES.contains(kind) => None,
        [] => None,
        // A web server that finds no version of HTTP in our words may reply with the page alone.
        [b'H', b'T', b'T', b'P', ..] | [b'<', ..] => Some("HTTP"),
        [b'S', b'S', b'H', b'-', ..] => Some("SSH"),
        _ => Some("another protocol"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_servers_are_told_apart_and_redis_is_none_of_them() {
        let address = Address::Tcp { host: "h".into(), port: 1 };
        let cause = Cause { code: None, message: "the reply could not be read".into() };
        for (first, text) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "speaks HTTP; is it a Redis server?"),
            (b"<!DOCTYPE HTML>", "speaks HTTP; is it a Redis server?"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "speaks SSH; is it a Redis server?"),
            (b"220 mail ESMTP\r\n", "speaks another protocol; is it a Redis server?"),
            (b"ERROR\r\n", "speaks another protocol; is it a Redis server?"),
            (b"J\0\0\0\x0a8.0.36\0", "speaks another protocol; is it a Redis server?"),
            (b"\x15\x03\x01\0\x02\x02\x46", "expects TLS; set the option \"tls\""),
        ] {
            let error = recognize(&address, first, &cause).unwrap();
            assert_eq!(error.kind, ErrorKind::InvalidOptions);
            assert!(error.reason.contains(text), "{}", error.reason);
        }
        for first in [&b""[..], b"+PONG\r\n", b"-ERR no\r\n", b"$-1\r\n", b"*1\r\n", b"=3\r\n", b":1\r\n", b"_\r\n"] {
            assert_eq!(recognize(&address, first, &cause), None);
        }
    }
}
