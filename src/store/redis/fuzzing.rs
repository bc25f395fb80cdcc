//! The way of the fuzz targets (`fuzz/`) to the edge of the connection. Not part of the addon.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::connection::Connection;
use super::reply::outcome;
use super::{Address, RedisConfig};
use crate::store::Request;

/// The outcome of one operation, as far as a fuzz target judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    Done,
    Text(String),
    Refused,
}

/// What becomes of a save, two loads and a delete that a server answers with `bytes`, which arrive `piece` at a time;
/// nothing where the connection is given up. The server hangs up behind them.
pub fn answers(bytes: &[u8], piece: usize) -> Option<Vec<Answered>> {
    let address = Address::Tcp { host: "h".into(), port: 1 };
    let config = RedisConfig { address, username: None, password: None, db: 0, prefix: String::new(), ttl: 1 };
    let id = || "x".to_owned();
    let requests = [
        Request::Save { id: id(), text: "{}".to_owned() },
        Request::Load { id: id() },
        Request::Load { id: id() },
        Request::Delete { id: id() },
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let replies = runtime.block_on(async {
        let (ours, mut theirs) = duplex(64);
        let bytes = bytes.to_vec();
        let server = tokio::spawn(async move {
            // Nothing is answered before it was asked: the parser would throw it away.
            let mut asked = Vec::new();
            while asked.iter().filter(|byte| **byte == b'*').count() < 4 {
                if theirs.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            for piece in bytes.chunks(piece) {
                if theirs.write_all(piece).await.is_err() {
                    return;
                }
            }
        });
        let connection = Connection::over(ours, &config.address).await.expect("nothing is said to begin with");
        let mut answers = connection.send(&config, requests.iter()).await;
        let replies = tokio::time::timeout(Duration::from_secs(10), answers.wait()).await;
        server.abort();
        replies.expect("a server that hangs up is noticed")
    });
    let replies = replies.ok().filter(|replies| replies.len() == requests.len())?;
    let outcomes = requests.iter().zip(replies).map(|(request, reply)| match outcome(&config, request, reply) {
        Ok(None) => Answered::Done,
        Ok(Some(text)) => Answered::Text(text),
        Err(_) => Answered::Refused,
    });
    Some(outcomes.collect())
}
