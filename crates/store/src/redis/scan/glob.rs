//! Patterns of keys.

/// Returns the pattern of all keys that begin with `prefix`. Each character of it means itself: an id such as `f[ab]` would
/// otherwise stand for the conversations of somebody else.
pub fn beginning_with(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if matches!(character, '\\' | '*' | '?' | '[' | ']') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_takes_for_a_pattern_is_escaped() {
        assert_eq!(beginning_with(""), "*");
        assert_eq!(beginning_with("a:"), "a:*");
        assert_eq!(beginning_with(r"f[^a-b]?*\{}"), r"f\[^a-b\]\?\*\\{}*");
    }
}
