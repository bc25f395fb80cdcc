//! The names in the directory, as scans look at them: in order, some at a time.
//!
//! A page of a scan must be able to begin anywhere, in another process too, so there has to be an order. A directory has none. So one
//! look through all names keeps the next ones in order, and the pages that follow take them from there.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::entries::for_each_name;

/// How many names are kept: a few megabytes, and a directory of a million files is looked through 20 times, at 0.4 µs a name.
const KEPT: usize = if cfg!(test) { 50 } else { 50_000 };

/// How long kept names wait for the next page of their scan.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// The names of how many scans are kept.
const SCANS: usize = 4;

/// A file that may be a conversation's.
#[derive(Debug)]
pub struct Listed {
    /// Its place in the order: `i` and the id that the name says, or `h` and the hash in it. So all names of a conversation are in one
    /// place. A save that moves it from one name to another moves it behind no cursor.
    pub key: Box<str>,
    /// Without extension.
    pub name: Box<str>,
}

impl Listed {
    /// Returns the id that the name says; `None` if the name has a hash in its place.
    pub fn id(&self) -> Option<&str> {
        self.key.strip_prefix('i')
    }
}

/// The next names of a scan.
#[derive(Debug)]
pub struct Chunk {
    prefix: String,
    /// The key behind which they are.
    from: String,
    read_at: Instant,
    /// The last one is next.
    names: Vec<Listed>,
    /// False if the directory has more.
    is_last: bool,
}

/// The names that are kept for the next page, for several scans.
#[derive(Default)]
pub struct Names(Mutex<Vec<Chunk>>);

impl Names {
    /// Takes what was kept for the page behind `from`.
    pub fn take(&self, prefix: &str, from: &str) -> Option<Chunk> {
        let mut chunks = self.0.lock();
        chunks.retain(|chunk| chunk.read_at.elapsed() < KEPT_FOR);
        let index = chunks.iter().position(|chunk| chunk.from == from && chunk.prefix == prefix)?;
        Some(chunks.remove(index))
    }

    /// Keeps the rest of a chunk for the page behind `from`.
    pub fn keep(&self, chunk: Chunk, from: &str) {
        if chunk.names.is_empty() {
            return;
        }
        let mut chunks = self.0.lock();
        chunks.retain(|chunk| chunk.read_at.elapsed() < KEPT_FOR);
        if chunks.len() == SCANS {
            chunks.remove(0);
        }
        chunks.push(Chunk { from: from.to_owned(), ..chunk });
    }
}

/// The beginning and the end that names must have.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The beginning of the id.
    pub prefix: &'a str,
    pub extension: &'a str,
    /// True if case is ignored.
    pub folds: bool,
}

impl Chunk {
    /// Looks through the directory for the names behind `from`. A missing directory has none.
    pub fn read(dir: &Path, wanted: Wanted<'_>, from: Option<&str>) -> io::Result<Self> {
        let mut names: Vec<Listed> = Vec::new();
        let mut is_last = true;
        let mut until: Option<Box<str>> = None;
        let mut key = String::new();
        let read = for_each_name(dir, |name| {
            let Some(name) = wanted.stem(name) else { return };
            if !write_key(name, &mut key)
                || !wanted.may_be(&key)
                || from.is_some_and(|from| *key <= *from)
                || until.as_ref().is_some_and(|until| *key > **until)
            {
                return;
            }
            names.push(Listed { key: key.as_str().into(), name: name.into() });
            if names.len() == 2 * KEPT {
                sort(&mut names);
                is_last &= names.len() <= KEPT;
                names.truncate(KEPT);
                until = names.last().filter(|_| !is_last).map(|last| last.key.clone());
            }
        });
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            read?;
        }
        sort(&mut names);
        is_last &= names.len() <= KEPT;
        names.truncate(KEPT);
        names.reverse();
        Ok(Chunk { prefix: wanted.prefix.to_owned(), from: String::new(), read_at: Instant::now(), names, is_last })
    }

    pub fn next(&mut self) -> Option<Listed> {
        self.names.pop()
    }

    /// Returns whether nothing is left, here and in the directory.
    pub fn is_end(&self) -> bool {
        self.is_last && self.names.is_empty()
    }
}

/// In the order of the keys, each once.
fn sort(names: &mut Vec<Listed>) {
    names.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    names.dedup_by(|one, other| one.key == other.key);
}

impl Wanted<'_> {
    /// Returns the name without its extension; `None` if no conversation's file has such a name.
    fn stem<'name>(&self, name: &'name str) -> Option<&'name str> {
        // No conversation's file begins with a dot, and all others of this package do.
        if name.starts_with('.') {
            return None;
        }
        let (stem, extension) = name.split_at_checked(name.len().checked_sub(self.extension.len())?)?;
        let fits = extension == self.extension || self.folds && extension.eq_ignore_ascii_case(self.extension);
        (fits && !stem.is_empty()).then_some(stem)
    }

    /// Returns whether a name with this key may be that of an id that begins as it should. A hash does not tell.
    fn may_be(&self, key: &str) -> bool {
        let Some(id) = key.strip_prefix('i') else { return true };
        // Some volumes show every name in lower case.
        id.starts_with(self.prefix)
            || self.folds && id.get(..self.prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(self.prefix))
    }
}

/// Writes the key of a file name without extension. Returns false if it is no conversation's name.
pub fn write_key(name: &str, key: &mut String) -> bool {
    key.clear();
    if let Some(hash) = name.find("%-") {
        key.push('h');
        key.push_str(&name[hash..]);
        return true;
    }
    key.push('i');
    if !name.contains('%') {
        key.push_str(name);
        return true;
    }
    match decode(name) {
        Some(id) => key.push_str(&id),
        None => return false,
    }
    true
}

/// Undoes [`file_name`](super::file_name::file_name) for a name without a hash; `None` if it cannot be one.
pub fn decode(name: &str) -> Option<String> {
    let mut parts = name.split('%');
    let mut id = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at_checked(2)?;
        // Not `+f`, which is a number too.
        if !byte.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        id.push(u8::from_str_radix(byte, 16).ok()?);
        id.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(id).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ALL: Wanted<'_> = Wanted { prefix: "", extension: ".json", folds: false };

    /// Returns the keys in `dir`, a chunk at a time.
    fn keys(dir: &Path, wanted: Wanted<'_>) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let mut chunk = Chunk::read(dir, wanted, keys.last().map(String::as_str)).unwrap();
            while let Some(listed) = chunk.next() {
                keys.push(listed.key.into());
            }
            if chunk.is_end() {
                return keys;
            }
        }
    }

    #[test]
    fn every_name_is_found_in_order_however_many_there_are() {
        for count in [0, 1, KEPT - 1, KEPT, KEPT + 1, 2 * KEPT, 2 * KEPT + 1, 10 * KEPT] {
            let dir = tempfile::tempdir().unwrap();
            for number in 0..count {
                fs::write(dir.path().join(format!("c{number:04}.json")), "").unwrap();
            }
            let expected: Vec<String> = (0..count).map(|number| format!("ic{number:04}")).collect();
            assert_eq!(keys(dir.path(), ALL), expected, "{count}");
        }
    }

    #[test]
    fn what_is_no_conversations_name_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "a.json",
            "%41.json",
            ".json",
            ".flowkit-x.tmp",
            ".flowkit-x.json.lock",
            "b.txt",
            "%4.json",
            "%zz.json",
            "%+f.json",
            "%FF.json",
            "x%-0a.json",
            "w:+5.json",
            "jso",
            "B.JSON",
        ];
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(keys(dir.path(), ALL), ["h%-0a", "iA", "ia", "iw:+5"]);
        assert_eq!(keys(dir.path(), Wanted { folds: true, ..ALL }), ["h%-0a", "iA", "iB", "ia", "iw:+5"]);
        assert_eq!(keys(dir.path(), Wanted { prefix: "w:", ..ALL }), ["h%-0a", "iw:+5"]);
        assert_eq!(keys(dir.path(), Wanted { prefix: "a", folds: true, ..ALL }), ["h%-0a", "iA", "ia"]);
        assert!(keys(&dir.path().join("missing"), ALL).is_empty());
    }

    #[test]
    fn names_are_kept_for_the_page_that_follows_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.json", "b.json"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let names = Names::default();
        let read = || {
            let mut chunk = Chunk::read(dir.path(), ALL, None).unwrap();
            chunk.next();
            chunk
        };
        names.keep(read(), "ia");
        assert!(names.take("", "ib").is_none());
        assert!(names.take("b", "ia").is_none());
        assert!(names.take("", "ia").is_some_and(|mut chunk| &*chunk.next().unwrap().key == "ib"));
        assert!(names.take("", "ia").is_none(), "it was taken");
        for _ in 0..10 {
            names.keep(read(), "ia");
        }
        assert_eq!(names.0.lock().len(), SCANS);
    }
}
