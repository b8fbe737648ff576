//! Text from the socket that is safe to print.
//!
//! HAProxy forwards text from other hosts: `last_chk` contains, byte for byte, the reason phrase in a server's reply to
//! a health check, including ESC (observed on 1.5 to 3.4), and a terminal executes such control sequences. Creating a
//! [`SafeText`] escapes every character that is not visible, so a `SafeText` can be drawn, logged, exported or copied
//! without further checks.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

/// Maximum length of the original text, in bytes. Longer text is truncated and ends with `…`.
pub(crate) const MAX_BYTES: usize = 1024;
/// Maximum length of the printable text, in bytes: each byte may become an escape such as `\xff`, and `…` follows truncated
/// text.
pub(crate) const MAX_ESCAPED_BYTES: usize = MAX_BYTES * 4 + '…'.len_utf8();

/// A string that is safe to display: every character occupies one or two visible cells.
///
/// Control characters (C0, DEL, C1), bidirectional controls, other invisible formatting characters and combining
/// characters are replaced by escapes such as `\x1b` or `\u{202e}`. Bytes that are not valid UTF-8 are replaced by
/// escapes such as `\xff`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText {
    text: Arc<str>,
    verbatim: bool,
}

impl SafeText {
    /// Builds safe text from bytes. Bytes that contain only visible characters, which is the usual case, are copied
    /// unchanged.
    pub fn new(bytes: &[u8]) -> Self {
        match escape(bytes, MAX_BYTES) {
            Cow::Borrowed(text) => Self { text: Arc::from(text), verbatim: true },
            Cow::Owned(text) => Self { text: Arc::from(text), verbatim: false },
        }
    }

    /// Restores a text from a file. `is_verbatim` is the stored answer of [`Self::is_verbatim`]; text that is not safe is
    /// escaped, and then never counts as verbatim.
    pub(crate) fn from_stored(bytes: &[u8], is_verbatim: bool) -> Self {
        let max = if is_verbatim { MAX_BYTES } else { MAX_ESCAPED_BYTES };
        match escape(bytes, max) {
            Cow::Borrowed(text) => Self { text: Arc::from(text), verbatim: is_verbatim },
            Cow::Owned(text) => Self { text: Arc::from(text), verbatim: false },
        }
    }

    /// Returns the printable text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if the text is exactly what HAProxy sent: neither escaped nor truncated. Any other name must never
    /// be used in a command.
    pub fn is_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Returns the allocated memory in bytes. Clones share it.
    pub(crate) fn memory_bytes(&self) -> usize {
        // Two reference counts, and the allocator's own bookkeeping.
        self.text.len() + 32
    }

    /// Returns true if the text is empty.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<&Path> for SafeText {
    fn from(path: &Path) -> Self {
        Self::new(path.as_os_str().as_bytes())
    }
}

impl Default for SafeText {
    fn default() -> Self {
        Self::new(b"")
    }
}

impl AsRef<str> for SafeText {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// Escapes invisible characters in a message of several lines, which may quote input. Keeps the line breaks, and does
/// not truncate.
pub(crate) fn escape_lines(text: &str) -> String {
    text.split('\n').map(|line| escape(line.as_bytes(), usize::MAX)).collect::<Vec<_>>().join("\n")
}

/// Escapes invisible characters and truncates text after `max` bytes. Borrows `bytes` if nothing needs to change.
fn escape(bytes: &[u8], max: usize) -> Cow<'_, str> {
    let cut = bytes.len() > max;
    let kept = &bytes[..bytes.len().min(max)];
    if let (false, Ok(text)) = (cut, std::str::from_utf8(kept))
        && text.chars().all(is_visible)
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(kept.len() + 8);
    for chunk in kept.utf8_chunks() {
        for ch in chunk.valid().chars() {
            push_visible(&mut out, ch);
        }
        // Truncation may have split a character. The bytes before the cut are valid in the original text, so drop them
        // instead of escaping them.
        let at_cut = cut && chunk.invalid().len() < 4 && chunk.invalid().as_ptr_range().end == kept.as_ptr_range().end;
        if !at_cut {
            for byte in chunk.invalid() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    if cut {
        out.push('…');
    }
    Cow::Owned(out)
}

fn push_visible(out: &mut String, ch: char) {
    if is_visible(ch) {
        out.push(ch);
    } else if (ch as u32) < 0x100 {
        let _ = write!(out, "\\x{:02x}", ch as u32);
    } else {
        let _ = write!(out, "\\u{{{:x}}}", ch as u32);
    }
}

/// Returns true if the character occupies one or two cells and has no other effect on the terminal.
pub fn is_visible(ch: char) -> bool {
    if ch.is_ascii() {
        return (' '..='~').contains(&ch);
    }
    // Soft hyphen and fillers have a width but draw nothing; line separators break lines; the other invisible
    // formatting characters (bidi, joiners, variation selectors, tags) have no width.
    let blank = matches!(ch, '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{2028}' | '\u{2029}' | '\u{3164}' | '\u{ffa0}')
        || matches!(ch, '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(ch, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !blank && matches!(ch.width(), Some(1 | 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn new_keeps_visible_text_verbatim() {
        let text = SafeText::new(b"Layer7 check passed");
        assert_eq!(text.as_str(), "Layer7 check passed");
        assert!(text.is_verbatim());
        assert!(SafeText::new("grün 日本".as_bytes()).is_verbatim());
    }

    #[test]
    fn new_escapes_control_sequences_of_a_reason_phrase() {
        let text = SafeText::new(b"Bad \x1b[31m \x07 \x1b]0;title\x07 \xff");
        assert_eq!(text.as_str(), r"Bad \x1b[31m \x07 \x1b]0;title\x07 \xff");
        assert!(!text.is_verbatim());
    }

    #[test]
    fn new_escapes_bidirectional_and_invisible_characters() {
        assert_eq!(SafeText::from("a\u{202e}b\u{200b}c\u{85}").as_str(), r"a\u{202e}b\u{200b}c\x85");
        assert_eq!(SafeText::from("e\u{301}").as_str(), r"e\u{301}");
    }

    #[test]
    fn new_cuts_long_text_and_marks_it_not_verbatim() {
        let text = SafeText::new(&vec![b'x'; 60_000]);
        assert_eq!(text.as_str().chars().count(), MAX_BYTES + 1);
        assert!(text.as_str().ends_with('…'));
        assert!(!text.is_verbatim());
    }

    #[test]
    fn escape_lines_keeps_line_breaks() {
        assert_eq!(escape_lines("a\n  \u{1b}[31mb\r\n"), "a\n  \\x1b[31mb\\x0d\n");
        assert_eq!(escape_lines(&"x".repeat(5000)).len(), 5000);
    }

    #[test]
    fn new_drops_a_character_split_by_the_cut() {
        let mut bytes = vec![b'x'; MAX_BYTES - 1];
        bytes.extend_from_slice("é and more".as_bytes());
        assert!(SafeText::new(&bytes).as_str().ends_with("x…"));
    }

    proptest! {
        #[test]
        fn every_byte_string_becomes_visible_text(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let safe = SafeText::new(&bytes);
            prop_assert!(safe.as_str().chars().all(is_visible), "{safe:?}");
            prop_assert!(!safe.is_verbatim() || safe.as_str().as_bytes() == bytes);
            prop_assert!(safe.as_str().len() <= MAX_ESCAPED_BYTES);
            let stored = SafeText::from_stored(safe.as_str().as_bytes(), safe.is_verbatim());
            prop_assert_eq!((&stored, stored.is_verbatim()), (&safe, safe.is_verbatim()));
            let forged = SafeText::from_stored(&bytes, true);
            prop_assert!(forged.as_str().chars().all(is_visible) && forged.is_verbatim() == safe.is_verbatim());
        }
    }
}
