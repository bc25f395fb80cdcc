//! Which connection it is for the server, so that the next one can end it there.

use super::connection::Reply;

/// A connection as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    id: u64,
    /// Its `addr`; `None` before Redis 6.2. It may differ from what we see here, behind a NAT.
    address: Option<String>,
}

impl ConnectionId {
    /// Returns the words that end this connection at its server; `None` if they might meet another one. They are sent
    /// through another connection, which may have another server by now.
    pub fn kill_command(&self) -> Option<Vec<String>> {
        self.address.is_some().then(|| kill_command(self, None)).flatten()
    }
}

/// Returns the command that ends the connection `old`, whose server may not have noticed that we left it.
///
/// A server that was stalled or cut off may still hold writes that we sent through the old connection. Without this it
/// could execute them after newer writes that it has acknowledged on the new connection, and an old state would come
/// back.
///
/// Numbers start again when a server restarts: a lower one than before means that the old connection is gone and its
/// number may be somebody else's. The address makes sure of the rest.
pub fn kill_command(old: &ConnectionId, new: Option<&ConnectionId>) -> Option<Vec<String>> {
    if new.is_some_and(|new| new.id <= old.id) {
        return None;
    }
    let mut words = vec!["CLIENT".to_owned(), "KILL".to_owned(), "ID".to_owned(), old.id.to_string()];
    if let Some(address) = &old.address {
        words.extend(["ADDR".to_owned(), address.clone()]);
    }
    Some(words)
}

/// Reads the reply to `CLIENT INFO`.
pub fn identity_from_info(reply: &Reply) -> Option<ConnectionId> {
    let Reply::Text(info) = reply else { return None };
    let info = std::str::from_utf8(info).ok()?;
    let field = |name: &str| info.split_ascii_whitespace().find_map(|field| field.strip_prefix(name));
    Some(ConnectionId { id: field("id=")?.parse().ok()?, address: field("addr=").map(str::to_owned) })
}

/// Reads the reply to `CLIENT ID`.
pub fn identity_from_id(reply: &Reply) -> Option<ConnectionId> {
    let Reply::Number(id) = reply else { return None };
    Some(ConnectionId { id: u64::try_from(*id).ok()?, address: None })
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
