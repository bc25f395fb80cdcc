//! The rules of age, for stores that JavaScript reads and writes. Times are in ms since 1970, `ttl` is in seconds.

use flowkit_store::retention;
use flowkit_store::scan::Verdict;
use napi_derive::napi;

use super::scan::ScanOptions;

/// Returns whether a conversation is not expired that was last saved or touched at `saved_at`, which may be unknown.
#[napi(catch_unwind)]
pub fn is_alive(saved_at: Option<f64>, ttl: u32, now: f64) -> bool {
    retention::is_alive(known(saved_at), ttl, now as u64)
}

/// Returns whether a load renews the expiry.
#[napi(catch_unwind)]
pub fn is_refresh_due(saved_at: Option<f64>, ttl: u32, now: f64) -> bool {
    retention::is_refresh_due(known(saved_at), ttl, now as u64)
}

/// Returns the time to keep with a conversation that is locked for `lease` ms.
#[napi(catch_unwind)]
pub fn held_at(saved_at: f64, ttl: u32, lease: u32, now: f64) -> f64 {
    retention::held_at(saved_at as u64, ttl, lease, now as u64) as f64
}

/// Decides about a conversation of a scan.
#[napi(ts_return_type = "'matches' | 'kept' | 'unknown' | 'absent'", catch_unwind)]
pub fn judge_age(scan: ScanOptions, ttl: u32, saved_at: Option<f64>, now: f64) -> &'static str {
    match scan.scan(String::new(), ttl).judge(known(saved_at), now as u64) {
        Verdict::Matches => "matches",
        Verdict::Kept => "kept",
        Verdict::Unknown => "unknown",
        Verdict::Absent => "absent",
    }
}

fn known(saved_at: Option<f64>) -> Option<u64> {
    saved_at.and_then(|time| retention::known_time(time as i64))
}
