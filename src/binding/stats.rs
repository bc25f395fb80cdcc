//! The counters of one storage, and what happens to it by itself, on their way to JavaScript.

use std::sync::Arc;
use std::time::Duration;

use flowkit_store::stats::{self, End, Event};
use flowkit_store::{Method, Store};
use napi_derive::napi;

use super::dispatcher::Dispatcher;

/// The counters of one storage.
#[napi]
pub struct Stats {
    counted: Arc<Counted>,
}

/// The same, with the number by which JavaScript knows the storage.
pub struct Counted {
    pub number: u32,
    pub stats: Arc<stats::Stats>,
}

/// Something that happened to a storage by itself.
#[napi(object, object_from_js = false)]
pub struct StorageEvent {
    /// The number that its `Stats` were made with.
    pub storage: u32,
    #[napi(ts_type = "'lost' | 'back' | 'swept'")]
    pub name: String,
    /// Of `lost`: the rest of a sentence.
    pub reason: Option<String>,
    /// Of `back`: ms since it was lost. Of `swept`: how long it took.
    pub ms: Option<f64>,
    /// Of `swept`.
    pub removed: Option<f64>,
    /// Of `swept`: how many have no known age.
    pub unknown: Option<f64>,
}

#[napi]
impl Stats {
    /// Begins to count. With a dispatcher, what happens by itself arrives at its `takeEvents()`, under this number.
    #[napi(constructor, catch_unwind)]
    pub fn new(number: u32, dispatcher: Option<&Dispatcher>) -> Self {
        let stats = dispatcher.map_or_else(stats::Stats::default, |dispatcher| {
            let notify = dispatcher.notifier();
            stats::Stats::new(move |event| notify(StorageEvent::new(number, event)))
        });
        Stats { counted: Arc::new(Counted { number, stats: Arc::new(stats) }) }
    }

    /// Counts an operation of so many bytes that is done elsewhere and waits.
    #[napi(catch_unwind)]
    pub fn begin(&self, bytes: f64) {
        self.counted.stats.add_waiting(bytes as u64);
    }

    /// Counts its end. `method` is a public method, `lock` or `unlock`; `saved` and `loaded` are the bytes of texts.
    #[allow(clippy::too_many_arguments, reason = "numbers cross the boundary faster than an object")]
    #[napi(catch_unwind)]
    pub fn end(
        &self,
        bytes: f64,
        method: String,
        milliseconds: f64,
        #[napi(ts_arg_type = "'done' | 'refused' | 'failed'")] end: String,
        saved: f64,
        loaded: f64,
    ) {
        let end = match end.as_str() {
            "done" => End::Done { loaded: loaded as u64 },
            "refused" => End::Refused,
            _ => End::Failed,
        };
        self.counted.stats.remove_waiting(bytes as u64);
        if let Some(method) = named(&method) {
            // Some clocks stand still or go back.
            let took = Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default();
            self.counted.stats.record(method, took, end, saved as u64);
        }
    }

    /// Counts an operation that ended well here, and failed for its caller: what it loaded is no state.
    #[napi(catch_unwind)]
    pub fn fail(&self, method: String) {
        if let Some(method) = named(&method) {
            self.counted.stats.fail(method);
        }
    }

    /// Returns everything as JSON. Times are in ms.
    #[napi(catch_unwind)]
    pub fn to_json(&self) -> String {
        self.counted.stats.to_json()
    }
}

impl Stats {
    /// Counts the commits and the sweeps of `store`.
    pub fn observe(&self, store: &dyn Store) {
        store.observe(self.counted.stats.clone());
    }

    pub fn counted(&self) -> Arc<Counted> {
        self.counted.clone()
    }
}

fn named(name: &str) -> Option<Method> {
    Method::ALL.into_iter().find(|method| method.name() == name)
}

impl StorageEvent {
    fn new(storage: u32, event: Event) -> Self {
        let of = |name: &str| StorageEvent {
            storage,
            name: name.to_owned(),
            reason: None,
            ms: None,
            removed: None,
            unknown: None,
        };
        let in_ms = |duration: Duration| Some(duration.as_secs_f64() * 1e3);
        match event {
            Event::ConnectionLost { reason } => StorageEvent { reason: Some(reason), ..of("lost") },
            Event::ConnectionBack { after } => StorageEvent { ms: in_ms(after), ..of("back") },
            Event::Swept { removed, unknown, took } => StorageEvent {
                ms: in_ms(took),
                removed: Some(removed as f64),
                unknown: Some(unknown as f64),
                ..of("swept")
            },
        }
    }
}
