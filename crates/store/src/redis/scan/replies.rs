//! Reads the replies to the commands of a look.

use super::super::connection::Reply;
use super::cursor::is_position;

/// Reads the cursor and the keys of `SCAN`. Keys that are no UTF-8 are left out: they are those of locks, or foreign.
pub fn read_keys(reply: Reply) -> Option<(String, Vec<String>)> {
    let Reply::List(parts) = reply else { return None };
    let [at, Reply::List(keys)] = <[Reply; 2]>::try_from(parts).ok()? else { return None };
    let at = String::from_utf8(text_of(at)?).ok().filter(|at| is_position(at))?;
    let keys = keys.into_iter().map(text_of).collect::<Option<Vec<_>>>()?;
    Some((at, keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect()))
}

/// Reads the reply to `INFO server`: what names the server process, empty if it does not say. `None` if it is no such reply.
pub fn read_server(reply: Reply) -> Option<String> {
    match reply {
        Reply::Error(_) | Reply::Nil => Some(String::new()),
        reply => {
            let text = String::from_utf8(text_of(reply)?).ok()?;
            let id = text.lines().find_map(|line| line.strip_prefix("run_id:"));
            Some(id.unwrap_or_default().trim().to_owned())
        }
    }
}

/// Reads the reply to `TIME`, as ms since 1970.
pub fn read_time(reply: Reply) -> Option<u64> {
    let Reply::List(parts) = reply else { return None };
    let [seconds, micros] = <[Reply; 2]>::try_from(parts).ok()?.map(number_of);
    Some(u64::try_from(seconds?).ok()? * 1_000 + u64::try_from(micros?).ok()? / 1_000)
}

/// Reads a number, also one in text.
pub fn number_of(reply: Reply) -> Option<i64> {
    match reply {
        Reply::Number(number) => Some(number),
        reply => std::str::from_utf8(&text_of(reply)?).ok()?.parse().ok(),
    }
}

/// Reads a text of any kind.
pub fn text_of(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Text(bytes) => Some(bytes),
        Reply::Status(status) => Some(status.into_bytes()),
        _ => None,
    }
}
