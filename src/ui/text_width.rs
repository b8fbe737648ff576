//! Shortening and wrapping of strings to a width in screen cells.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the width of a string in screen cells.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Shortens a string to `max` cells by replacing the middle with `…`, because names often differ only at the end.
pub(crate) fn middle(text: &str, max: usize) -> String {
    if text.width() <= max {
        return text.to_owned();
    }
    if max < 3 {
        return end(text, max);
    }
    let front = (max - 1).div_ceil(2);
    let back = max - 1 - front;
    let tail: Vec<char> = take_width(text.chars().rev(), back);
    take_width(text.chars(), front).into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

/// Shortens a string to `max` cells by replacing the end with `…`.
pub(crate) fn end(text: &str, max: usize) -> String {
    if text.width() <= max {
        return text.to_owned();
    }
    match max {
        0 => String::new(),
        _ => take_width(text.chars(), max - 1).into_iter().chain(['…']).collect(),
    }
}

/// Shortens a sentence to `max` cells: first the part in parentheses at its end is replaced by `…`, then its last words.
pub(crate) fn sentence(text: &str, max: usize) -> String {
    if text.width() <= max {
        return text.to_owned();
    }
    let without_details = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")).map(|(first, _)| first);
    // Details are cut like the rest where leaving them out would leave much of the room empty.
    if let Some(first) = without_details.filter(|first| (max * 3 / 4..=max).contains(&(first.width() + 2))) {
        return format!("{first} …");
    }
    let cut = end(text, max);
    // A word is cut only where leaving it out would cost much of the line.
    match cut.trim_end_matches('…').rsplit_once(' ') {
        Some((first, word)) if word.width() * 4 <= max && !first.is_empty() => format!("{first} …"),
        _ => cut,
    }
}

/// Wraps a line at blanks into parts of at most `max` cells. Words longer than `max` are divided. No text is lost.
pub(crate) fn wrap_at_blanks(line: &str, max: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match parts.last_mut() {
            Some(part) if width(part) + 1 + width(word) <= max => {
                part.push(' ');
                part.push_str(word);
            }
            _ => parts.extend(wrap_anywhere(word, max)),
        }
    }
    parts
}

/// Wraps a line at blanks into parts of at most `max` cells, which begin below its first word. Words longer than a part are
/// wrapped, too.
pub(crate) fn wrap_indented(line: &str, max: usize) -> Vec<String> {
    let text = line.trim_start_matches(' ');
    let indent = (line.len() - text.len()).min(max / 2);
    let parts = wrap_at_blanks(text, max - indent);
    parts.into_iter().map(|part| format!("{}{part}", " ".repeat(indent))).collect()
}

/// Wraps a line into parts of at most `max` cells, also within words. No text is lost.
pub(crate) fn wrap_anywhere(line: &str, max: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut used = 0;
    for ch in line.chars() {
        let wide = ch.width().unwrap_or(0);
        if used + wide > max.max(2) {
            parts.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(part) = parts.last_mut() {
            part.push(ch);
        }
    }
    parts
}

/// Returns the leading characters that fit into `max` cells.
fn take_width(chars: impl Iterator<Item = char>, max: usize) -> Vec<char> {
    let mut used = 0;
    chars
        .take_while(|ch| {
            used += ch.width().unwrap_or(0);
            used <= max
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::safe_text::SafeText;
    use proptest::prelude::*;

    #[test]
    fn middle_keeps_both_ends() {
        assert_eq!(middle("be_application_production_eu_west_1", 16), "be_appli…_west_1");
        assert_eq!(middle("short", 16), "short");
        assert_eq!(middle("longer", 2), "l…");
        assert_eq!(end("Connection refused", 8), "Connect…");
        assert_eq!(end("x", 0), "");
        assert_eq!(middle("日本語の名前", 7), "日…前");
    }

    #[test]
    fn sentence_drops_details_first_and_ends_with_an_ellipsis() {
        let text = "servers full: 40 of 40 sessions, 34 waiting for 22 s (qtime 175 ms)";
        assert_eq!(sentence(text, 80), text);
        assert_eq!(sentence(text, 60), "servers full: 40 of 40 sessions, 34 waiting for 22 s …");
        assert_eq!(sentence(text, 50), "servers full: 40 of 40 sessions, 34 waiting for …");
        let slow = "104x slower than its peers (1.24 s against 12 ms)";
        assert_eq!(sentence(slow, 45), "104x slower than its peers (1.24 s against …");
        assert_eq!(sentence("verylongwordwithoutblanks", 10), "verylongw…");
        for max in 0..70 {
            let shown = sentence(text, max);
            assert!(width(&shown) <= max && (max == 0 || shown.ends_with('…') || shown == text), "{max} {shown}");
        }
    }

    #[test]
    fn wrap_breaks_lines_at_blanks_or_anywhere() {
        assert_eq!(wrap_at_blanks("no server of api would be left", 12), ["no server of", "api would be", "left"]);
        assert_eq!(wrap_at_blanks("an unbreakable word", 6), ["an", "unbrea", "kable", "word"]);
        assert_eq!(wrap_indented("  share   at most 1%", 12), ["  share   at", "  most 1%"]);
        assert_eq!(wrap_indented("          deep words", 8), ["    deep", "    word", "    s"]);
        assert_eq!(wrap_indented("", 8), [""]);
        assert_eq!(wrap_anywhere("set server be/web1", 7), ["set ser", "ver be/", "web1"]);
    }

    proptest! {
        #[test]
        fn middle_and_end_never_exceed_the_width(text in "\\PC{0,40}", max in 0_usize..30) {
            // Only a `SafeText` is ever drawn, in which no character changes the width of another.
            let text = SafeText::from(text.as_str()).to_string();
            prop_assert!(width(&middle(&text, max)) <= max.max(width(&text).min(max)));
            prop_assert!(width(&end(&text, max)) <= max);
        }
    }
}
