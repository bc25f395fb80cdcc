//! What the replies to each stage mean, and what comes next.

use std::collections::HashSet;
use std::ops::Range;

use super::super::config::KeySpace;
use super::super::connection::Reply;
use super::super::error_reply::ErrorReply;
use super::candidate::Candidate;
use super::cursor::{Cursor, MOST_DONE, MOST_RESTARTS, digest};
use super::replies::{number_of, read_keys, read_server, read_time, text_of};
use super::{Look, Proof, Stage, Step, goes_by_expiry, goes_by_text, root, whole_prefix};
use crate::clock::wall_millis;
use crate::error::{ErrorKind, StoreError};
use crate::scan::{Action, Found, Scan, Verdict};

/// The bytes of states that are read at a time, of a store whose conversations have no expiry.
const BYTES_OF_TEXTS: u64 = 4 * 1024 * 1024;

/// The most that two clocks seem to differ as each is read in whole ms.
const ROUNDED_MILLIS: u64 = 2;

const LONGEST_ID: usize = 1_024;

/// The end of a stage before its last reply was read.
enum Stop {
    Refused(ErrorReply),
    Failed(StoreError),
    Mismatch,
}

impl Look {
    /// Reads the replies to [`Look::commands`], one for each.
    pub fn read(mut self, keys: &KeySpace, scan: &Scan, replies: impl Iterator<Item = Reply>) -> Step {
        let result = match std::mem::replace(&mut self.stage, Stage::Keys { typed: true }) {
            Stage::Keys { typed } => self.read_keys(keys, scan, typed, replies),
            Stage::Kinds(ids) => self.read_kinds(scan, ids, replies),
            Stage::Details(ids) => self.read_details(scan, ids, replies),
            Stage::Texts { candidates, asked } => self.read_texts(scan, candidates, asked, replies),
            Stage::Purge(ids) => self.read_purged(ids, replies),
            Stage::Delete(_) => self.read_deleted(replies),
        };
        match result {
            Ok(Some(stage)) => {
                self.stage = stage;
                Step::Goes(self)
            }
            Ok(None) => {
                self.page.cursor = self.next.map(|next| next.to_text());
                Step::Done(self.page)
            }
            Err(Stop::Refused(error)) => Step::Refused(error),
            Err(Stop::Failed(error)) => Step::Failed(error),
            Err(Stop::Mismatch) => Step::Mismatch,
        }
    }

    fn read_keys(
        &mut self,
        keys: &KeySpace,
        scan: &Scan,
        typed: bool,
        mut replies: impl Iterator<Item = Reply>,
    ) -> Result<Option<Stage>, Stop> {
        let server = replies.next().and_then(read_server).ok_or(Stop::Mismatch)?;
        let found = match replies.next() {
            Some(Reply::Error(error)) if typed && error.message.contains("syntax error") => {
                return Ok(Some(Stage::Keys { typed: false }));
            }
            reply => read_keys(unless_refused(reply)?).ok_or(Stop::Mismatch)?,
        };
        if goes_by_expiry(scan) {
            // The server's time is past by now, so this is never later than the time that the scan means, and what is saved
            // meanwhile is never removed.
            let time = read_time(unless_refused(replies.next())?).ok_or(Stop::Mismatch)?;
            let age = wall_millis().saturating_sub(scan.before.unwrap_or(0));
            self.old_before = time.saturating_sub(age + ROUNDED_MILLIS);
        }
        if self.began_anew(scan, &server)? {
            return Ok(Some(Stage::Keys { typed }));
        }
        let (at, keys_found) = found;
        let ids = self.take(scan, at, own_ids(keys_found, &root(keys, scan), &whole_prefix(keys, scan)));
        if typed || ids.is_empty() { Ok(self.ask_about(scan, ids)) } else { Ok(Some(Stage::Kinds(ids))) }
    }

    /// Begins anew, and returns true, if the cursor is one of another server: it means nothing to this one, where it would leave
    /// conversations out. Those that were listed are listed again.
    fn began_anew(&mut self, scan: &Scan, server: &str) -> Result<bool, Stop> {
        let server =
            if server.is_empty() || self.from.restarts >= MOST_RESTARTS { String::new() } else { digest(server) };
        let is_other = !self.from.server.is_empty() && !server.is_empty() && self.from.server != server;
        if !is_other {
            self.from.server = server;
            return Ok(false);
        }
        if matches!(scan.action, Action::Count | Action::Remove { dry_run: true }) {
            let reason =
                "the Redis server was restarted, or another one came in its place, while it was counted; count again";
            return Err(Stop::Failed(StoreError::new(ErrorKind::Unavailable, reason)));
        }
        self.from = Cursor { restarts: self.from.restarts + 1, server, ..Cursor::start() };
        Ok(true)
    }

    /// Takes as many as the page may have, and notes where the next one begins.
    fn take(&mut self, scan: &Scan, at: String, mut ids: Vec<String>) -> Vec<String> {
        let removes_all = matches!(scan.action, Action::Remove { dry_run: false }) && scan.before.is_none();
        if removes_all && !self.from.done.is_empty() {
            // What was removed need not be remembered. Else the list is full, and this page too long, if the server finds as many
            // other keys in its place.
            let found: HashSet<String> = ids.iter().map(|id| digest(id)).collect();
            self.from.done.retain(|done| found.contains(done));
        }
        let done: HashSet<&str> = self.from.done.iter().map(String::as_str).collect();
        ids.retain(|id| done.is_empty() || !done.contains(&*digest(id)));
        let most = scan.most as usize;
        self.next = if ids.len() > most && self.from.done.len() + most <= MOST_DONE {
            ids.truncate(most);
            let mut next = self.from.clone();
            next.done.extend(ids.iter().map(|id| digest(id)));
            Some(next)
        } else {
            (at != "0").then(|| Cursor { at, done: Vec::new(), ..self.from.clone() })
        };
        ids
    }

    /// Returns the next stage; `None` if the ids are all that the scan asks for.
    fn ask_about(&mut self, scan: &Scan, ids: Vec<String>) -> Option<Stage> {
        if ids.is_empty() {
            return None;
        }
        match scan.action {
            Action::Remove { dry_run: false } if scan.before.is_none() => return Some(Stage::Delete(ids)),
            _ if scan.before.is_some() || scan.wants_details() => return Some(Stage::Details(ids)),
            _ => {}
        }
        self.page.matched += ids.len() as u64;
        if matches!(scan.action, Action::List { .. }) {
            self.page.found = ids.into_iter().map(|id| Found { id, details: None }).collect();
        }
        None
    }

    fn read_kinds(
        &mut self,
        scan: &Scan,
        mut ids: Vec<String>,
        replies: impl Iterator<Item = Reply>,
    ) -> Result<Option<Stage>, Stop> {
        let kinds = replies.map(|reply| text_of(unless_refused(Some(reply))?).ok_or(Stop::Mismatch));
        let mut kinds = kinds.collect::<Result<Vec<_>, _>>()?.into_iter();
        ids.retain(|_| kinds.next().is_some_and(|kind| kind == b"string"));
        Ok(self.ask_about(scan, ids))
    }

    fn read_details(
        &mut self,
        scan: &Scan,
        ids: Vec<String>,
        mut replies: impl Iterator<Item = Reply>,
    ) -> Result<Option<Stage>, Stop> {
        let now = wall_millis();
        let mut candidates = Vec::with_capacity(ids.len());
        for id in ids {
            let size = replies.next();
            let left = number_of(unless_refused(replies.next())?).ok_or(Stop::Mismatch)?;
            // It was deleted meanwhile, or replaced by a list.
            if left == -2 || matches!(&size, Some(Reply::Error(error)) if error.code == "WRONGTYPE") {
                continue;
            }
            let size = number_of(unless_refused(size)?).ok_or(Stop::Mismatch)?;
            candidates.push(Candidate::new(id, size.unsigned_abs(), u64::try_from(left).ok(), scan.ttl, now));
        }
        if goes_by_text(scan) { Ok(self.ask_for_texts(scan, candidates, 0)) } else { Ok(self.judge(scan, candidates)) }
    }

    /// Asks for the texts behind the first `known` candidates, as many as there is room for.
    fn ask_for_texts(&mut self, scan: &Scan, candidates: Vec<Candidate>, known: usize) -> Option<Stage> {
        if known == candidates.len() {
            return self.judge(scan, candidates);
        }
        let mut bytes = 0;
        let fits = candidates[known..].iter().take_while(|candidate| {
            bytes += candidate.size;
            bytes <= BYTES_OF_TEXTS
        });
        let asked = known..known + fits.count().max(1);
        Some(Stage::Texts { candidates, asked })
    }

    fn read_texts(
        &mut self,
        scan: &Scan,
        mut candidates: Vec<Candidate>,
        asked: Range<usize>,
        mut replies: impl Iterator<Item = Reply>,
    ) -> Result<Option<Stage>, Stop> {
        for candidate in &mut candidates[asked.clone()] {
            match replies.next() {
                // It was deleted or replaced meanwhile, and so has no known age.
                Some(Reply::Nil) => {}
                Some(Reply::Error(error)) if error.code == "WRONGTYPE" => {}
                reply => candidate.date(&text_of(unless_refused(reply)?).ok_or(Stop::Mismatch)?),
            }
        }
        Ok(self.ask_for_texts(scan, candidates, asked.end))
    }

    fn judge(&mut self, scan: &Scan, candidates: Vec<Candidate>) -> Option<Stage> {
        let now = wall_millis();
        let mut old = Vec::new();
        for candidate in candidates {
            match scan.judge(candidate.saved_at, now) {
                Verdict::Matches if matches!(scan.action, Action::Remove { .. }) => {
                    let proof = if goes_by_expiry(scan) { Proof::Expiry } else { Proof::Etag(candidate.etag) };
                    old.push((candidate.id, proof));
                }
                Verdict::Matches => candidate.add_to(&mut self.page, scan, now),
                verdict => self.page.leave(verdict),
            }
        }
        (!old.is_empty()).then_some(Stage::Purge(old))
    }

    fn read_purged(
        &mut self,
        ids: Vec<(String, Proof)>,
        replies: impl Iterator<Item = Reply>,
    ) -> Result<Option<Stage>, Stop> {
        for (reply, _) in replies.zip(ids) {
            if let Reply::Error(error) = &reply
                && error.message.contains("unknown command")
            {
                let reason = "the Redis server runs no scripts, which purge() needs: nothing else can tell on the server whether \
                              a conversation was saved meanwhile";
                return Err(Stop::Failed(StoreError::new(ErrorKind::Unsupported, reason)));
            }
            match &*text_of(unless_refused(Some(reply))?).ok_or(Stop::Mismatch)? {
                b"old" => self.page.matched += 1,
                b"kept" => self.page.kept += 1,
                b"unknown" => self.page.unknown += 1,
                b"gone" => {}
                _ => return Err(Stop::Mismatch),
            }
        }
        Ok(None)
    }

    fn read_deleted(&mut self, replies: impl Iterator<Item = Reply>) -> Result<Option<Stage>, Stop> {
        for reply in replies {
            self.page.matched += number_of(unless_refused(Some(reply))?).ok_or(Stop::Mismatch)?.unsigned_abs();
        }
        Ok(None)
    }
}

fn unless_refused(reply: Option<Reply>) -> Result<Reply, Stop> {
    match reply {
        Some(Reply::Error(error)) => Err(Stop::Refused(error)),
        Some(reply) => Ok(reply),
        None => Err(Stop::Mismatch),
    }
}

/// Returns the ids of the keys that are keys of conversations, each once.
fn own_ids(keys: Vec<String>, root: &str, prefix: &str) -> Vec<String> {
    let ids = keys.into_iter().filter(|key| key.starts_with(prefix)).map(|key| key[root.len()..].to_owned());
    let mut ids: Vec<String> = ids.filter(|id| (1..=LONGEST_ID).contains(&id.len())).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
