use serde_json::Value;

use super::*;
use crate::error::{ErrorKind, StoreError};
use crate::testing::{load, save};
use crate::{Answer, Outcome};

fn json(stats: &Stats) -> Value {
    serde_json::from_str(&stats.to_json()).unwrap()
}

fn end(stats: &Stats, request: &Request, took: Duration, outcome: &Outcome) {
    let began = Instant::now();
    let begun = stats.begin(request, began);
    stats.end(begun, outcome.into(), began + took);
}

#[test]
fn operations_are_counted_by_their_public_method() {
    let stats = Stats::default();
    end(&stats, &save("a", "1234"), Duration::from_millis(2), &Ok(Answer::Done));
    let failed = Err(StoreError::new(ErrorKind::Unavailable, "no"));
    end(&stats, &save("a", "1234"), Duration::from_millis(40), &failed);
    end(&stats, &load("a"), Duration::from_micros(10), &Ok(Answer::Text(Some("12".into()))));
    let json = json(&stats);
    let saves = &json["operations"]["save"];
    assert_eq!((&saves["calls"], &saves["errors"]), (&2.into(), &1.into()));
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() <= expected / 100.0;
    assert!(near(&saves["p50"], 2.0) && near(&saves["p99"], 40.0) && near(&saves["max"], 40.0), "{saves}");
    assert!(near(&json["operations"]["load"]["p90"], 0.01));
    assert_eq!(json["operations"]["touch"]["calls"], 0);
    // What failed saved nothing.
    assert_eq!((&json["saved"], &json["loaded"]), (&4.into(), &2.into()));
}

#[test]
fn what_waits_is_counted_until_it_ends() {
    let stats = Stats::default();
    let now = Instant::now();
    let begun = stats.begin(&save("abc", "1234"), now);
    assert_eq!((&json(&stats)["waiting"], &json(&stats)["waitingBytes"]), (&1.into(), &7.into()));
    stats.end(begun, End::Failed, now);
    assert_eq!((&json(&stats)["waiting"], &json(&stats)["waitingBytes"]), (&0.into(), &0.into()));
}

#[test]
fn times_beyond_all_bounds_do_no_harm() {
    let stats = Stats::default();
    for took in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(86_400), Duration::MAX] {
        stats.record(Method::Load, took, End::Done { loaded: 0 }, 0);
        stats.commit(1, took);
    }
    let max = json(&stats)["operations"]["load"]["max"].as_f64().unwrap();
    assert!((600_000.0..700_000.0).contains(&max), "{max}");
    // The clock of another thread may be a little behind.
    let begun = stats.begin(&load("a"), Instant::now() + Duration::from_secs(1));
    stats.end(begun, End::Failed, Instant::now());
}

#[test]
fn every_method_has_a_place_of_its_own() {
    for (place, method) in Method::ALL.iter().enumerate() {
        assert_eq!(*method as usize, place, "{}", method.name());
    }
}
