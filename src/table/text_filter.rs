//! A filter for lines of text: events, sessions, stick-table entries. A line must contain each `word` and must not
//! contain any `!word`.

use std::fmt;

/// The words of a filter. An empty filter matches every line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextFilter {
    text: String,
}

impl TextFilter {
    /// Creates a filter from the words of `text`, which are separated by white space.
    pub fn new(text: &str) -> Self {
        Self { text: text.trim().to_owned() }
    }

    /// Returns whether the filter matches every line.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the words as they were typed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split_whitespace()
    }

    /// Returns whether a line matches, ignoring case.
    pub fn matches(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.iter().all(|word| match word.strip_prefix('!') {
            Some(unwanted) => unwanted.is_empty() || !line.contains(&unwanted.to_lowercase()),
            None => line.contains(&word.to_lowercase()),
        })
    }
}

impl fmt::Display for TextFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_requires_all_words_and_rejects_negated_ones() {
        let line = "api/api3  UP → MAINT  by us";
        for (words, shown) in [("", true), ("API maint", true), ("api !maint", false), ("web", false), ("!", true)] {
            assert_eq!(TextFilter::new(words).matches(line), shown, "{words}");
        }
    }
}
