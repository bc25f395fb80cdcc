//! The entries of a conversation's history that both sides of a boundary remember, so that only the rest has to cross it.
//!
//! The **short form** of a state is its JSON text with some leading entries left out of the top-level `history`. The two sides
//! call the entries by their numbers in [`Entries`]. A state is always stored whole.

mod entries;
mod scan;

#[cfg(test)]
mod tests;

pub use entries::{Cut, Entries, Gap};
