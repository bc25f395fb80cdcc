//! What the inline path (`lib/sqlite-inline.js`) shares with the native one: the statements, the check of a table, and the
//! meaning of an error. JavaScript runs the statements on the user's own connection.

use napi::Either;
use napi_derive::napi;

use super::failure::Failure;
use flowkit_store::sqlite::double_open;
use flowkit_store::sqlite::errors::SqliteError;
use flowkit_store::sqlite::result_codes;
use flowkit_store::sqlite::schema::{COLUMNS_OF, KIND, UNIQUE, create, judge};
use flowkit_store::sqlite::statement::{Input, Reads, Statement};
use flowkit_store::sqlite::statements::Statements;
use flowkit_store::sqlite::table::Table;

/// The statements for one table. `kind`, `columns` and `unique` take the table's name.
#[napi(object, object_from_js = false)]
pub struct SqliteStatements {
    pub create: String,
    pub kind: String,
    pub columns: String,
    pub unique: String,
    /// The table, as error messages name it.
    pub location: String,
    pub operations: Vec<SqliteOperation>,
    /// Makes the table of the locks.
    pub create_locks: String,
    /// The statements on that table: `readLock`, `writeLock`, `removeLock`. Their text is a record.
    pub lock_operations: Vec<SqliteOperation>,
}

/// One operation as a statement.
#[napi(object, object_from_js = false)]
pub struct SqliteOperation {
    /// The operation, as `operation.kind` names it.
    pub kind: String,
    pub sql: String,
    /// The value of each `?`, in order.
    #[napi(ts_type = "Array<'id' | 'text' | 'time' | 'horizon' | 'renewBefore'>")]
    pub params: Vec<String>,
    /// The meaning of the rows: nothing, the text in the first column of the first row, or whether there is a row.
    #[napi(ts_type = "'nothing' | 'text' | 'presence'")]
    pub reads: String,
    /// True if the statement changes something.
    pub is_write: bool,
}

/// Returns the statements for a table. `path` is only for error messages.
#[napi(catch_unwind)]
pub fn sqlite_statements(path: String, table: String) -> SqliteStatements {
    let statements = Statements::new(Table::new(path.as_ref(), table));
    SqliteStatements {
        create: create(&statements.table),
        kind: KIND.to_owned(),
        columns: COLUMNS_OF.to_owned(),
        unique: UNIQUE.to_owned(),
        location: statements.table.location(),
        operations: statements.all().map(describe).into(),
        create_locks: statements.locks.create.clone(),
        lock_operations: statements.locks.all().map(describe).into(),
    }
}

fn describe(statement: &Statement) -> SqliteOperation {
    SqliteOperation {
        kind: statement.kind.to_owned(),
        sql: statement.sql.clone(),
        params: statement.params.iter().map(|input| name_input(*input).to_owned()).collect(),
        reads: name_reads(statement.reads).to_owned(),
        is_write: statement.is_write,
    }
}

fn name_input(input: Input) -> &'static str {
    match input {
        Input::Id => "id",
        Input::Text => "text",
        Input::Time => "time",
        Input::Horizon => "horizon",
        Input::RenewBefore => "renewBefore",
    }
}

fn name_reads(reads: Reads) -> &'static str {
    match reads {
        Reads::Nothing => "nothing",
        Reads::Text => "text",
        Reads::Presence => "presence",
    }
}

/// Returns why the table cannot hold conversations, given the rows of the statements `kind`, `columns` and `unique`; `null`
/// if it can.
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

/// Returns the meaning of an SQLite error. `code` is the extended result code or its name.
#[napi(catch_unwind)]
pub fn explain_sqlite(code: Either<String, i32>, message: String, path: String) -> Failure {
    let code = match code {
        Either::A(name) => result_codes::code(&name),
        Either::B(code) => code,
    };
    SqliteError::new(code, message).explain(&path).into()
}

/// Returns why the user's copy of SQLite must not use a file, given what this package's own copy has open in this process;
/// `null` if it may. `path` is the name by which that copy has it open.
#[napi(catch_unwind)]
pub fn why_not_beside_path(path: String) -> Option<String> {
    double_open::why_not_beside(path.as_ref())
}
