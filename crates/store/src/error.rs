//! Holds errors as values: one enum of kinds with stable codes. The boundary turns them into `StorageError`.

use std::io;

/// The code of [`ErrorKind::HandedBack`]. JavaScript catches it and repeats the operation on the user's connection.
pub const HANDED_BACK: &str = "FLOWKIT_HANDED_BACK";

/// The kind of an error, in the terms of the public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An option turned out unusable once the store was opened (a `dir` that is a file, a foreign table).
    InvalidOptions,
    /// Something is stored, but it is not this conversation's state.
    Corrupt,
    /// The place cannot be reached or is full; the operation did not take effect.
    Unavailable,
    /// No answer in time; whether the operation took effect is unknown.
    Timeout,
    /// Permissions, authentication, or a read-only place.
    Denied,
    /// The store was closed.
    Closed,
    /// A bug in this package.
    Internal,
    /// Never seen by the user: the operation is to be repeated on the user's own connection. See [`HANDED_BACK`].
    HandedBack,
}

impl ErrorKind {
    /// Returns the public `code`.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::InvalidOptions => "ERR_STORAGE_INVALID_OPTIONS",
            ErrorKind::Corrupt => "ERR_STORAGE_CORRUPT",
            ErrorKind::Unavailable => "ERR_STORAGE_UNAVAILABLE",
            ErrorKind::Timeout => "ERR_STORAGE_TIMEOUT",
            ErrorKind::Denied => "ERR_STORAGE_DENIED",
            ErrorKind::Closed => "ERR_STORAGE_CLOSED",
            ErrorKind::Internal => "ERR_STORAGE_INTERNAL",
            ErrorKind::HandedBack => HANDED_BACK,
        }
    }
}

/// The underlying error, as the user's `error.cause`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The code of the layer below, such as `ENOSPC` or `SQLITE_BUSY`; `None` if it has none.
    pub code: Option<String>,
    pub message: String,
}

/// A failed operation.
///
/// `reason` is the rest of a sentence that begins `Cannot save conversation "x": …`. It names the location, and what to do
/// if that is known. It never holds a password or a piece of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    pub kind: ErrorKind,
    pub reason: String,
    pub cause: Option<Cause>,
}

impl StoreError {
    pub fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        StoreError { kind, reason: reason.into(), cause: None }
    }

    pub fn with_cause(mut self, code: Option<String>, message: impl Into<String>) -> Self {
        self.cause = Some(Cause { code, message: message.into() });
        self
    }

    /// Builds the error of an operation after `close()`.
    pub fn closed() -> Self {
        StoreError::new(ErrorKind::Closed, "the storage is closed")
    }

    /// Builds the error of a caught panic: the process lives on, and one promise rejects.
    pub fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        StoreError::new(ErrorKind::Internal, "a bug in this package; please report it").with_cause(None, message)
    }

    /// Builds the error of an input or output at `place`.
    pub fn io(error: &io::Error, place: &str) -> Self {
        let (kind, advice) = match error.kind() {
            io::ErrorKind::PermissionDenied => (ErrorKind::Denied, "; check the permissions"),
            io::ErrorKind::ReadOnlyFilesystem => (ErrorKind::Denied, "; the file system is read-only"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (ErrorKind::Unavailable, "; free some space and try again")
            }
            io::ErrorKind::NotADirectory => (ErrorKind::InvalidOptions, "; a part of the path is a file"),
            _ => (ErrorKind::Unavailable, ""),
        };
        StoreError::new(kind, format!("{place}: {}{advice}", describe_io(error)))
            .with_cause(io_code(error), error.to_string())
    }
}

/// Returns the message of an I/O error without Rust's trailing `(os error 28)`.
pub(crate) fn describe_io(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// Returns the name that Node gives the same error, such as `ENOSPC`.
fn io_code(error: &io::Error) -> Option<String> {
    let code = match error.kind() {
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::StorageFull => "ENOSPC",
        io::ErrorKind::QuotaExceeded => "EDQUOT",
        io::ErrorKind::ReadOnlyFilesystem => "EROFS",
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::AlreadyExists => "EEXIST",
        io::ErrorKind::FileTooLarge => "EFBIG",
        io::ErrorKind::Interrupted => "EINTR",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        _ => return io_code_unix(error).map(str::to_owned),
    };
    Some(code.to_owned())
}

/// Returns the names that Rust has no stable kind for.
#[cfg(unix)]
fn io_code_unix(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EIO => "EIO",
        libc::EMFILE => "EMFILE",
        libc::ENFILE => "ENFILE",
        libc::ELOOP => "ELOOP",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENODEV => "ENODEV",
        libc::ENXIO => "ENXIO",
        libc::ESTALE => "ESTALE",
        libc::ENOTCONN => "ENOTCONN",
        _ => return None,
    })
}

#[cfg(not(unix))]
fn io_code_unix(_error: &io::Error) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_unavailable_and_says_so() {
        let error = StoreError::io(&io::Error::from_raw_os_error(28), "/data/x.json");
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.reason.starts_with("/data/x.json: no space left on device; free"), "{}", error.reason);
        assert_eq!(error.cause.unwrap().code.as_deref(), Some("ENOSPC"));
    }

    #[test]
    fn too_many_open_files_keeps_its_code() {
        let error = StoreError::io(&io::Error::from_raw_os_error(24), "/data");
        assert_eq!(error.cause.unwrap().code.as_deref(), Some("EMFILE"));
    }
}
