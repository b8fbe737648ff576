//! Which rows are shown.
//!
//! All words must hold. A bare word is looked for in the names of proxy and server and in the state; `*` stands
//! for anything. `column:word` looks in one column; `column>number` (also `<`, `>=`, `<=`, `=`, `!=`)
//! compares one, and `column=text` (also `!=`) asks for the whole text of one; every column of `columns::table`
//! can be named. Behind `:`, `=` and `!=` commas part several, of which one must fit: `proxy:api,www`,
//! `weight=0,1`. `!` in front turns a word round. Numbers may end in `k`, `M` or `G`. A `|` for itself stands
//! between two filters, of which one must hold: `status:down | qcur>0`.

use std::fmt;

use thiserror::Error;

use crate::table::columns::column::{Align, Column, SortKey};
use crate::table::columns::column_table;
use crate::table::columns::row_view::RowView;
use crate::table::number_format;

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
    /// One of these is in one column's text.
    Text(&'static Column, Vec<Pattern>),
    /// One column's text is one of these, in lower case; or is none of them.
    Exact(&'static Column, bool, Vec<String>),
    /// One column's number against these.
    Number(&'static Column, Compare, Vec<f64>),
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
    /// One of them must hold, with all its terms.
    alternatives: Vec<Vec<Term>>,
    text: String,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            return Ok(Self::default());
        }
        let alternatives = words.split(|word| *word == OR).map(parse_terms).collect::<Result<_, _>>()?;
        Ok(Self { alternatives, text: text.trim().to_owned() })
    }

    /// Whether it shows everything.
    pub fn is_empty(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// The columns that it looks at.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.alternatives.iter().flatten().filter_map(|term| term.test.column())
    }

    /// Whether it shows a row.
    pub fn shows(&self, row: &RowView<'_>) -> bool {
        let holds = |terms: &Vec<Term>| terms.iter().all(|term| term.negated != term.test.holds(row));
        self.is_empty() || self.alternatives.iter().any(holds)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Test {
    fn column(&self) -> Option<&'static Column> {
        match self {
            Self::Anywhere(_) => None,
            Self::Text(column, _) | Self::Exact(column, ..) | Self::Number(column, ..) => Some(column),
        }
    }

    fn holds(&self, row: &RowView<'_>) -> bool {
        match self {
            Self::Anywhere(pattern) => {
                let names = row.row();
                let texts = [names.proxy.as_str(), names.name.as_str(), names.status()];
                texts.into_iter().any(|text| pattern.matches(text))
            }
            Self::Text(column, patterns) => {
                let text = column.cell(row).text;
                patterns.iter().any(|pattern| pattern.matches(&text))
            }
            // What is not known is neither equal nor unequal, and neither more nor less.
            Self::Exact(column, is_equal, wanted) => {
                let text = column.cell(row).text;
                text != number_format::UNKNOWN && wanted.contains(&text.to_lowercase()) == *is_equal
            }
            Self::Number(column, compare, wanted) => match column.key(row) {
                SortKey::Number(number) if *compare == Compare::Unequal => {
                    wanted.iter().all(|wanted| compare.holds(number, *wanted))
                }
                SortKey::Number(number) => wanted.iter().any(|wanted| compare.holds(number, *wanted)),
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
    fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref().to_lowercase();
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

/// Stands between two filters, of which one must hold.
const OR: &str = "|";

fn parse_terms(words: &[&str]) -> Result<Vec<Term>, BadFilter> {
    if words.is_empty() {
        return Err(BadFilter::Empty(OR.to_owned()));
    }
    words.iter().map(|word| parse_term(word)).collect()
}

fn parse_term(word: &str) -> Result<Term, BadFilter> {
    let (negated, body) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if body.is_empty() {
        return Err(BadFilter::Empty(word.to_owned()));
    }
    let column = |id: &str| column_table::by_id(id).ok_or_else(|| BadFilter::NoColumn(id.to_owned()));
    let operator = body.find(['<', '>', '=', '!', ':']).filter(|place| *place > 0);
    let test = match operator {
        None => Test::Anywhere(Pattern::new(body)),
        Some(place) => {
            let (id, rest) = body.split_at(place);
            let sign = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
            match (rest.strip_prefix(':'), sign) {
                (Some(list), _) => Test::Text(column(id)?, several(list, word)?.iter().map(Pattern::new).collect()),
                (None, Some((sign, compare))) => comparison(column(id)?, *compare, &rest[sign.len()..], word)?,
                (None, None) => return Err(BadFilter::NoColumn(body.to_owned())),
            }
        }
    };
    Ok(Term { negated, test })
}

/// What commas part; one at the end is still being typed.
fn several(list: &str, word: &str) -> Result<Vec<String>, BadFilter> {
    let texts: Vec<String> = list.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    if texts.is_empty() { Err(BadFilter::Empty(word.to_owned())) } else { Ok(texts) }
}

fn comparison(column: &'static Column, compare: Compare, wanted: &str, word: &str) -> Result<Test, BadFilter> {
    let is_equal = match compare {
        Compare::Equal => true,
        Compare::Unequal => false,
        _ => return Ok(Test::Number(column, compare, vec![parse_number(wanted)?])),
    };
    let wanted = several(wanted, word)?;
    Ok(match column.align {
        Align::Left => Test::Exact(column, is_equal, wanted.iter().map(|text| text.to_lowercase()).collect()),
        Align::Right => {
            let numbers = wanted.iter().map(|number| parse_number(number)).collect::<Result<_, _>>()?;
            Test::Number(column, compare, numbers)
        }
    })
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
    use crate::instance::instance::Instance;
    use crate::observe::test_samples::{SampleMaker, site};
    use proptest::prelude::*;

    fn shown(filter: &str) -> Vec<String> {
        let mut watch = Instance::default();
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
    fn one_of_several_must_fit() {
        assert_eq!(shown("name:api1,w*, kind:server"), ["w1", "w2", "api1"]);
        assert_eq!(shown("proxy:api,leg kind:server"), ["api1", "api2", "api3", "old1"]);
        assert_eq!(shown("!proxy:api,www"), ["old1", "BACKEND"]);
        assert_eq!(shown("weight=0,1 kind:server"), ["old1"]);
        assert_eq!(shown("weight!=0,100 kind:server"), ["old1"]);
        assert_eq!(shown("status:maint | scur>=400 kind:server"), ["w1", "w2", "api3"]);
    }

    #[test]
    fn an_equals_sign_asks_for_the_whole_text() {
        assert_eq!(shown("proxy=www"), ["w1", "w2", "BACKEND"]);
        assert_eq!(shown("proxy:www").len(), 4, "www-in as well");
        assert_eq!(shown("proxy=WWW-in,legacy kind!=server"), ["FRONTEND", "BACKEND"]);
        assert_eq!(shown("kind!=backend,server,listener"), ["FRONTEND"]);
        assert_eq!(shown("tracked!=www/w1"), [""; 0], "what is unknown is not unequal either");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| Filter::parse(text).unwrap_err().to_string();
        assert_eq!(wrong("nonsense>1"), "there is no column \"nonsense\"");
        assert_eq!(wrong("qcur>many"), "\"many\" is no number");
        assert_eq!(wrong("!"), "\"!\" says nothing to look for");
        assert_eq!(wrong("status:"), "\"status:\" says nothing to look for");
        assert_eq!(wrong("proxy=,"), "\"proxy=,\" says nothing to look for");
        assert_eq!(wrong("weight=1,x"), "\"x\" is no number");
        assert_eq!(wrong("qcur>1,2"), "\"1,2\" is no number");
        assert_eq!(wrong("down |"), "\"|\" says nothing to look for");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[ -~é*!<>=:,|]{0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                let mut watch = Instance::default();
                watch.take(SampleMaker::default().at_millis(0, &site()), 0);
                let sample = watch.newest().unwrap();
                let _ = filter.shows(&RowView::new(&watch, sample, 1));
            }
        }
    }
}
