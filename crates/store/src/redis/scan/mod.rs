//! Looks through the conversations of a server, a page at a time.
//!
//! A page takes a few stages, each one set of commands: the keys, what is asked about each of them, the removal. Between two of
//! them other operations go on. `lib/redis-client-scan.js` does the same through the user's own client.

mod candidate;
mod cursor;
mod glob;
mod reading;
mod replies;

use std::ops::Range;

use super::config::KeySpace;
use super::connection::Words;
use super::error_reply::ErrorReply;
use super::scripts::SCRIPTS;
use crate::error::{ErrorKind, StoreError};
use crate::scan::{Action, Page, Scan};
use candidate::Candidate;
use cursor::Cursor;

/// How many keys one `SCAN` looks at, about: 1,000 take Redis 7 one millisecond. With few, a database in which few keys are
/// conversations takes many.
const FEWEST_KEYS: u32 = 100;
const MOST_KEYS: u32 = 1_000;

/// A page that is under way.
pub struct Look {
    from: Cursor,
    /// The cursor of the page behind this one.
    next: Option<Cursor>,
    /// The time of the server's clock, in ms, before which a conversation is as old as the scan asks for.
    old_before: u64,
    stage: Stage,
    page: Page,
}

/// The commands that are sent next. Each holds what they are about.
enum Stage {
    /// Asks for keys of texts. Servers before Redis 6 cannot tell them there.
    Keys { typed: bool },
    /// Asks which keys are those of texts.
    Kinds(Vec<String>),
    /// Asks for sizes, and for the time that is left.
    Details(Vec<String>),
    /// Asks for the texts of these candidates. They tell their age, as the server does not.
    Texts { candidates: Vec<Candidate>, asked: Range<usize> },
    /// Removes what is as old as it was.
    Purge(Vec<(String, Proof)>),
    /// Removes.
    Delete(Vec<String>),
}

/// How the server knows that a conversation is old, also if somebody saves or touches it meanwhile.
#[derive(Debug)]
enum Proof {
    /// By the time that is left.
    Expiry,
    /// Its text still has this SHA-1.
    Etag(String),
}

/// The end of a stage.
pub enum Step {
    Goes(Look),
    Done(Page),
    Refused(ErrorReply),
    Failed(StoreError),
    /// No replies to such commands.
    Mismatch,
}

impl Look {
    pub fn begin(keys: &KeySpace, scan: &Scan) -> Result<Self, StoreError> {
        let from = match &scan.cursor {
            None => Cursor::start(),
            Some(text) => Cursor::parse(text).ok_or_else(Scan::bad_cursor)?,
        };
        if matches!(scan.action, Action::Remove { .. }) && whole_prefix(keys, scan).is_empty() {
            let reason = "the option \"prefix\" of the storage is empty, so that every key of the database would count as a conversation; \
                          name the ids by { prefix }, or give the storage a prefix";
            return Err(StoreError::new(ErrorKind::InvalidOptions, reason));
        }
        Ok(Look { from, next: None, old_before: 0, stage: Stage::Keys { typed: true }, page: Page::default() })
    }

    /// Returns the commands of the next stage; at least one.
    pub fn commands(&self, keys: &KeySpace, scan: &Scan) -> Vec<Words> {
        let root = root(keys, scan);
        let key = |id: &str| [&*root, id].concat();
        let of_each = |ids: &[String], name: &str| ids.iter().map(|id| words([name, &key(id)])).collect();
        match &self.stage {
            Stage::Keys { typed } => {
                let pattern = glob::beginning_with(&whole_prefix(keys, scan));
                // A script costs the server more than anything else here, and others wait for it.
                let most = if goes_by_expiry(scan) { FEWEST_KEYS } else { MOST_KEYS };
                let count = scan.most.clamp(FEWEST_KEYS, most).to_string();
                let mut search = words(["SCAN", &self.from.at, "MATCH", &pattern, "COUNT", &count]);
                if *typed {
                    search.arg("TYPE").arg("string");
                }
                let mut commands = vec![words(["INFO", "server"]), search];
                if goes_by_expiry(scan) {
                    commands.push(words(["TIME"]));
                }
                commands
            }
            Stage::Kinds(ids) => of_each(ids, "TYPE"),
            Stage::Delete(ids) => of_each(ids, "DEL"),
            Stage::Details(ids) => {
                ids.iter().flat_map(|id| [words(["STRLEN", &key(id)]), words(["PTTL", &key(id)])]).collect()
            }
            Stage::Texts { candidates, asked } => {
                candidates[asked.clone()].iter().map(|candidate| words(["GET", &key(&candidate.id)])).collect()
            }
            Stage::Purge(ids) => ids.iter().map(|(id, proof)| self.purge(keys, scan, id, proof)).collect(),
        }
    }

    /// Returns the bytes of its commands, about.
    pub fn size(&self) -> usize {
        let of = |ids: &[String]| ids.iter().map(|id| id.len() + 64).sum::<usize>();
        match &self.stage {
            Stage::Keys { .. } => 0,
            Stage::Kinds(ids) | Stage::Delete(ids) => of(ids),
            Stage::Details(ids) => 2 * of(ids),
            Stage::Texts { candidates, .. } => candidates.iter().map(|candidate| candidate.id.len() + 64).sum(),
            Stage::Purge(ids) => ids.iter().map(|(id, _)| 2 * id.len() + SCRIPTS.purge.len()).sum(),
        }
    }

    fn purge(&self, keys: &KeySpace, scan: &Scan, id: &str, proof: &Proof) -> Words {
        let mut command = words(["EVAL", &SCRIPTS.purge, "2"]);
        let whole = [&*scan.root, id].concat();
        // A lock has neither this owner nor this lease, so that whoever has it is somebody else.
        command.arg(keys.key(&whole)).arg(keys.lock_key(&whole)).arg("-").arg(0);
        match proof {
            Proof::Expiry => command.arg("T").arg(u64::from(scan.ttl) * 1_000).arg(self.old_before),
            Proof::Etag(etag) => command.arg("H").arg(etag).arg(""),
        };
        command.arg(u8::from(scan.removes()));
        command
    }
}

/// Returns what precedes each id in its key.
fn root(keys: &KeySpace, scan: &Scan) -> String {
    keys.key(&scan.root)
}

/// Returns how the keys begin that the scan is about.
fn whole_prefix(keys: &KeySpace, scan: &Scan) -> String {
    root(keys, scan) + &scan.prefix
}

/// Returns whether the scan removes by age, and the time that is left tells it.
fn goes_by_expiry(scan: &Scan) -> bool {
    matches!(scan.action, Action::Remove { .. }) && scan.before.is_some() && scan.ttl > 0
}

/// Returns whether only the state itself tells how old it is.
fn goes_by_text(scan: &Scan) -> bool {
    scan.before.is_some() && scan.ttl == 0
}

fn words<const COUNT: usize>(words: [&str; COUNT]) -> Words {
    let mut command = Words::with_capacity(COUNT + 4, words.iter().map(|word| word.len()).sum());
    command.arg(&words);
    command
}
