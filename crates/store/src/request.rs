//! What an operation is like. Queues and connections ask here, so that they need to know no operation by name.

use crate::error::StoreError;
use crate::lock::{Entered, Expected, Holder, Written};
use crate::method::Method;
use crate::retention::{Age, Aged, held_at};
use crate::scan::{Action, Page, Scan};
use crate::state_text::StateText;

/// One operation on one conversation, or on many. Ids are checked before they get here: well-formed, 1 to 1,024 bytes.
///
/// `ttl` is the time in seconds after which a conversation that was neither saved nor touched is absent; 0 for never. Redis keeps
/// it with each state. The other stores keep the time of the last save, and ask when they read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stores `text`, whole, in place of whatever is stored under `id`.
    Save { id: String, text: StateText, ttl: u32 },
    /// Returns the text stored under `id`. With `refresh` it renews the expiry, as a touch does, but not each time.
    Load { id: String, ttl: u32, refresh: bool },
    /// Returns the text stored under `id` and its age. What copies conversations asks so.
    LoadAged { id: String, ttl: u32 },
    /// Returns whether something is stored under `id`, also if it is no state.
    Has { id: String, ttl: u32 },
    /// Renews the expiry of what is stored under `id`, and returns whether something is. Never rewrites, creates or revives it.
    Touch { id: String, ttl: u32 },
    /// Removes what is stored under `id`. Succeeds also if there is nothing.
    Delete { id: String },
    /// Stores `text`, or deletes if it is `None`, if what is stored is as `expected`, and nobody but `holder` has the lock.
    /// Without a holder the lock is not asked for, and the text may keep the `age` that it has elsewhere. A store keeps the part
    /// of it that it has a place for.
    Cas { id: String, text: Option<String>, ttl: u32, expected: Expected, holder: Option<Holder>, age: Option<Age> },
    /// Takes the lock of the conversation, renews it, or takes a place in the line of those that wait. Times are in ms.
    Enter {
        id: String,
        owner: String,
        lease: u32,
        /// How long the place in the line is kept without another sign of life; 0 takes no place.
        patience: u32,
        /// How long the owner has waited so far. Its place in the line follows from it.
        waited: u32,
        /// True if the answer has the stored text.
        wants_text: bool,
        /// While it is locked, the conversation does not expire.
        ttl: u32,
    },
    /// Gives back the lock, or the place in the line, of `owner`. Succeeds also if there is neither.
    Leave { id: String, owner: String },
    /// Looks through the conversations, one page.
    Scan(Scan),
    /// Adds `text` to what is stored under `id`. Stands, in tests, for an operation that must not be done twice.
    #[cfg(test)]
    Append { id: String, text: String },
}

impl Request {
    /// Returns the public method that the request is the work of.
    pub fn method(&self) -> Method {
        match self {
            Request::Load { .. } | Request::LoadAged { .. } => Method::Load,
            Request::Save { .. } | Request::Cas { text: Some(_), .. } => Method::Save,
            Request::Delete { .. } | Request::Cas { text: None, .. } => Method::Delete,
            Request::Has { .. } => Method::Has,
            Request::Touch { .. } => Method::Touch,
            Request::Enter { .. } => Method::Lock,
            Request::Leave { .. } => Method::Unlock,
            Request::Scan(scan) => match scan.action {
                Action::List { .. } => Method::List,
                Action::Count => Method::Count,
                Action::Remove { .. } if scan.before.is_none() => Method::Clear,
                Action::Remove { .. } => Method::Purge,
            },
            #[cfg(test)]
            Request::Append { .. } => Method::Save,
        }
    }

    /// The conversation that the request is about; empty, as no id is, if it is about many. Requests about one conversation take
    /// effect in the order of submission.
    pub fn id(&self) -> &str {
        match self {
            Request::Save { id, .. }
            | Request::Load { id, .. }
            | Request::LoadAged { id, .. }
            | Request::Has { id, .. }
            | Request::Touch { id, .. }
            | Request::Delete { id }
            | Request::Cas { id, .. }
            | Request::Enter { id, .. }
            | Request::Leave { id, .. } => id,
            Request::Scan(_) => "",
            #[cfg(test)]
            Request::Append { id, .. } => id,
        }
    }

    /// The bytes of id and text, for the limits of queues.
    pub fn size(&self) -> usize {
        let expected = if let Request::Cas { expected, .. } = self { expected.size() } else { 0 };
        self.id().len() + self.text_size() + expected
    }

    /// The bytes of the text that the request stores.
    pub fn text_size(&self) -> usize {
        match self {
            Request::Save { text, .. } => text.size(),
            Request::Cas { text, .. } => text.as_ref().map_or(0, String::len),
            Request::Load { .. }
            | Request::LoadAged { .. }
            | Request::Has { .. }
            | Request::Touch { .. }
            | Request::Delete { .. }
            | Request::Enter { .. }
            | Request::Leave { .. }
            | Request::Scan(_) => 0,
            #[cfg(test)]
            Request::Append { text, .. } => text.len(),
        }
    }

    /// Returns the text that the request brings along; `None` if it has none.
    pub fn into_text(self) -> Option<String> {
        match self {
            Request::Save { text, .. } => Some(text.into_string()),
            Request::Cas { text, .. } => text,
            Request::Load { .. }
            | Request::LoadAged { .. }
            | Request::Has { .. }
            | Request::Touch { .. }
            | Request::Delete { .. }
            | Request::Enter { .. }
            | Request::Leave { .. }
            | Request::Scan(_) => None,
            #[cfg(test)]
            Request::Append { text, .. } => Some(text),
        }
    }

    /// Returns whether the request changes what is stored. The end of the process waits for such requests.
    pub fn is_write(&self) -> bool {
        match self {
            Request::Save { .. } | Request::Delete { .. } | Request::Cas { .. } | Request::Touch { .. } => true,
            // A lock that is not given back makes the next one wait for the lease.
            Request::Enter { .. } | Request::Leave { .. } => true,
            Request::Load { refresh, .. } => *refresh,
            Request::LoadAged { .. } | Request::Has { .. } => false,
            Request::Scan(scan) => scan.removes(),
            #[cfg(test)]
            Request::Append { .. } => true,
        }
    }

    /// Returns whether its effect need not survive a power loss. Every holder of a lock is dead then; what was touched expires
    /// somewhat sooner.
    pub fn needs_no_sync(&self) -> bool {
        matches!(self, Request::Enter { .. } | Request::Leave { .. } | Request::Touch { .. } | Request::Load { .. })
    }

    /// Returns whether the request, though it is a write, often finds that there is nothing to write.
    pub fn may_write_nothing(&self) -> bool {
        match self {
            Request::Enter { .. } => true,
            Request::Load { refresh, .. } => *refresh,
            Request::Scan(scan) => scan.removes(),
            _ => false,
        }
    }

    /// Returns the request that has the same answer and changes nothing; `None` if there is none.
    pub fn without_write(&self) -> Option<Request> {
        match self {
            Request::Load { id, ttl, refresh: true } => {
                Some(Request::Load { id: id.clone(), ttl: *ttl, refresh: false })
            }
            _ => None,
        }
    }

    /// Returns whether the request, which ended with `answer`, removes texts.
    pub fn erases(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Request::Delete { .. } | Request::Cas { text: None, .. }, _) => true,
            (Request::Scan(scan), Answer::Page(page)) => scan.removes() && page.matched > 0,
            _ => false,
        }
    }

    /// Returns whether there is nothing to tell if it succeeds.
    pub fn answers_nothing(&self) -> bool {
        matches!(self, Request::Save { .. } | Request::Delete { .. } | Request::Leave { .. })
    }

    /// Returns the time to keep with the conversation, in ms since 1970, if the request is done at `now`. While a conversation is
    /// locked, it does not expire. What was copied is as old as it was. 0 is no time.
    pub fn time_to_keep(&self, now: u64) -> u64 {
        match self {
            Request::Cas { ttl, holder: Some(holder), .. } => held_at(now, *ttl, holder.lease, now),
            Request::Cas { age: Some(Age { saved_at: Some(saved_at), .. }), .. } => *saved_at,
            Request::Enter { ttl, lease, .. } => held_at(0, *ttl, *lease, now),
            _ => now,
        }
    }

    /// Returns whether doing the request twice in a row has the same effect and answer as doing it once.
    ///
    /// If not, it must never be sent again once it may have taken effect, and nothing else of its conversation may be in
    /// flight beside it: what is behind it would be repeated, or overtake it. When its reply is lost it ends as
    /// [`ErrorKind::Timeout`](crate::error::ErrorKind::Timeout).
    pub fn is_idempotent(&self) -> bool {
        match self {
            Request::Save { .. } | Request::Load { .. } | Request::Has { .. } | Request::Delete { .. } => true,
            Request::LoadAged { .. } | Request::Touch { .. } => true,
            // Removing twice does no harm, but the second time counts less.
            Request::Scan(scan) => !scan.removes(),
            // The number of its write tells a holder's that was done before. Without one, the second time finds the first.
            Request::Cas { holder, .. } => holder.is_some(),
            Request::Enter { .. } | Request::Leave { .. } => true,
            #[cfg(test)]
            Request::Append { .. } => false,
        }
    }

    /// Returns whether `next`, done right after this request, leaves nothing of it, so that doing `next` alone is enough.
    pub fn is_replaced_by(&self, next: &Request) -> bool {
        match (self, next) {
            (Request::Save { id, .. }, Request::Save { id: next, .. }) => id == next,
            _ => false,
        }
    }
}

/// The result of a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took effect; there is nothing to tell.
    Done,
    /// The JSON text of a state; `None` if there is none.
    Text(Option<String>),
    /// The JSON text of a state and its age; `None` if there is none.
    Aged(Option<Aged>),
    /// Yes or no.
    Flag(bool),
    /// The lock, or a place in the line.
    Entered(Entered),
    /// The end of a conditional write.
    Written(Written),
    /// The result of a scan.
    Page(Page),
}

impl Answer {
    /// The bytes that the JavaScript thread has to copy.
    pub fn size(&self) -> usize {
        match self {
            // About as much as the JSON of each has.
            Answer::Page(page) => page.found.iter().map(|found| found.id.len() + 80).sum(),
            _ => self.text_size(),
        }
    }

    /// The bytes of the text of a state.
    pub fn text_size(&self) -> usize {
        match self {
            Answer::Text(Some(text)) | Answer::Entered(Entered::Held { text: Some(text), .. }) => text.len(),
            Answer::Aged(Some(aged)) => aged.text.len(),
            _ => 0,
        }
    }
}

/// The end of a request: its answer, or why it failed.
pub type Outcome = Result<Answer, StoreError>;
