//! The operations by the public method that they belong to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Durations;
use crate::lock::Written;
use crate::{Answer, Method, Outcome, Request};

/// An operation that was counted as begun.
pub struct Begun {
    pub(super) method: Method,
    pub(super) at: Instant,
    pub is_write: bool,
    /// The bytes of its id and text.
    pub(super) size: u64,
    /// The bytes of its text.
    pub(super) saved: u64,
}

impl Begun {
    pub(super) fn new(request: &Request, at: Instant) -> Self {
        Begun {
            method: request.method(),
            at,
            is_write: request.is_write(),
            size: request.size() as u64,
            saved: request.text_size() as u64,
        }
    }
}

/// The end of an operation, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It took effect, and returned a text of so many bytes.
    Done {
        loaded: u64,
    },
    /// A condition did not hold, so it changed nothing.
    Refused,
    Failed,
}

impl From<&Outcome> for End {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Ok(Answer::Written(Written::Refused(_))) => End::Refused,
            Ok(answer) => End::Done { loaded: answer.text_size() as u64 },
            Err(_) => End::Failed,
        }
    }
}

#[derive(Default)]
pub struct Operations {
    methods: [Measured; Method::ALL.len()],
    /// Operations that were called and are not settled, and the bytes of their ids and texts.
    waiting: u64,
    waiting_bytes: u64,
}

impl Operations {
    pub fn add_waiting(&mut self, bytes: u64) {
        self.waiting += 1;
        self.waiting_bytes += bytes;
    }

    pub fn remove_waiting(&mut self, bytes: u64) {
        self.waiting -= 1;
        self.waiting_bytes -= bytes;
    }

    pub fn record(&mut self, method: Method, took: Duration, end: End, saved: u64) {
        self.methods[method as usize].record(took, end, saved);
    }

    pub fn fail(&mut self, method: Method) {
        self.methods[method as usize].errors += 1;
    }

    pub fn to_json(&self) -> Value {
        let sum = |of: fn(&Measured) -> u64| self.methods.iter().map(of).sum::<u64>();
        let each =
            Method::ALL.iter().map(|method| (method.name().to_owned(), self.methods[*method as usize].to_json()));
        json!({
            "operations": Value::Object(each.collect()),
            "waiting": self.waiting,
            "waitingBytes": self.waiting_bytes,
            "conflicts": sum(|measured| measured.refused),
            "loaded": sum(|measured| measured.loaded),
            "saved": sum(|measured| measured.saved),
        })
    }
}

/// The counters of one method.
#[derive(Default)]
struct Measured {
    calls: u64,
    errors: u64,
    refused: u64,
    /// Bytes of texts.
    loaded: u64,
    saved: u64,
    durations: Durations,
}

impl Measured {
    fn record(&mut self, took: Duration, end: End, saved: u64) {
        self.calls += 1;
        match end {
            End::Done { loaded } => {
                self.loaded += loaded;
                self.saved += saved;
            }
            End::Refused => self.refused += 1,
            End::Failed => self.errors += 1,
        }
        self.durations.add(took);
    }

    fn to_json(&self) -> Value {
        let quantile = |share| self.durations.quantile(share);
        json!({
            "calls": self.calls,
            "errors": self.errors,
            "p50": quantile(0.5),
            "p90": quantile(0.9),
            "p99": quantile(0.99),
            "max": self.durations.max(),
        })
    }
}
