//! The arguments of a look through the conversations.

use flowkit_store::scan::{Action, Scan};
use napi_derive::napi;

/// The effect on what a scan matches.
#[napi(string_enum = "camelCase")]
pub enum ScanAction {
    /// Lists ids, sizes and times.
    List,
    /// Lists ids alone.
    ListIds,
    Count,
    Remove,
    /// Counts what would be removed.
    DryRun,
}

/// One page of a scan. Times are in ms since 1970.
#[napi(object, object_to_js = false)]
pub struct ScanOptions {
    pub action: ScanAction,
    /// Only ids that begin so.
    pub prefix: String,
    /// Only those that were last saved or touched before.
    pub before: Option<f64>,
    /// The end of the page before.
    pub cursor: Option<String>,
    /// At most so many conversations.
    pub most: u32,
}

impl ScanOptions {
    /// Builds the page to look at. `root` precedes each id in the store; `ttl` is in seconds.
    pub fn scan(self, root: String, ttl: u32) -> Scan {
        let action = match self.action {
            ScanAction::List => Action::List { details: true },
            ScanAction::ListIds => Action::List { details: false },
            ScanAction::Count => Action::Count,
            ScanAction::Remove => Action::Remove { dry_run: false },
            ScanAction::DryRun => Action::Remove { dry_run: true },
        };
        // A negative time becomes 0.
        let before = self.before.map(|before| before as u64);
        Scan { action, root, prefix: self.prefix, before, ttl, cursor: self.cursor, most: self.most.max(1) }
    }
}
