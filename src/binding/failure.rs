//! Converts an error value to the object that JavaScript builds its `StorageError` from. The only place that does.

use napi_derive::napi;

use flowkit_store::error::StoreError;

/// The `code` of an operation that was handed back: to be repeated on the user's own connection.
#[napi]
pub const HANDED_BACK: &str = flowkit_store::error::HANDED_BACK;

/// The `cause_code` of an operation that was handed back, if it may have taken effect already.
#[napi]
pub const IN_DOUBT: &str = flowkit_store::error::IN_DOUBT;

/// The reason of a rejected native promise. `lib/errors.js` turns it into a `StorageError`: errors made on another thread have
/// no JavaScript stack.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// One of the `ERR_STORAGE_…` codes.
    pub code: String,
    /// The rest of a sentence that begins `Cannot save conversation "x": …`.
    pub reason: String,
    /// The underlying error's code, such as `ENOSPC`.
    pub cause_code: Option<String>,
    /// The underlying error's message.
    pub cause_message: Option<String>,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (cause_code, cause_message) = match error.cause {
            Some(cause) => (cause.code, Some(cause.message)),
            None => (None, None),
        };
        Failure { code: error.kind.code().to_owned(), reason: error.reason, cause_code, cause_message }
    }
}
