//! Text from the socket, made safe to print.
//!
//! HAProxy passes on what others sent: `last_chk` carries a health-checked server's reason phrase byte for
//! byte, ESC included (seen on 1.5 to 3.4). A terminal obeys such bytes. [`SafeText`] can only be made by
//! escaping everything that is not a visible character, so holding one is the proof that it may be drawn,
//! logged, exported or copied.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

/// The longest text kept, in bytes of the source. What is longer is cut and ends in `…`.
pub const MAX_BYTES: usize = 1024;

/// A text in which every character occupies one or two visible cells.
///
/// Control characters (C0, DEL, C1), bidirectional and other invisible formatting and combining characters
/// are shown as `\x1b` or `\u{202e}`; bytes that are not UTF-8 are shown as `\xff`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText {
    text: Arc<str>,
    verbatim: bool,
}

impl SafeText {
    /// Makes bytes safe. Plain visible ASCII, the usual case, is copied as it is.
    pub fn new(bytes: &[u8]) -> Self {
        match escape(bytes, MAX_BYTES) {
            Cow::Borrowed(text) => Self { text: Arc::from(text), verbatim: true },
            Cow::Owned(text) => Self { text: Arc::from(text), verbatim: false },
        }
    }

    /// The text, printable as it stands.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the text is exactly what HAProxy sent. A name that was altered must never be put into a command.
    pub fn is_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
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

/// Escapes what is not visible; borrows when nothing had to change.
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
        // The cut may have split a character: its first bytes are no defect of the source.
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

/// Whether a character draws one or two cells and nothing else.
pub fn is_visible(ch: char) -> bool {
    if ch.is_ascii() {
        return (' '..='~').contains(&ch);
    }
    // Soft hyphen and fillers claim a width and draw nothing; line separators break lines; the rest of the
    // invisible formatting (bidi, joiners, variation selectors, tags) has no width.
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
    fn plain_text_is_kept_verbatim() {
        let text = SafeText::new(b"Layer7 check passed");
        assert_eq!(text.as_str(), "Layer7 check passed");
        assert!(text.is_verbatim());
        assert!(SafeText::new("grün 日本".as_bytes()).is_verbatim());
    }

    #[test]
    fn what_a_lab_backend_sent_in_its_reason_phrase_is_defused() {
        let text = SafeText::new(b"Bad \x1b[31m \x07 \x1b]0;title\x07 \xff");
        assert_eq!(text.as_str(), r"Bad \x1b[31m \x07 \x1b]0;title\x07 \xff");
        assert!(!text.is_verbatim());
    }

    #[test]
    fn bidirectional_and_invisible_characters_are_shown() {
        assert_eq!(SafeText::from("a\u{202e}b\u{200b}c\u{85}").as_str(), r"a\u{202e}b\u{200b}c\x85");
        assert_eq!(SafeText::from("e\u{301}").as_str(), r"e\u{301}");
    }

    #[test]
    fn long_text_is_cut_and_marked_altered() {
        let text = SafeText::new(&vec![b'x'; 60_000]);
        assert_eq!(text.as_str().chars().count(), MAX_BYTES + 1);
        assert!(text.as_str().ends_with('…'));
        assert!(!text.is_verbatim());
    }

    #[test]
    fn a_character_split_by_the_cut_leaves_no_rubbish() {
        let mut bytes = vec![b'x'; MAX_BYTES - 1];
        bytes.extend_from_slice("é and more".as_bytes());
        assert!(SafeText::new(&bytes).as_str().ends_with("x…"));
    }

    proptest! {
        #[test]
        fn every_byte_string_becomes_visible(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let safe = SafeText::new(&bytes);
            prop_assert!(safe.as_str().chars().all(is_visible), "{safe:?}");
            prop_assert!(!safe.is_verbatim() || safe.as_str().as_bytes() == bytes);
        }
    }
}
