//! A prepared statement of the owner's copy of SQLite.

use std::ffi::{CStr, c_int};
use std::ptr;

use rusqlite::ffi::{self, sqlite3 as Db, sqlite3_stmt as Raw};

use super::super::connection::Stored;
use super::super::errors::SqliteError;
use super::api::Api;

/// Lives and dies on the thread of its connection, which it must not outlive.
pub struct Statement {
    api: Api,
    db: *mut Db,
    raw: *mut Raw,
}

impl Statement {
    /// # Safety
    /// `db` is an open connection of `api`'s copy, used by this thread alone, that stays open as long as the statement.
    pub unsafe fn prepare(api: Api, db: *mut Db, sql: &str) -> Result<Self, SqliteError> {
        let length = c_int::try_from(sql.len()).map_err(|_| too_big())?;
        let mut raw = ptr::null_mut();
        // SAFETY: `db` as promised; the text has that length and is only read during the call.
        let code = unsafe { (api.prepare)(db, sql.as_ptr().cast(), length, &mut raw, ptr::null_mut()) };
        if code != ffi::SQLITE_OK {
            // SAFETY: `db` as promised.
            return Err(unsafe { failure(&api, db, code) });
        }
        Ok(Statement { api, db, raw })
    }

    /// Binds `texts`, then `number`, to the parameters and leaves the statement ready to be stepped.
    pub fn run<'a>(&'a mut self, texts: &[&'a str], number: Option<i64>) -> Result<Running<'a>, SqliteError> {
        let running = Running(self);
        let Statement { api, db, raw } = *running.0;
        let mut index = 0;
        for text in texts {
            index += 1;
            let length = c_int::try_from(text.len()).map_err(|_| too_big())?;
            // SAFETY: the statement is not finalized. No destructor means SQLite keeps the pointer: `'a` makes the text
            // outlive `Running`, which clears the bindings.
            let code = unsafe { (api.bind_text)(raw, index, text.as_ptr().cast(), length, None) };
            // SAFETY: the connection is open as long as the statement.
            check(code, || unsafe { failure(&api, db, code) })?;
        }
        if let Some(number) = number {
            // SAFETY: the statement is not finalized.
            let code = unsafe { (api.bind_int64)(raw, index + 1, number) };
            // SAFETY: as above.
            check(code, || unsafe { failure(&api, db, code) })?;
        }
        Ok(running)
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: prepared by `prepare`, finalized nowhere else. Its connection is still open. One statement left over
        // would make `sqlite3_close` fail and leave the file locked for ever.
        unsafe { (self.api.finalize)(self.raw) };
    }
}

/// A statement between its first step and its reset. A statement that is not reset keeps its lock on the file.
pub struct Running<'a>(&'a mut Statement);

impl Running<'_> {
    /// Whether there is another row.
    pub fn step(&mut self) -> Result<bool, SqliteError> {
        let Statement { api, db, raw } = *self.0;
        // SAFETY: the statement is not finalized, and this thread alone uses its connection.
        match unsafe { (api.step)(raw) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            // SAFETY: the connection is open as long as the statement.
            code => Err(unsafe { failure(&api, db, code) }),
        }
    }

    /// Steps to the end.
    pub fn finish(mut self) -> Result<(), SqliteError> {
        while self.step()? {}
        Ok(())
    }

    pub fn columns(&self) -> c_int {
        // SAFETY: the statement is not finalized.
        unsafe { (self.0.api.column_count)(self.0.raw) }
    }

    /// A column of the current row as bytes; nothing for NULL. A number becomes its decimal form.
    pub fn bytes(&self, column: c_int) -> Option<&[u8]> {
        let Statement { api, raw, .. } = *self.0;
        // SAFETY: the statement is not finalized and `column` is one of its own. The text first, then its length, as the
        // second would otherwise not be that of the text. It stays where it is until the next step, which `&self` forbids.
        unsafe {
            let text = (api.column_text)(raw, column);
            if text.is_null() {
                return None;
            }
            Some(std::slice::from_raw_parts(text, usize::try_from((api.column_bytes)(raw, column)).unwrap_or(0)))
        }
    }

    /// A column of the current row, in words.
    pub fn text(&self, column: c_int) -> String {
        self.bytes(column).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// The first column of the current row as a state.
    pub fn stored(&self) -> Stored {
        // SAFETY: the statement is not finalized. Asked before the text, which converts.
        match unsafe { (self.0.api.column_type)(self.0.raw, 0) } {
            ffi::SQLITE_TEXT => match std::str::from_utf8(self.bytes(0).unwrap_or_default()) {
                Ok(text) => Stored::Text(text.to_owned()),
                Err(_) => Stored::Foreign("text that is not UTF-8"),
            },
            ffi::SQLITE_NULL => Stored::Foreign("NULL"),
            ffi::SQLITE_BLOB => Stored::Foreign("a BLOB"),
            _ => Stored::Foreign("a number"),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is not finalized. Their result codes only repeat what `step` told.
        unsafe {
            (self.0.api.reset)(self.0.raw);
            (self.0.api.clear_bindings)(self.0.raw);
        }
    }
}

/// What SQLite says of its last call on `db`.
///
/// # Safety
/// `db` is a connection of `api`'s copy that this thread alone uses, or null, as after an open without memory.
pub unsafe fn failure(api: &Api, db: *mut Db, code: c_int) -> SqliteError {
    if db.is_null() {
        return SqliteError::new(code, "out of memory");
    }
    // SAFETY: as promised. The message is copied before the next call replaces it.
    unsafe {
        let message = CStr::from_ptr((api.errmsg)(db)).to_string_lossy().into_owned();
        let extended = (api.extended_errcode)(db);
        SqliteError::new(if extended & 0xff == code & 0xff { extended } else { code }, message)
    }
}

fn check(code: c_int, failure: impl FnOnce() -> SqliteError) -> Result<(), SqliteError> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(failure()) }
}

fn too_big() -> SqliteError {
    SqliteError::new(ffi::SQLITE_TOOBIG, "string or blob too big")
}
