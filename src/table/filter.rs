//! The filter language for rows.
//!
//! A filter is a list of words, and a row must match all words:
//!
//! - `word`: the proxy name, the server name or the state contains the word. A word with `*`, which stands for any
//!   text, must match the whole name or state. A word with `/` is searched in the name of the proxy and the row:
//!   `shop/web1`.
//!   A word with `.` or `:` is also searched in the address: `shop:cart`, `10.129.2.17:8080`, `2001:db8::1`.
//! - `column:word`: the same for the text of a column. If no column has this id or heading, the whole word is searched instead.
//! - `column>number`, also `<`, `>=`, `<=`, `=`, `!=`: compares the number in a column. Numbers may end in `k`, `M` or
//!   `G`.
//! - `column=text`, also `!=`: compares the whole text in a column.
//! - `!` in front of a word negates it.
//!
//! A column is named by its id, or by its heading if no column has this id: `state:down`, `req/s>10`.
//!
//! All columns of `columns::column_table` can be used. After `:`, `=` and `!=`, commas separate alternatives:
//! `proxy:api,www`, `weight=0,1`. A `|` between blanks separates two filters, and a row must match at least one of
//! them: `status:down | qcur>0`.

use std::fmt;

use thiserror::Error;

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::table::columns::column::{Align, Column, SortKey};
use crate::table::columns::column_table;
use crate::table::columns::row_view::RowView;
use crate::units;

/// The reason why a string is not a valid filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// A column with this id or heading does not exist.
    #[error("unknown column \"{0}\"")]
    UnknownColumn(String),
    /// A value that is compared as a number is not a number.
    #[error("\"{0}\" is not a number")]
    InvalidNumber(String),
    /// A word lacks the text to search for.
    #[error("\"{0}\" lacks the text to search for")]
    Empty(String),
    /// A column of texts is compared like a number.
    #[error("{0} is a text and cannot be compared with {1}: use {0}:WORD, {0}=TEXT or {0}!=TEXT")]
    TextColumn(String, &'static str),
}

/// An operator that compares a number or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComparisonOperator {
    /// Less than.
    Less,
    /// At most.
    LessOrEqual,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// At least.
    GreaterOrEqual,
    /// More than.
    Greater,
}

/// The comparison operators, those of two characters first.
pub(crate) const OPERATORS: [(&str, ComparisonOperator); 6] = [
    ("!=", ComparisonOperator::NotEqual),
    (">=", ComparisonOperator::GreaterOrEqual),
    ("<=", ComparisonOperator::LessOrEqual),
    (">", ComparisonOperator::Greater),
    ("<", ComparisonOperator::Less),
    ("=", ComparisonOperator::Equal),
];

#[derive(Debug, Clone)]
enum Condition {
    /// The proxy name, the server name or the state matches the pattern.
    Anywhere(WildcardPattern),
    /// The proxy name, the server name, the state or the address (this column) matches the pattern.
    NameOrAddress(&'static Column, WildcardPattern),
    /// The text in the column matches one of the patterns.
    Text(&'static Column, Vec<WildcardPattern>),
    /// The text in the column equals one of these lower-case strings, or none of them if the flag is `false`.
    Exact(&'static Column, bool, Vec<String>),
    /// The comparison with the number in the column is true for one of these numbers; for `!=`, for all of them.
    Number(&'static Column, ComparisonOperator, Vec<f64>),
}

#[derive(Debug, Clone)]
struct FilterTerm {
    negated: bool,
    test: Condition,
}

/// A lower-case pattern in which `*` matches any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WildcardPattern {
    parts: Vec<String>,
    /// True if the pattern has no `*`. Such a pattern matches every text that contains it.
    is_plain: bool,
}

/// A filter for rows. An empty filter matches every row.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    /// Alternatives, each a list of terms. A row must match all terms of at least one alternative.
    alternatives: Vec<Vec<FilterTerm>>,
    text: String,
}

impl RowFilter {
    /// Parses a filter.
    ///
    /// # Errors
    /// Returns an error if a column is unknown, a number is invalid or a word lacks the text to search for.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Self::parse_with(text, &[])
    }

    /// Parses a filter of a view that has these columns. Their ids and headings come before those of other columns, so that
    /// the filter uses the number that is shown.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub(crate) fn parse_with(text: &str, shown: &[&'static Column]) -> Result<Self, FilterError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            return Ok(Self::default());
        }
        let alternatives =
            words.split(|word| *word == OR).map(|words| parse_terms(words, shown)).collect::<Result<_, _>>()?;
        Ok(Self { alternatives, text: text.trim().to_owned() })
    }

    /// Returns whether the filter matches every row.
    pub fn is_empty(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// Returns the columns that the filter uses.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.alternatives.iter().flatten().filter_map(|term| term.test.column())
    }

    /// Returns whether a row matches the filter.
    pub fn matches(&self, row: &RowView<'_>) -> bool {
        let holds = |terms: &Vec<FilterTerm>| terms.iter().all(|term| term.negated != term.test.holds(row));
        self.is_empty() || self.alternatives.iter().any(holds)
    }
}

impl fmt::Display for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Condition {
    fn column(&self) -> Option<&'static Column> {
        match self {
            Self::Anywhere(_) => None,
            Self::NameOrAddress(column, _)
            | Self::Text(column, _)
            | Self::Exact(column, ..)
            | Self::Number(column, ..) => Some(column),
        }
    }

    fn holds(&self, row: &RowView<'_>) -> bool {
        match self {
            Self::Anywhere(pattern) => pattern.matches_names(row),
            Self::NameOrAddress(address, pattern) => {
                pattern.matches_names(row) || pattern.matches(&address.cell(row).text)
            }
            Self::Text(column, patterns) => {
                let matches = |text: &str| patterns.iter().any(|pattern| pattern.matches(text));
                matches(&column.cell(row).text) || reported_text(column, row).is_some_and(matches)
            }
            // An unknown value matches no comparison, not even `!=`.
            Self::Exact(column, is_equal, wanted) => {
                let text = column.cell(row).text;
                let is_wanted = |text: &str| wanted.contains(&text.to_lowercase());
                let matches = is_wanted(&text) || reported_text(column, row).is_some_and(is_wanted);
                text != units::UNKNOWN && matches == *is_equal
            }
            Self::Number(column, compare, wanted) => match column.sort_key(row) {
                SortKey::Number(number) if *compare == ComparisonOperator::NotEqual => {
                    wanted.iter().all(|wanted| compare.holds(number, *wanted))
                }
                SortKey::Number(number) => wanted.iter().any(|wanted| compare.holds(number, *wanted)),
                SortKey::Absent | SortKey::Text(_) => false,
            },
        }
    }
}

/// Returns HAProxy's own text for a column that is named after one of its fields and shows other words for it.
fn reported_text<'a>(column: &Column, row: &RowView<'a>) -> Option<&'a str> {
    row.text(TextField::by_name(column.id.as_bytes())?).map(SafeText::as_str)
}

impl ComparisonOperator {
    /// Returns whether the comparison is true.
    pub(crate) fn holds(self, number: f64, wanted: f64) -> bool {
        let is_equal = (number - wanted).abs() < 1e-9;
        match self {
            Self::Less => number < wanted,
            Self::LessOrEqual => number <= wanted,
            Self::Equal => is_equal,
            Self::NotEqual => !is_equal,
            Self::GreaterOrEqual => number >= wanted,
            Self::Greater => number > wanted,
        }
    }
}

impl WildcardPattern {
    /// Creates a pattern.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref().to_lowercase();
        Self { is_plain: !text.contains('*'), parts: text.split('*').map(str::to_owned).collect() }
    }

    /// Returns whether the pattern matches the proxy name, the server name or the state of a row.
    fn matches_names(&self, row: &RowView<'_>) -> bool {
        let names = row.stat_row();
        let is_found =
            [names.proxy.as_str(), names.name.as_str(), names.status()].into_iter().any(|text| self.matches(text));
        is_found || self.has_slash() && self.matches(&format!("{}/{}", names.proxy, names.name))
    }

    /// Returns whether the pattern contains `/`, which names do not contain.
    fn has_slash(&self) -> bool {
        self.parts.iter().any(|part| part.contains('/'))
    }

    /// Returns whether a text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
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

/// The separator between alternatives.
const OR: &str = "|";

fn parse_terms(words: &[&str], shown: &[&'static Column]) -> Result<Vec<FilterTerm>, FilterError> {
    if words.is_empty() {
        return Err(FilterError::Empty(OR.to_owned()));
    }
    words.iter().map(|word| parse_term(word, shown)).collect()
}

/// Returns the column with this id or heading: first one of those shown, then any other.
fn find_column(name: &str, shown: &[&'static Column]) -> Option<&'static Column> {
    let has_id = |column: &&&'static Column| column.id.eq_ignore_ascii_case(name);
    let has_heading = |column: &&&'static Column| !column.is_comparison() && column.title.eq_ignore_ascii_case(name);
    let found = shown.iter().find(has_id).or_else(|| shown.iter().find(has_heading));
    found.copied().or_else(|| column_table::by_name(name))
}

fn parse_term(word: &str, shown: &[&'static Column]) -> Result<FilterTerm, FilterError> {
    let (negated, body) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if body.is_empty() {
        return Err(FilterError::Empty(word.to_owned()));
    }
    let column = |id: &str| find_column(id, shown).ok_or_else(|| FilterError::UnknownColumn(id.to_owned()));
    let operator = body.find(['<', '>', '=', '!', ':']).filter(|place| *place > 0);
    let test = match operator {
        None => search(body),
        // Names and addresses contain `:`, but none of the other signs.
        Some(place)
            if body[place..].starts_with(':')
                && find_column(&body[..place], shown).is_none()
                && !body.contains(['<', '>', '=', '!']) =>
        {
            search(body)
        }
        Some(place) => {
            let (id, rest) = body.split_at(place);
            let sign = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
            match (rest.strip_prefix(':'), sign) {
                (Some(list), _) => {
                    Condition::Text(column(id)?, split_list(list, word)?.iter().map(WildcardPattern::new).collect())
                }
                (None, Some((sign, compare))) => {
                    let column = column(id)?;
                    let is_order = !matches!(compare, ComparisonOperator::Equal | ComparisonOperator::NotEqual);
                    if is_order && !column.has_numbers() {
                        return Err(FilterError::TextColumn(id.to_owned(), sign));
                    }
                    parse_comparison(column, *compare, &rest[sign.len()..], word)?
                }
                (None, None) => return Err(FilterError::UnknownColumn(body.to_owned())),
            }
        }
    };
    Ok(FilterTerm { negated, test })
}

/// Returns the condition for a word without a column.
fn search(word: &str) -> Condition {
    let pattern = WildcardPattern::new(word);
    match column_table::by_id("addr").filter(|_| word.contains(['.', ':'])) {
        Some(address) => Condition::NameOrAddress(address, pattern),
        None => Condition::Anywhere(pattern),
    }
}

/// Splits a list at commas. Empty items are ignored, because a list may end with a comma while it is being typed.
fn split_list(list: &str, word: &str) -> Result<Vec<String>, FilterError> {
    let texts: Vec<String> = list.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    if texts.is_empty() { Err(FilterError::Empty(word.to_owned())) } else { Ok(texts) }
}

fn parse_comparison(
    column: &'static Column,
    compare: ComparisonOperator,
    wanted: &str,
    word: &str,
) -> Result<Condition, FilterError> {
    let is_equal = match compare {
        ComparisonOperator::Equal => true,
        ComparisonOperator::NotEqual => false,
        _ => return Ok(Condition::Number(column, compare, vec![parse_number(wanted)?])),
    };
    let wanted = split_list(wanted, word)?;
    Ok(match column.align {
        Align::Left => Condition::Exact(column, is_equal, wanted.iter().map(|text| text.to_lowercase()).collect()),
        Align::Right => {
            let numbers = wanted.iter().map(|number| parse_number(number)).collect::<Result<_, _>>()?;
            Condition::Number(column, compare, numbers)
        }
    })
}

/// Parses a number, which may end in `k`, `M` or `G`.
///
/// # Errors
/// Returns an error for any other text.
pub(crate) fn parse_number(text: &str) -> Result<f64, FilterError> {
    let (digits, factor) = match text.char_indices().last() {
        Some((end, 'k' | 'K')) => (&text[..end], 1e3),
        Some((end, 'M')) => (&text[..end], 1e6),
        Some((end, 'G')) => (&text[..end], 1e9),
        _ => (text, 1.0),
    };
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(|number| number * factor).ok_or_else(|| FilterError::InvalidNumber(text.to_owned()))
}
