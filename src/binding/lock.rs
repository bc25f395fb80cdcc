//! The arguments of conditional writes and locks, and their results.

use flowkit_store::clock::wall_millis;
use flowkit_store::lock::{self, Entered, Expected, Holder, Step, Written};
use flowkit_store::{Answer, Request};
use napi::Env;
use napi::bindgen_prelude::{JsValue, Object, Result, Unknown};
use napi_derive::napi;

use super::age::AgeOptions;
use super::handle::Kind;
use super::raw::{Text, text_to_value, to_value};

/// The meaning of `Condition.expected`.
#[napi(string_enum = "lowercase")]
pub enum Comparison {
    Anything,
    Absent,
    Text,
    Etag,
}

/// What an operation on a lock, or a conditional write, has beside id and text. Times are in ms.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct Condition {
    /// Names one call that holds the lock or waits for it. Absent if the write is conditional without a lock.
    pub owner: Option<String>,
    pub lease: Option<u32>,
    /// The number of the write among those of the owner, from 1.
    pub number: Option<u32>,
    pub comparison: Option<Comparison>,
    /// The text or etag that `comparison` is about.
    #[napi(ts_type = "string")]
    pub expected: Option<Text>,
    pub patience: Option<u32>,
    pub waited: Option<u32>,
    pub wants_text: Option<bool>,
    /// The age that the text has elsewhere; absent if it is saved now.
    pub age: Option<AgeOptions>,
}

impl Condition {
    /// Builds the request of a kind that this is for.
    pub fn request(self, kind: Kind, id: String, text: Option<Text>, ttl: u32) -> Request {
        let lease = self.lease.unwrap_or(0);
        let expected = || self.expected.map(|text| text.0).unwrap_or_default();
        match kind {
            Kind::Leave => Request::Leave { id, owner: self.owner.unwrap_or_default() },
            Kind::Enter => Request::Enter {
                id,
                owner: self.owner.unwrap_or_default(),
                lease,
                patience: self.patience.unwrap_or(0),
                waited: self.waited.unwrap_or(0),
                wants_text: self.wants_text.unwrap_or(false),
                ttl,
            },
            _ => Request::Cas {
                id,
                text: text.map(|text| text.0),
                ttl,
                expected: match self.comparison {
                    None | Some(Comparison::Anything) => Expected::Anything,
                    Some(Comparison::Absent) => Expected::Absent,
                    Some(Comparison::Text) => Expected::Text(expected()),
                    Some(Comparison::Etag) => Expected::Etag(expected()),
                },
                holder: self.owner.map(|owner| Holder { owner, lease, number: self.number.unwrap_or(0) }),
                age: self.age.map(AgeOptions::age),
            },
        }
    }
}

/// Converts to `{ held, ahead, waiting, text }`.
pub fn entered_to_value(env: &Env, entered: Entered) -> Result<Unknown<'_>> {
    match entered {
        Entered::Held { waiting, text } => held_to_value(env, waiting, text.as_deref()),
        Entered::Waits { ahead, waiting } => {
            let mut object = Object::new(env)?;
            object.set("held", false)?;
            object.set("ahead", ahead)?;
            object.set("waiting", waiting)?;
            Ok(object.to_unknown())
        }
    }
}

/// Converts a lock that is had, with the stored text.
pub fn held_to_value<'env>(env: &'env Env, waiting: u32, text: Option<&str>) -> Result<Unknown<'env>> {
    let mut object = Object::new(env)?;
    object.set("held", true)?;
    object.set("ahead", 0)?;
    object.set("waiting", waiting)?;
    if let Some(text) = text {
        object.set("text", text_to_value(env, text)?)?;
    }
    Ok(object.to_unknown())
}

/// Converts to the number of those that wait for the lock, or to a word for why nothing was changed.
pub fn written_to_value(env: &Env, written: Written) -> Result<Unknown<'_>> {
    match written {
        Written::Done { waiting } => to_value(env, waiting),
        Written::Refused(refusal) => to_value(env, refusal.word()),
    }
}

/// Does an operation on a lock, given its record and the stored text, for stores that JavaScript reads and writes.
///
/// Returns `{ record, writes, time, result }`: the record afterwards, if there is one; whether the text is to be stored, or the
/// conversation deleted if it is absent; the time to keep with it, in ms since 1970; the result, without the stored text. `ttl`
/// is in seconds.
#[napi(
    ts_return_type = "{ record?: string, writes: boolean, time: number, result: import('./lib/handle.js').Result }",
    catch_unwind
)]
pub fn lock_step<'env>(
    env: &'env Env,
    kind: Kind,
    #[napi(ts_arg_type = "string | undefined")] text: Option<Text>,
    condition: Condition,
    #[napi(ts_arg_type = "string | undefined")] record: Option<String>,
    #[napi(ts_arg_type = "string | undefined")] stored: Option<Text>,
    ttl: Option<u32>,
) -> Result<Object<'env>> {
    let request = condition.request(kind, String::new(), text, ttl.unwrap_or(0));
    let now = wall_millis();
    let stored = stored.as_ref().map(|text| text.0.as_bytes());
    let Step { record, writes, answer } = lock::step(&request, record.as_deref(), stored, now);
    let mut object = Object::new(env)?;
    if let Some(record) = record {
        object.set("record", record)?;
    }
    object.set("writes", writes)?;
    object.set("time", request.time_to_keep(now) as f64)?;
    match answer {
        Answer::Entered(entered) => object.set("result", entered_to_value(env, entered)?)?,
        Answer::Written(written) => object.set("result", written_to_value(env, written)?)?,
        _ => {}
    }
    Ok(object)
}

/// Returns the result of an `enter` that only has to wait on, given the record; `null` if the record would change.
#[napi(ts_return_type = "import('./lib/handle.js').Entered | null", catch_unwind)]
pub fn lock_look(
    env: &Env,
    condition: Condition,
    #[napi(ts_arg_type = "string | undefined")] record: Option<String>,
) -> Result<Option<Unknown<'_>>> {
    let request = condition.request(Kind::Enter, String::new(), None, 0);
    lock::look(&request, record.as_deref(), wall_millis()).map(|entered| entered_to_value(env, entered)).transpose()
}
