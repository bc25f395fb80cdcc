//! The commands for a writer thread, as the thread sees them.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use super::super::Ticket;
use super::job::Job;

/// The limits of one transaction, and of the wait for it.
#[derive(Clone, Copy)]
pub struct Limits {
    pub operations: usize,
    /// Of ids and texts.
    pub bytes: usize,
    /// How long a batch waits for locks that others hold.
    pub lock_timeout: Duration,
    /// After how long without work the connection is closed and the thread ends; `None` for never. An open connection, even
    /// an idle one, keeps others from switching the journal mode and from locking the whole file.
    pub idle: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { operations: 1024, bytes: 8 * 1024 * 1024, lock_timeout: Duration::from_secs(5), idle: None }
    }
}

/// Something for the thread to do, behind everything that was sent before.
pub enum Command {
    Job(Job),
    /// A store leaves. Its `close()` waits for the ticket; a store that was dropped has none.
    Leave(Option<Ticket>),
    /// Acknowledge that everything before is done.
    Drain(Ack),
    /// Close the connection and end the thread. If more was sent meanwhile, go on with that.
    Stop(Ack),
}

/// An acknowledgement, given by dropping it. So a thread that dies gives it, too.
pub type Ack = Sender<()>;

/// The next work of the thread.
pub enum Next {
    /// Jobs for one transaction.
    Batch(Vec<Job>),
    Leave(Option<Ticket>),
    Drain(Ack),
    Stop(Ack),
    /// There was no work for the given time.
    Idle,
}

/// The commands that the thread has taken from the channel, but not done.
pub struct Backlog {
    commands: VecDeque<Command>,
    channel: Receiver<Vec<Command>>,
}

impl Backlog {
    pub fn new(channel: Receiver<Vec<Command>>) -> Self {
        Backlog { commands: VecDeque::new(), channel }
    }

    /// Takes everything that was sent, without waiting. Returns whether there is nothing to do.
    pub fn is_empty(&mut self) -> bool {
        self.commands.extend(self.channel.try_iter().flatten());
        self.commands.is_empty()
    }

    /// Returns what to do next. Waits for it at most for `idle`, if that is given.
    pub fn next(&mut self, limits: &Limits, idle: Option<Duration>) -> Next {
        if self.is_empty() {
            let received = match idle {
                Some(idle) => self.channel.recv_timeout(idle).ok(),
                None => self.channel.recv().ok(),
            };
            self.commands.extend(received.into_iter().flatten());
            // What was sent since belongs into the same transaction.
            self.is_empty();
        }
        match self.commands.pop_front() {
            None => Next::Idle,
            Some(Command::Leave(ticket)) => Next::Leave(ticket),
            Some(Command::Drain(ack)) => Next::Drain(ack),
            Some(Command::Stop(ack)) => Next::Stop(ack),
            Some(Command::Job(job)) => Next::Batch(self.fill(job, limits)),
        }
    }

    /// Adds the jobs that follow `first`, up to the limits.
    fn fill(&mut self, first: Job, limits: &Limits) -> Vec<Job> {
        let mut bytes = first.operation.request.size();
        let mut batch = vec![first];
        while batch.len() < limits.operations
            && let Some(Command::Job(next)) = self.commands.front()
        {
            bytes += next.operation.request.size();
            if bytes > limits.bytes {
                break;
            }
            if let Some(Command::Job(job)) = self.commands.pop_front() {
                batch.push(job);
            }
        }
        batch
    }
}
