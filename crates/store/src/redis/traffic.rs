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

use super::budget::Budget;

/// When bytes last moved, shared between the socket's owner and whoever waits for answers.
pub struct Traffic {
    start: Instant,
    /// Milliseconds after `start`.
    moved: AtomicU64,
    /// Set when a pipeline was answered, until the next bytes are read.
    answered: AtomicBool,
}

impl Traffic {
    fn note(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    /// A pipeline was answered: the server may say as much again.
    pub fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub fn last_moved(&self) -> Instant {
        self.start + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }
}

pub struct Metered<S> {
    socket: S,
    traffic: Arc<Traffic>,
    budget: Budget,
}

impl<S> Metered<S> {
    pub fn new(socket: S) -> (Self, Arc<Traffic>) {
        let traffic =
            Arc::new(Traffic { start: Instant::now(), moved: AtomicU64::new(0), answered: AtomicBool::new(false) });
        (Metered { socket, traffic: traffic.clone(), budget: Budget::new() }, traffic)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let Metered { traffic, budget, .. } = &mut *self;
        if buffer.filled().len() > before {
            traffic.note();
            if traffic.answered.swap(false, Ordering::Relaxed) {
                budget.renew();
            }
            if !budget.allows(&buffer.filled()[before..]) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the answer has no end")));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        if written > 0 {
            self.traffic.note();
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
