//! Holds errors as values: one enum of kinds with stable codes. The boundary turns them into `StorageError`.

use std::io;

/// The code of [`ErrorKind::HandedBack`]. JavaScript catches it and repeats the operation on the user's connection.
pub const HANDED_BACK: &str = "FLOWKIT_HANDED_BACK";

/// The code of the cause of [`ErrorKind::HandedBack`] if a write was sent and may have taken effect already. If it fails when it
/// is repeated, it ends as a time-out.
pub const IN_DOUBT: &str = "FLOWKIT_IN_DOUBT";

/// The kind of an error, in the terms of the public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An option turned out unusable once the store was opened (a `dir` that is a file, a foreign table).
    InvalidOptions,
    /// Something is stored, but it is not this conversation's state.
    Corrupt,
    /// The place cannot be reached or is full; the operation did not take effect.
    Unavailable,
    /// No reply in time; whether the operation took effect is unknown.
    Timeout,
    /// Permissions, authentication, or a read-only place.
    Denied,
    /// This place cannot do the operation.
    Unsupported,
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
            ErrorKind::Unsupported => "ERR_STORAGE_UNSUPPORTED",
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

    /// Builds the error of work for which the system has no thread, or no descriptor to run it with.
    pub fn no_thread(error: &io::Error) -> Self {
        let reason = match io_code(error).as_deref() {
            Some("EMFILE" | "ENFILE") => "the system refuses another open file; raise the limit of open files",
            _ => "the system refuses another thread; raise the limit of processes, or of memory",
        };
        StoreError::new(ErrorKind::Unavailable, reason).with_cause(io_code(error), error.to_string())
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

    /// Builds the error of an input or output at `place`. Only what may pass by itself is [`ErrorKind::Unavailable`].
    pub fn io(error: &io::Error, place: &str) -> Self {
        let code = io_code(error);
        let (kind, advice) = match code.as_deref() {
            Some("EACCES" | "EPERM") => (ErrorKind::Denied, "; check the permissions"),
            Some("EROFS") => (ErrorKind::Denied, "; the file system is read-only"),
            Some("EFBIG") => (ErrorKind::Denied, "; a limit of the process or of the file system is below its size"),
            Some("EXDEV" | "EINVAL" | "EILSEQ") => (ErrorKind::Denied, "; the file system refuses this"),
            Some("ENOSPC" | "EDQUOT") => (ErrorKind::Unavailable, "; free some space and try again"),
            Some("EBUSY" | "ETXTBSY") => (ErrorKind::Unavailable, "; another program uses it"),
            Some("ENOTDIR") => (ErrorKind::InvalidOptions, "; a part of the path is a file"),
            Some("ENAMETOOLONG") => (ErrorKind::InvalidOptions, "; use a shorter path"),
            Some("ELOOP") => (ErrorKind::InvalidOptions, "; a link in the path leads back to itself"),
            _ => (ErrorKind::Unavailable, ""),
        };
        StoreError::new(kind, format!("{place}: {}{advice}", describe_io(error))).with_cause(code, error.to_string())
    }
}

/// Returns the message of an I/O error without Rust's trailing `(os error 28)`.
pub(crate) fn describe_io(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        // Those of Windows are sentences.
        Some(end) => text[..end].trim_end_matches('.').to_lowercase(),
        None => text,
    }
}

/// Returns the name that Node gives the same error, such as `ENOSPC`.
fn io_code(error: &io::Error) -> Option<String> {
    os_code(error).or_else(|| kind_code(error.kind())).map(str::to_owned)
}

/// Returns the name of the system's own number. Rust puts several of them into one kind: `EACCES` and `EPERM`.
#[cfg(unix)]
fn os_code(error: &io::Error) -> Option<&'static str> {
    macro_rules! names {
        ($number:expr, $($code:ident)*) => {
            match $number {
                $(libc::$code => Some(stringify!($code)),)*
                _ => None,
            }
        };
    }
    names!(error.raw_os_error()?,
        EACCES EAGAIN EBADF EBUSY ECONNABORTED ECONNREFUSED ECONNRESET EDQUOT EEXIST EFBIG EHOSTUNREACH EILSEQ EINTR EINVAL
        EIO EISDIR ELOOP EMFILE EMLINK ENAMETOOLONG ENETUNREACH ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTCONN
        ENOTDIR ENOTEMPTY ENOTSUP ENXIO EOVERFLOW EPERM EPIPE EROFS ESPIPE ESTALE ETIMEDOUT ETXTBSY EXDEV)
}

#[cfg(not(unix))]
fn os_code(_error: &io::Error) -> Option<&'static str> {
    None
}

/// Returns the name of an error that Rust made itself, or that another system has another number for.
fn kind_code(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::StorageFull => "ENOSPC",
        io::ErrorKind::QuotaExceeded => "EDQUOT",
        io::ErrorKind::ReadOnlyFilesystem => "EROFS",
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::AlreadyExists => "EEXIST",
        io::ErrorKind::FileTooLarge => "EFBIG",
        io::ErrorKind::ResourceBusy => "EBUSY",
        io::ErrorKind::ExecutableFileBusy => "ETXTBSY",
        io::ErrorKind::StaleNetworkFileHandle => "ESTALE",
        io::ErrorKind::CrossesDevices => "EXDEV",
        io::ErrorKind::OutOfMemory => "ENOMEM",
        io::ErrorKind::Interrupted => "EINTR",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        _ => return None,
    })
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

    #[cfg(unix)]
    #[test]
    fn every_error_of_a_file_keeps_its_code_and_only_what_may_pass_is_unavailable() {
        use ErrorKind::{Denied, InvalidOptions, Unavailable};
        for (number, code, kind) in [
            (libc::EACCES, "EACCES", Denied),
            (libc::EPERM, "EPERM", Denied),
            (libc::EROFS, "EROFS", Denied),
            (libc::EFBIG, "EFBIG", Denied),
            (libc::EXDEV, "EXDEV", Denied),
            (libc::EINVAL, "EINVAL", Denied),
            (libc::EILSEQ, "EILSEQ", Denied),
            (libc::ENOTDIR, "ENOTDIR", InvalidOptions),
            (libc::ENAMETOOLONG, "ENAMETOOLONG", InvalidOptions),
            (libc::ELOOP, "ELOOP", InvalidOptions),
            (libc::EBUSY, "EBUSY", Unavailable),
            (libc::ETXTBSY, "ETXTBSY", Unavailable),
            (libc::ESTALE, "ESTALE", Unavailable),
            (libc::EDQUOT, "EDQUOT", Unavailable),
            (libc::EMFILE, "EMFILE", Unavailable),
            (libc::EIO, "EIO", Unavailable),
            (libc::EISDIR, "EISDIR", Unavailable),
            (libc::ENOMEM, "ENOMEM", Unavailable),
        ] {
            let error = StoreError::io(&io::Error::from_raw_os_error(number), "/data");
            assert_eq!((error.cause.unwrap().code.as_deref(), error.kind), (Some(code), kind));
            assert!(error.reason.starts_with("/data: "), "{}", error.reason);
        }
    }
}
