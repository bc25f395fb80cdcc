//! Wraps the raw Node-API calls in a small safe surface.
//!
//! napi-rs has a safe type for each of these, but each of its promises costs a thread-safe function of its own, one
//! wake-up and two environment hooks: measured, that throws away the whole gain over a JavaScript client.

use std::ptr;

use napi::bindgen_prelude::{
    FromNapiValue, Function, JsValue, Result, ToNapiValue, TypeName, Unknown, ValidateNapiValue,
};
use napi::{Env, ValueType, check_status, sys};
use parking_lot::Mutex;

/// Settles one promise. Stays on its JavaScript thread: it is neither `Send` nor `Sync`.
pub struct Deferred(sys::napi_deferred);

impl Deferred {
    /// Makes a promise and the value that settles it.
    pub fn new(env: &Env) -> Result<(Self, Unknown<'_>)> {
        let mut deferred = ptr::null_mut();
        let mut promise = ptr::null_mut();
        // SAFETY: `env` is the environment of the call we are in; both out-pointers are valid for the call.
        check_status!(unsafe { sys::napi_create_promise(env.raw(), &mut deferred, &mut promise) })?;
        // SAFETY: `promise` was just made in the current handle scope of this environment.
        Ok((Deferred(deferred), unsafe { Unknown::from_raw_unchecked(env.raw(), promise) }))
    }

    /// Resolves the promise. Taking `self` makes a second settlement, which Node forbids, impossible.
    pub fn resolve(self, env: &Env, value: Unknown<'_>) -> Result<()> {
        // SAFETY: the deferred came from `napi_create_promise` and has not been used: `self` is consumed here.
        check_status!(unsafe { sys::napi_resolve_deferred(env.raw(), self.0, value.raw()) })
    }

    /// Rejects the promise.
    pub fn reject(self, env: &Env, reason: Unknown<'_>) -> Result<()> {
        // SAFETY: as in `resolve`.
        check_status!(unsafe { sys::napi_reject_deferred(env.raw(), self.0, reason.raw()) })
    }
}

/// Converts any convertible value to a JavaScript value of the current scope.
pub fn to_value<T: ToNapiValue>(env: &Env, value: T) -> Result<Unknown<'_>> {
    // SAFETY: called on the JavaScript thread with the environment of the current call; the conversion's result belongs
    // to the current handle scope.
    unsafe { Ok(Unknown::from_raw_unchecked(env.raw(), T::to_napi_value(env.raw(), value)?)) }
}

/// Converts JSON text to a JavaScript string. V8 copies Latin-1 as it is. Its decoder of UTF-8 is slow: it took 44 % of a load of
/// 2 KB of Spanish from memory.
pub fn text_to_value<'env>(env: &'env Env, text: &str) -> Result<Unknown<'env>> {
    // The highest byte tells which characters there are.
    let string = match text.bytes().fold(0, u8::max) {
        0..=0x7f => env.create_string_latin1(text.as_bytes())?,
        // The lead bytes of U+0080 to U+00FF are 0xc2 and 0xc3.
        0x80..=0xc3 => env.create_string_latin1(to_latin1(text))?,
        _ => env.create_string(text)?,
    };
    Ok(string.to_unknown())
}

/// Returns a text that has no character above U+00FF with one byte for each.
fn to_latin1(text: &str) -> Vec<u8> {
    let mut latin1 = Vec::with_capacity(text.len());
    for character in text.chars() {
        latin1.push(character as u8);
    }
    latin1
}

/// A JavaScript string as an argument, such as the text of a state.
///
/// napi-rs asks V8 for the length in UTF-8 first, which reads all of the text once more (measured, states in memory: 3 % of
/// a save of 2 KB, 8 % at 20 KB, 23 % at 1 MB).
pub struct Text(pub String);

impl TypeName for Text {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for Text {}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut units = 0;
        // SAFETY: as promised to this function; without a buffer only the length is returned, which V8 knows.
        check_status!(unsafe { sys::napi_get_value_string_latin1(env, value, ptr::null_mut(), 0, &mut units) })?;
        // Enough for text of European languages. Denser text that does not fit takes a second attempt.
        // SAFETY: as promised to this function.
        let mut text = unsafe { read_utf8(env, value, units + units / 8 + 2 * LONGEST_CHARACTER) }?;
        if text.capacity() - text.len() < LONGEST_CHARACTER {
            // SAFETY: as promised to this function.
            text = unsafe { read_utf8(env, value, 3 * units + 2 * LONGEST_CHARACTER) }?;
        }
        // SAFETY: Node has V8 replace what is not well-formed, and V8 writes no half of a character at the end.
        Ok(Text(unsafe { String::from_utf8_unchecked(text) }))
    }
}

/// The longest character of UTF-8 and the NUL that Node writes behind the text, in bytes. A text that ends so close to the end
/// of its buffer may have been cut short.
const LONGEST_CHARACTER: usize = 4 + 1;

/// Reads as much of the string `value` as fits into `room` bytes, or a few more.
///
/// # Safety
/// `env` and `value` are what [`FromNapiValue::from_napi_value`] is given.
unsafe fn read_utf8(env: sys::napi_env, value: sys::napi_value, room: usize) -> Result<Vec<u8>> {
    let mut text: Vec<u8> = Vec::with_capacity(room);
    let (buffer, size) = (text.as_mut_ptr().cast(), text.capacity());
    let mut written = 0;
    // SAFETY: as promised; the buffer has `size` bytes, the last of which is for a NUL.
    check_status!(unsafe { sys::napi_get_value_string_utf8(env, value, buffer, size, &mut written) })?;
    // SAFETY: so many bytes were written, of those that were allocated.
    unsafe { text.set_len(written) };
    Ok(text)
}

/// Wakes the JavaScript thread from any other thread.
pub struct Wake(Mutex<Handle>);

/// Null once the environment is being torn down.
struct Handle(sys::napi_threadsafe_function);

// SAFETY: Node-API allows a thread-safe function to be called from any thread. The pointer is only used under the
// mutex, and is set to null there before Node frees what it points at.
unsafe impl Send for Handle {}

impl Wake {
    /// `callback` is called, without arguments, some time after each [`Wake::call`]. It does not keep the event loop
    /// alive until [`Wake::keep_alive`] asks for that. The callback is also what `async_hooks` shows for this function:
    /// its property `hasRef` tells Jest's `--detectOpenHandles` whether the process is kept alive.
    pub fn new(env: &Env, callback: &Function<'_, (), ()>) -> Result<Self> {
        let name = to_value(env, "flowkit-storage")?;
        let mut handle = ptr::null_mut();
        check_status!(
            // SAFETY: every pointer argument is either null, where Node-API allows it, or valid for the call. Without
            // `call_js_cb`, Node calls `callback` itself.
            unsafe {
                sys::napi_create_threadsafe_function(
                    env.raw(),
                    callback.raw(),
                    callback.raw(),
                    name.raw(),
                    0,
                    1,
                    ptr::null_mut(),
                    None,
                    ptr::null_mut(),
                    None,
                    &mut handle,
                )
            }
        )?;
        // SAFETY: made just above, in this environment.
        check_status!(unsafe { sys::napi_unref_threadsafe_function(env.raw(), handle) })?;
        Ok(Wake(Mutex::new(Handle(handle))))
    }

    /// Schedules the callback. Does nothing once disconnected.
    pub fn call(&self) {
        let handle = self.0.lock();
        if !handle.0.is_null() {
            // SAFETY: not null, so not yet freed, and `disconnect` cannot run while the lock is held. Node cannot be
            // inside `callback` while this non-blocking call queues an item, so the lock is never held for long.
            unsafe {
                sys::napi_call_threadsafe_function(
                    handle.0,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                );
            }
        }
    }

    /// Keeps the event loop alive while `wanted`: operations are pending.
    pub fn keep_alive(&self, env: &Env, wanted: bool) {
        let handle = self.0.lock();
        if !handle.0.is_null() {
            // SAFETY: not null, so not yet freed; called on the JavaScript thread only, as Node-API demands (`env` proves it).
            unsafe {
                if wanted {
                    sys::napi_ref_threadsafe_function(env.raw(), handle.0);
                } else {
                    sys::napi_unref_threadsafe_function(env.raw(), handle.0);
                }
            }
        }
    }

    /// Ends all wake-ups. Called from an environment clean-up hook that was added after this object was made: hooks run last-in
    /// first-out, so Node frees the function afterwards. A call on a freed function aborts the process.
    pub fn disconnect(&self) {
        self.0.lock().0 = ptr::null_mut();
    }
}

#[cfg(test)]
mod tests {
    use super::to_latin1;

    #[test]
    fn every_character_of_latin_1_becomes_its_byte() {
        let text: String = ('\0'..='\u{ff}').collect();
        assert_eq!(text.bytes().max(), Some(0xc3));
        assert_eq!(to_latin1(&text), (0..=u8::MAX).collect::<Vec<u8>>());
        assert!("\u{100}".bytes().max() > Some(0xc3));
    }
}
