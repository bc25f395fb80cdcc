//! One table of a database file: its statements, and how errors name it.

use std::path::Path;

pub struct Table {
    /// As the user gave it.
    pub name: String,
    /// The database file, as the user gave it.
    pub path: String,
    pub create: String,
    pub upsert: String,
    pub get: String,
    pub delete: String,
}

impl Table {
    pub fn new(path: &Path, name: String) -> Self {
        let quoted = format!("main.{}", quote(&name));
        // COLLATE BINARY: `User` and `user` stay two conversations, whatever collation the column was declared with.
        Table {
            path: path.display().to_string(),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {quoted} \
                 (id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)"
            ),
            upsert: format!(
                "INSERT INTO {quoted} (id, state, updated_at) VALUES (?, ?, ?) \
                 ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at"
            ),
            get: format!("SELECT state FROM {quoted} WHERE id = ? COLLATE BINARY"),
            delete: format!("DELETE FROM {quoted} WHERE id = ? COLLATE BINARY"),
            name,
        }
    }

    /// As error messages name it.
    pub fn location(&self) -> String {
        format!("table {} of {}", quote(&self.name), self.path)
    }
}

/// An SQL identifier, whatever the name holds.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
