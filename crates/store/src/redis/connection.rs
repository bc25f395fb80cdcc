//! One connection: our own socket under the multiplexer of the `redis` crate. No other file uses the crate.
//!
//! The crate gets a bare socket and sends nothing by itself. Its own set-up hides the server's error texts. Its own
//! time-outs do not fit: 1 s to connect, 500 ms for a reply, after which it keeps the connection. Its reconnecting
//! manager reorders what waited.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub use redis::Cmd as Words;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, RedisError, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::activity::{ActivityTracker, TrackedSocket};
use super::address::Address;
use super::config::Limits;
use super::error_reply::ErrorReply;
use super::errors;
use super::lookup::lookup;
use super::tls::{self, Tls};
use crate::error::{Cause, StoreError};

/// Below this the crate collects commands before it writes. Its default of 8 KiB costs one write for every 8 KiB.
const BYTES_PER_WRITE: usize = 4 * 1024 * 1024;

/// Pipelines that may be in flight. [`super::in_flight`] stays below it, so that sending one never waits.
pub const PIPELINES_IN_FLIGHT: usize = 512;

/// Idle connections are probed, so that a peer that vanished (a NAT table, a power cut) is noticed between operations.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// A reply of a server to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `OK`, `PONG` and the like.
    Status(String),
    Nil,
    Text(Vec<u8>),
    Number(i64),
    List(Vec<Reply>),
    Error(ErrorReply),
    /// A kind of reply that none of our commands has.
    Unexpected,
}

/// A connection to a server. Dropping it closes it.
pub struct Connection {
    multiplexer: MultiplexedConnection,
    driver: JoinHandle<()>,
    activity: Arc<ActivityTracker>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub async fn open(address: &Address, tls: Option<&Tls>, limits: &Limits) -> Result<Self, StoreError> {
        let limit = limits.connect;
        match address {
            Address::Tcp { host, port } => {
                let targets = lookup(address, host, *port).await?;
                let share = limit / u32::try_from(targets.len().max(1)).unwrap_or(1);
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for target in targets {
                    match timeout(share, TcpStream::connect(target)).await {
                        Ok(Ok(socket)) => return Self::on(tune(socket, limits.reply), address, tls, limit).await,
                        Ok(Err(error)) => last = error,
                        Err(_) => last = io::ErrorKind::TimedOut.into(),
                    }
                }
                Err(errors::unreachable(address, &last))
            }
            #[cfg(unix)]
            Address::Unix(path) => match tokio::net::UnixStream::connect(path).await {
                Ok(socket) => Self::on(socket, address, tls, limit).await,
                Err(error) => Err(errors::unreachable(address, &error)),
            },
            #[cfg(not(unix))]
            Address::Unix(_) => Err(errors::unreachable(address, &io::ErrorKind::Unsupported.into())),
        }
    }

    async fn on<S>(socket: S, address: &Address, tls: Option<&Tls>, limit: Duration) -> Result<Self, StoreError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match tls {
            None => Self::over(socket, address).await,
            // Half of the time, so that the error names a silent server before operations give up.
            Some(tls) => {
                // Boxed, so that the crate is compiled for one kind of encrypted socket only.
                let socket: Box<dyn Socket> = Box::new(socket);
                Self::over(tls.wrap(socket, address, limit / 2).await?, address).await
            }
        }
    }

    pub(super) async fn over<S>(socket: S, address: &Address) -> Result<Self, StoreError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_pipeline_buffer_size(2 * PIPELINES_IN_FLIGHT)
            .set_write_backpressure_boundary(BYTES_PER_WRITE);
        let silent = RedisConnectionInfo::default().set_skip_set_lib_name();
        let (socket, activity) = TrackedSocket::new(socket);
        let (multiplexer, driver) = MultiplexedConnection::new_with_config(&silent, socket, config)
            .await
            .map_err(|error| errors::lost(address, cause(&error)))?;
        Ok(Connection { multiplexer, driver: tokio::spawn(driver), activity })
    }

    /// Sends all of `commands` in one piece. The order of these calls is the order on the wire.
    pub async fn send(&self, commands: impl ExactSizeIterator<Item = Words>) -> Replies {
        let count = commands.len();
        let mut pipeline = Pipeline::with_capacity(count);
        for command in commands {
            pipeline.add_command(command);
        }
        let mut multiplexer = self.multiplexer.clone();
        Pending::new(async move {
            let values = multiplexer.send_packed_commands(&pipeline, 0, count).await.map_err(|error| cause(&error))?;
            Ok(values.into_iter().map(to_reply).collect())
        })
        .await
    }

    /// Sends commands of the handshake in one piece, and waits for the reply to each.
    pub async fn ask(&self, commands: &[Vec<&str>]) -> Vec<Result<Reply, Cause>> {
        let mut pending = Vec::with_capacity(commands.len());
        for words in commands {
            let mut command = Words::new();
            command.arg(words);
            let mut multiplexer = self.multiplexer.clone();
            let reply = async move { multiplexer.send_packed_command(&command).await };
            pending.push(Pending::new(async move { reply.await.map(to_reply).map_err(|error| cause(&error)) }).await);
        }
        let mut replies = Vec::with_capacity(pending.len());
        for reply in &mut pending {
            replies.push(reply.wait().await);
        }
        replies
    }

    /// Returns once the socket is closed.
    pub async fn close(mut self) {
        self.driver.abort();
        // `broken` may have waited for a driver that has ended. Waiting for it a second time would panic.
        if !self.driver.is_finished() {
            let _ = (&mut self.driver).await;
        }
    }

    /// Returns once the connection is broken. Needed while nothing is in flight, since then no reply fails.
    pub async fn broken(&mut self) {
        let _ = (&mut self.driver).await;
    }

    /// Resets the limits on the server's replies. Call it for each pipeline whose replies came.
    pub fn note_reply(&self) {
        self.activity.note_reply();
    }

    /// Returns the beginning of what the server has sent; nothing if it sent nothing.
    pub fn first_bytes(&self) -> &[u8] {
        self.activity.first_bytes()
    }

    /// Returns when bytes last moved, in either direction.
    pub fn last_moved(&self) -> Instant {
        self.activity.last_moved()
    }
}

/// The replies to one pipeline, or why there are none.
pub type Replies = Pending<Result<Vec<Reply>, Cause>>;

/// A future that was polled once, and so has its place on the wire. Its result can be awaited more than once.
pub enum Pending<T> {
    Running(Pin<Box<dyn Future<Output = T> + Send>>),
    Done(T),
}

impl<T: Clone> Pending<T> {
    async fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let mut future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
        match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            Poll::Ready(result) => Pending::Done(result),
            Poll::Pending => Pending::Running(future),
        }
    }

    pub async fn wait(&mut self) -> T {
        match self {
            Pending::Done(result) => result.clone(),
            Pending::Running(future) => future.await,
        }
    }
}

fn tune(socket: TcpStream, reply: Duration) -> TcpStream {
    // All are improvements. A system that refuses one of them still has a working socket.
    let _ = socket.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    let _ = socket2::SockRef::from(&socket).set_tcp_keepalive(&keepalive);
    // A network that swallows packets breaks the connection a little before it would count as silent. What was sent is
    // then sent again, instead of ending as a time-out.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(reply * 4 / 5));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = reply;
    socket
}

fn to_reply(value: Value) -> Reply {
    match value {
        Value::Okay => Reply::Status("OK".into()),
        Value::SimpleString(status) => Reply::Status(status),
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Number(number),
        Value::BulkString(bytes) => Reply::Text(bytes),
        Value::Array(values) => Reply::List(values.into_iter().map(to_reply).collect()),
        // Of version 3 of the protocol, which we do not ask for. Look-alikes send them all the same.
        Value::VerbatimString { text, .. } => Reply::Text(text.into_bytes()),
        Value::Boolean(flag) => Reply::Number(flag.into()),
        Value::ServerError(error) => Reply::Error(ErrorReply::new(error.code(), error.details())),
        _ => Reply::Unexpected,
    }
}

/// Returns what ended a connection, as the user's `cause`.
fn cause(error: &RedisError) -> Cause {
    use std::error::Error;
    // The crate's `source` is the `Arc` that it keeps the error in.
    let kept = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    match kept.and_then(|kept| kept.downcast_ref::<io::Error>()) {
        Some(io) => tls::late_cause(io)
            .or_else(|| StoreError::io(io, "").cause)
            .unwrap_or_else(|| Cause { code: None, message: io.to_string() }),
        None => Cause { code: error.code().map(str::to_owned), message: "the reply could not be read".into() },
    }
}
