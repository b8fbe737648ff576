//! Which rows are shown.
//!
//! All words must hold. A bare word is looked for in the names of proxy and server and in the state; `*` stands
//! for anything. `column:word` looks in one column; `column>number` (also `<`, `>=`, `<=`, `=`, `!=`)
//! compares one; every column of `columns::table` can be named. `!` in front turns a word round. Numbers may end in
//! `k`, `M` or `G`.

use std::fmt;

use thiserror::Error;

use crate::app::columns::column::{Column, SortKey};
use crate::app::columns::row_view::RowView;
use crate::app::columns::table;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadFilter {
    /// No such column.
    #[error("there is no column \"{0}\"")]
    NoColumn(String),
    /// Not a number.
    #[error("\"{0}\" is no number")]
    NoNumber(String),
    /// Nothing to look for.
    #[error("\"{0}\" says nothing to look for")]
    Empty(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    More,
}

/// The operators, those of two characters first.
const OPERATORS: [(&str, Compare); 6] = [
    ("!=", Compare::Unequal),
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    (">", Compare::More),
    ("<", Compare::Less),
    ("=", Compare::Equal),
];

#[derive(Debug, Clone)]
enum Test {
    /// Anywhere in the names or the state.
    Anywhere(Pattern),
    /// In one column's text.
    Text(&'static Column, Pattern),
    /// One column's number.
    Number(&'static Column, Compare, f64),
}

#[derive(Debug, Clone)]
struct Term {
    negated: bool,
    test: Test,
}

/// A text with `*` for anything, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
    /// Without any `*` the text may stand anywhere.
    is_plain: bool,
}

/// A filter; an empty one shows everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    terms: Vec<Term>,
    text: String,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        let terms = text.split_whitespace().map(parse_term).collect::<Result<_, _>>()?;
        Ok(Self { terms, text: text.trim().to_owned() })
    }

    /// Whether it shows everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it shows a row.
    pub fn shows(&self, row: &RowView<'_>) -> bool {
        self.terms.iter().all(|term| term.negated != term.test.holds(row))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Test {
    fn holds(&self, row: &RowView<'_>) -> bool {
        match self {
            Self::Anywhere(pattern) => {
                let names = row.row();
                let texts = [names.proxy.as_str(), names.name.as_str(), names.status()];
                texts.into_iter().any(|text| pattern.matches(text))
            }
            Self::Text(column, pattern) => pattern.matches(&column.cell(row).text),
            Self::Number(column, compare, wanted) => match column.key(row) {
                // What is not known is neither more nor less, and it is not equal either.
                SortKey::Number(number) => compare.holds(number, *wanted),
                SortKey::Absent | SortKey::Text(_) => false,
            },
        }
    }
}

impl Compare {
    fn holds(self, number: f64, wanted: f64) -> bool {
        let is_equal = (number - wanted).abs() < 1e-9;
        match self {
            Self::Less => number < wanted,
            Self::AtMost => number <= wanted,
            Self::Equal => is_equal,
            Self::Unequal => !is_equal,
            Self::AtLeast => number >= wanted,
            Self::More => number > wanted,
        }
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        Self { is_plain: !text.contains('*'), parts: text.split('*').map(str::to_owned).collect() }
    }

    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else { return true };
        if self.is_plain {
            return text.contains(first.as_str());
        }
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        for part in &self.parts[1..self.parts.len() - 1] {
            match rest.find(part.as_str()) {
                Some(place) => rest = &rest[place + part.len()..],
                None => return false,
            }
        }
        true
    }
}

fn parse_term(word: &str) -> Result<Term, BadFilter> {
    let (negated, body) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if body.is_empty() {
        return Err(BadFilter::Empty(word.to_owned()));
    }
    let column = |id: &str| table::by_id(id).ok_or_else(|| BadFilter::NoColumn(id.to_owned()));
    let operator = body.find(['<', '>', '=', '!', ':']).filter(|place| *place > 0);
    let test = match operator {
        None => Test::Anywhere(Pattern::new(body)),
        Some(place) => {
            let (id, rest) = body.split_at(place);
            match (rest.strip_prefix(':'), OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))) {
                (Some(""), _) => return Err(BadFilter::Empty(word.to_owned())),
                (Some(pattern), _) => Test::Text(column(id)?, Pattern::new(pattern)),
                (None, Some((sign, compare))) => {
                    Test::Number(column(id)?, *compare, parse_number(&rest[sign.len()..])?)
                }
                (None, None) => return Err(BadFilter::NoColumn(body.to_owned())),
            }
        }
    };
    Ok(Term { negated, test })
}

fn parse_number(text: &str) -> Result<f64, BadFilter> {
    let (digits, factor) = match text.char_indices().last() {
        Some((end, 'k' | 'K')) => (&text[..end], 1e3),
        Some((end, 'M')) => (&text[..end], 1e6),
        Some((end, 'G')) => (&text[..end], 1e9),
        _ => (text, 1.0),
    };
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(|number| number * factor).ok_or_else(|| BadFilter::NoNumber(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::{SampleMaker, site};
    use crate::monitor::watch::Watch;
    use proptest::prelude::*;

    fn shown(filter: &str) -> Vec<String> {
        let mut watch = Watch::default();
        watch.take(SampleMaker::default().at_millis(0, &site()), 0);
        let filter = Filter::parse(filter).unwrap();
        let sample = watch.newest().unwrap();
        let rows = (0..sample.rows.ids().len()).map(|index| RowView::new(&watch, sample, index));
        rows.filter(|row| filter.shows(row)).map(|row| row.row().name.to_string()).collect()
    }

    #[test]
    fn words_are_looked_for_in_names_and_states() {
        assert_eq!(shown("w1"), ["w1"]);
        assert_eq!(shown("down"), ["old1", "BACKEND"]);
        assert_eq!(shown("API !backend !down"), ["api1", "api2", "api3"]);
        assert_eq!(shown("").len(), 10);
        assert_eq!(shown("a*3"), ["api3"]);
        assert_eq!(shown("nowhere"), [""; 0]);
    }

    #[test]
    fn columns_are_compared() {
        assert_eq!(shown("status:maint"), ["api3"]);
        assert_eq!(shown("name:api* kind:server qcur>0"), ["api1"]);
        assert_eq!(shown("scur>=400 kind:server"), ["w1", "w2"]);
        assert_eq!(shown("bin>4.9k"), ["FRONTEND", "BACKEND"]);
        assert_eq!(shown("weight!=100 kind:server"), ["old1"]);
        assert_eq!(shown("!weight=100 kind:server"), ["old1"]);
        assert_eq!(shown("rate=0 kind:server"), ["api3", "old1"]);
        assert_eq!(shown("qcur=0 kind:frontend"), [""; 0], "a frontend has no queue: unknown is not zero");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| Filter::parse(text).unwrap_err().to_string();
        assert_eq!(wrong("nonsense>1"), "there is no column \"nonsense\"");
        assert_eq!(wrong("qcur>many"), "\"many\" is no number");
        assert_eq!(wrong("!"), "\"!\" says nothing to look for");
        assert_eq!(wrong("status:"), "\"status:\" says nothing to look for");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[ -~é*!<>=:]{0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                let mut watch = Watch::default();
                watch.take(SampleMaker::default().at_millis(0, &site()), 0);
                let sample = watch.newest().unwrap();
                let _ = filter.shows(&RowView::new(&watch, sample, 1));
            }
        }
    }
}
