//! The scripts that do on the server, in one step each, what locks, conditional writes and removals by age need.
//!
//! They keep the record of a lock as [`crate::lock::Record`] does, on the server's clock. Sent whole each time: a server that
//! has forgotten a script would refuse it, and the order of operations would break. The user's own client sends them too.

use std::sync::LazyLock;

const PRELUDE: &str = include_str!("scripts/prelude.lua");
const COMPARE: &str = include_str!("scripts/compare.lua");

/// The text of each script. Each file says what its script takes and returns.
pub struct Scripts {
    pub enter: String,
    pub write: String,
    pub leave: String,
    /// A conditional write without a lock.
    pub compare_and_set: String,
    /// Removes a conversation if it is old and nobody has its lock.
    pub purge: String,
}

pub static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
    enter: joined(&[PRELUDE, include_str!("scripts/enter.lua")]),
    write: joined(&[PRELUDE, COMPARE, include_str!("scripts/write.lua")]),
    leave: joined(&[PRELUDE, include_str!("scripts/leave.lua")]),
    compare_and_set: joined(&[COMPARE, include_str!("scripts/compare_and_set.lua")]),
    purge: joined(&[PRELUDE, include_str!("scripts/purge.lua")]),
});

/// Joins parts without what only readers need: the text travels with each operation.
fn joined(parts: &[&str]) -> String {
    let lines = parts.iter().flat_map(|part| part.lines()).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("--")).flat_map(|line| [line, "\n"]).collect()
}
