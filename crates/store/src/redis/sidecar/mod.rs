//! A connection beside a client of the user's, to the server that this client is connected to.
//!
//! It is made once and never again: what it cannot answer, for whatever reason, it gives back, and the caller repeats
//! it through the client, whose retries, failover and error texts then apply. A new link is made when the client is
//! ready again.

mod task;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Limits, RedisConfig, errors};
use crate::error::{ErrorKind, StoreError};
use crate::runtime::runtime;
use crate::{Answer, Operation, Store, Ticket};
use task::Task;

/// Where a link stands. Only ever moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Being made; takes operations and lets them wait.
    Opening,
    /// Still being made; what waited was given back.
    Late,
    /// Takes operations.
    Ready,
    /// Gives everything back.
    Ended,
}

/// How a link ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rest of a sentence, without a password or a piece of a state.
    pub reason: String,
    /// Whether something went wrong, so that the next link should not be made at once.
    pub is_failure: bool,
    /// Whether it ever answered an operation.
    pub answered: bool,
    /// What to tell the server before anything that was given back is repeated: the words that end this connection.
    /// Without them a server that was stalled could execute its old writes after the repeated ones, and after newer
    /// ones. Nothing where no write is in doubt.
    pub kill_command: Option<Vec<String>>,
}

/// For how long a link waits.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the connection and the first words.
    pub connect: Duration,
    /// For any byte, while answers are due.
    pub answer: Duration,
}

enum Message {
    Operations(Vec<Operation>),
    End(String, Duration),
}

struct State {
    phase: AtomicU8,
    report: OnceLock<Report>,
}

/// The way to the task that owns the connection. The task ends when this and all views of it are dropped.
pub struct Sidecar {
    config: Arc<RedisConfig>,
    state: Arc<State>,
    inbox: UnboundedSender<Message>,
}

impl Sidecar {
    /// Begins to connect. `prefix` and `ttl` of `config` are not used: ids are whole keys here, and each view has its
    /// own time to live.
    pub fn open(config: RedisConfig, patience: Timeouts) -> Self {
        let config = Arc::new(config);
        let state = Arc::new(State { phase: AtomicU8::new(Phase::Opening as u8), report: OnceLock::new() });
        let (sender, inbox) = unbounded_channel();
        let limits = Limits { connect: patience.connect, answer: patience.answer, ..Limits::default() };
        runtime().spawn(Task::new(config.clone(), limits, state.clone(), inbox).run());
        Sidecar { config, state, inbox: sender }
    }

    pub fn phase(&self) -> Phase {
        match self.state.phase.load(Ordering::Acquire) {
            0 => Phase::Opening,
            1 => Phase::Late,
            2 => Phase::Ready,
            _ => Phase::Ended,
        }
    }

    /// How it ended; nothing as long as it has not.
    pub fn report(&self) -> Option<&Report> {
        self.state.report.get()
    }

    /// Takes no more operations, because of `reason`, and gives back what is not answered within `patience`.
    pub fn end(&self, reason: &str, patience: Duration) {
        self.state.advance(Phase::Ended);
        let _ = self.inbox.send(Message::End(reason.to_owned(), patience));
    }

    /// The same connection as a store.
    pub fn view(&self) -> SidecarView {
        SidecarView { config: self.config.clone(), inbox: self.inbox.clone() }
    }
}

impl State {
    fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// The first report stands.
    fn end(&self, report: Report) {
        let _ = self.report.set(report);
        self.advance(Phase::Ended);
    }
}

/// What one storage sees of a link.
pub struct SidecarView {
    config: Arc<RedisConfig>,
    inbox: UnboundedSender<Message>,
}

impl Store for SidecarView {
    fn submit(&self, operations: Vec<Operation>) {
        if let Err(unsent) = self.inbox.send(Message::Operations(operations))
            && let Message::Operations(operations) = unsent.0
        {
            for operation in operations {
                give_back(operation);
            }
        }
    }

    /// The connection is shared: a view has nothing to close but what it submitted.
    fn close(&self, ticket: Ticket) {
        ticket.settle(Ok(Answer::Done));
    }

    fn location(&self, id: &str) -> String {
        errors::location(&self.config, id)
    }
}

fn give_back(operation: Operation) {
    let reason = "the operation was given back to the client that the connection follows";
    operation.ticket.settle(Err(StoreError::new(ErrorKind::Returned, reason)));
}
