//! The text of a save.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use parking_lot::Mutex;

/// The JSON text of a state. It may be made at its first use: to put a long text together takes time that the JavaScript thread
/// should not spend.
#[derive(Debug)]
pub enum StateText {
    Whole(String),
    Later(Later),
}

/// A text that is made once.
pub struct Later {
    size: usize,
    text: OnceLock<String>,
    /// Gone once it is called, and with it what it holds.
    make: Mutex<Option<Make>>,
}

type Make = Box<dyn FnOnce() -> String + Send>;

impl Later {
    fn text(&self) -> &String {
        self.text.get_or_init(|| self.make.lock().take().map_or_else(String::new, |make| make()))
    }
}

impl StateText {
    /// Returns a text of `size` bytes that `make` returns.
    pub fn later(size: usize, make: impl FnOnce() -> String + Send + 'static) -> Self {
        StateText::Later(Later { size, text: OnceLock::new(), make: Mutex::new(Some(Box::new(make))) })
    }

    /// The bytes of the text. Does not make it.
    pub fn size(&self) -> usize {
        match self {
            StateText::Whole(text) => text.len(),
            StateText::Later(Later { size, .. }) => *size,
        }
    }

    /// Returns the text.
    pub fn into_string(self) -> String {
        match self {
            StateText::Whole(text) => text,
            StateText::Later(later) => {
                later.text();
                later.text.into_inner().unwrap_or_default()
            }
        }
    }
}

impl Deref for StateText {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            StateText::Whole(text) => text,
            StateText::Later(later) => later.text(),
        }
    }
}

impl From<String> for StateText {
    fn from(text: String) -> Self {
        StateText::Whole(text)
    }
}

impl From<&str> for StateText {
    fn from(text: &str) -> Self {
        StateText::Whole(text.to_owned())
    }
}

impl Clone for StateText {
    fn clone(&self) -> Self {
        StateText::from(&**self)
    }
}

impl PartialEq for StateText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for StateText {}

impl fmt::Debug for Later {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Later({} bytes)", self.size)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::StateText;

    #[test]
    fn a_text_is_made_at_its_first_use_and_once() {
        let held = Arc::new(());
        let holder = held.clone();
        let text = StateText::later(2, move || {
            // Made twice, it would have nothing left to let go.
            drop(holder);
            "{}".to_owned()
        });
        assert_eq!((text.size(), format!("{text:?}").as_str()), (2, "Later(Later(2 bytes))"));
        assert_eq!(Arc::strong_count(&held), 2);
        assert_eq!((&*text, &*text), ("{}", "{}"));
        // What was needed to make it is let go at once: a save that follows would have to copy it.
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(text, StateText::from("{}"));
        assert_eq!(text.clone().into_string(), "{}");
        assert_eq!(StateText::later(1, || "x".to_owned()).into_string(), "x");
    }
}
