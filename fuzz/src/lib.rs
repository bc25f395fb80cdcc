//! What the fuzz targets check.

pub mod id_names;
pub mod redis_answers;
pub mod short_form;
pub mod state_text;

/// A target's name and what it does with one input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 4] = [
    ("id_names", id_names::check),
    ("state_text", state_text::check),
    ("redis_answers", redis_answers::check),
    ("short_form", short_form::check),
];
