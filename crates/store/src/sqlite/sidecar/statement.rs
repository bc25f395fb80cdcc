//! A prepared statement of the user's copy of SQLite.

use std::ffi::{CStr, c_int};
use std::ptr;

use rusqlite::ffi::{self, sqlite3 as Db, sqlite3_stmt as Raw};

use super::super::connection::{Param, Row, Value};
use super::super::errors::SqliteError;
use super::api::Api;

/// Used together with its connection, by one thread at a time. It must not outlive the connection.
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

    /// Binds `params` and leaves the statement ready to be stepped.
    pub fn start<'a>(&'a mut self, params: &[Param<'a>]) -> Result<Running<'a>, SqliteError> {
        let running = Running(self);
        let Statement { api, db, raw } = *running.0;
        for (index, param) in (1..).zip(params) {
            let code = match *param {
                Param::Text(text) => {
                    let length = c_int::try_from(text.len()).map_err(|_| too_big())?;
                    // SAFETY: the statement is not finalized. No destructor means SQLite keeps the pointer: `'a` makes the
                    // text outlive `Running`, which clears the bindings.
                    unsafe { (api.bind_text)(raw, index, text.as_ptr().cast(), length, None) }
                }
                // SAFETY: the statement is not finalized.
                Param::Integer(number) => unsafe { (api.bind_int64)(raw, index, number) },
            };
            if code != ffi::SQLITE_OK {
                // SAFETY: the connection is open as long as the statement.
                return Err(unsafe { failure(&api, db, code) });
            }
        }
        Ok(running)
    }

    /// Runs the statement to its end and returns its rows.
    pub fn run(&mut self, params: &[Param<'_>]) -> Result<Vec<Row>, SqliteError> {
        let mut running = self.start(params)?;
        let mut rows = Vec::new();
        while running.step()? {
            rows.push(running.row());
        }
        Ok(rows)
    }

    /// Runs the statement and returns the first column of its first row as text; empty if there is no row.
    pub fn first(&mut self) -> Result<String, SqliteError> {
        let mut running = self.start(&[])?;
        Ok(if running.step()? { String::from_utf8_lossy(running.bytes(0)).into_owned() } else { String::new() })
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: prepared by `prepare`, finalized nowhere else. Its connection is still open. A statement left over
        // would make `sqlite3_close` fail and leave the file locked until the process ends.
        unsafe { (self.api.finalize)(self.raw) };
    }
}

/// A statement between its first step and its reset. A statement that is not reset keeps its lock on the file.
pub struct Running<'a>(&'a mut Statement);

impl Running<'_> {
    /// Returns whether there is another row.
    fn step(&mut self) -> Result<bool, SqliteError> {
        let Statement { api, db, raw } = *self.0;
        // SAFETY: the statement is not finalized, and this thread alone uses its connection.
        match unsafe { (api.step)(raw) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            // SAFETY: the connection is open as long as the statement.
            code => Err(unsafe { failure(&api, db, code) }),
        }
    }

    /// Returns the current row.
    fn row(&self) -> Row {
        // SAFETY: the statement is not finalized.
        let columns = unsafe { (self.0.api.column_count)(self.0.raw) };
        (0..columns).map(|column| self.value(column)).collect()
    }

    fn value(&self, column: c_int) -> Value {
        let Statement { api, raw, .. } = *self.0;
        // SAFETY: the statement is not finalized and `column` is one of its own. The type first: `column_text` converts.
        match unsafe { (api.column_type)(raw, column) } {
            ffi::SQLITE_NULL => Value::Null,
            // SAFETY: as above.
            ffi::SQLITE_INTEGER => Value::Integer(unsafe { (api.column_int64)(raw, column) }),
            ffi::SQLITE_FLOAT => Value::Real,
            ffi::SQLITE_TEXT => Value::from_bytes(self.bytes(column)),
            _ => Value::Blob,
        }
    }

    /// Returns a column of the current row as text; empty for NULL. SQLite converts a number to its decimal form.
    fn bytes(&self, column: c_int) -> &[u8] {
        let Statement { api, raw, .. } = *self.0;
        // SAFETY: the statement is not finalized and `column` is one of its own. The text first, then its length: the
        // other way round the length could be that of the value before its conversion. SQLite leaves the text in its
        // place until the next step, which `&self` forbids.
        unsafe {
            let text = (api.column_text)(raw, column);
            if text.is_null() {
                return &[];
            }
            std::slice::from_raw_parts(text, usize::try_from((api.column_bytes)(raw, column)).unwrap_or(0))
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is not finalized. Their result codes only repeat the one of `step`.
        unsafe {
            (self.0.api.reset)(self.0.raw);
            (self.0.api.clear_bindings)(self.0.raw);
        }
    }
}

/// Returns the error of the last call on `db`.
///
/// # Safety
/// `db` is a connection of `api`'s copy that this thread alone uses, or null, as after an open that found no memory.
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

fn too_big() -> SqliteError {
    SqliteError::new(ffi::SQLITE_TOOBIG, "string or blob too big")
}
