//! A socket that remembers when bytes last moved.
//!
//! "No answer in time" has to mean that nothing moves. A large state on a slow line takes longer than any sensible
//! time for an answer, in either direction, and is no reason to give up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::response_limits::ResponseLimits;

/// When bytes last moved, shared between the socket's owner and whoever waits for answers.
pub struct ActivityTracker {
    start: Instant,
    /// Milliseconds after `start`.
    moved: AtomicU64,
    /// Set when a pipeline was answered, until the next bytes are read.
    answered: AtomicBool,
}

impl ActivityTracker {
    fn note(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    /// A pipeline was answered: the server may say as much again.
    pub fn note_reply(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub fn last_moved(&self) -> Instant {
        self.start + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }
}

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
            answered: AtomicBool::new(false),
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
            if activity.answered.swap(false, Ordering::Relaxed) {
                limits.reset();
            }
            if !limits.accept(&buffer.filled()[before..]) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the answer has no end")));
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
