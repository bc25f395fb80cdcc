//! A connection beside a client of the user's, to the server that this client is connected to.
//!
//! It is made once and never again: what it cannot answer, for whatever reason, it gives back, and the caller repeats
//! it through the client, whose retries, failover and error texts then apply. A new link is made when the client is
//! ready again.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::Connection;
use super::flights::Flights;
use super::handshake::{self, Identity};
use super::queue::{Queue, Queued};
use super::reply::{self, Reply};
use super::{Limits, RedisConfig, errors};
use crate::store::error::{Cause, ErrorKind, StoreError};
use crate::store::runtime::runtime;
use crate::store::{Operation, Request, Store};

/// How long the first operations wait for the connection before they go through the client. A server nearby answers
/// within a few milliseconds.
const HOLD: Duration = Duration::from_millis(250);

/// An unused connection is given up, since nobody tells when the client is no longer used.
const IDLE: Duration = Duration::from_secs(60);

/// How long to look once more for bytes before a connection counts as silent.
const LAST_LOOK: Duration = Duration::from_millis(100);

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
    pub farewell: Option<Vec<String>>,
}

/// For how long a link waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection and the first words.
    pub connect: Duration,
    /// For any byte, while answers are due.
    pub answer: Duration,
}

enum Message {
    Operations(Vec<Operation>, u32),
    End(String, Duration),
}

struct State {
    phase: AtomicU8,
    report: OnceLock<Report>,
}

/// The way to the task that owns the connection. The task ends when this and all views of it are dropped.
pub struct Link {
    config: Arc<RedisConfig>,
    state: Arc<State>,
    inbox: UnboundedSender<Message>,
}

impl Link {
    /// Begins to connect. `prefix` and `ttl` of `config` are not used: ids are whole keys here, and each view has its
    /// own time to live.
    pub fn open(config: RedisConfig, patience: Patience) -> Self {
        let config = Arc::new(config);
        let state = Arc::new(State { phase: AtomicU8::new(Phase::Opening as u8), report: OnceLock::new() });
        let (sender, inbox) = unbounded_channel();
        let limits = Limits { connect: patience.connect, answer: patience.answer, ..Limits::default() };
        let task = Task {
            config: config.clone(),
            limits,
            state: state.clone(),
            inbox,
            orphaned: false,
            queue: Queue::new(),
            end: None,
            refused: Vec::new(),
            answered: false,
        };
        runtime().spawn(task.run());
        Link { config, state, inbox: sender }
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

    /// The same connection as a store whose states expire after `ttl` seconds; 0 for never.
    pub fn view(&self, ttl: u32) -> LinkView {
        LinkView { config: self.config.clone(), inbox: self.inbox.clone(), ttl }
    }
}

impl State {
    fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }
}

/// What one storage sees of a link.
pub struct LinkView {
    config: Arc<RedisConfig>,
    inbox: UnboundedSender<Message>,
    ttl: u32,
}

impl Store for LinkView {
    fn submit(&self, operations: Vec<Operation>) {
        if let Err(unsent) = self.inbox.send(Message::Operations(operations, self.ttl))
            && let Message::Operations(operations, _) = unsent.0
        {
            for operation in operations {
                give_back(operation);
            }
        }
    }

    fn place(&self, id: &str) -> String {
        errors::place(&self.config, id)
    }
}

fn give_back(operation: Operation) {
    let reason = "the operation was given back to the client that the connection follows";
    operation.ticket.settle(Err(StoreError::new(ErrorKind::Returned, reason)));
}

struct Task {
    config: Arc<RedisConfig>,
    limits: Limits,
    state: Arc<State>,
    inbox: UnboundedReceiver<Message>,
    /// Nobody can submit any more.
    orphaned: bool,
    queue: Queue,
    /// The end was asked for: why, and when patience is over.
    end: Option<(String, Instant)>,
    /// Operations that the server refused in a way that the client may know how to deal with.
    refused: Vec<Queued>,
    answered: bool,
}

/// Why the connection is of no use any more.
struct Broken {
    reason: String,
    is_failure: bool,
    /// Sent, and not answered.
    unanswered: Vec<Queued>,
}

impl Broken {
    fn failure(reason: impl Into<String>, unanswered: Vec<Queued>) -> Self {
        Broken { reason: reason.into(), is_failure: true, unanswered }
    }

    fn peacefully(reason: impl Into<String>) -> Self {
        Broken { reason: reason.into(), is_failure: false, unanswered: Vec::new() }
    }
}

impl Task {
    async fn run(mut self) {
        match self.open().await {
            Ok((mut connection, identity)) => {
                self.state.advance(Phase::Ready);
                let broken = self.serve(&mut connection).await;
                // Closed before anything is given back: what is repeated must come after it.
                connection.close().await;
                self.finish(broken, identity);
            }
            Err(broken) => self.finish(broken, None),
        }
    }

    /// The connection, or why there is none.
    async fn open(&mut self) -> Result<(Connection, Option<Identity>), Broken> {
        let config = self.config.clone();
        let attempt = handshake::connect(&config, self.limits.connect, None);
        tokio::pin!(attempt);
        let end_of_hold = Instant::now() + HOLD;
        let mut holds = true;
        loop {
            tokio::select! {
                biased;
                result = &mut attempt => {
                    return result.map_err(|error| Broken::failure(error.reason, Vec::new()));
                }
                message = self.inbox.recv(), if !self.orphaned => {
                    self.take(message);
                    if let Some((reason, _)) = &self.end {
                        return Err(Broken::peacefully(reason));
                    }
                }
                () = sleep_until(end_of_hold), if holds => {
                    holds = false;
                    self.state.advance(Phase::Late);
                }
            }
            if self.orphaned {
                return Err(Broken::peacefully("nobody uses it any more"));
            }
            if !holds {
                self.give_back_waiting();
            }
        }
    }

    fn take(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Operations(operations, ttl)) => {
                for operation in operations {
                    match operation.request {
                        // Views have nothing to close, and the connection is shared.
                        Request::Close => operation.ticket.settle(Ok(None)),
                        _ => self.queue.push(Queued::new(operation, ttl)),
                    }
                }
            }
            Some(Message::End(reason, patience)) => self.end = Some((reason, Instant::now() + patience)),
            None => self.orphaned = true,
        }
    }

    fn give_back_waiting(&mut self) {
        for queued in self.queue.take_all() {
            give_back(queued.operation);
        }
    }

    /// Sends and settles until the connection breaks, is refused, or is not wanted any more.
    async fn serve(&mut self, connection: &mut Connection) -> Broken {
        let mut flights = Flights::default();
        loop {
            while let Ok(message) = self.inbox.try_recv() {
                self.take(Some(message));
            }
            while self.refused.is_empty() && flights.have_room() {
                let Some(operations) = self.queue.take_pipeline() else { break };
                flights.launch(connection, "", operations).await;
            }
            if flights.is_empty() {
                if !self.refused.is_empty() {
                    return Broken::failure("the server refused an operation", Vec::new());
                }
                if let Some((reason, _)) = &self.end {
                    return Broken::peacefully(reason);
                }
                if self.orphaned {
                    return Broken::peacefully("nobody uses it any more");
                }
            }
            let mut deadline = flights.deadline(connection, &self.limits);
            if let Some((_, patience_over)) = self.end {
                deadline = Some(deadline.map_or(patience_over, |deadline| deadline.min(patience_over)));
            }
            let trouble = tokio::select! {
                biased;
                (operations, answers) = flights.land() => self.settle(operations, answers),
                message = self.inbox.recv(), if !self.orphaned => { self.take(message); None }
                () = connection.broken(), if deadline.is_none() => {
                    Some(Broken::failure("the server closed the connection", Vec::new()))
                }
                () = sleep(IDLE), if deadline.is_none() => return Broken::peacefully("it was not used for a while"),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    // Perhaps it was this process that slept, and the answers lie in the socket.
                    sleep(LAST_LOOK).await;
                    let stalled = flights.deadline(connection, &self.limits).is_some_and(|end| end <= Instant::now());
                    let over = self.end.as_ref().is_some_and(|(_, patience_over)| *patience_over <= Instant::now());
                    (stalled || over).then(|| Broken::failure("the server gave no answer in time", Vec::new()))
                }
            };
            if let Some(mut broken) = trouble {
                broken.unanswered.extend(flights.take_all());
                return broken;
            }
        }
    }

    /// Settles one pipeline. Answers why the connection is of no use any more, where that came out.
    fn settle(&mut self, operations: Vec<Queued>, answers: Result<Vec<Reply>, Cause>) -> Option<Broken> {
        let replies = match answers {
            Ok(replies) if replies.len() == operations.len() => replies,
            Ok(_) => return Some(Broken::failure("the server gave an answer that makes no sense", operations)),
            Err(cause) => {
                let reason = format!("the server closed the connection ({})", cause.message);
                return Some(Broken::failure(reason, operations));
            }
        };
        for (queued, reply) in operations.into_iter().zip(replies) {
            if is_for_the_client(&reply) {
                self.refused.push(queued);
                continue;
            }
            let outcome = reply::outcome(&self.config, &queued.operation.request, reply);
            if outcome.is_ok() {
                self.answered = true;
                self.supersede(&queued.operation.request);
            }
            queued.operation.ticket.settle(outcome);
        }
        None
    }

    /// A write took effect. An older refused one of the same conversation must not be repeated on top of it; it counts
    /// as done, and at once undone.
    fn supersede(&mut self, done: &Request) {
        let Some(id) = written(done) else { return };
        let (superseded, refused) =
            self.refused.drain(..).partition(|older| written(&older.operation.request) == Some(id));
        self.refused = refused;
        let superseded: Vec<Queued> = superseded;
        for older in superseded {
            older.operation.ticket.settle(Ok(None));
        }
    }

    /// Reports, then gives back everything, in order.
    fn finish(mut self, broken: Broken, identity: Option<Identity>) {
        let in_doubt = broken.unanswered.iter().any(|queued| queued.operation.request.is_write());
        let farewell = in_doubt.then(|| identity.and_then(|identity| identity.farewell())).flatten();
        let Broken { reason, is_failure, unanswered } = broken;
        let _ = self.state.report.set(Report { reason, is_failure, answered: self.answered, farewell });
        self.state.advance(Phase::Ended);
        for queued in self.refused.drain(..).chain(unanswered) {
            give_back(queued.operation);
        }
        self.inbox.close();
        while let Ok(message) = self.inbox.try_recv() {
            self.take(Some(message));
        }
        self.give_back_waiting();
    }
}

/// The conversation that a request changes.
fn written(request: &Request) -> Option<&str> {
    match request {
        Request::Save { id, .. } | Request::Delete { id } => Some(id),
        Request::Load { .. } | Request::Close => None,
    }
}

/// Whether the client may know what to do about an answer: find the new master, log in again, ask another node. What
/// says something of the key or of the server's memory means the same through any connection.
fn is_for_the_client(reply: &Reply) -> bool {
    match reply {
        Reply::Refusal(refusal) => {
            !matches!(refusal.code.as_str(), "WRONGTYPE" | "OOM" | "MISCONF" | "NOREPLICAS" | "BUSY")
        }
        Reply::Strange => true,
        Reply::Status(status) => status != "OK",
        _ => false,
    }
}
