//! The scheduling by itself, without a disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::ErrorKind;
use crate::file::lanes::{Crew, Lanes};
use crate::testing::{Answer, delete, load, operation, save};
use crate::{Operation, Request};

const CREWS: [Crew; 2] = [Crew::WAITING, Crew::BUSY];

fn submit(lanes: &Lanes, requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
    let (operations, answers): (Vec<Operation>, Vec<Answer>) = requests.into_iter().map(operation).unzip();
    lanes.submit(operations);
    answers
}

#[test]
fn a_panic_rejects_one_operation_and_no_other() {
    for crew in CREWS {
        let lanes = Lanes::new(crew, |request| match request {
            Request::Delete { .. } => panic!("boom"),
            _ => Ok(None),
        });
        for _ in 0..3 * crew.workers {
            let answers = submit(&lanes, [load("x"), delete("x"), load("x"), delete("y"), load("z")]);
            let kinds: Vec<_> = answers.into_iter().map(|answer| answer.wait().err().map(|error| error.kind)).collect();
            let internal = Some(ErrorKind::Internal);
            assert_eq!(kinds, [None, internal, None, internal, None]);
        }
        assert_eq!(submit(&lanes, [Request::Close]).remove(0).wait(), Ok(None));
    }
}

#[test]
fn lanes_run_side_by_side_but_not_more_than_allowed() {
    for crew in CREWS {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        // Passed only by as many operations at once as there are workers.
        let barrier = Barrier::new(crew.workers);
        let (seen, peak) = (running.clone(), most.clone());
        let lanes = Lanes::new(crew, move |_| {
            peak.fetch_max(seen.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            seen.fetch_sub(1, Ordering::SeqCst);
            Ok(None)
        });
        let answers = submit(&lanes, (0..10 * crew.workers).map(|number| load(&format!("c{number}"))));
        answers.into_iter().for_each(|answer| assert_eq!(answer.wait(), Ok(None)));
        assert_eq!(most.load(Ordering::SeqCst), crew.workers);
    }
}

#[test]
fn a_conversation_is_never_in_two_hands_and_keeps_its_order() {
    for crew in CREWS {
        let log: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
        let busy: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lane_log, lane_busy) = (log.clone(), busy.clone());
        let lanes = Lanes::new(crew, move |request| {
            let Request::Save { id, text } = request else { return Ok(None) };
            assert!(!lane_busy.lock().contains(id));
            lane_busy.lock().push(id.clone());
            std::thread::yield_now();
            lane_log.lock().push((id.clone(), text.parse().unwrap()));
            lane_busy.lock().retain(|other| other != id);
            Ok(None)
        });
        // A load after each save, so that saves do not wait in a row.
        let requests = (0..4000).flat_map(|number| {
            let id = format!("c{}", number % 40);
            [save(&id, &number.to_string()), load(&id)]
        });
        submit(&lanes, requests).into_iter().for_each(|answer| assert_eq!(answer.wait(), Ok(None)));
        let log = log.lock();
        assert_eq!(log.len(), 4000);
        for lane in 0..40 {
            let numbers: Vec<_> =
                log.iter().filter(|(id, _)| *id == format!("c{lane}")).map(|(_, number)| *number).collect();
            assert!(numbers.is_sorted() && numbers.len() == 100, "{numbers:?}");
        }
    }
}

#[test]
fn saves_that_wait_in_a_row_are_done_at_once() {
    for crew in CREWS {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lane_log = log.clone();
        let lanes = Lanes::new(crew, move |request| {
            match request {
                Request::Load { .. } => {
                    released.lock().recv_timeout(Duration::from_secs(10)).expect("released in time")
                }
                Request::Save { id, text } => lane_log.lock().push(format!("{id}={text}")),
                _ => lane_log.lock().push("delete".to_owned()),
            }
            Ok(None)
        });
        // `X` shares the lane but is another conversation.
        let held =
            [load("x"), save("x", "1"), save("x", "2"), save("X", "3"), save("x", "4"), delete("x"), save("x", "5")];
        let answers = submit(&lanes, held);
        release.send(()).unwrap();
        answers.into_iter().for_each(|answer| assert_eq!(answer.wait(), Ok(None)));
        assert_eq!(*log.lock(), ["x=2", "X=3", "x=4", "delete", "x=5"]);
    }
}

#[test]
fn close_is_answered_last() {
    for crew in CREWS {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let lanes = Lanes::new(crew, move |_| {
            released.lock().recv_timeout(Duration::from_secs(10)).expect("released in time");
            Ok(None)
        });
        let before = submit(&lanes, [load("x"), load("y")]);
        let close = submit(&lanes, [Request::Close, Request::Close]);
        let after = submit(&lanes, [load("x")]).remove(0);
        assert_eq!(after.wait().unwrap_err().kind, ErrorKind::Closed);
        release.send(()).unwrap();
        release.send(()).unwrap();
        before.into_iter().chain(close).for_each(|answer| assert_eq!(answer.wait(), Ok(None)));
    }
}

#[test]
fn a_group_of_saves_holds_up_no_load_and_no_panic_spreads_in_it() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let lanes = Lanes::new(Crew { workers: 1, together: 4 }, move |request| match request {
        Request::Delete { .. } => {
            released.lock().recv_timeout(Duration::from_secs(10)).expect("released in time");
            Ok(None)
        }
        Request::Save { text, .. } if text == "boom" => panic!("boom"),
        _ => Ok(None),
    });
    let held = submit(&lanes, [delete("held")]).remove(0);
    let mut answers = submit(&lanes, [save("a", "1"), save("b", "boom"), load("c"), save("d", "1"), delete("e")]);
    release.send(()).unwrap();
    held.wait().unwrap();
    // The delete at the end is not done; what stands before it is answered all the same.
    let last = answers.pop().unwrap();
    let kinds: Vec<_> = answers.into_iter().map(|answer| answer.wait().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Internal), None, None]);
    release.send(()).unwrap();
    last.wait().unwrap();
}
