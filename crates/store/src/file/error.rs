//! The errors of a step of an operation.

use std::io;
use std::path::Path;

use crate::error::{ErrorKind, StoreError};

/// A file error. `missing` is true for ENOENT; for the directory that means "create it", not "fail".
#[derive(Clone, Debug)]
pub struct FileError {
    pub missing: bool,
    pub error: StoreError,
}

impl FileError {
    /// Builds the error of an input or output at `path`.
    pub fn at(error: &io::Error, path: &Path) -> Self {
        let kind = error.kind();
        let error = match kind {
            io::ErrorKind::NotADirectory => match first_file_in(path) {
                Some(file) => return FileError::not_a_directory(file),
                None => StoreError::io(error, &name(path)),
            },
            io::ErrorKind::IsADirectory => return FileError::not_a_file(path),
            _ => StoreError::io(error, &name(path)),
        };
        FileError { missing: kind == io::ErrorKind::NotFound, error }
    }

    /// Builds the error for an option `dir` that leads to, or through, something that cannot hold files.
    pub fn not_a_directory(path: &Path) -> Self {
        FileError::from(
            StoreError::new(ErrorKind::InvalidOptions, format!("{} is a file, not a directory", name(path)))
                .with_cause(Some("ENOTDIR".to_owned()), "not a directory"),
        )
    }

    /// Builds the error for a directory, a pipe or a device with a conversation's name.
    pub fn not_a_file(path: &Path) -> Self {
        FileError::corrupt(path, "is not a file")
    }

    pub fn corrupt(path: &Path, what: &str) -> Self {
        FileError::from(StoreError::new(ErrorKind::Corrupt, format!("{} {what}", name(path))))
    }

    pub fn is_corrupt(&self) -> bool {
        self.error.kind == ErrorKind::Corrupt
    }
}

impl From<StoreError> for FileError {
    fn from(error: StoreError) -> Self {
        FileError { missing: false, error }
    }
}

/// `ENOTDIR` does not say which part of a path is in the way.
fn first_file_in(path: &Path) -> Option<&Path> {
    path.ancestors().find(|part| part.metadata().is_ok_and(|metadata| !metadata.is_dir()))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
