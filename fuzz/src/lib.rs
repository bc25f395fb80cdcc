//! What the fuzz targets check.
//!
//! The addon is a `cdylib` alone, which nothing can link to (a second crate type would turn its link-time optimisation
//! off). `src/store/` is pure Rust, so it is compiled into this crate once more, as it stands.

#[allow(dead_code)]
#[path = "../../src/store/mod.rs"]
mod store;

pub mod id_names;
pub mod redis_answers;
pub mod state_text;

/// A target's name and what it does with one input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 3] =
    [("id_names", id_names::check), ("state_text", state_text::check), ("redis_answers", redis_answers::check)];
