//! What an operation is like. Queues and connections ask here, so that they need to know no operation by name.

use crate::error::StoreError;

/// One operation on one conversation. Ids are checked before they get here: well-formed, 1 to 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stores `text`, whole, in place of whatever is stored under `id`. `ttl` is the time in seconds after which a store
    /// that keeps an expiry with each state forgets it; 0 for never.
    Save { id: String, text: String, ttl: u32 },
    /// Returns the text stored under `id`.
    Load { id: String },
    /// Returns whether something is stored under `id`, also if it is no state.
    Has { id: String },
    /// Removes what is stored under `id`. Succeeds also if there is nothing.
    Delete { id: String },
    /// Adds `text` to what is stored under `id`. Stands, in tests, for an operation that must not be done twice.
    #[cfg(test)]
    Append { id: String, text: String },
}

impl Request {
    /// The conversation that the request is about. Requests about one conversation take effect in the order of submission.
    pub fn id(&self) -> &str {
        match self {
            Request::Save { id, .. } | Request::Load { id } | Request::Has { id } | Request::Delete { id } => id,
            #[cfg(test)]
            Request::Append { id, .. } => id,
        }
    }

    /// The bytes of id and text, for the limits of queues.
    pub fn size(&self) -> usize {
        let text = match self {
            Request::Save { text, .. } => text.len(),
            Request::Load { .. } | Request::Has { .. } | Request::Delete { .. } => 0,
            #[cfg(test)]
            Request::Append { text, .. } => text.len(),
        };
        self.id().len() + text
    }

    /// Returns the text that the request brings along; `None` if it has none.
    pub fn into_text(self) -> Option<String> {
        match self {
            Request::Save { text, .. } => Some(text),
            Request::Load { .. } | Request::Has { .. } | Request::Delete { .. } => None,
            #[cfg(test)]
            Request::Append { text, .. } => Some(text),
        }
    }

    /// Returns whether losing this request at the end of the process would lose data.
    pub fn is_write(&self) -> bool {
        match self {
            Request::Save { .. } | Request::Delete { .. } => true,
            Request::Load { .. } | Request::Has { .. } => false,
            #[cfg(test)]
            Request::Append { .. } => true,
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
    /// Yes or no.
    Flag(bool),
}

impl Answer {
    /// The bytes that the JavaScript thread has to copy.
    pub fn size(&self) -> usize {
        match self {
            Answer::Text(Some(text)) => text.len(),
            Answer::Text(None) | Answer::Done | Answer::Flag(_) => 0,
        }
    }
}

/// The end of a request: its answer, or why it failed.
pub type Outcome = Result<Answer, StoreError>;
