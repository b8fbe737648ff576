//! Where one answer ends and the next begins.
//!
//! Commands joined by `;` on one line are answered in turn, and each answer ends with an empty line. No
//! answer contains one (but `show threads` on 2.6), and a dump that HAProxy cut at its own timeout ends on
//! a line boundary without one: that is how a cut answer is told from a whole one.

/// One command's answer, without the empty line that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    body: &'a [u8],
    whole: bool,
}

/// What a refused command answers, at every version and level.
const DENIED: &[u8] = b"Permission denied";
/// How the answer to an unknown command begins; the rest differs by version.
const UNKNOWN: &[u8] = b"Unknown command";

impl<'a> Reply<'a> {
    /// The answer's bytes, its last line break included.
    pub fn text(&self) -> &'a [u8] {
        self.body
    }

    /// Whether the empty line that ends every answer was there.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the level of the socket was too low.
    pub fn is_denied(&self) -> bool {
        self.body.trim_ascii_start().starts_with(DENIED)
    }

    /// Whether this version of HAProxy does not know the command.
    pub fn is_unknown_command(&self) -> bool {
        self.body.trim_ascii_start().starts_with(UNKNOWN)
    }

    /// Whether nothing was said: what a command that changes something answers on success.
    pub fn is_silent(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }
}

/// Splits what was read into the answers of `count` commands.
///
/// The last answer takes all that is left: were its text to contain an empty line, it would not be mistaken
/// for a further answer. Fewer than `count` come back when the connection ended early.
pub fn split(bytes: &[u8], count: usize) -> Vec<Reply<'_>> {
    let mut replies = Vec::with_capacity(count);
    let mut rest = bytes;
    while replies.len() + 1 < count && !rest.is_empty() {
        let Some((body, after)) = cut_first(rest) else { break };
        replies.push(Reply { body, whole: true });
        rest = after;
    }
    if !rest.is_empty() && replies.len() < count {
        let (body, whole) = match rest {
            [body @ .., b'\n', b'\n'] => (&rest[..=body.len()], true),
            b"\n" => (&rest[..0], true),
            _ => (rest, false),
        };
        replies.push(Reply { body, whole });
    }
    replies
}

/// Where the answer behind `count` others begins; nothing until they are there.
pub fn behind(bytes: &[u8], count: usize) -> Option<usize> {
    let rest = (0..count).try_fold(bytes, |rest, _| cut_first(rest).map(|(_, rest)| rest))?;
    Some(bytes.len() - rest.len())
}

/// Whether `bytes` hold `count` answers to their end: a peer that does not close by itself (the master CLI)
/// has then said everything.
pub fn is_complete(bytes: &[u8], count: usize) -> bool {
    let replies = split(bytes, count);
    replies.len() == count && replies.iter().all(Reply::is_whole)
}

fn cut_first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
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
            .map(|reply| (String::from_utf8_lossy(reply.text()).into_owned(), reply.is_whole()))
            .collect()
    }

    #[test]
    fn each_answer_ends_with_an_empty_line() {
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
    fn a_cut_answer_is_not_whole() {
        assert_eq!(texts(b"a\n\n# h\n1,2\n", 2), [("a\n".into(), true), ("# h\n1,2\n".into(), false)]);
        assert_eq!(texts(b"a\n", 2), [("a\n".into(), false)]);
        assert_eq!(texts(b"", 2), []);
    }

    #[test]
    fn the_last_answer_keeps_its_inner_empty_lines() {
        assert_eq!(texts(b"a\n\nb\n\nc\n\n", 2), [("a\n".into(), true), ("b\n\nc\n".into(), true)]);
    }

    #[test]
    fn silence_refusal_and_ignorance_are_told_apart() {
        let first = |bytes: &'static [u8]| split(bytes, 1)[0];
        assert!(first(b"\n").is_silent() && first(b"\n").is_whole());
        assert!(first(b"Permission denied\n\n").is_denied());
        assert!(first(b"Unknown command: 'x', but maybe\n\n").is_unknown_command());
        assert!(!first(b"No such server.\n\n").is_silent());
    }
}
