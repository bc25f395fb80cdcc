//! Limits how much a server may send before a reply is complete.
//!
//! The `redis` crate keeps everything until then. A server that is hostile, or none at all, could go on until the host has no
//! memory left. One value without end would do, or a list of millions of tiny ones: each takes twenty times its bytes.

/// Bytes of one bulk string. No longer text fits into a JavaScript string (see the file store).
const LARGEST_BULK: u64 = 3 * ((1 << 29) - 24);

/// Bytes of a line: a status, an error, a number, a length. Servers send short ones. Look-alikes send states so.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// How much may come before the replies to a pipeline are complete: bytes, and values. A pipeline has 128 replies at most.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const MOST_VALUES: usize = 100_000;

/// Follows the bytes of a connection, value by value. Does not judge whether they make sense.
#[derive(Debug)]
pub struct ResponseLimits {
    within: Within,
    bytes: u64,
    values: usize,
}

#[derive(Debug)]
enum Within {
    Start,
    /// Behind the first byte of a value. If `length` is a number, a body of that length follows the line.
    Line {
        read: usize,
        length: Option<u64>,
    },
    Body(u64),
}

impl ResponseLimits {
    pub fn new() -> Self {
        ResponseLimits { within: Within::Start, bytes: 0, values: 0 }
    }

    /// Begins anew, as the replies to a pipeline are complete.
    pub fn reset(&mut self) {
        self.bytes = 0;
        self.values = 0;
    }

    /// Returns whether the server may go on after `bytes`.
    pub fn accept(&mut self, mut bytes: &[u8]) -> bool {
        self.bytes += bytes.len() as u64;
        while let Some((&byte, rest)) = bytes.split_first() {
            match &mut self.within {
                Within::Start => {
                    self.values += 1;
                    self.within = Within::Line { read: 0, length: matches!(byte, b'$' | b'!' | b'=').then_some(0) };
                    bytes = rest;
                }
                Within::Line { length, .. } if byte == b'\n' => {
                    let body = length.filter(|length| *length > 0).map(|length| Within::Body(length + 2));
                    // An empty one has its line end alone; a length that is none (`$-1`) has no body.
                    self.within = body.unwrap_or(Within::Start);
                    bytes = rest;
                }
                Within::Line { read, length } => {
                    *read += 1;
                    match byte {
                        b'0'..=b'9' => {
                            *length =
                                length.map(|length| length.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
                        }
                        b'-' => *length = None,
                        _ => {}
                    }
                    if *read > LONGEST_LINE || length.is_some_and(|length| length > LARGEST_BULK) {
                        return false;
                    }
                    bytes = rest;
                }
                Within::Body(left) => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= skipped as u64;
                    bytes = &bytes[skipped..];
                    if *left == 0 {
                        self.within = Within::Start;
                    }
                }
            }
        }
        self.bytes <= MOST_BYTES && self.values <= MOST_VALUES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within_one(bytes: &[u8]) -> usize {
        let mut limits = ResponseLimits::new();
        assert!(limits.accept(bytes), "{bytes:?}");
        let mut piecemeal = ResponseLimits::new();
        assert!(bytes.iter().all(|byte| piecemeal.accept(&[*byte])));
        assert_eq!(format!("{limits:?}"), format!("{piecemeal:?}"));
        limits.values
    }

    #[test]
    fn values_are_told_apart_however_they_arrive() {
        assert_eq!(within_one(b"+OK\r\n:1\r\n$-1\r\n-ERR no\r\n"), 4);
        assert_eq!(within_one(b"$9\r\n$9\r\n+OK\r\n\r\n_\r\n:1\r\n"), 3);
        assert_eq!(within_one(b"*2\r\n$1\r\na\r\n:1\r\n"), 3);
        // The body of an empty one is a line end, which counts as a value and does no harm.
        assert_eq!(within_one(b"$0\r\n\r\n+OK\r\n"), 3);
    }

    #[test]
    fn values_without_end_are_refused() {
        assert!(!ResponseLimits::new().accept(b"$99999999999999999999999"));
        assert!(!ResponseLimits::new().accept(format!("${}\r\n", LARGEST_BULK + 1).as_bytes()));
        assert!(ResponseLimits::new().accept(format!("${LARGEST_BULK}\r\n").as_bytes()));
        assert!(!ResponseLimits::new().accept(&vec![b'+'; LONGEST_LINE + 2]));
        let many = b"_\r\n".repeat(MOST_VALUES);
        let mut limits = ResponseLimits::new();
        assert!(limits.accept(&many));
        assert!(!limits.accept(b"_\r\n"));
        limits.reset();
        assert!(limits.accept(&many));
    }

    #[test]
    fn bytes_are_counted_across_values_until_the_reply() {
        let mut limits = ResponseLimits::new();
        let large = vec![b'x'; 64 * 1024 * 1024];
        let mut sent = 0;
        let refused = loop {
            if sent > 3 * 1024 {
                break false;
            }
            let allowed = limits.accept(format!("${}\r\n", large.len()).as_bytes());
            if !(allowed && limits.accept(&large) && limits.accept(b"\r\n")) {
                break true;
            }
            sent += 64;
        };
        assert!(refused);
        assert!((1_900..=2_048).contains(&sent), "{sent} MiB");
    }
}
