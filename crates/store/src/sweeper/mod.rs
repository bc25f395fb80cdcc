//! Gives back the space of expired conversations, in the background, on a thread of its own: a timer of JavaScript would be an open
//! handle for test runners, and would stop with the event loop.
//!
//! Removing cannot be undone. So a sweep removes only what expired a while ago ([`sweep_before`]), and nothing after a jump of the
//! clock. Each slice is a request like any other, with a pause behind it.

mod swept;

pub use self::swept::Swept;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::retention::sweep_before;
use crate::scan::{Action, Page, Scan};
use crate::stats::{Event, Stats};

/// How many conversations a slice removes at most.
const SLICE: u32 = 100;
/// The pause behind a slice, as a multiple of the time that it took: a sweep takes at most a tenth of what a store can do.
const PAUSE_FACTOR: u32 = 9;
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(1)];

/// The shortest and the longest time between two sweeps.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(60);
const LONGEST_INTERVAL: Duration = Duration::from_secs(3_600);
/// By how much the clock of the system and the monotonic one may differ since the last sweep.
const LARGEST_DRIFT: Duration = Duration::from_secs(60);

static SWEEPER: Sweeper =
    Sweeper { state: Mutex::new(State { places: Vec::new(), is_running: false }), changed: Condvar::new() };

struct Sweeper {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// With the moment of the next sweep.
    places: Vec<(Instant, Arc<Place>)>,
    is_running: bool,
}

/// The end of one slice.
pub enum Slice {
    /// It was done; the page tells where the next one begins.
    Done(Page),
    /// Somebody else has the place, or it cannot be reached. The next sweep begins anew.
    Failed,
    /// Nobody uses the place any more.
    Gone,
}

struct Place {
    /// Seconds.
    ttl: u32,
    /// Does the slice behind a cursor.
    slice: Box<dyn Fn(Option<String>) -> Slice + Send + Sync>,
    /// Where a sweep is told; `None` if nowhere.
    stats: Option<Arc<Stats>>,
    last: Mutex<Clocks>,
}

/// Sweeps from now on, first in about a minute. `ttl` is in seconds; `slice` does the slice behind a cursor. Each sweep is told to
/// `stats`.
///
/// Without a thread to be had, nothing is swept.
pub fn watch(ttl: u32, stats: Option<Arc<Stats>>, slice: impl Fn(Option<String>) -> Slice + Send + Sync + 'static) {
    let place = Arc::new(Place { ttl, slice: Box::new(slice), stats, last: Mutex::new(Clocks::now()) });
    let mut state = SWEEPER.state.lock();
    state.places.push((Instant::now() + SHORTEST_INTERVAL + jitter(SHORTEST_INTERVAL), place));
    if !state.is_running {
        state.is_running = thread::Builder::new().name("flowkit-sweep".into()).spawn(run).is_ok();
    }
    SWEEPER.changed.notify_one();
}

/// Returns the request of a slice of a sweep at `now`, in ms since 1970.
pub fn slice(ttl: u32, cursor: Option<String>, now: u64) -> Scan {
    let action = Action::Remove { dry_run: false };
    Scan {
        action,
        root: String::new(),
        prefix: String::new(),
        before: Some(sweep_before(ttl, now)),
        ttl,
        cursor,
        most: SLICE,
    }
}

fn run() {
    let mut state = SWEEPER.state.lock();
    while let Some((due, place)) = state.places.iter().min_by_key(|(due, _)| *due).cloned() {
        if due > Instant::now() {
            SWEEPER.changed.wait_until(&mut state, due);
            continue;
        }
        let is_gone = MutexGuard::unlocked(&mut state, || sweep(&place));
        state.places.retain(|(_, known)| !Arc::ptr_eq(known, &place));
        if !is_gone {
            let interval = (Duration::from_secs(place.ttl.into()) / 4).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
            state.places.push((Instant::now() + interval * 9 / 10 + 2 * jitter(interval), place));
        }
    }
    state.is_running = false;
}

/// Sweeps a place once. Returns whether nobody uses it any more.
fn sweep(place: &Place) -> bool {
    let began = Instant::now();
    let mut sum = Page::default();
    let is_gone = sweep_slices(place, &mut sum);
    if let (Some(stats), false) = (&place.stats, is_gone) {
        stats.tell(Event::Swept { removed: sum.matched, unknown: sum.unknown, took: began.elapsed() });
    }
    is_gone
}

fn sweep_slices(place: &Place, sum: &mut Page) -> bool {
    let last = std::mem::replace(&mut *place.last.lock(), Clocks::now());
    let mut cursor = None;
    // A jump in the middle of a sweep ends it.
    while !last.have_drifted(Clocks::now()) {
        let began = Instant::now();
        match (place.slice)(cursor) {
            Slice::Done(page) => {
                sum.matched += page.matched;
                sum.unknown += page.unknown;
                if page.cursor.is_none() {
                    return false;
                }
                cursor = page.cursor;
            }
            Slice::Failed => return false,
            Slice::Gone => return true,
        }
        thread::sleep((began.elapsed() * PAUSE_FACTOR).clamp(PAUSES[0], PAUSES[1]));
    }
    false
}

/// Up to a tenth of `interval`: several processes on one place do not sweep at the same moment.
fn jitter(interval: Duration) -> Duration {
    interval / 10 * (RandomState::new().hash_one(0) % 1_000) as u32 / 1_000
}

/// The clock of the system, which may jump, and the one that may not.
#[derive(Clone, Copy)]
struct Clocks {
    wall: SystemTime,
    monotonic: Instant,
}

impl Clocks {
    fn now() -> Self {
        Clocks { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    /// Returns whether one of the clocks went on by another time than the other: a correction by NTP, or the machine slept.
    fn have_drifted(self, now: Clocks) -> bool {
        let expected = self.wall + now.monotonic.saturating_duration_since(self.monotonic);
        let drift = match now.wall.duration_since(expected) {
            Ok(ahead) => ahead,
            Err(behind) => behind.duration(),
        };
        drift > LARGEST_DRIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_noticed_either_way() {
        let before = Clocks::now();
        let later = |wall: i64| {
            let wall = if wall < 0 {
                before.wall - Duration::from_secs(wall.unsigned_abs())
            } else {
                before.wall + Duration::from_secs(wall.unsigned_abs())
            };
            Clocks { wall, monotonic: before.monotonic + Duration::from_secs(600) }
        };
        assert!(!before.have_drifted(later(600)));
        assert!(!before.have_drifted(later(650)));
        assert!(before.have_drifted(later(700)));
        assert!(before.have_drifted(later(-600)));
        assert!(before.have_drifted(later(315_000_000)));
    }

    /// A place that records the cursors of its slices, of which there are three.
    fn place(cursors: &Arc<Mutex<Vec<Option<String>>>>, last: Clocks) -> Place {
        let seen = cursors.clone();
        let slice = move |cursor: Option<String>| {
            let number = cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap()) + 1;
            seen.lock().push(cursor);
            let cursor = (number < 3).then(|| number.to_string());
            Slice::Done(Page { cursor, matched: 2, unknown: 1, ..Page::default() })
        };
        Place { ttl: 60, slice: Box::new(slice), stats: None, last: Mutex::new(last) }
    }

    #[test]
    fn a_sweep_goes_through_all_slices_unless_the_clock_jumped() {
        let cursors = Arc::default();
        let jumped = Clocks { wall: SystemTime::now() - Duration::from_secs(300_000_000), ..Clocks::now() };
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let told = events.clone();
        let stats = Some(Arc::new(Stats::new(move |event| told.lock().push(event))));
        let place = Place { stats, ..place(&cursors, jumped) };
        assert!(!sweep(&place));
        assert_eq!(*cursors.lock(), []);
        assert!(!sweep(&place));
        assert_eq!(*cursors.lock(), [None, Some("1".into()), Some("2".into())]);
        let sums: Vec<_> = events
            .lock()
            .iter()
            .map(|event| match event {
                Event::Swept { removed, unknown, .. } => (*removed, *unknown),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(sums, [(0, 0), (6, 3)]);
    }
}
