//! One writer for each database file of this process, for all stores, worker threads and spellings of its path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::bundled;
use super::journal::Journal;
use super::queue::Limits;
use super::writer::Writer;
use super::writer_thread;

static WRITERS: Mutex<BTreeMap<PathBuf, Known>> = Mutex::new(BTreeMap::new());

struct Known {
    writer: Weak<Writer>,
    /// The journal that the writer asks for when it opens the file.
    journal: Arc<Mutex<Journal>>,
}

/// Returns the writer of the file at `path`. The caller has joined it and must leave it. Of several stores at once, the first
/// decides about the journal.
pub fn join(path: &Path, journal: Journal) -> Arc<Writer> {
    let path = canonical(path);
    let mut writers = WRITERS.lock();
    writers.retain(|_, known| known.writer.strong_count() > 0);
    // A writer without stores whose thread is still at work, or whose closed stores still exist, is used again.
    let found = writers.get(&path).and_then(|known| Some((known.writer.upgrade()?, known.journal.clone())));
    let (writer, wanted) = found.unwrap_or_else(|| {
        let (file, wanted) = (path.clone(), Arc::new(Mutex::new(journal)));
        let asked = wanted.clone();
        let open = Box::new(move || bundled::open(&file, *asked.lock()));
        let writer = Writer::new(open, Limits::default(), writer_thread::serve);
        writers.insert(path, Known { writer: Arc::downgrade(&writer), journal: wanted.clone() });
        (writer, wanted)
    });
    if writer.is_unused() {
        *wanted.lock() = journal;
    }
    writer.join();
    writer
}

/// Returns the path without symbolic links and `..`, as far as it exists.
pub fn canonical(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_owned(),
    }
}
