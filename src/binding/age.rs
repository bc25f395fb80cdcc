//! The age of a stored text, in both directions.

use flowkit_store::error::{ErrorKind, StoreError};
use flowkit_store::retention::Age;
use napi::Env;
use napi::bindgen_prelude::{JsValue, Object, Result, Unknown};
use napi_derive::napi;

use super::raw::text_to_value;

/// When a conversation was saved, and when it expires. Times are in ms since 1970.
#[napi(object, object_to_js = false)]
pub struct AgeOptions {
    /// The last save or touch; absent for now.
    pub updated_at: Option<f64>,
    /// Absent for never.
    pub expires_at: Option<f64>,
}

impl AgeOptions {
    pub fn age(self) -> Age {
        let millis = |time: f64| time as u64;
        Age { saved_at: self.updated_at.map(millis), expires_at: self.expires_at.map(millis) }
    }
}

/// Converts to `{ text, updatedAt, expiresAt }`; times that are not known, or never come, are `null`.
pub fn aged_to_value<'env>(env: &'env Env, text: &str, age: Age) -> Result<Unknown<'env>> {
    let mut object = Object::new(env)?;
    object.set("text", text_to_value(env, text)?)?;
    object.set("updatedAt", age.saved_at.map(|time| time as f64))?;
    object.set("expiresAt", age.expires_at.map(|time| time as f64))?;
    Ok(object.to_unknown())
}

/// Returns the error for a text that JavaScript cannot hold.
pub fn too_long(bytes: usize, error: &napi::Error) -> StoreError {
    let reason = format!("its state of {bytes} bytes is longer than a JavaScript string can be");
    StoreError::new(ErrorKind::Corrupt, reason).with_cause(None, error.to_string())
}
