//! One writer for each database file of this process, for all stores, worker threads and spellings of its path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::bundled;
use super::queue::Limits;
use super::writer::Writer;
use super::writer_thread;

static WRITERS: Mutex<BTreeMap<PathBuf, Weak<Writer>>> = Mutex::new(BTreeMap::new());

/// Returns the writer of the file at `path`. The caller has joined it and must leave it.
pub fn join(path: &Path) -> Arc<Writer> {
    let path = canonical(path);
    let mut writers = WRITERS.lock();
    writers.retain(|_, writer| writer.strong_count() > 0);
    // A writer without stores whose thread is still at work is used again.
    let writer = writers.get(&path).and_then(Weak::upgrade).unwrap_or_else(|| {
        let file = path.clone();
        let writer = Writer::new(Box::new(move || bundled::open(&file)), Limits::default(), writer_thread::serve);
        writers.insert(path, Arc::downgrade(&writer));
        writer
    });
    writer.join();
    writer
}

/// Returns the path without symbolic links and `..`, as far as it exists.
fn canonical(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_owned(),
    }
}
