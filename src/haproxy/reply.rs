//! Splits received bytes into the replies of several commands.
//!
//! HAProxy replies to commands joined by `;` in order, and each reply ends with an empty line. A reply contains no
//! other empty line (except `show threads` on 2.6). A dump that HAProxy truncates at its own timeout ends with a
//! complete line but without the empty line, so a truncated reply can be distinguished from a complete one.

/// The reply to one command, without the empty line at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    body: &'a [u8],
    complete: bool,
}

/// The start of the reply that every HAProxy version sends to a command that the socket's level does not allow.
const DENIED: &[u8] = b"Permission denied";
/// The start of the reply to an unknown command; the rest depends on the version.
const UNKNOWN: &[u8] = b"Unknown command";

impl<'a> Reply<'a> {
    /// Returns the bytes of the reply, including the last line break.
    pub fn text(&self) -> &'a [u8] {
        self.body
    }

    /// Returns true if the reply ended with an empty line.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns true if HAProxy refused the command because the level of the socket is too low.
    pub fn is_denied(&self) -> bool {
        self.body.trim_ascii_start().starts_with(DENIED)
    }

    /// Returns true if this version of HAProxy does not know the command.
    pub fn is_unknown_command(&self) -> bool {
        self.body.trim_ascii_start().starts_with(UNKNOWN)
    }

    /// Returns true if the reply has no text. With such a reply, most commands that change something report success.
    pub fn is_empty(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }
}

/// Splits the received bytes into the replies of `count` commands.
///
/// The last reply contains all remaining bytes, even if they include an empty line. Returns fewer than `count` replies
/// if the connection ended early.
pub fn split(bytes: &[u8], count: usize) -> Vec<Reply<'_>> {
    let mut replies = Vec::with_capacity(count);
    let mut rest = bytes;
    while replies.len() + 1 < count && !rest.is_empty() {
        let Some((body, after)) = split_first(rest) else { break };
        replies.push(Reply { body, complete: true });
        rest = after;
    }
    if !rest.is_empty() && replies.len() < count {
        let (body, whole) = match rest {
            [body @ .., b'\n', b'\n'] => (&rest[..=body.len()], true),
            b"\n" => (&rest[..0], true),
            _ => (rest, false),
        };
        replies.push(Reply { body, complete: whole });
    }
    replies
}

/// Returns the offset of the byte after the first `count` replies, or `None` if these replies are not complete.
pub(crate) fn offset_after(bytes: &[u8], count: usize) -> Option<usize> {
    let rest = (0..count).try_fold(bytes, |rest, _| split_first(rest).map(|(_, rest)| rest))?;
    Some(bytes.len() - rest.len())
}

/// Returns true if `bytes` contain `count` complete replies. A master CLI, which does not close the connection, then
/// has nothing more to send.
pub fn is_complete(bytes: &[u8], count: usize) -> bool {
    let replies = split(bytes, count);
    replies.len() == count && replies.iter().all(Reply::is_complete)
}

fn split_first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if let [b'\n', rest @ ..] = bytes {
        return Some((&bytes[..0], rest));
    }
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    Some((&bytes[..=end], &bytes[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8], count: usize) -> Vec<(String, bool)> {
        split(bytes, count)
            .iter()
            .map(|reply| (String::from_utf8_lossy(reply.text()).into_owned(), reply.is_complete()))
            .collect()
    }

    #[test]
    fn split_ends_each_reply_at_an_empty_line() {
        assert_eq!(
            texts(b"Name: HAProxy\nPid: 1\n\nadmin\n\n\n# a,b\n1,2\n\n", 4),
            [
                ("Name: HAProxy\nPid: 1\n".into(), true),
                ("admin\n".into(), true),
                (String::new(), true),
                ("# a,b\n1,2\n".into(), true)
            ]
        );
    }

    #[test]
    fn split_marks_truncated_reply_as_incomplete() {
        assert_eq!(texts(b"a\n\n# h\n1,2\n", 2), [("a\n".into(), true), ("# h\n1,2\n".into(), false)]);
        assert_eq!(texts(b"a\n", 2), [("a\n".into(), false)]);
        assert_eq!(texts(b"", 2), []);
    }

    #[test]
    fn split_keeps_empty_lines_in_the_last_reply() {
        assert_eq!(texts(b"a\n\nb\n\nc\n\n", 2), [("a\n".into(), true), ("b\n\nc\n".into(), true)]);
    }

    #[test]
    fn reply_distinguishes_empty_denied_and_unknown_command() {
        let first = |bytes: &'static [u8]| split(bytes, 1)[0];
        assert!(first(b"\n").is_empty() && first(b"\n").is_complete());
        assert!(first(b"Permission denied\n\n").is_denied());
        assert!(first(b"Unknown command: 'x', but maybe\n\n").is_unknown_command());
        assert!(!first(b"No such server.\n\n").is_empty());
    }
}
