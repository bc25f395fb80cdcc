//! Counts what one storage does, and passes on what happens to it by itself.
//!
//! The JavaScript thread counts operations; the threads of the stores count commits. So no lock here is ever waited for by more than
//! one of them for longer than it takes to write a few numbers.

mod commits;
mod operations;

use std::time::{Duration, Instant};

use self::commits::Commits;
pub use self::commits::count_shared;
use self::operations::Operations;
pub use self::operations::{Begun, End};
use crate::{Method, Request};
use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Something that happened by itself, not as the end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection to the server is gone, or there is none to be had. Told once until there is one again. The reason is the rest
    /// of a sentence.
    ConnectionLost { reason: String },
    /// There is a connection again, so long after that.
    ConnectionBack { after: Duration },
    /// A sweep came to its end. `unknown` conversations have no known age and stay.
    Swept { removed: u64, unknown: u64, took: Duration },
}

/// The counters of one storage, from when it was made.
pub struct Stats {
    operations: Mutex<Operations>,
    commits: Mutex<Commits>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Default for Stats {
    /// Counts, and tells nobody of events.
    fn default() -> Self {
        Stats::new(|_| {})
    }
}

impl Stats {
    /// `tell` is called with each event, on any thread. It must not block.
    pub fn new(tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Stats { operations: Mutex::default(), commits: Mutex::default(), tell: Box::new(tell) }
    }

    /// Counts an operation that begins at `now`. Pass what is returned to [`Stats::end`].
    pub fn begin(&self, request: &Request, now: Instant) -> Begun {
        let begun = Begun::new(request, now);
        self.operations.lock().add_waiting(begun.size);
        begun
    }

    /// Counts the end of an operation at `now`.
    pub fn end(&self, begun: Begun, end: End, now: Instant) {
        let took = now.saturating_duration_since(begun.at);
        let mut operations = self.operations.lock();
        operations.remove_waiting(begun.size);
        operations.record(begun.method, took, end, begun.saved);
    }

    /// Counts an operation that waits, of so many bytes.
    pub fn add_waiting(&self, bytes: u64) {
        self.operations.lock().add_waiting(bytes);
    }

    /// Counts that it waits no longer.
    pub fn remove_waiting(&self, bytes: u64) {
        self.operations.lock().remove_waiting(bytes);
    }

    /// Counts an operation that has ended. `saved` is the bytes of the text that it brought along.
    pub fn record(&self, method: Method, took: Duration, end: End, saved: u64) {
        self.operations.lock().record(method, took, end, saved);
    }

    /// Counts an operation that ended well here, and failed for its caller: what it loaded is no state.
    pub fn fail(&self, method: Method) {
        self.operations.lock().fail(method);
    }

    /// Counts `operations` that shared a sync, a transaction or a network write, and how long that took.
    pub fn commit(&self, operations: usize, took: Duration) {
        self.commits.lock().add(operations as u64, took);
    }

    /// Tells that something happened.
    pub fn tell(&self, event: Event) {
        (self.tell)(event);
    }

    /// Returns everything as JSON. Times are in ms.
    pub fn to_json(&self) -> String {
        let mut json = self.operations.lock().to_json();
        json["commits"] = self.commits.lock().to_json();
        json.to_string()
    }
}

/// Durations, to two digits. It takes 27 KB, so it is made at the first one.
#[derive(Default)]
struct Durations(Option<Histogram<u64>>);

/// The bounds of what is told apart, in ns.
const SHORTEST: u64 = 100;
const LONGEST: u64 = 600_000_000_000;

impl Durations {
    fn add(&mut self, took: Duration) {
        let histogram = self.0.get_or_insert_with(|| {
            Histogram::new_with_bounds(SHORTEST, LONGEST, 2).expect("the bounds are far enough apart, with two digits")
        });
        histogram.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(LONGEST));
    }

    /// Returns the time, in ms, in which this share of all ended; 0 if none did.
    fn quantile(&self, share: f64) -> f64 {
        self.0.as_ref().map_or(0.0, |histogram| in_ms(histogram.value_at_quantile(share)))
    }

    /// Returns the longest, in ms; 0 if there is none.
    fn max(&self) -> f64 {
        self.0.as_ref().map_or(0.0, |histogram| in_ms(histogram.max()))
    }
}

fn in_ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[cfg(test)]
mod tests;
