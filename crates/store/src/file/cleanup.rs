//! Removes what a crash left behind.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::temporary::is_temporary;

/// A temporary file that is older belongs to no save that is still running, in this process or in another.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Removes abandoned temporary files from `dir`, and nothing else.
pub fn remove_abandoned(dir: &Path) {
    // No operation waits for this, and no one could act on a failure. What is left costs some space, is never taken for a
    // conversation, and the next start tries again.
    let _ = try_remove(dir);
}

fn try_remove(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(is_temporary) {
            continue;
        }
        // Does not follow a link. Fails where another process was faster, which must not end the sweep.
        let Ok(metadata) = entry.metadata() else { continue };
        let is_old = metadata.modified()?.elapsed().is_ok_and(|age| age > ABANDONED_AFTER);
        if metadata.is_file() && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}
