//! Removes what a crash left behind.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::record_file::{is_record, remove_if_empty};
use super::temporary::{self, is_of_another_process};

/// A temporary file that is older belongs to no save that is still running, in this process or in another.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Removes abandoned temporary files from `dir`, and records that nobody is in, and nothing else.
pub fn remove_abandoned(dir: &Path) {
    // No operation waits for this, and no one could act on a failure. What is left costs some space, is never taken for a
    // conversation, and the next start tries again.
    let _ = try_remove(dir, clock_of);
}

fn try_remove(dir: &Path, clock_of: impl Fn(&Path) -> io::Result<SystemTime>) -> io::Result<()> {
    // Read once there is something to compare it with: most directories have no temporary file.
    let mut now = None;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_record(name) {
            // Its text tells, whatever its age.
            let _ = remove_if_empty(&entry.path());
            continue;
        }
        if !is_of_another_process(name) {
            continue;
        }
        // Does not follow a link. Fails where another process was faster, which must not end the sweep.
        let Ok(metadata) = entry.metadata() else { continue };
        let now = match now {
            Some(now) => now,
            None => *now.insert(clock_of(dir)?),
        };
        if metadata.is_file() && is_abandoned(metadata.modified()?, now) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Returns the time by the clock that dates the files in `dir`. On a network volume that is the server's, which may be hours off.
pub fn clock_of(dir: &Path) -> io::Result<SystemTime> {
    temporary::create(dir)?.as_file().metadata()?.modified()
}

fn is_abandoned(modified: SystemTime, now: SystemTime) -> bool {
    now.duration_since(modified).is_ok_and(|age| age > ABANDONED_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private_fs::create_file;

    /// Returns the names that are left of three temporary files, by a clock that is so far behind.
    fn left(behind: Duration) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let make = |name: &str, modified: SystemTime| {
            create_file(&dir.path().join(name)).unwrap().set_modified(modified).unwrap();
        };
        make(".flowkit-old.tmp", now - behind - 2 * ABANDONED_AFTER);
        make(".flowkit-young.tmp", now - behind);
        let own = temporary::create(dir.path()).unwrap();
        own.as_file().set_modified(now - behind - 2 * ABANDONED_AFTER).unwrap();
        try_remove(dir.path(), |_| Ok(now - behind)).unwrap();
        assert!(own.path().exists(), "what this process made is in use, whatever its date");
        drop(own);
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn age_is_measured_by_the_clock_of_the_volume() {
        assert_eq!(left(Duration::ZERO), [".flowkit-young.tmp"]);
        assert_eq!(left(3 * ABANDONED_AFTER), [".flowkit-young.tmp"]);
    }

    #[test]
    fn the_clock_of_a_directory_is_read_from_a_file_that_goes_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(clock_of(dir.path()).unwrap().elapsed().unwrap() < ABANDONED_AFTER);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
