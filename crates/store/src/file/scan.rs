//! Looks through the conversations of a directory.
//!
//! A name alone does not make a conversation: `package.json` may lie beside them. So each file is opened, and the id in its JSON must
//! lead to its name. What is no JSON at all is corrupt, and counts as the conversation of its name.

use std::fs::{self, Metadata};
use std::time::{SystemTime, UNIX_EPOCH};

use super::age::{Life, saved_at};
use super::cleanup::clock_of;
use super::error::FileError;
use super::file_name::{all_names, file_name, fits_everywhere, is_plain_component};
use super::names::{Chunk, Listed, Wanted, write_key};
use super::operations::Operations;
use super::state_file::open_file;
use super::state_owner::Owner;
use crate::clock::wall_millis;
use crate::error::ErrorKind;
use crate::scan::{Action, Page, Scan, Verdict};

/// How many files a page looks at: at most some ten milliseconds, if the disk has not to be asked.
const LOOKED_AT: u32 = 2_000;

/// By how much the clock of a volume may be behind, in ms, before that counts. Some keep only even seconds.
const LARGEST_LAG: u64 = 60_000;

/// The longest id, in bytes.
const LONGEST_ID: usize = 1_024;

/// One page's search.
pub struct Search<'a> {
    pub operations: &'a Operations,
    pub scan: Scan,
    /// In ms since 1970.
    pub now: u64,
    /// True if the file system ignores case.
    folds: bool,
    /// False if no file can be made in the directory, and so none removed.
    pub is_writable: bool,
}

impl Operations {
    /// Does one page of `scan`.
    pub fn scan(&self, scan: &Scan) -> Result<Page, FileError> {
        let from = match scan.cursor.as_deref() {
            None => None,
            Some(cursor) => match cursor.strip_prefix('f') {
                Some(key) if key.starts_with('i') || key.starts_with("h%-") => Some(key),
                _ => return Err(FileError::from(Scan::bad_cursor())),
            },
        };
        let search = Search::begin(self, scan);
        let dir = self.directory.path();
        let mut chunk = match from.and_then(|from| self.names.take(&scan.prefix, from)) {
            Some(chunk) => chunk,
            None => {
                let wanted = Wanted { prefix: &scan.prefix, extension: &self.extension, folds: search.folds };
                Chunk::read(dir, wanted, from).map_err(|error| FileError::at(&error, dir))?
            }
        };
        let mut page = Page::default();
        let mut last = None;
        for _ in 0..LOOKED_AT {
            if page.matched >= u64::from(scan.most) {
                break;
            }
            let Some(listed) = chunk.next() else { break };
            search.look(&listed, &mut page)?;
            last = Some(listed.key);
        }
        if page.matched > 0 && scan.removes() {
            // Once for all of them.
            self.sync_removal()?;
        }
        if let Some(last) = last.filter(|_| !chunk.is_end()) {
            page.cursor = Some(format!("f{last}"));
            self.names.keep(chunk, &last);
        }
        Ok(page)
    }
}

impl<'a> Search<'a> {
    pub fn begin(operations: &'a Operations, scan: &Scan) -> Self {
        let now = wall_millis();
        let mut search = Search { operations, scan: scan.clone(), now, folds: operations.folds(), is_writable: true };
        if let (Action::Remove { .. }, Some(before)) = (scan.action, scan.before) {
            // A file that another program wrote is dated by the clock of the volume. What is removed must be old by both clocks.
            let clock = clock_of(operations.directory.path());
            search.is_writable = clock.is_ok();
            let lag = clock.ok().and_then(millis).map_or(0, |clock| now.saturating_sub(clock));
            search.scan.before = Some(if lag > LARGEST_LAG { before.saturating_sub(lag) } else { before });
        }
        search
    }

    /// Does what the scan does with one file.
    fn look(&self, listed: &Listed, page: &mut Page) -> Result<(), FileError> {
        let Some((id, metadata, is_corrupt)) = self.see(listed, page)? else { return Ok(()) };
        if !id.starts_with(&self.scan.prefix) {
            return Ok(());
        }
        let mut verdict = self.scan.judge(saved_at(&metadata), self.now);
        if verdict == Verdict::Matches && matches!(self.scan.action, Action::Remove { .. }) {
            verdict = self.remove(&id, is_corrupt)?;
        }
        if verdict == Verdict::Matches {
            page.add(&self.scan, &id, metadata.len(), saved_at(&metadata));
        } else {
            page.leave(verdict);
        }
        Ok(())
    }

    /// Returns the conversation that a file is of, and whether that is only known by its name; `None` if there is nothing to do.
    fn see(&self, listed: &Listed, page: &mut Page) -> Result<Option<(String, Metadata, bool)>, FileError> {
        let path = self.operations.own_path(&listed.name);
        let (file, metadata) = match open_file(&path) {
            Ok(Some((file, metadata))) => (Some(file), metadata),
            // Gone, or moved to another of its names, which are not listed anew.
            Ok(None) => return self.find(listed.id().unwrap_or_default(), &listed.name),
            Err(error) if error.is_corrupt() => return Ok(None),
            Err(error) if error.error.kind == ErrorKind::Denied => match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => (None, metadata),
                _ => return Ok(None),
            },
            Err(error) => return Err(error),
        };
        let is_current = |id: &str| fits_everywhere(&listed.name) && file_name(id, self.folds) == *listed.name;
        let by_name = listed.id().filter(|id| is_current(id));
        if let Some(id) = by_name.filter(|id| id.starts_with(&self.scan.prefix)) {
            // Its age alone decides, and nothing has to be read.
            match self.scan.judge(saved_at(&metadata), self.now) {
                Verdict::Matches => {}
                // Another program may have saved it anew, under the plain id.
                Verdict::Absent if id != &*listed.name => {}
                verdict => {
                    page.leave(verdict);
                    return Ok(None);
                }
            }
        }
        let owner = file.map_or(Owner::Unknown, |file| Owner::of(file, &metadata, listed.id()));
        let (id, is_corrupt) = match &owner {
            Owner::Named(id) if is_name_of(id, &listed.name, self.folds) => (id.as_str(), false),
            Owner::Unknown => match listed.id().filter(|id| is_unique_name_of(id, &listed.name, self.folds)) {
                Some(id) => (id, true),
                None => return Ok(None),
            },
            Owner::Named(_) | Owner::Nobody => return Ok(None),
        };
        match is_current(id) {
            true => Ok(Some((id.to_owned(), metadata, is_corrupt))),
            false => Ok(self.find(id, &listed.name)?.map(|(id, metadata, _)| (id, metadata, is_corrupt))),
        }
    }

    /// Returns the conversation if the file that a load finds is listed in the place of `name`.
    fn find(&self, id: &str, name: &str) -> Result<Option<(String, Metadata, bool)>, FileError> {
        if id.is_empty() {
            return Ok(None);
        }
        let life = match self.scan.action {
            Action::Remove { .. } => Life::ENDLESS,
            _ => Life { ttl: self.scan.ttl, now: self.now },
        };
        let place = self.operations.place(id, life);
        let Some(path) = place.find()? else { return Ok(None) };
        let found = path.file_name().and_then(|found| found.to_str()).unwrap_or_default();
        let found = &found[..found.len() - self.operations.extension.len()];
        let is_listed_here = key(found) == key(name) || same(found, name, self.folds);
        match fs::metadata(path) {
            Ok(metadata) if is_listed_here => Ok(Some((id.to_owned(), metadata, false))),
            _ => Ok(None),
        }
    }
}

fn key(name: &str) -> Option<String> {
    let mut key = String::new();
    write_key(name, &mut key).then_some(key)
}

fn millis(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn same(one: &str, other: &str, folds: bool) -> bool {
    one == other || folds && one.eq_ignore_ascii_case(other)
}

/// Returns whether the file of `id` may have this name, without its extension.
fn is_name_of(id: &str, name: &str, folds: bool) -> bool {
    let is_id = !id.is_empty() && id.len() <= LONGEST_ID;
    is_id
        && (file_name(id, folds) == name
            || is_plain_component(id) && same(id, name, folds)
            || all_names(id, folds).iter().any(|its| same(&its.name, name, folds)))
}

/// Returns whether no other conversation, and no other program, has a file of this name.
fn is_unique_name_of(id: &str, name: &str, folds: bool) -> bool {
    all_names(id, folds).iter().any(|its| its.is_unique && same(&its.name, name, folds))
}
