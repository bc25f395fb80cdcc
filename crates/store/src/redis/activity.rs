//! A socket that remembers when bytes last moved.
//!
//! "No reply in time" has to mean that nothing moves. A large state on a slow line takes longer than any sensible limit,
//! in either direction. That is no reason to give up.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::response_limits::ResponseLimits;

/// Remembers when bytes last moved. Shared between the socket's owner and whoever waits for replies.
pub struct ActivityTracker {
    start: Instant,
    /// Milliseconds after `start`.
    moved: AtomicU64,
    /// True from the last reply to a pipeline until the next bytes are read.
    has_replied: AtomicBool,
    /// The first bytes of the server, as far as they came at once.
    first: OnceLock<Vec<u8>>,
}

/// How many of the first bytes are kept, to tell what kind of server it is.
const FIRST_BYTES: usize = 16;

impl ActivityTracker {
    fn note(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    /// Notes that all replies to a pipeline have come: the server may send as much again.
    pub fn note_reply(&self) {
        self.has_replied.store(true, Ordering::Relaxed);
    }

    /// Returns the beginning of what the server has sent on this connection; nothing if it sent nothing.
    pub fn first_bytes(&self) -> &[u8] {
        self.first.get().map_or(&[], Vec::as_slice)
    }

    /// Returns when bytes last moved, in either direction.
    pub fn last_moved(&self) -> Instant {
        self.start + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }
}

/// A socket that reports to an [`ActivityTracker`], and fails if the server sends more than it may.
pub struct TrackedSocket<S> {
    socket: S,
    activity: Arc<ActivityTracker>,
    limits: ResponseLimits,
}

impl<S> TrackedSocket<S> {
    pub fn new(socket: S) -> (Self, Arc<ActivityTracker>) {
        let activity = Arc::new(ActivityTracker {
            start: Instant::now(),
            moved: AtomicU64::new(0),
            has_replied: AtomicBool::new(false),
            first: OnceLock::new(),
        });
        (TrackedSocket { socket, activity: activity.clone(), limits: ResponseLimits::new() }, activity)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let TrackedSocket { activity, limits, .. } = &mut *self;
        if buffer.filled().len() > before {
            activity.note();
            let new = &buffer.filled()[before..];
            activity.first.get_or_init(|| new[..new.len().min(FIRST_BYTES)].to_vec());
            if activity.has_replied.swap(false, Ordering::Relaxed) {
                limits.reset();
            }
            if !limits.accept(new) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the reply has no end")));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        if written > 0 {
            self.activity.note();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
