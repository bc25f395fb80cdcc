//! Prepares a new connection for its first operation.

use tokio::time::timeout;

use super::address::server;
use super::config::{Endpoint, Limits};
use super::connection::{Connection, Reply};
use super::connection_id::{ConnectionId, identity_from_id, identity_from_info, kill_command};
use super::error_reply::ErrorReply;
use super::{errors, foreign, tls};
use crate::error::{Cause, ErrorKind, StoreError};

/// Returns a connection that is ready for operations, made within `limits.connect`.
///
/// An error of another kind than `Unavailable` is not worth a second attempt.
pub async fn connect(
    endpoint: &Endpoint,
    limits: &Limits,
    previous_connection: Option<&ConnectionId>,
) -> Result<(Connection, Option<ConnectionId>), StoreError> {
    let connecting = async {
        match attempt(endpoint, limits, Extent::Full, previous_connection).await {
            // Where `CLIENT ID` has worked before, the connection broke for another reason.
            Err(Failure::HungUp(_)) if previous_connection.is_none() => {
                attempt(endpoint, limits, Extent::Least, None).await
            }
            result => result,
        }
    };
    let too_slow = |_| Err(errors::slow_to_connect(&endpoint.address, limits.connect));
    timeout(limits.connect, async { connecting.await.map_err(Failure::into_error) }).await.unwrap_or_else(too_slow)
}

/// How much is said before the first operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Full,
    /// Only what is needed: some proxies hang up at any command that they do not know (twitter/twemproxy#113).
    Least,
}

enum Failure {
    /// The connection ended, without a reason, before all replies had come.
    HungUp(StoreError),
    Other(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Other(error)
    }
}

impl Failure {
    fn into_error(self) -> StoreError {
        let (Failure::HungUp(error) | Failure::Other(error)) = self;
        error
    }
}

async fn attempt(
    endpoint: &Endpoint,
    limits: &Limits,
    extent: Extent,
    previous_connection: Option<&ConnectionId>,
) -> Result<(Connection, Option<ConnectionId>), Failure> {
    let connection = Connection::open(&endpoint.address, endpoint.tls.as_deref(), limits).await?;
    let identity = prepare(&connection, endpoint, extent, previous_connection).await?;
    Ok((connection, identity))
}

/// Logs in, selects the database, makes sure that the server is ready, and ends `previous_connection`, the connection that
/// this one replaces.
async fn prepare(
    connection: &Connection,
    endpoint: &Endpoint,
    extent: Extent,
    previous_connection: Option<&ConnectionId>,
) -> Result<Option<ConnectionId>, Failure> {
    let database = endpoint.db.to_string();
    let mut commands = Vec::new();
    match (&endpoint.username, &endpoint.password) {
        (Some(user), password) => commands.push(vec!["AUTH", user, password.as_deref().unwrap_or_default()]),
        (None, Some(password)) => commands.push(vec!["AUTH", password]),
        (None, None) => {}
    }
    if endpoint.db != 0 {
        commands.push(vec!["SELECT", &database]);
    }
    match extent {
        Extent::Full => {
            commands.push(vec!["PING"]);
            commands.push(vec!["CLIENT", "INFO"]);
            commands.push(vec!["CLIENT", "ID"]);
            // For whoever looks at CLIENT LIST. Partly unknown before Redis 7.2; the replies do not matter.
            if let Some(name) = &endpoint.name {
                commands.push(vec!["CLIENT", "SETNAME", name]);
            }
            commands.push(vec!["CLIENT", "SETINFO", "LIB-NAME", env!("CARGO_PKG_NAME")]);
            commands.push(vec!["CLIENT", "SETINFO", "LIB-VER", env!("CARGO_PKG_VERSION")]);
        }
        // No conversation has this key. The reply shows that there is a server, before an operation depends on it.
        Extent::Least => commands.push(vec!["GET", "flowkit:"]),
    }

    let hung_up = |cause| broken_off(connection, endpoint, cause);
    let mut identity = None;
    for (command, reply) in commands.iter().zip(connection.ask(&commands).await) {
        let reply = match reply.map_err(hung_up)? {
            Reply::Error(refusal) => Reply::Error(refusal.without(endpoint.password.as_deref().unwrap_or_default())),
            reply => reply,
        };
        match command[..] {
            ["AUTH", ..] => logged_in(endpoint, &reply)?,
            ["SELECT", ..] => selected(endpoint, &reply)?,
            ["PING"] | ["GET", ..] => ready(endpoint, &reply)?,
            ["CLIENT", "INFO"] => identity = identity_from_info(&reply),
            ["CLIENT", "ID"] => identity = identity.or_else(|| identity_from_id(&reply)),
            _ => {}
        }
    }
    if let Some(words) = previous_connection.and_then(|old| kill_command(old, identity.as_ref())) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Best effort: an ACL may forbid it. But the reply must be there before anything is written.
        for reply in connection.ask(&[words]).await {
            reply.map_err(hung_up)?;
        }
    }
    Ok(identity)
}

fn logged_in(endpoint: &Endpoint, reply: &Reply) -> Result<(), StoreError> {
    let Reply::Error(refusal) = reply else { return understood(endpoint, reply) };
    let says = |part: &str| refusal.message.contains(part);
    // A password too many does no harm. ioredis only warns here, and we print nothing.
    if says("no password is set") || says("without any password configured") {
        return Ok(());
    }
    let denied = matches!(refusal.code.as_str(), "WRONGPASS" | "NOAUTH" | "NOPERM" | "DENIED");
    if denied || says("invalid password") || says("invalid username-password") {
        return Err(refused(endpoint, refusal, ErrorKind::Denied, "check the user name and password"));
    }
    if says("wrong number of arguments") {
        let advice = "it is older than Redis 6 and knows no user names; leave the option \"username\" out";
        return Err(refused(endpoint, refusal, ErrorKind::Denied, advice));
    }
    Err(not_yet(endpoint, refusal))
}

fn selected(endpoint: &Endpoint, reply: &Reply) -> Result<(), StoreError> {
    let Reply::Error(refusal) = reply else { return understood(endpoint, reply) };
    let says = |part: &str| refusal.message.contains(part);
    if says("DB index") || says("SELECT is not allowed") {
        let advice = format!("it has no database {}; check the option \"db\"", endpoint.db);
        return Err(refused(endpoint, refusal, ErrorKind::InvalidOptions, &advice));
    }
    match refusal.code.as_str() {
        "NOPERM" | "NOAUTH" | "DENIED" => Err(refusal.to_error(&endpoint.address)),
        _ => Err(not_yet(endpoint, refusal)),
    }
}

/// Judges the reply to `PING`, or to `GET` of a key that is not there.
fn ready(endpoint: &Endpoint, reply: &Reply) -> Result<(), StoreError> {
    let refusal = match reply {
        Reply::Error(refusal) => refusal,
        Reply::Nil | Reply::Text(_) => return Ok(()),
        reply => return understood(endpoint, reply),
    };
    match refusal.code.as_str() {
        "NOAUTH" | "DENIED" => Err(refusal.to_error(&endpoint.address)),
        "LOADING" | "MASTERDOWN" | "BUSY" => Err(not_yet(endpoint, refusal)),
        _ if refusal.message.contains("max number of clients") => Err(not_yet(endpoint, refusal)),
        // It may not say PONG (an ACL, a renamed command, MISCONF), but it is there.
        _ => Ok(()),
    }
}

fn understood(endpoint: &Endpoint, reply: &Reply) -> Result<(), StoreError> {
    match reply {
        Reply::Status(_) => Ok(()),
        _ => Err(errors::unexpected_reply(&endpoint.address)),
    }
}

fn broken_off(connection: &Connection, endpoint: &Endpoint, cause: Cause) -> Failure {
    let address = &endpoint.address;
    let known =
        tls::late_refusal(address, &cause).or_else(|| foreign::recognize(address, connection.first_bytes(), &cause));
    if let Some(error) = known {
        return Failure::Other(error);
    }
    let mut error = errors::lost(address, cause);
    error.reason += match endpoint.tls {
        None => " at the first words; is it a Redis server, and does it expect TLS (the option \"tls\")?",
        Some(_) => " right after the TLS handshake; does it want a client certificate (\"tls.cert\" and \"tls.key\")?",
    };
    Failure::HungUp(error)
}

fn not_yet(endpoint: &Endpoint, refusal: &ErrorReply) -> StoreError {
    let reason = format!("{} is not ready ({})", server(&endpoint.address), refusal.message.trim_end_matches('.'));
    StoreError::new(ErrorKind::Unavailable, reason).with_cause(Some(refusal.code.clone()), refusal.message.clone())
}

fn refused(endpoint: &Endpoint, refusal: &ErrorReply, kind: ErrorKind, advice: &str) -> StoreError {
    let server = server(&endpoint.address);
    let text = refusal.message.trim_end_matches('.');
    StoreError::new(kind, format!("{server} refused the connection ({text}); {advice}"))
        .with_cause(Some(refusal.code.clone()), refusal.message.clone())
}
