//! Where a page of a look through a table ends.

/// Where a page ends: behind the row with this key. Its text is the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// In the order of the table: fast if the table itself is read. The rowid.
    Row(String),
    /// In the order of the ids.
    Id(String),
    /// All rows are done, and free pages are given back to the system.
    FreePages,
}

impl Position {
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_at_checked(1)? {
            ("r", rowid) => rowid.parse::<i64>().is_ok().then(|| Position::Row(rowid.to_owned())),
            ("i", id) => Some(Position::Id(id.to_owned())),
            ("p", "") => Some(Position::FreePages),
            _ => None,
        }
    }

    pub fn to_cursor(&self) -> String {
        match self {
            Position::Row(rowid) => format!("r{rowid}"),
            Position::Id(id) => format!("i{id}"),
            Position::FreePages => "p".to_owned(),
        }
    }

    pub fn key(&self) -> &str {
        match self {
            Position::Row(key) | Position::Id(key) => key,
            Position::FreePages => "",
        }
    }

    pub fn set_key(&mut self, new: String) {
        if let Position::Row(key) | Position::Id(key) = self {
            *key = new;
        }
    }
}
