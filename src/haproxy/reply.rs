//! Replies of the Runtime API in the bytes received on one connection.
//!
//! HAProxy replies to commands joined by `;` in order, and each reply ends with an empty line. A reply may itself contain
//! empty lines if it contains text of servers or clients: up to 2.9, `show stat` quotes the text of a health check with
//! its line breaks. Therefore only the end of the connection ends such a reply, and on one connection it comes last.
//! Replies before it are short texts of HAProxy itself. A dump that HAProxy truncates at its own timeout ends without the
//! final empty line.

use crate::haproxy::reply_words;

/// The reply to one command, without the empty line at its end and without a severity prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    body: &'a [u8],
    /// True if an empty line followed the body.
    is_ended: bool,
}

/// The start of the reply that every HAProxy version sends to a command that the socket's level does not allow.
const DENIED: &[u8] = b"Permission denied";
/// The start of the reply to an unknown command; the rest depends on the version.
const UNKNOWN: &[u8] = b"Unknown command";

/// The severities that `stats socket … severity-output string` writes before a message.
const SEVERITIES: [&[u8]; 8] = [b"emerg", b"alert", b"crit", b"err", b"warning", b"notice", b"info", b"debug"];

impl<'a> Reply<'a> {
    /// Returns all bytes received on a connection as the reply to its last or only command.
    pub fn from_connection(bytes: &'a [u8]) -> Self {
        let bytes = without_severity(bytes);
        let (body, is_ended) = match bytes {
            [body @ .., b'\n', b'\n'] => (&bytes[..=body.len()], true),
            b"\n" => (&bytes[..0], true),
            _ => (bytes, false),
        };
        Self { body, is_ended }
    }

    /// Returns the bytes of the reply, including the last line break.
    pub fn text(&self) -> &'a [u8] {
        self.body
    }

    /// Returns true if the reply ended with an empty line that is not in a quoted cell of `show stat`. Reads the whole
    /// reply.
    pub fn is_complete(&self) -> bool {
        self.is_ended && !ends_in_quoted_cell(self.body)
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

/// Splits the received bytes into the replies of `count` commands. All replies except the last must be texts of HAProxy
/// itself, because an empty line ends them.
///
/// The last reply contains all remaining bytes, even if they include an empty line. Returns fewer than `count` replies
/// if the connection ended early.
pub fn split(bytes: &[u8], count: usize) -> Vec<Reply<'_>> {
    let mut replies = Vec::with_capacity(count);
    let mut rest = bytes;
    while replies.len() + 1 < count && !rest.is_empty() {
        let Some((body, after)) = split_first(rest, 0) else { break };
        replies.push(Reply { body: without_severity(body), is_ended: true });
        rest = after;
    }
    if !rest.is_empty() && replies.len() < count {
        replies.push(Reply::from_connection(rest));
    }
    replies
}

/// Returns the offset of the byte after the first `count` replies, or `None` if these replies are not complete.
pub(crate) fn offset_after(bytes: &[u8], count: usize) -> Option<usize> {
    EndFinder::new(count).find(bytes)
}

/// Finds the end of the first replies in bytes that are still arriving. Each byte is read only once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndFinder {
    /// Number of replies whose end has not been found.
    missing: usize,
    /// Number of bytes that have been searched.
    searched: usize,
    /// Start of the reply in which the search continues.
    start: usize,
}

impl EndFinder {
    /// Creates a finder of the end of the first `count` replies.
    pub(crate) fn new(count: usize) -> Self {
        Self { missing: count, searched: 0, start: 0 }
    }

    /// Returns the offset of the byte after the replies, or `None` if they are not complete. `bytes` are all bytes
    /// received so far.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.missing > 0 {
            let searched = self.searched.saturating_sub(self.start);
            let Some((_, rest)) = split_first(&bytes[self.start..], searched) else {
                // The last byte may be the first of two line breaks.
                self.searched = bytes.len().saturating_sub(1);
                return None;
            };
            self.start = bytes.len() - rest.len();
            self.missing -= 1;
        }
        Some(self.start)
    }
}

/// Returns true if the bytes end like a complete reply. The reply may continue nevertheless.
pub fn may_be_complete(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n\n") || bytes == b"\n"
}

/// Returns true if the bytes contain the reply to `show stat` and end within one of its quoted cells.
fn ends_in_quoted_cell(bytes: &[u8]) -> bool {
    const HEADER: &[u8] = b"# pxname,";
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let offset: usize = lines.take_while(|line| !line.starts_with(HEADER)).map(<[u8]>::len).sum();
    reply_words::has_open_quote(&bytes[offset..])
}

/// Removes the prefix that `severity-output` adds to a message: `[3]: ` or `[err]: `.
pub(crate) fn without_severity(bytes: &[u8]) -> &[u8] {
    let prefix_end = || {
        let end = bytes.iter().take(10).position(|byte| *byte == b']')?;
        let severity = bytes.get(1..end)?;
        let is_severity = matches!(severity, [b'0'..=b'7']) || SEVERITIES.contains(&severity);
        (bytes[0] == b'[' && is_severity && bytes[end..].starts_with(b"]: ")).then_some(end + 3)
    };
    prefix_end().map_or(bytes, |end| &bytes[end..])
}

/// Splits off the first reply. Its end is not in the first `searched` bytes, except that their last byte may begin it.
fn split_first(bytes: &[u8], searched: usize) -> Option<(&[u8], &[u8])> {
    if let [b'\n', rest @ ..] = bytes {
        return Some((&bytes[..0], rest));
    }
    let end = searched + bytes[searched..].windows(2).position(|pair| pair == b"\n\n")?;
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
        let is_complete = |stat: &[u8]| split(stat, 1)[0].is_complete();
        assert!(!is_complete(b"Name: \"\n\n# pxname,svname,\nb,s,\"text\n\n"), "an empty line in a quoted cell");
        assert!(is_complete(b"Name: \"\n\n# pxname,svname,\nb,s,\"text\n\n\"\"\",\n\n"));
        assert_eq!(texts(b"", 2), []);
    }

    #[test]
    fn split_keeps_empty_lines_in_the_last_reply() {
        assert_eq!(texts(b"a\n\nb\n\nc\n\n", 2), [("a\n".into(), true), ("b\n\nc\n".into(), true)]);
    }

    #[test]
    fn split_removes_severity_prefixes() {
        assert_eq!(
            texts(b"[6]: admin\n\n[err]: No such server.\n\n", 2),
            [("admin\n".into(), true), ("No such server.\n".into(), true)]
        );
        for kept in ["[9]: x\n\n", "[0x1]: x\n\n", "[3] x\n\n", "[]: x\n\n", "[errs]: x\n\n", "["] {
            assert!(texts(kept.as_bytes(), 1)[0].0.starts_with('['), "{kept}");
        }
    }

    #[test]
    fn end_finder_finds_the_same_end_in_any_chunks() {
        for (bytes, count) in
            [(&b"a\nb\n\n\n# h\n\n"[..], 2), (b"\n\n\n", 3), (b"a\n\nb\n\nc", 2), (b"a\n\nb\nc\n", 2), (b"a\n", 1)]
        {
            let mut finder = EndFinder::new(count);
            let found = (0..=bytes.len()).find_map(|length| finder.find(&bytes[..length]));
            assert_eq!(found, offset_after(bytes, count), "{bytes:?}");
        }
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
