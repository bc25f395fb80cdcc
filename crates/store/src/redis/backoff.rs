//! How long to wait before the next attempt to connect.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(2_000);

/// The pause after `failures` failed attempts in a row (at least one): doubling from 50 ms up to 2 s.
///
/// Between half of that and all of it, so that a thousand processes do not come back to a restarted server at once.
pub fn pause(failures: u32) -> Duration {
    jittered(failures, RandomState::new().build_hasher().finish())
}

fn jittered(failures: u32, random: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let share = (random % 1_000) as u32;
    full / 2 + full / 2 * share / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_two_seconds_and_never_more() {
        for failures in [0, 1, 2, 5, 6, 7, 40, u32::MAX] {
            let full = Duration::from_millis(50 << failures.saturating_sub(1).min(6)).min(LONGEST);
            for random in [0, 1, 499, 999, u64::MAX] {
                let pause = jittered(failures, random);
                assert!(pause >= full / 2 && pause <= full, "{failures} failures: {pause:?} of {full:?}");
            }
        }
    }

    #[test]
    fn two_pauses_differ() {
        let pauses: std::collections::HashSet<_> = (0..32).map(|_| pause(10)).collect();
        assert!(pauses.len() > 8, "{pauses:?}");
    }
}
