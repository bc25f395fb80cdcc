//! A connection beside the user's client, to the server that this client is connected to.
//!
//! It is opened once and never again. It hands back what it cannot do, for whatever reason, and the caller repeats that
//! through the client, whose retries, failover and error texts then apply. When the client is ready again, the caller
//! opens a new sidecar.

mod task;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::config::{Endpoint, KeySpace, Limits, Settings};
use super::inbox::{Inbox, Message, Stop};
use super::queued::Queued;
use crate::error::{ErrorKind, IN_DOUBT, StoreError};
use crate::runtime;
use crate::{Answer, Operation, Store, Ticket};
use task::Task;

/// The state of a sidecar. Never goes back to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Connects. Takes operations, which wait.
    Opening,
    /// Still connects. Hands back what waited and what comes.
    Late,
    /// Takes operations.
    Ready,
    /// Hands everything back.
    Ended,
}

/// How a sidecar ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rest of a sentence, without a password or a piece of a state.
    pub reason: String,
    /// True if something went wrong, so that the next sidecar should not be opened immediately.
    pub is_failure: bool,
    /// True if the server ever replied to operations.
    pub replied: bool,
    /// The command that ends this connection at the server; `None` if no write is in doubt. It must be sent before
    /// anything that was handed back is repeated. Without it a server that was stalled could execute old writes of this
    /// connection after the repeated ones, and after newer ones.
    pub kill_command: Option<Vec<String>>,
}

impl Report {
    fn unused(reason: String, is_failure: bool) -> Self {
        Report { reason, is_failure, replied: false, kill_command: None }
    }
}

/// The [`Timeouts::grace`] of users: a server nearby replies within a few milliseconds.
pub const CONNECT_GRACE: Duration = Duration::from_millis(250);

/// For how long a sidecar waits.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// How long the first operations wait for the connection before they go through the client.
    pub grace: Duration,
    /// For the connection, including the handshake.
    pub connect: Duration,
    /// For any byte, while replies are due.
    pub reply: Duration,
}

struct State {
    phase: AtomicU8,
    report: OnceLock<Report>,
}

/// The way to the task that owns the connection. The task ends when this and all its views are dropped.
pub struct Sidecar {
    settings: Arc<Settings>,
    state: Arc<State>,
    inbox: UnboundedSender<Message>,
}

impl Sidecar {
    /// Begins to connect. Ids are whole keys.
    pub fn open(endpoint: Endpoint, timeouts: Timeouts) -> Self {
        let limits = Limits { connect: timeouts.connect, reply: timeouts.reply, ..Limits::default() };
        let settings = Arc::new(Settings { endpoint, keys: KeySpace::default(), limits });
        let state = Arc::new(State { phase: AtomicU8::new(Phase::Opening as u8), report: OnceLock::new() });
        let (sender, inbox) = Inbox::new();
        match runtime::handle() {
            Ok(handle) => drop(handle.spawn(Task::new(settings.clone(), timeouts.grace, state.clone(), inbox).run())),
            Err(error) => state.end(Report::unused(error.reason, true)),
        }
        Sidecar { settings, state, inbox: sender }
    }

    pub fn phase(&self) -> Phase {
        match self.state.phase.load(Ordering::Acquire) {
            0 => Phase::Opening,
            1 => Phase::Late,
            2 => Phase::Ready,
            _ => Phase::Ended,
        }
    }

    /// Returns how it ended; `None` if replies may still come.
    pub fn report(&self) -> Option<&Report> {
        self.state.report.get()
    }

    /// Takes no more operations, because of `reason`. Hands back what has no reply within `timeout`.
    pub fn end(&self, reason: &str, timeout: Duration) {
        self.state.advance(Phase::Ended);
        let stop = Stop { reason: reason.to_owned(), deadline: Some(Instant::now() + timeout), ticket: None };
        let _ = self.inbox.send(Message::Stop(stop));
    }

    /// Returns the connection as a store.
    pub fn view(&self) -> SidecarView {
        SidecarView { settings: self.settings.clone(), inbox: self.inbox.clone() }
    }
}

impl State {
    fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// Keeps the first report.
    fn end(&self, report: Report) {
        let _ = self.report.set(report);
        self.advance(Phase::Ended);
    }
}

/// A sidecar as one storage sees it.
pub struct SidecarView {
    settings: Arc<Settings>,
    inbox: UnboundedSender<Message>,
}

impl Store for SidecarView {
    fn submit(&self, operations: Vec<Operation>) {
        if let Err(unsent) = self.inbox.send(Message::Operations(operations))
            && let Message::Operations(operations) = unsent.0
        {
            operations.into_iter().map(Queued::new).for_each(hand_back);
        }
    }

    /// Closes nothing: the connection is shared, and operations in flight get their outcomes.
    fn close(&self, ticket: Ticket) {
        ticket.settle(Ok(Answer::Done));
    }

    fn location(&self, id: &str) -> String {
        self.settings.location(id)
    }
}

fn hand_back(queued: Queued) {
    let reason = "the operation was handed back to the client beside which the connection was";
    let mut error = StoreError::new(ErrorKind::HandedBack, reason);
    if queued.is_write_in_doubt() {
        error = error.with_cause(Some(IN_DOUBT.to_owned()), "no reply came");
    }
    queued.operation.ticket.settle(Err(error));
}
