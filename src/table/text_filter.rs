//! Looking for words in lines of text: events, sessions, entries. All must be there; `!word` must not.

use std::fmt;

/// Words to look for; none of them shows every line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    text: String,
}

impl Words {
    /// Takes any text.
    pub fn new(text: &str) -> Self {
        Self { text: text.trim().to_owned() }
    }

    /// Whether every line is shown.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The words, as they were typed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split_whitespace()
    }

    /// Whether a line is shown, upper and lower case being the same.
    pub fn are_in(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.iter().all(|word| match word.strip_prefix('!') {
            Some(unwanted) => unwanted.is_empty() || !line.contains(&unwanted.to_lowercase()),
            None => line.contains(&word.to_lowercase()),
        })
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_be_there_and_unwanted_ones_not() {
        let line = "api/api3  UP → MAINT  by us";
        for (words, shown) in [("", true), ("API maint", true), ("api !maint", false), ("web", false), ("!", true)] {
            assert_eq!(Words::new(words).are_in(line), shown, "{words}");
        }
    }
}
