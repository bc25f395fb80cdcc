//! What the inline path (`lib/sqlite-inline.js`) shares with the native one: statements, the judgement of a table, and
//! what an error means. The work itself is done there, on the user's own connection.

use napi::Either;
use napi_derive::napi;

use super::failure::Failure;
use flowkit_store::sqlite::double_open;
use flowkit_store::sqlite::errors::SqliteError;
use flowkit_store::sqlite::result_codes;
use flowkit_store::sqlite::schema::{COLUMNS_OF, KIND, UNIQUE, judge};
use flowkit_store::sqlite::table::Table;

/// The statements for one table. Those with one `?` take the table's name or the conversation's id.
#[napi(object, object_from_js = false)]
pub struct SqliteStatements {
    pub create: String,
    pub upsert: String,
    pub get: String,
    pub delete: String,
    pub kind: String,
    pub columns: String,
    pub unique: String,
    /// The table, as error messages name it.
    pub place: String,
}

/// `path` is only for error messages.
#[napi(catch_unwind)]
pub fn sqlite_statements(path: String, table: String) -> SqliteStatements {
    let table = Table::new(path.as_ref(), table);
    SqliteStatements {
        place: table.location(),
        create: table.create,
        upsert: table.upsert,
        get: table.get,
        delete: table.delete,
        kind: KIND.to_owned(),
        columns: COLUMNS_OF.to_owned(),
        unique: UNIQUE.to_owned(),
    }
}

/// Why the table cannot hold conversations, given the rows of the statements `kind`, `columns` and `unique`; or nothing.
#[napi(catch_unwind)]
pub fn judge_sqlite_table(
    path: String,
    table: String,
    kind: Vec<Vec<String>>,
    columns: Vec<Vec<String>>,
    unique: Vec<Vec<String>>,
) -> Option<Failure> {
    judge(&Table::new(path.as_ref(), table), &kind, &columns, unique).err().map(Failure::from)
}

/// What an SQLite error means. `code` is the extended result code or its name.
#[napi(catch_unwind)]
pub fn explain_sqlite(code: Either<String, i32>, message: String, path: String) -> Failure {
    let code = match code {
        Either::A(name) => result_codes::code(&name),
        Either::B(code) => code,
    };
    SqliteError::new(code, message).explain(&path).into()
}

/// Whether this package's own copy of SQLite has the file open, in this process: a connection of another copy on it
/// would destroy it.
#[napi(catch_unwind)]
pub fn is_open_by_path(path: String) -> bool {
    double_open::is_ours(path.as_ref())
}
