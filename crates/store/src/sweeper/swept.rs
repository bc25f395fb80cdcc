//! A store that is swept.

use std::sync::mpsc::{self, Sender, channel};
use std::sync::{Arc, Once, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Slice, slice, watch};
use crate::clock::wall_millis;
use crate::stats::Stats;
use crate::{Answer, Operation, Outcome, Receiver, Request, Store, Ticket, Token};

/// The longest that a slice may take.
const SLICE_TIMEOUT: Duration = Duration::from_secs(120);

/// A store whose expired conversations are swept once it is used.
pub struct Swept {
    store: Arc<dyn Store>,
    ttl: u32,
    watched: Once,
    stats: OnceLock<Arc<Stats>>,
    /// Nothing is submitted to a store that is closed.
    is_closed: Mutex<bool>,
    this: Weak<Swept>,
}

impl Swept {
    /// `ttl` is in seconds.
    pub fn new(store: Arc<dyn Store>, ttl: u32) -> Arc<Self> {
        Arc::new_cyclic(|this| Swept {
            store,
            ttl,
            watched: Once::new(),
            stats: OnceLock::new(),
            is_closed: Mutex::new(false),
            this: this.clone(),
        })
    }

    /// Begins a slice. `None` if the store is closed.
    fn begin(&self, cursor: Option<String>) -> Option<mpsc::Receiver<Outcome>> {
        let (sender, outcome) = channel();
        let request = Request::Scan(slice(self.ttl, cursor, wall_millis()));
        let ticket = Ticket::new(0, false, Arc::new(Outcomes(Mutex::new(sender))));
        let is_closed = self.is_closed.lock();
        if *is_closed {
            return None;
        }
        self.store.submit_in_background(Operation { request, ticket });
        Some(outcome)
    }
}

/// Does a slice and waits for it. Does not keep the store meanwhile: the last one who has it closes its connection.
fn slice_of(swept: &Weak<Swept>, cursor: Option<String>) -> Slice {
    let Some(outcome) = swept.upgrade().and_then(|swept| swept.begin(cursor)) else { return Slice::Gone };
    match outcome.recv_timeout(SLICE_TIMEOUT) {
        Ok(Ok(Answer::Page(page))) => Slice::Done(page),
        _ => Slice::Failed,
    }
}

impl Store for Swept {
    fn submit(&self, operations: Vec<Operation>) {
        self.watched.call_once(|| {
            let this = self.this.clone();
            watch(self.ttl, self.stats.get().cloned(), move |cursor| slice_of(&this, cursor));
        });
        self.store.submit(operations);
    }

    fn close(&self, ticket: Ticket) {
        *self.is_closed.lock() = true;
        self.store.close(ticket);
    }

    fn observe(&self, stats: Arc<Stats>) {
        let _ = self.stats.set(stats.clone());
        self.store.observe(stats);
    }

    fn location(&self, id: &str) -> String {
        self.store.location(id)
    }

    fn release(&self, deadline: Instant) {
        self.store.release(deadline);
    }
}

/// Passes the outcome of a slice to the sweeper.
struct Outcomes(Mutex<Sender<Outcome>>);

impl Receiver for Outcomes {
    fn receive(&self, _token: Token, _is_write: bool, outcome: Outcome) {
        // The sweeper may have waited long enough.
        let _ = self.0.lock().send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Page;

    #[test]
    fn a_closed_store_is_swept_no_longer() {
        struct Pages;
        impl Store for Pages {
            fn submit(&self, operations: Vec<Operation>) {
                for Operation { request, ticket } in operations {
                    let Request::Scan(scan) = request else { panic!("no scan") };
                    assert!(scan.removes() && scan.before.is_some());
                    ticket.settle(Ok(Answer::Page(Page::default())));
                }
            }
            fn close(&self, ticket: Ticket) {
                ticket.settle(Ok(Answer::Done));
            }
            fn location(&self, _id: &str) -> String {
                String::new()
            }
        }
        let swept = Swept::new(Arc::new(Pages), 60);
        let this = Arc::downgrade(&swept);
        assert!(matches!(slice_of(&this, None), Slice::Done(_)));
        crate::testing::close(&*swept).unwrap();
        assert!(matches!(slice_of(&this, None), Slice::Gone));
    }
}
