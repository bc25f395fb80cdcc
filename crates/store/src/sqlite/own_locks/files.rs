//! The files that our copy of SQLite has open, and when their descriptors may be closed.

use std::collections::BTreeMap;
use std::ffi::{OsString, c_int};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::super::db_file::FileId;
use super::descriptors;
use super::system::{self, Hold, Owner, PENDING_BYTE};

pub static FILES: Mutex<Files> = Mutex::new(Files { open: BTreeMap::new(), locked: Vec::new() });

/// Every descriptor that SQLite has opened and not closed, and every one that we keep for it.
pub struct Files {
    open: BTreeMap<c_int, Opened>,
    /// The files that SQLite locks: databases, and the `-shm` beside them.
    locked: Vec<Locked>,
}

struct Opened {
    file_id: FileId,
    path: PathBuf,
}

/// A file that SQLite has asked to lock.
struct Locked {
    file_id: FileId,
    path: PathBuf,
    is_shm: bool,
    owner: Owner,
    /// The descriptor that holds all our locks. SQLite counts its connections to a file as one owner: it takes a lock through
    /// one of their descriptors and may release it through another.
    holder: c_int,
    /// Descriptors that SQLite has closed. To close one here would drop the POSIX locks of another copy in this process, or
    /// those of the holder.
    kept: Vec<c_int>,
}

impl Files {
    /// Returns a descriptor that was kept, to be used again: so at most one is kept for each that SQLite needs at once.
    pub fn reuse(&mut self, path: &Path, access: c_int) -> Option<c_int> {
        if self.locked.iter().all(|locked| locked.kept.is_empty()) {
            return None;
        }
        let file_id = FileId::of(path);
        let locked = self.locked.iter_mut().find(|locked| locked.file_id == file_id && file_id.is_known())?;
        let index = locked.kept.iter().position(|fd| system::access_mode(*fd) == access)?;
        let fd = locked.kept.swap_remove(index);
        self.add(fd, Opened { file_id, path: path.to_owned() });
        Some(fd)
    }

    /// Takes note of a descriptor.
    pub fn opened(&mut self, fd: c_int, path: PathBuf) {
        self.add(fd, Opened { file_id: system::file_id(fd), path });
    }

    fn add(&mut self, fd: c_int, opened: Opened) {
        // No other is open, so that no lock is held. The holder of an earlier time may have been for reading only.
        if self.count_open(opened.file_id) == 0
            && let Some(locked) = self.locked.iter_mut().find(|locked| locked.file_id == opened.file_id)
        {
            locked.holder = fd;
            locked.path.clone_from(&opened.path);
        }
        self.open.insert(fd, opened);
    }

    pub fn is_ours(&self, fd: c_int) -> bool {
        self.open.contains_key(&fd) || self.locked.iter().any(|locked| locked.kept.contains(&fd))
    }

    /// Takes note that SQLite locks a byte of this file. Returns through which descriptor to lock it, and as whose lock.
    pub fn locks(&mut self, fd: c_int, start: i64) -> (c_int, Owner) {
        self.find_or_add(fd, start < PENDING_BYTE).map_or((fd, Owner::Posix), |locked| (locked.holder, locked.owner))
    }

    /// Treats a descriptor as one of a database, although SQLite has not locked it.
    pub fn protect(&mut self, fd: c_int) {
        self.find_or_add(fd, false);
    }

    pub fn uses_ofd_locks(&mut self, file_id: FileId) -> bool {
        let found = self.open.iter().find(|(_, opened)| opened.file_id == file_id && file_id.is_known());
        let fd = found.map(|(fd, _)| *fd);
        fd.and_then(|fd| self.find_or_add(fd, false)).is_some_and(|locked| locked.owner == Owner::Ofd)
    }

    fn find_or_add(&mut self, fd: c_int, is_shm: bool) -> Option<&Locked> {
        let Opened { file_id, path } = self.open.get(&fd)?;
        let known = self.locked.iter().position(|locked| locked.file_id == *file_id);
        let index = known.unwrap_or_else(|| {
            let (owner, holder, kept) = (system::lock_owner(fd), fd, Vec::new());
            self.locked.push(Locked { file_id: *file_id, path: path.clone(), is_shm, owner, holder, kept });
            self.locked.len() - 1
        });
        self.locked.get(index)
    }

    fn count_open(&self, file_id: FileId) -> usize {
        self.open.values().filter(|opened| opened.file_id == file_id).count()
    }

    /// Closes a descriptor, or keeps it.
    pub fn close(&mut self, fd: c_int) -> c_int {
        let Some(Opened { file_id, .. }) = self.open.remove(&fd) else { return system::close(fd) };
        let is_last = self.count_open(file_id) == 0;
        let Some(locked) = self.locked.iter_mut().find(|locked| locked.file_id == file_id) else {
            return system::close(fd);
        };
        locked.kept.push(fd);
        if is_last && locked.owner == Owner::Ofd {
            // A child between `fork` and `exec` has the descriptor too, and would keep the locks until it is done.
            system::unlock(locked.holder);
        }
        // SQLite closes the -shm first, and the database after it.
        if is_last && !locked.is_shm {
            self.close_kept();
        }
        0
    }

    /// Closes what was kept for files on which nothing else in this process can have a lock.
    fn close_kept(&mut self) {
        let unused = || self.locked.iter().filter(|locked| self.count_open(locked.file_id) == 0);
        // From here on no other copy can get a lock that it would then lose: one on the -shm needs one on the database.
        let held: Vec<_> =
            unused().filter(|locked| !locked.is_shm).filter_map(|locked| Some((locked, locked.hold()?))).collect();
        let is_scan_needed = held.iter().any(|(_, hold)| *hold == Hold::Newcomers);
        let is_kept = |file_id| unused().any(|locked| locked.file_id == file_id);
        let foreign = if is_scan_needed { descriptors::foreign(|fd| self.is_ours(fd), is_kept) } else { None };
        let is_free = |locked: &Locked| match &foreign {
            Some(foreign) => foreign.iter().all(|(other, _)| *other != locked.file_id),
            None => false,
        };
        // Nobody can open a file that is deleted.
        let deleted = unused().filter(|locked| locked.is_shm && locked.is_deleted() && is_free(locked));
        let mut closable: Vec<_> = deleted.map(|locked| locked.file_id).collect();
        for (database, hold) in held {
            let group: Vec<_> = self.locked.iter().filter(|locked| locked.belongs_to(database)).collect();
            if group.iter().all(|locked| is_kept(locked.file_id) && (hold == Hold::All || is_free(locked))) {
                closable.extend(group.into_iter().map(|locked| locked.file_id));
            } else if database.owner == Owner::Ofd {
                database.kept.first().copied().into_iter().for_each(system::unlock);
            }
        }
        let (mut closed, rest): (Vec<_>, Vec<_>) =
            self.locked.drain(..).partition(|locked| closable.contains(&locked.file_id));
        self.locked = rest;
        // The databases last, and last what holds them: a hold ends with its descriptor. A child between `fork` and `exec` has
        // that too, and others wait for it.
        closed.sort_by_key(|locked| !locked.is_shm);
        for fd in closed.into_iter().flat_map(|locked| locked.kept.into_iter().rev()) {
            system::close(fd);
        }
    }
}

impl Locked {
    /// Keeps other copies from getting a lock on this database. With POSIX locks that is impossible.
    fn hold(&self) -> Option<Hold> {
        match self.owner {
            Owner::Ofd => system::hold(*self.kept.first()?),
            Owner::Posix => Some(Hold::Newcomers),
        }
    }

    fn is_deleted(&self) -> bool {
        self.kept.first().copied().is_some_and(system::is_deleted)
    }

    /// Returns whether this is the database, or a `-shm` beside it.
    fn belongs_to(&self, database: &Locked) -> bool {
        let shm: OsString = [database.path.as_os_str(), "-shm".as_ref()].into_iter().collect();
        self.file_id == database.file_id || (self.is_shm && self.path == Path::new(&shm))
    }
}
