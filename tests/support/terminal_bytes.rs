//! Finds unexpected bytes in terminal output.
//!
//! Expected are visible characters and the control sequences that hapulse itself writes. Everything else must come from
//! outside, such as a server name.

use unicode_width::UnicodeWidthChar;

/// Returns everything in the output that is neither visible text nor one of hapulse's own control sequences, at most 20
/// findings.
pub fn unexpected_output(bytes: &[u8]) -> Vec<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let end = error.valid_up_to();
            return vec![format!(
                "invalid UTF-8 after {:?}",
                String::from_utf8_lossy(&bytes[end.saturating_sub(40)..])
            )];
        }
    };
    let mut found = Vec::new();
    let mut rest = text;
    let mut in_frame = false;
    while let Some(ch) = rest.chars().next() {
        in_frame = rest.starts_with(BEGIN) || in_frame && !rest.starts_with(END);
        if let Some(length) = own_sequence_len(rest, in_frame) {
            rest = &rest[length..];
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

/// Returns whether a character takes one or two cells and does not change how others are shown.
fn is_visible(ch: char) -> bool {
    let is_formatting = matches!(ch, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !ch.is_control() && !is_formatting && ch.width().is_some_and(|width| width > 0)
}

/// Start and end of a synchronized update, which encloses each frame.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// Resets the modes of an earlier program: margins, origin, insert mode and others; and its character set.
const MARGINS_AND_MODES: &str = "\x1b[?69l\x1b[?6l\x1b[2;3;4;20l\x1b[12h\x1b[r";
const SELECT_ASCII: &str = "\x1b(B\x0f";

/// Returns the length of hapulse's own control sequence at the start of the text. Relative cursor movements and moved lines are
/// allowed only within a frame.
fn own_sequence_len(text: &str, in_frame: bool) -> Option<usize> {
    if in_frame && text.starts_with('\x08') {
        return Some(1);
    }
    // After the last frame, shells and the kernel write line ends.
    if let Some(end) = ["\r\n", "\r", "\n"].iter().find(|end| text.starts_with(**end)) {
        return Some(end.len());
    }
    if let Some(own) = [MARGINS_AND_MODES, SELECT_ASCII].iter().find(|own| text.starts_with(**own)) {
        return Some(own.len());
    }
    let csi = text.strip_prefix("\x1b[")?;
    let end = csi.find(|ch: char| ch.is_ascii_alphabetic())?;
    let (parameters, letter) = (&csi[..end], csi.as_bytes()[end]);
    let numbers: Option<Vec<u16>> =
        parameters.split(';').filter(|number| !number.is_empty()).map(|number| number.parse().ok()).collect();
    let is_own = match (letter, parameters, numbers) {
        (b'h' | b'l', "?7" | "?25" | "?1049" | "?2026" | "?2004", _) | (b'J', "2", _) => true,
        (b'H', _, Some(numbers)) => numbers.len() <= 2,
        (b'A'..=b'D' | b'G' | b'P', _, Some(numbers)) => in_frame && numbers.len() <= 1,
        (b'm', _, Some(numbers)) => is_own_style(&numbers),
        _ => false,
    };
    is_own.then_some(2 + end + 1)
}

/// Returns whether a style sequence contains only modifiers, the default colors and the 16 named colors.
fn is_own_style(numbers: &[u16]) -> bool {
    match numbers {
        [0..=9 | 21..=29 | 30..=37 | 39 | 40..=47 | 49 | 90..=97 | 100..=107, rest @ ..] => is_own_style(rest),
        rest => rest.is_empty(),
    }
}
