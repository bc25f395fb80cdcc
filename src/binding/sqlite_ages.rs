//! The age of conversations on the inline path (`lib/sqlite-inline.js`), and looks through them: the rules and the statements are those
//! of the native path.

use flowkit_store::clock::wall_millis;
use flowkit_store::retention;
use flowkit_store::scan::Page;
use flowkit_store::sqlite::connection::{Param, Row, Value};
use flowkit_store::sqlite::errors::SqliteError;
use flowkit_store::sqlite::scan::{self, Way};
use flowkit_store::sqlite::statements::Statements;
use flowkit_store::sqlite::table::Table;
use napi::Either;
use napi::bindgen_prelude::{FnArgs, Function, Result};
use napi_derive::napi;

use super::failure::Failure;
use super::scan::ScanOptions;

/// A statement and its parameters.
type Arguments = FnArgs<(String, Vec<Either<String, f64>>)>;

/// Returns the time of the system, in ms since 1970. Fake timers leave it alone.
#[napi(catch_unwind)]
pub fn system_time() -> f64 {
    wall_millis() as f64
}

/// Returns the time behind which a conversation must have been saved or touched to be there at `now`; 0 if none expires. `ttl` is in
/// seconds, times are in ms since 1970.
#[napi(catch_unwind)]
pub fn horizon(ttl: u32, now: f64) -> f64 {
    retention::horizon(ttl, now as u64).unwrap_or(0) as f64
}

/// Returns the time up to which a conversation must have been saved or touched so that a load at `now` renews its expiry. `ttl` is in
/// seconds, times are in ms since 1970.
#[napi(catch_unwind)]
pub fn refresh_before(ttl: u32, now: f64) -> f64 {
    retention::refresh_before(ttl, now as u64) as f64
}

/// Does one page of a look through a table, as JSON. `run` runs a statement on the user's connection and returns its rows, with all
/// values as texts; what it throws is thrown here. `path` is only for error messages; `ttl` is in seconds.
#[napi(catch_unwind)]
pub fn scan_sqlite(
    path: String,
    table: String,
    ttl: u32,
    options: ScanOptions,
    #[napi(ts_arg_type = "(sql: string, parameters: Array<string | number>) => string[][]")] run: Function<
        '_,
        Arguments,
        Vec<Vec<String>>,
    >,
) -> Result<Either<String, Failure>> {
    let statements = Statements::new(Table::new(path.as_ref(), table));
    let mut thrown = None;
    let mut run = |sql: &str, params: &[Param<'_>]| {
        let params = params.iter().map(to_value).collect();
        let rows = run.call(FnArgs::from((sql.to_owned(), params)));
        rows.map(to_rows).map_err(|error| {
            let failure = SqliteError::new(0, "an exception of the database");
            thrown = Some(error);
            failure
        })
    };
    let page = scan::page(&statements, &mut run, &options.scan(String::new(), ttl), wall_millis(), Way::Inline);
    match (thrown, page) {
        (Some(error), _) => Err(error),
        (None, Ok(Ok(page))) => Ok(Either::A(page.to_json())),
        (None, Ok(Err(error))) => Ok(Either::B(error.into())),
        // Only what is thrown fails a statement.
        (None, Err(error)) => Ok(Either::B(error.explain(&path).into())),
    }
}

/// Returns the page of a table that is not there, as JSON.
#[napi(catch_unwind)]
pub fn empty_page() -> String {
    Page::default().to_json()
}

fn to_value(param: &Param<'_>) -> Either<String, f64> {
    match param {
        Param::Text(text) => Either::A((*text).to_owned()),
        Param::Integer(number) => Either::B(*number as f64),
    }
}

fn to_rows(rows: Vec<Vec<String>>) -> Vec<Row> {
    rows.into_iter().map(|row| row.into_iter().map(Value::Text).collect()).collect()
}
