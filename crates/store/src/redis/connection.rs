//! One connection: a socket of ours under the multiplexer of the `redis` crate. The crate is used in this file only.
//!
//! The crate gets a bare socket and says nothing by itself: its own set-up hides the server's texts, its own time-outs
//! (1 s to connect, 500 ms to answer, after which it keeps the connection) do not fit, and its reconnecting manager
//! reorders what waited.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisError, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::activity::{ActivityTracker, TrackedSocket};
use super::error_reply::ErrorReply;
use super::queue::Queued;
use super::reply::Reply;
use super::tls::{self, Tls};
use super::{Address, errors};
use crate::Request;
use crate::error::{Cause, StoreError};

/// Below this the crate collects commands before it writes; its default of 8 KiB costs a write for each.
const BYTES_PER_WRITE: usize = 4 * 1024 * 1024;

/// Pipelines that may be under way. The actor keeps below it, so that handing one over never waits.
pub const PIPELINES_UNDER_WAY: usize = 512;

/// Quiet lines are probed, so that a peer that vanished (a NAT table, a power cut) is noticed between operations.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// Closed when dropped.
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
    pub async fn open(address: &Address, tls: Option<&Tls>, patience: Duration) -> Result<Self, StoreError> {
        match address {
            Address::Tcp { host, port } => {
                let found = tokio::net::lookup_host((host.as_str(), *port)).await;
                let targets: Vec<_> = found.map_err(|error| errors::unknown_host(address, &error))?.collect();
                let share = patience / u32::try_from(targets.len().max(1)).unwrap_or(1);
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for target in targets {
                    match timeout(share, TcpStream::connect(target)).await {
                        Ok(Ok(socket)) => return Self::on(tune(socket), address, tls, patience).await,
                        Ok(Err(error)) => last = error,
                        Err(_) => last = io::ErrorKind::TimedOut.into(),
                    }
                }
                Err(errors::unreachable(address, &last))
            }
            #[cfg(unix)]
            Address::Unix(path) => match tokio::net::UnixStream::connect(path).await {
                Ok(socket) => Self::on(socket, address, tls, patience).await,
                Err(error) => Err(errors::unreachable(address, &error)),
            },
            #[cfg(not(unix))]
            Address::Unix(_) => Err(errors::unreachable(address, &io::ErrorKind::Unsupported.into())),
        }
    }

    async fn on<S>(socket: S, address: &Address, tls: Option<&Tls>, patience: Duration) -> Result<Self, StoreError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match tls {
            None => Self::over(socket, address).await,
            // Half of the time, so that a silent server is named before operations give up.
            Some(tls) => {
                // Boxed, so that the crate is compiled for one kind of encrypted socket only.
                let socket: Box<dyn Socket> = Box::new(socket);
                Self::over(tls.wrap(socket, address, patience / 2).await?, address).await
            }
        }
    }

    pub(super) async fn over<S>(socket: S, address: &Address) -> Result<Self, StoreError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_pipeline_buffer_size(2 * PIPELINES_UNDER_WAY)
            .set_write_backpressure_boundary(BYTES_PER_WRITE);
        let silent = RedisConnectionInfo::default().set_skip_set_lib_name();
        let (socket, activity) = TrackedSocket::new(socket);
        let (multiplexer, driver) = MultiplexedConnection::new_with_config(&silent, socket, config)
            .await
            .map_err(|error| errors::lost(address, cause(&error)))?;
        Ok(Connection { multiplexer, driver: tokio::spawn(driver), activity })
    }

    /// Hands all of `operations` over in one piece. Their order on the wire is the order of these calls.
    pub async fn send(&self, prefix: &str, operations: &[Queued]) -> Answers {
        let count = operations.len();
        let mut pipeline = Pipeline::with_capacity(count);
        for queued in operations {
            pipeline.add_command(command(prefix, queued));
        }
        let mut multiplexer = self.multiplexer.clone();
        Pending::new(async move {
            let values = multiplexer.send_packed_commands(&pipeline, 0, count).await.map_err(|error| cause(&error))?;
            Ok(values.into_iter().map(to_reply).collect())
        })
        .await
    }

    /// Sends words of our own, all in one piece, and waits for the answer to each.
    pub async fn ask(&self, commands: &[Vec<&str>]) -> Vec<Result<Reply, Cause>> {
        let mut waiting = Vec::with_capacity(commands.len());
        for words in commands {
            let mut command = Cmd::new();
            command.arg(words);
            let mut multiplexer = self.multiplexer.clone();
            let answer = async move { multiplexer.send_packed_command(&command).await };
            waiting.push(Pending::new(async move { answer.await.map(to_reply).map_err(|error| cause(&error)) }).await);
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in &mut waiting {
            answers.push(answer.wait().await);
        }
        answers
    }

    /// Returns once the socket is closed.
    pub async fn close(mut self) {
        self.driver.abort();
        // One that has ended may have been waited for already (`broken`), and to do so twice panics.
        if !self.driver.is_finished() {
            let _ = (&mut self.driver).await;
        }
    }

    /// Ends when the connection is broken. For times when no answer is due, which would tell.
    pub async fn broken(&mut self) {
        let _ = (&mut self.driver).await;
    }

    /// To be called for each pipeline that was answered.
    pub fn note_answer(&self) {
        self.activity.note_answer();
    }

    /// When bytes last moved, in either direction.
    pub fn last_moved(&self) -> Instant {
        self.activity.last_moved()
    }
}

/// The answers to one pipeline, or why there are none.
pub type Answers = Pending<Result<Vec<Reply>, Cause>>;

/// A future that has been started, and so has its place in the line, and whose result can be awaited again and again.
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

fn tune(socket: TcpStream) -> TcpStream {
    // Both are improvements; a system that refuses one still has a working socket.
    let _ = socket.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    let _ = socket2::SockRef::from(&socket).set_tcp_keepalive(&keepalive);
    socket
}

fn command(prefix: &str, queued: &Queued) -> Cmd {
    let key = |id: &str| [prefix, id].concat();
    match &queued.operation.request {
        Request::Save { id, text, ttl } => {
            let mut command = Cmd::with_capacity(5, prefix.len() + id.len() + text.len() + 32);
            command.arg("SET").arg(key(id)).arg(text);
            if *ttl > 0 {
                command.arg("EX").arg(ttl);
            }
            command
        }
        Request::Load { id } => redis::cmd("GET").arg(key(id)).take(),
        Request::Delete { id } => redis::cmd("DEL").arg(key(id)).take(),
        #[cfg(test)]
        Request::Append { id, text } => redis::cmd("APPEND").arg(key(id)).arg(text).take(),
    }
}

fn to_reply(value: Value) -> Reply {
    match value {
        Value::Okay => Reply::Status("OK".into()),
        Value::SimpleString(status) => Reply::Status(status),
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Number(number),
        Value::BulkString(bytes) => Reply::Text(bytes),
        Value::ServerError(error) => Reply::Error(ErrorReply::new(error.code(), error.details())),
        _ => Reply::Unexpected,
    }
}

/// What ended a connection, as the user's `cause`.
fn cause(error: &RedisError) -> Cause {
    use std::error::Error;
    // The crate answers the `Arc` that it keeps the error in.
    let kept = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    match kept.and_then(|kept| kept.downcast_ref::<io::Error>()) {
        Some(io) => tls::late_cause(io)
            .or_else(|| StoreError::io(io, "").cause)
            .unwrap_or_else(|| Cause { code: None, message: io.to_string() }),
        None => Cause { code: error.code().map(str::to_owned), message: "the answer could not be read".into() },
    }
}
