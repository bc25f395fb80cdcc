//! Makes a table, or checks that an existing one can hold conversations.

use std::collections::BTreeMap;

use rusqlite::ffi;

use super::super::error::{ErrorKind, StoreError};
use super::connection::{Connection, Param, Value};
use super::errors::{BatchError, SqliteError};
use super::table::Table;

const COLUMNS: [&str; 3] = ["id", "state", "updated_at"];

/// Finds what bears the name `?`: a row `[type, strict]`, or none.
pub const KIND: &str = "SELECT type, strict FROM pragma_table_list(?) WHERE schema = 'main'";

/// Lists the columns of the table `?`: rows `[name, type, hidden]`.
pub const COLUMNS_OF: &str = "SELECT name, type, hidden FROM pragma_table_xinfo(?) WHERE schema = 'main'";

/// Lists the parts of the unique indexes of the table `?`: rows `[index, partial, column, collation]`.
pub const UNIQUE: &str = "SELECT list.name AS index_name, list.partial, part.name AS column_name, part.coll \
    FROM pragma_index_list(?, 'main') AS list, pragma_index_xinfo(list.name, 'main') AS part \
    WHERE list.\"unique\" = 1 AND part.\"key\" = 1";

/// The rows of a query, all as text.
pub type Rows = Vec<Vec<String>>;

/// Returns the statement that makes `table`.
pub fn create(table: &Table) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)",
        table.quoted()
    )
}

/// Creates `table` if it is missing. Returns an error if it has other columns, or if two ids could meet in it.
pub fn ensure(connection: &mut dyn Connection, table: &Table) -> Result<(), BatchError> {
    let mut found = query(connection, KIND, table)?;
    if found.is_empty() {
        if let Err(failure) = connection.execute(&create(table)) {
            // Such as "there is already an index named so": the name is wrong, not the disk.
            return Err(match failure.primary() {
                ffi::SQLITE_ERROR => {
                    BatchError::Refused(refuse(table, format!("cannot be created: {}", failure.message)))
                }
                _ => failure.into(),
            });
        }
        found = query(connection, KIND, table)?;
    }
    check_found(connection, table, &found)
}

/// Returns an error if there is no `table`, or if it cannot hold conversations.
pub fn check(connection: &mut dyn Connection, table: &Table) -> Result<(), BatchError> {
    let found = query(connection, KIND, table)?;
    if found.is_empty() {
        return Err(BatchError::Refused(refuse(table, "is not there".into())));
    }
    check_found(connection, table, &found)
}

fn check_found(connection: &mut dyn Connection, table: &Table, found: &Rows) -> Result<(), BatchError> {
    let columns = query(connection, COLUMNS_OF, table)?;
    let unique = query(connection, UNIQUE, table)?;
    judge(table, found, &columns, unique).map_err(BatchError::Refused)
}

fn query(connection: &mut dyn Connection, sql: &str, table: &Table) -> Result<Rows, SqliteError> {
    let rows = connection.run(sql, &[Param::Text(&table.name)])?;
    Ok(rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

fn text(value: Value) -> String {
    match value {
        Value::Text(text) | Value::InvalidText(text) => text,
        Value::Integer(number) => number.to_string(),
        // None of the queries returns a real number or a BLOB.
        Value::Null | Value::Real | Value::Blob => String::new(),
    }
}

/// Checks that what [`KIND`], [`COLUMNS_OF`] and [`UNIQUE`] found can hold conversations.
pub fn judge(table: &Table, found: &Rows, columns: &Rows, unique: Rows) -> Result<(), StoreError> {
    let Some([kind, strict]) = found.first().map(Vec::as_slice) else {
        return Err(refuse(table, "cannot be created".into()));
    };
    if kind != "table" {
        return Err(refuse(table, format!("is a {kind}, not an ordinary table")));
    }
    let id_type = check_columns(table, columns)?;
    if !keeps_text(id_type, strict == "1") {
        return Err(refuse(table, format!("has an id column of type {id_type}, which would turn \"007\" into 7")));
    }
    check_key(table, unique)
}

/// Returns the declared type of `id`.
fn check_columns<'a>(table: &Table, columns: &'a Rows) -> Result<&'a str, StoreError> {
    let plain = columns.iter().all(|column| column[2] == "0");
    let mut names: Vec<_> = columns.iter().map(|column| column[0].to_ascii_lowercase()).collect();
    names.sort();
    if !plain || names != COLUMNS {
        let found: Vec<_> = columns.iter().map(|column| column[0].as_str()).collect();
        let reason = format!("has the columns ({}) instead of ({})", found.join(", "), COLUMNS.join(", "));
        return Err(refuse(table, reason));
    }
    let id = columns.iter().position(|column| column[0].eq_ignore_ascii_case("id")).unwrap_or_default();
    Ok(&columns[id][1])
}

/// Returns whether a column so declared stores text as it is (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
fn keeps_text(declared: &str, strict: bool) -> bool {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    if strict {
        return declared == "TEXT" || declared == "ANY";
    }
    !has("INT") && (declared.is_empty() || ["CHAR", "CLOB", "TEXT", "BLOB"].into_iter().any(has))
}

/// `ON CONFLICT(id)` needs a unique index on `id` alone, and takes any collation: with NOCASE it would let `user`
/// overwrite `User`.
fn check_key(table: &Table, unique: Rows) -> Result<(), StoreError> {
    let mut indexes: BTreeMap<String, Vec<[String; 3]>> = BTreeMap::new();
    for row in unique {
        if let Ok([index, partial, column, collation]) = <[String; 4]>::try_from(row) {
            indexes.entry(index).or_default().push([partial, column, collation]);
        }
    }
    let mut is_unique = false;
    for parts in indexes.values() {
        if let [[partial, column, collation]] = parts.as_slice()
            && column.eq_ignore_ascii_case("id")
        {
            if collation != "BINARY" {
                let reason = format!("compares ids by the collation {collation}, which would let two of them meet");
                return Err(refuse(table, reason));
            }
            is_unique |= partial == "0";
        }
    }
    if is_unique { Ok(()) } else { Err(refuse(table, "has an id column that is not unique".into())) }
}

fn refuse(table: &Table, reason: String) -> StoreError {
    let place = table.location();
    StoreError::new(
        ErrorKind::InvalidOptions,
        format!("{place} {reason}; choose another name with the option \"table\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinities() {
        for declared in ["TEXT", "text", "", "VARCHAR(20)", "BLOB", "CLOB"] {
            assert!(keeps_text(declared, false), "{declared}");
        }
        for declared in ["INTEGER", "INT", "CHARINT", "NUMERIC", "REAL", "DOUBLE", "ANY", "DATE", "STRING"] {
            assert!(!keeps_text(declared, false), "{declared}");
        }
        assert!(keeps_text("ANY", true) && keeps_text("TEXT", true) && !keeps_text("BLOB", true));
    }
}
