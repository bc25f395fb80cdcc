//! The age of a conversation, and what follows from it. The same in memory, in files and in SQLite; Redis does it by itself.
//!
//! Times are in ms since 1970, as the store keeps them with each conversation: when it was last saved or touched.

/// The milliseconds of one second.
const SECOND: u64 = 1_000;

/// A time below this is no time in ms: another program wrote seconds. In ms it is March of 1973.
pub const EARLIEST: u64 = 100_000_000_000;

/// A load renews the expiry only once so much of the time to live has passed: 1/20.
const REFRESH_PART: u64 = 20;

/// How long an expired conversation stays before it is removed, at most: clocks of several hosts differ.
const LONGEST_GRACE: u64 = 3_600 * SECOND;

/// When a conversation was saved, and when it expires. Times are in ms since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Age {
    /// The last save or touch; `None` if that is not known.
    pub saved_at: Option<u64>,
    /// `None` for never.
    pub expires_at: Option<u64>,
}

impl Age {
    /// Returns the age of what was saved or touched at `saved_at`, where `ttl` alone decides. `ttl` is in seconds, 0 for never.
    pub fn of(saved_at: Option<u64>, ttl: u32) -> Self {
        Age { saved_at, expires_at: expires_at(saved_at, ttl) }
    }
}

/// A stored text and its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aged {
    pub text: String,
    pub age: Age,
}

/// Returns the time of the last save or touch; `None` if `stored` can be none in ms. Such a conversation has no known age: it
/// never expires and is never removed by age.
pub fn known_time(stored: i64) -> Option<u64> {
    u64::try_from(stored).ok().filter(|time| *time >= EARLIEST)
}

/// Returns the time behind which a conversation must have been saved or touched to be there; `None` if none expires.
pub fn horizon(ttl: u32, now: u64) -> Option<u64> {
    (ttl > 0).then(|| now.saturating_sub(u64::from(ttl) * SECOND))
}

/// Returns whether a conversation that was saved or touched at `saved_at` is there at `now`. `ttl` is in seconds, 0 for never.
pub fn is_alive(saved_at: Option<u64>, ttl: u32, now: u64) -> bool {
    match (saved_at, horizon(ttl, now)) {
        (Some(saved_at), Some(horizon)) => saved_at > horizon,
        _ => true,
    }
}

/// Returns whether a load at `now` renews the expiry. Not each time: a save would cost as much.
pub fn is_refresh_due(saved_at: Option<u64>, ttl: u32, now: u64) -> bool {
    ttl > 0 && saved_at.is_none_or(|saved_at| saved_at <= refresh_before(ttl, now))
}

/// Returns the time up to which a conversation must have been saved or touched so that a load at `now` renews its expiry.
pub fn refresh_before(ttl: u32, now: u64) -> u64 {
    now.saturating_sub(u64::from(ttl) * SECOND / REFRESH_PART)
}

/// Returns the time to keep with a conversation that is locked for `lease` ms and was saved at `saved_at`: while it is locked, it
/// does not expire.
pub fn held_at(saved_at: u64, ttl: u32, lease: u32, now: u64) -> u64 {
    if ttl == 0 {
        return saved_at;
    }
    saved_at.max((now + u64::from(lease)).saturating_sub(u64::from(ttl) * SECOND))
}

/// Returns the time before which a conversation must have been saved and touched so that a sweep removes it.
pub fn sweep_before(ttl: u32, now: u64) -> u64 {
    let ttl = u64::from(ttl) * SECOND;
    now.saturating_sub(ttl + ttl.min(LONGEST_GRACE))
}

/// Returns when a conversation expires; `None` for never.
pub fn expires_at(saved_at: Option<u64>, ttl: u32) -> Option<u64> {
    if ttl == 0 { None } else { saved_at.map(|saved_at| saved_at + u64::from(ttl) * SECOND) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn expires_so_many_seconds_after_the_last_save() {
        assert!(is_alive(Some(NOW - 59_999), 60, NOW));
        assert!(!is_alive(Some(NOW - 60_000), 60, NOW));
        assert!(is_alive(Some(0), 0, NOW));
        assert!(is_alive(None, 1, NOW));
        assert!(is_alive(Some(NOW + 1), 1, NOW));
    }

    #[test]
    fn seconds_are_no_known_time() {
        assert_eq!(known_time(1_800_000_000), None);
        assert_eq!(known_time(-1), None);
        assert_eq!(known_time(1_800_000_000_000), Some(NOW));
    }

    #[test]
    fn a_load_refreshes_after_a_twentieth() {
        assert!(!is_refresh_due(Some(NOW - 2_999), 60, NOW));
        assert!(is_refresh_due(Some(NOW - 3_000), 60, NOW));
        assert!(!is_refresh_due(Some(NOW + 9_000), 60, NOW));
        assert!(!is_refresh_due(Some(0), 0, NOW));
    }

    #[test]
    fn what_is_locked_lives_for_the_lease_at_least() {
        let held = held_at(NOW - 59_000, 60, 15_000, NOW);
        assert!(is_alive(Some(held), 60, NOW + 14_999));
        assert!(!is_alive(Some(held), 60, NOW + 15_000));
        assert_eq!(held_at(NOW, 60, 15_000, NOW), NOW);
        assert_eq!(held_at(NOW - 59_000, 0, 15_000, NOW), NOW - 59_000);
        assert!(is_alive(Some(held_at(NOW, 1, 15_000, NOW)), 1, NOW + 14_999));
    }

    #[test]
    fn a_sweep_leaves_what_expired_a_moment_ago() {
        assert_eq!(sweep_before(60, NOW), NOW - 120_000);
        assert_eq!(sweep_before(86_400, NOW), NOW - 86_400_000 - 3_600_000);
        assert_eq!(sweep_before(u32::MAX, 5), 0);
    }
}
