//! Lets the fuzz targets (`fuzz/`) reach the edge of the connection. Not part of the addon.

use std::iter;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::address::Address;
use super::commands::{Progress, decode, encode};
use super::config::{Endpoint, KeySpace, Limits, Settings};
use super::connection::Connection;
use crate::Answer;
use crate::testing::{delete, load, save};

/// The outcome of one operation, as far as a fuzz target judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    Done,
    Text(String),
    Refused,
}

/// Returns the outcomes of a save, two loads and a delete, to which a server sends `bytes`, `piece` bytes at a time; `None` if
/// the connection is given up. The server hangs up behind them.
pub fn answers(bytes: &[u8], piece: usize) -> Option<Vec<Answered>> {
    let endpoint = Endpoint::plain(Address::Tcp { host: "h".into(), port: 1 });
    let settings = Settings { endpoint, keys: KeySpace::default(), limits: Limits::default() };
    let requests = [save("x", "{}"), load("x"), load("x"), delete("x")];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let replies = runtime.block_on(async {
        let (ours, mut theirs) = duplex(64);
        let bytes = bytes.to_vec();
        let server = tokio::spawn(async move {
            // No reply may come before its command: the parser would throw it away.
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
        let connection =
            Connection::over(ours, &settings.endpoint.address).await.expect("nothing is said to begin with");
        let mut commands = Vec::new();
        for request in &requests {
            encode(&settings.keys, request, &mut Progress::default(), &mut commands).expect("it has one stage");
        }
        let mut answers = connection.send(commands.into_iter()).await;
        let replies = tokio::time::timeout(Duration::from_secs(10), answers.wait()).await;
        server.abort();
        replies.expect("a server that hangs up is noticed")
    });
    let replies = replies.ok().filter(|replies| replies.len() == requests.len())?;
    let outcomes = requests.iter().zip(replies).map(|(request, reply)| {
        let decoded = decode(&settings.keys, request, &mut Progress::default(), iter::once(reply));
        match decoded.outcome(&settings, request) {
            Ok(Answer::Text(Some(text))) => Answered::Text(text),
            Ok(_) => Answered::Done,
            Err(_) => Answered::Refused,
        }
    });
    Some(outcomes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_reaches_the_judge() {
        let done = [Answered::Done, Answered::Done, Answered::Text("{}".to_owned()), Answered::Refused];
        assert_eq!(answers(b"+OK\r\n$-1\r\n$2\r\n{}\r\n-ERR no\r\n", 3), Some(done.to_vec()));
        assert_eq!(answers(b"+OK\r\n*rubbish", 3), None);
    }
}
