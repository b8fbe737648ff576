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

    proptest! {
        #[test]
        fn nothing_is_wider_than_allowed(text in "\\PC{0,40}", max in 0_usize..30) {
            prop_assert!(width(&middle(&text, max)) <= max.max(width(&text).min(max)));
            prop_assert!(width(&end(&text, max)) <= max);
        }
    }
}
