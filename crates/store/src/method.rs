//! The public methods, as counters name them.

/// The public method that a request is the work of, as counters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Load,
    Save,
    Has,
    Touch,
    Delete,
    List,
    Count,
    Purge,
    Clear,
    /// Takes a lock, renews it, or asks for it once more.
    Lock,
    Unlock,
}

impl Method {
    pub const ALL: [Method; 11] = [
        Method::Load,
        Method::Save,
        Method::Has,
        Method::Touch,
        Method::Delete,
        Method::List,
        Method::Count,
        Method::Purge,
        Method::Clear,
        Method::Lock,
        Method::Unlock,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Method::Load => "load",
            Method::Save => "save",
            Method::Has => "has",
            Method::Touch => "touch",
            Method::Delete => "delete",
            Method::List => "list",
            Method::Count => "count",
            Method::Purge => "purge",
            Method::Clear => "clear",
            Method::Lock => "lock",
            Method::Unlock => "unlock",
        }
    }
}
