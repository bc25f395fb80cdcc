//! What is said on a new connection before the first operation.

use std::time::Duration;

use tokio::time::timeout;

use super::address::server;
use super::config::Endpoint;
use super::connection::{Connection, Reply};
use super::error_reply::ErrorReply;
use super::{errors, tls};
use crate::error::{Cause, ErrorKind, StoreError};

/// A connection as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    id: u64,
    /// Its `addr`, where the server tells (Redis 6.2 and later). It may differ from what we see here, behind a NAT.
    address: Option<String>,
}

impl ConnectionId {
    /// The words that end this connection at its server, if they can be sure to meet no other one: from another
    /// connection, which may have another server by now.
    pub fn kill_command(&self) -> Option<Vec<String>> {
        self.address.is_some().then(|| kill_command(self, None)).flatten()
    }
}

/// A connection that is ready for operations, made within `limit`.
///
/// An error of another kind than `Unavailable` is not worth a second attempt.
pub async fn connect(
    endpoint: &Endpoint,
    limit: Duration,
    previous_connection: Option<&ConnectionId>,
) -> Result<(Connection, Option<ConnectionId>), StoreError> {
    let connecting = async {
        let connection = Connection::open(&endpoint.address, endpoint.tls.as_deref(), limit).await?;
        let identity = prepare(&connection, endpoint, previous_connection).await?;
        Ok((connection, identity))
    };
    timeout(limit, connecting).await.unwrap_or_else(|_| Err(errors::slow_to_connect(&endpoint.address, limit)))
}

/// Logs in, selects the database, makes sure that the server is ready, and ends `previous_connection`, the connection that
/// this one replaces.
async fn prepare(
    connection: &Connection,
    endpoint: &Endpoint,
    previous_connection: Option<&ConnectionId>,
) -> Result<Option<ConnectionId>, StoreError> {
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
    commands.push(vec!["PING"]);
    commands.push(vec!["CLIENT", "INFO"]);
    commands.push(vec!["CLIENT", "ID"]);
    // For whoever looks at CLIENT LIST. Partly unknown before Redis 7.2; the answers do not matter.
    if let Some(name) = &endpoint.name {
        commands.push(vec!["CLIENT", "SETNAME", name]);
    }
    commands.push(vec!["CLIENT", "SETINFO", "LIB-NAME", env!("CARGO_PKG_NAME")]);
    commands.push(vec!["CLIENT", "SETINFO", "LIB-VER", env!("CARGO_PKG_VERSION")]);

    let mut identity = None;
    for (command, answer) in commands.iter().zip(connection.ask(&commands).await) {
        let reply = match answer.map_err(|cause| broken_off(endpoint, cause))? {
            Reply::Error(refusal) => Reply::Error(refusal.without(endpoint.password.as_deref().unwrap_or_default())),
            reply => reply,
        };
        match command[..] {
            ["AUTH", ..] => logged_in(endpoint, &reply)?,
            ["SELECT", ..] => selected(endpoint, &reply)?,
            ["PING"] => ready(endpoint, &reply)?,
            ["CLIENT", "INFO"] => identity = identity_from_info(&reply),
            ["CLIENT", "ID"] => identity = identity.or_else(|| identity_from_id(&reply)),
            _ => {}
        }
    }
    if let Some(words) = previous_connection.and_then(|old| kill_command(old, identity.as_ref())) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Best effort: an ACL may forbid it. But the answer must be there before anything is written.
        for answer in connection.ask(&[words]).await {
            answer.map_err(|cause| broken_off(endpoint, cause))?;
        }
    }
    Ok(identity)
}

/// The command that ends the connection `old`, whose server may not have noticed that we left it.
///
/// A server that was stalled or cut off may still hold writes that we sent through the old connection. Without this it
/// could execute them after newer writes that it has acknowledged on the new connection, and an old state would come
/// back.
///
/// Numbers start again when a server restarts: a lower one than before means that the old connection is gone and its
/// number may be somebody else's. The address makes sure of the rest.
fn kill_command(old: &ConnectionId, new: Option<&ConnectionId>) -> Option<Vec<String>> {
    if new.is_some_and(|new| new.id <= old.id) {
        return None;
    }
    let mut words = vec!["CLIENT".to_owned(), "KILL".to_owned(), "ID".to_owned(), old.id.to_string()];
    if let Some(address) = &old.address {
        words.extend(["ADDR".to_owned(), address.clone()]);
    }
    Some(words)
}

fn identity_from_info(reply: &Reply) -> Option<ConnectionId> {
    let Reply::Text(info) = reply else { return None };
    let info = std::str::from_utf8(info).ok()?;
    let field = |name: &str| info.split_ascii_whitespace().find_map(|field| field.strip_prefix(name));
    Some(ConnectionId { id: field("id=")?.parse().ok()?, address: field("addr=").map(str::to_owned) })
}

fn identity_from_id(reply: &Reply) -> Option<ConnectionId> {
    let Reply::Number(id) = reply else { return None };
    Some(ConnectionId { id: u64::try_from(*id).ok()?, address: None })
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

fn ready(endpoint: &Endpoint, reply: &Reply) -> Result<(), StoreError> {
    let Reply::Error(refusal) = reply else { return understood(endpoint, reply) };
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

fn broken_off(endpoint: &Endpoint, cause: Cause) -> StoreError {
    if let Some(refusal) = tls::late_refusal(&endpoint.address, &cause) {
        return refusal;
    }
    let mut error = errors::lost(&endpoint.address, cause);
    error.reason += match endpoint.tls {
        None => " at the first words; does it expect TLS (the option \"tls\")?",
        Some(_) => " right after the TLS handshake; does it want a client certificate (\"tls.cert\" and \"tls.key\")?",
    };
    error
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_the_old_connection_by_number_and_address() {
        let info = Reply::Text(b"id=7 addr=172.17.0.1:58220 laddr=172.17.0.2:6379 fd=8 name=\n".to_vec());
        let old = identity_from_info(&info).unwrap();
        assert_eq!(old, ConnectionId { id: 7, address: Some("172.17.0.1:58220".into()) });
        let new = ConnectionId { id: 9, address: None };
        let words = kill_command(&old, Some(&new)).unwrap();
        assert_eq!(words, ["CLIENT", "KILL", "ID", "7", "ADDR", "172.17.0.1:58220"]);
        assert_eq!(kill_command(&identity_from_id(&Reply::Number(7)).unwrap(), None).unwrap().len(), 4);
    }

    #[test]
    fn spares_a_stranger_that_got_the_number_after_a_restart() {
        let old = ConnectionId { id: 7, address: None };
        assert_eq!(kill_command(&old, Some(&ConnectionId { id: 3, address: None })), None);
    }
}
