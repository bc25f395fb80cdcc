//! What the JavaScript side has submitted to the task that owns a connection.

use std::future::pending;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::queue::Queue;
use super::queued::Queued;
use crate::error::StoreError;
use crate::{Operation, Ticket};

pub enum Message {
    Operations(Vec<Operation>),
    /// Ends the task once everything before is settled.
    Stop(Stop),
}

impl Message {
    /// Rejects the operations in it: there is no task to take them.
    pub fn reject(self, error: &StoreError) {
        if let Message::Operations(operations) = self {
            operations.into_iter().for_each(|operation| operation.ticket.settle(Err(error.clone())));
        }
    }
}

/// A wish to end.
pub struct Stop {
    pub reason: String,
    /// When to end even with operations in flight; `None` to wait for them, however long that takes.
    pub deadline: Option<Instant>,
    /// Settled at the end.
    pub ticket: Option<Ticket>,
}

/// Holds no way back to its senders: the task ends when they are dropped and its work is done.
pub struct Inbox {
    receiver: UnboundedReceiver<Message>,
    is_store_dropped: bool,
    pub queue: Queue,
    pub stop: Option<Stop>,
}

impl Inbox {
    pub fn new() -> (UnboundedSender<Message>, Inbox) {
        let (sender, receiver) = unbounded_channel();
        (sender, Inbox { receiver, is_store_dropped: false, queue: Queue::new(), stop: None })
    }

    /// Waits for one message and returns its operations. Pending if there can be no message any more. May be dropped and
    /// called again.
    pub async fn receive(&mut self) -> Vec<Operation> {
        if self.is_store_dropped {
            return pending().await;
        }
        match self.receiver.recv().await {
            Some(message) => self.open(message),
            None => {
                self.is_store_dropped = true;
                let reason = "no storage uses it any more".to_owned();
                self.stop.get_or_insert(Stop { reason, deadline: None, ticket: None });
                Vec::new()
            }
        }
    }

    fn open(&mut self, message: Message) -> Vec<Operation> {
        match message {
            Message::Operations(operations) => operations,
            Message::Stop(stop) => {
                self.stop = Some(stop);
                Vec::new()
            }
        }
    }

    pub fn push(&mut self, operations: Vec<Operation>) {
        operations.into_iter().for_each(|operation| self.queue.push(Queued::new(operation)));
    }

    /// Puts everything that has arrived into the queue.
    pub fn push_arrived(&mut self) {
        while let Ok(message) = self.receiver.try_recv() {
            let operations = self.open(message);
            self.push(operations);
        }
    }

    /// Refuses further messages, and returns everything that was not sent, in order.
    pub fn close(&mut self) -> Vec<Queued> {
        self.receiver.close();
        self.push_arrived();
        self.queue.take_all()
    }
}
