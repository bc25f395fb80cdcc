//! The native half of the snapshots of a storage (`lib/snapshots.js`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use flowkit_store::incremental::{Cut, Entries};
use flowkit_store::{Answer, Outcome, Receiver, StateText, Token};
use napi::bindgen_prelude::{Array, JsValue, Result, Unknown};
use napi::{Env, Error};
use napi_derive::napi;
use parking_lot::Mutex;

use super::completion_queue::{CompletionQueue, Finish};
use super::raw::{Text, text_to_value};

/// The remembered history entries of the conversations of one storage, by the numbers that JavaScript gave them.
#[napi]
#[derive(Default)]
pub struct SnapshotTable {
    snapshots: RefCell<HashMap<u32, Arc<Entries>>>,
}

#[napi]
impl SnapshotTable {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        SnapshotTable::default()
    }

    /// Remembers the first `more` entries of a whole text under a number. Throws if they cannot be remembered.
    #[napi(catch_unwind)]
    pub fn remember(&self, number: u32, more: u32, #[napi(ts_arg_type = "string")] text: Text) -> Result<()> {
        self.splice(ShortForm { number, first: 0, count: 0, more }, text).map(drop)
    }

    /// Returns the whole text of a state whose `short` form lacks `count` entries, which are given as the `history` of a state.
    /// Looks at nothing that is remembered. Throws if the arguments do not fit.
    #[napi(ts_return_type = "string", catch_unwind)]
    pub fn whole<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] entries: Text,
        count: u32,
        #[napi(ts_arg_type = "string")] short: Text,
    ) -> Result<Unknown<'env>> {
        let table = SnapshotTable::default();
        table.splice(ShortForm { number: 0, first: 0, count: 0, more: count }, entries)?;
        text_to_value(env, &table.splice(ShortForm { number: 0, first: 0, count, more: 0 }, short)?)
    }

    /// Returns the bytes of `count` entries from `first` on, with the commas between them. `undefined` if they are not remembered.
    #[napi(catch_unwind)]
    pub fn size_of(&self, number: u32, first: u32, count: u32) -> Option<u32> {
        // It fits, as the places where entries end do.
        self.snapshots.borrow().get(&number)?.size_of(first as usize, count as usize).map(|size| size as u32)
    }

    /// Forgets what has this number.
    #[napi(catch_unwind)]
    pub fn forget(&self, number: u32) {
        self.snapshots.borrow_mut().remove(&number);
    }

    /// Forgets everything.
    #[napi(catch_unwind)]
    pub fn clear(&self) {
        self.snapshots.take();
    }
}

impl SnapshotTable {
    /// Returns the entries that have this number, as they are now.
    pub fn get(&self, number: u32) -> Option<Arc<Entries>> {
        self.snapshots.borrow().get(&number).cloned()
    }

    /// Returns the whole text of a state of its short form, to be made when it is needed, and remembers its entries
    /// ([`Entries::splice`]).
    pub fn splice(&self, form: ShortForm, short: Text) -> Result<StateText> {
        let ShortForm { number, first, count, more } = form;
        let mut snapshots = self.snapshots.borrow_mut();
        let known = snapshots.entry(number).or_default();
        // A copy only while another operation of the conversation is in flight.
        let gap = Arc::make_mut(known).remember(first as usize, count as usize, more as usize, &short.0);
        let gap = gap.ok_or_else(|| Error::from_reason("the short form does not fit the snapshot"))?;
        if count == 0 {
            return Ok(short.0.into());
        }
        let entries = known.clone();
        Ok(StateText::later(gap.size(), move || entries.fill(&gap, &short.0)))
    }
}

/// What a short form lacks: `count` entries from `first` on, of those that have this `number`. The first `more` entries that it
/// has are to be remembered.
pub struct ShortForm {
    pub number: u32,
    pub first: u32,
    pub count: u32,
    pub more: u32,
}

/// Takes the outcome of a load. Leaves the entries out of it that JavaScript remembers, on the thread that loaded it.
pub struct Shortening {
    queue: Arc<CompletionQueue>,
    entries: Mutex<Option<Arc<Entries>>>,
}

impl Shortening {
    pub fn new(queue: Arc<CompletionQueue>, entries: Arc<Entries>) -> Self {
        Shortening { queue, entries: Mutex::new(Some(entries)) }
    }
}

impl Receiver for Shortening {
    fn receive(&self, token: Token, is_write: bool, outcome: Outcome) {
        // Let go before JavaScript is told: a save that follows would have to copy what is still held here.
        let entries = self.entries.lock().take();
        let short = match (&outcome, entries) {
            (Ok(Answer::Text(Some(text))), Some(entries)) => entries.cut(text).map(|cut| (cut, text.len())),
            _ => None,
        };
        match short {
            Some((cut, size)) => {
                drop(outcome);
                self.queue.finish(token, is_write, Finish::Short(cut, size));
            }
            None => self.queue.finish(token, is_write, Finish::Outcome(outcome)),
        }
    }
}

/// Converts the text of a load to a string, or to `[short, first, count, bytes]` if some of its entries are
/// remembered. `bytes` is the length of the whole text.
pub fn cut_to_value<'env>(env: &'env Env, entries: Option<&Entries>, text: &str) -> Result<Unknown<'env>> {
    match entries.and_then(|entries| entries.cut(text)) {
        Some(cut) => short_to_value(env, &cut, text.len()),
        None => text_to_value(env, text),
    }
}

/// Converts a short form to `[short, first, count, bytes]`.
pub fn short_to_value<'env>(env: &'env Env, cut: &Cut, size: usize) -> Result<Unknown<'env>> {
    let mut array: Array<'_> = env.create_array(4)?;
    array.set(0, text_to_value(env, &cut.short)?)?;
    // Their numbers fit into `u32`, as their bytes do.
    array.set(1, cut.first as u32)?;
    array.set(2, cut.count as u32)?;
    array.set(3, size as f64)?;
    Ok(array.to_unknown())
}
