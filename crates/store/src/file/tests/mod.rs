//! What the file store promises, seen from outside.
// Tests for one system need imports that the others do not.
#![cfg_attr(not(unix), allow(unused_imports))]

mod disk;
mod foreign_files;
mod former_names;
mod keyed_queue;
mod lock_files;
mod locks;
mod operations;
mod retention;
mod scans;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::case_sensitivity::CaseSensitivity;
use super::{FileConfig, FileStore};

/// A store in a directory that is not made yet.
struct Fixture {
    root: TempDir,
    dir: PathBuf,
    store: FileStore,
}

impl Fixture {
    fn new() -> Self {
        Fixture::with(true, CaseSensitivity::default())
    }

    fn with(durable: bool, case: CaseSensitivity) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("data").join("conversations");
        let config = FileConfig { dir: dir.clone(), extension: ".json".to_owned(), durable };
        Fixture { root, dir, store: FileStore::with_case(config, case) }
    }

    /// Writes a file as another program would.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(&self.dir).unwrap();
        fs::write(self.dir.join(name), content).unwrap();
    }

    fn names(&self) -> Vec<String> {
        names(&self.dir)
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn state(id: &str) -> String {
    serde_json::json!({ "conversationId": id }).to_string()
}
