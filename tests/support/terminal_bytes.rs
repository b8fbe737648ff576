//! What a program writes to its terminal, taken apart: text, and control sequences.
//!
//! [`strange`] knows every sequence that hapulse itself writes; whatever else begins with an ESC, and whatever is no
//! visible character, came from outside and is told.

use unicode_width::UnicodeWidthChar;

/// Everything in these bytes that is neither visible text nor a sequence of hapulse's own.
pub fn unexpected_output(bytes: &[u8]) -> Vec<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let end = error.valid_up_to();
            return vec![format!("no UTF-8 behind {:?}", String::from_utf8_lossy(&bytes[end.saturating_sub(40)..]))];
        }
    };
    let mut found = Vec::new();
    let mut rest = text;
    let mut in_frame = false;
    while let Some(ch) = rest.chars().next() {
        in_frame = rest.starts_with(BEGIN) || in_frame && !rest.starts_with(END);
        if let Some(own) = own_sequence(rest, in_frame) {
            rest = &rest[own..];
            continue;
        }
        if !is_visible(ch) {
            found.push(rest.chars().take(24).collect::<String>().escape_debug().to_string());
        }
        rest = &rest[ch.len_utf8()..];
    }
    found.truncate(20);
    found
}

/// One or two cells, and nothing that changes how others are shown.
fn is_visible(ch: char) -> bool {
    let is_formatting = matches!(ch, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !ch.is_control() && !is_formatting && ch.width().is_some_and(|width| width > 0)
}

/// What stands around each frame.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// The length of the sequence that the text begins with, when it is one of hapulse's own. Only in a frame does the
/// cursor go from where it is to where it is wanted.
fn own_sequence(text: &str, in_frame: bool) -> Option<usize> {
    if in_frame && text.starts_with('\x08') {
        return Some(1);
    }
    // Shells and the kernel end lines so after the last frame.
    if let Some(end) = ["\r\n", "\r", "\n"].iter().find(|end| text.starts_with(**end)) {
        return Some(end.len());
    }
    let csi = text.strip_prefix("\x1b[")?;
    let end = csi.find(|ch: char| ch.is_ascii_alphabetic())?;
    let (parameters, letter) = (&csi[..end], csi.as_bytes()[end]);
    let numbers: Option<Vec<u16>> =
        parameters.split(';').filter(|word| !word.is_empty()).map(|word| word.parse().ok()).collect();
    let is_own = match (letter, parameters, numbers) {
        (b'h' | b'l', "?7" | "?25" | "?1049" | "?2026" | "?2004", _) | (b'J', "2", _) => true,
        (b'H', _, Some(numbers)) => numbers.len() <= 2,
        (b'A'..=b'D' | b'G', _, Some(numbers)) => in_frame && numbers.len() <= 1,
        (b'm', _, Some(numbers)) => is_own_style(&numbers),
        _ => false,
    };
    is_own.then_some(2 + end + 1)
}

/// Modifiers, the terminal's own colours, and the sixteen named ones, one behind the other.
fn is_own_style(numbers: &[u16]) -> bool {
    match numbers {
        [0..=9 | 21..=29 | 30..=37 | 39 | 40..=47 | 49 | 90..=97 | 100..=107, rest @ ..] => is_own_style(rest),
        rest => rest.is_empty(),
    }
}
