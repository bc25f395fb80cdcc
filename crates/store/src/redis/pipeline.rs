//! Operations that are sent together, in one write.

use std::collections::VecDeque;

use super::queued::Queued;

/// The limits of one pipeline. All its replies arrive together, so a larger one would hold back the early operations.
pub const BYTES_PER_PIPELINE: usize = 256 * 1024;
const OPERATIONS_PER_PIPELINE: usize = 128;

/// Operations that are sent together.
#[derive(Default)]
pub struct Pipeline {
    pub operations: Vec<Queued>,
    pub bytes: usize,
}

impl Pipeline {
    pub fn has_room(&self, next: &Queued) -> bool {
        self.operations.is_empty()
            || self.operations.len() < OPERATIONS_PER_PIPELINE && self.bytes + next.size() <= BYTES_PER_PIPELINE
    }

    /// Returns whether any operation of the conversation `id` is in it.
    pub fn has(&self, id: &str) -> bool {
        self.operations.iter().any(|queued| queued.id() == id)
    }

    pub fn push(&mut self, next: Queued) {
        self.bytes += next.size();
        self.operations.push(next);
    }

    /// Takes from one conversation of which nothing is in flight: up to the next barrier, or that barrier alone. Returns
    /// whether no more of it has to be held.
    pub fn take_held(&mut self, held: &mut VecDeque<Queued>) -> bool {
        let mut taken = 0;
        while let Some(next) = held.front() {
            let is_barrier = next.is_barrier();
            if is_barrier && taken > 0 || !self.has_room(next) {
                return false;
            }
            held.pop_front().into_iter().for_each(|next| self.push(next));
            if is_barrier {
                return false;
            }
            taken += 1;
        }
        true
    }
}
