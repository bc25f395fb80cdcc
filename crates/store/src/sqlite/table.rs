//! The name and the place of one table in a database file.

use std::path::Path;

pub struct Table {
    /// As the user gave it.
    pub name: String,
    /// The database file, as the user gave it.
    pub path: String,
}

impl Table {
    pub fn new(path: &Path, name: String) -> Self {
        Table { name, path: path.display().to_string() }
    }

    /// Returns the table as error messages name it.
    pub fn location(&self) -> String {
        format!("table {} of {}", quote(&self.name), self.path)
    }

    /// Returns the table as SQL names it. `main`, or a temporary table of the same name would come first.
    pub fn quoted(&self) -> String {
        format!("main.{}", quote(&self.name))
    }
}

/// Returns an SQL identifier, whatever the name holds.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
