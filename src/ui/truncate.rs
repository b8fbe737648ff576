//! Texts cut to a number of cells.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, shortened in the middle to `max` cells: the ends of names tell them apart.
pub fn middle(text: &str, max: usize) -> String {
    if text.width() <= max {
        return text.to_owned();
    }
    if max < 3 {
        return end(text, max);
    }
    let front = (max - 1).div_ceil(2);
    let back = max - 1 - front;
    let tail: Vec<char> = take(text.chars().rev(), back);
    take(text.chars(), front).into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

/// The text, cut at its end to `max` cells.
pub fn end(text: &str, max: usize) -> String {
    if text.width() <= max {
        return text.to_owned();
    }
    match max {
        0 => String::new(),
        _ => take(text.chars(), max - 1).into_iter().chain(['…']).collect(),
    }
}

/// The line broken at blanks into parts of `room` cells; a longer word is cut.
pub fn wrapped(line: &str, room: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in line.split(' ') {
        let fits = |part: &String| part.is_empty() || width(part) + 1 + width(word) <= room;
        match parts.last_mut() {
            Some(part) if fits(part) => {
                if !part.is_empty() {
                    part.push(' ');
                }
                part.push_str(word);
            }
            _ => parts.push(word.to_owned()),
        }
    }
    parts.iter().map(|part| end(part, room)).collect()
}

/// The line broken into parts of `room` cells wherever that falls: nothing of it is left out.
pub fn broken(line: &str, room: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut used = 0;
    for ch in line.chars() {
        let wide = ch.width().unwrap_or(0);
        if used + wide > room.max(2) {
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

fn take(chars: impl Iterator<Item = char>, max: usize) -> Vec<char> {
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
    fn names_keep_both_ends() {
        assert_eq!(middle("be_application_production_eu_west_1", 16), "be_appli…_west_1");
        assert_eq!(middle("short", 16), "short");
        assert_eq!(middle("longer", 2), "l…");
        assert_eq!(end("Connection refused", 8), "Connect…");
        assert_eq!(end("x", 0), "");
        assert_eq!(middle("日本語の名前", 7), "日…前");
    }

    #[test]
    fn lines_are_broken_at_blanks_or_anywhere() {
        assert_eq!(wrapped("no server of api would be left", 12), ["no server of", "api would be", "left"]);
        assert_eq!(wrapped("unbreakable", 6), ["unbre…"]);
        assert_eq!(broken("set server be/web1", 7), ["set ser", "ver be/", "web1"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_allowed(text in "\\PC{0,40}", max in 0_usize..30) {
            // What is drawn has been made safe, so no character changes the width of another.
            let text = SafeText::from(text.as_str()).to_string();
            prop_assert!(width(&middle(&text, max)) <= max.max(width(&text).min(max)));
            prop_assert!(width(&end(&text, max)) <= max);
        }
    }
}
