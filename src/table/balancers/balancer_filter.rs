//! The filter for balancers, in the language of [`crate::table::filter`] with the columns of balancers.

use std::fmt;

use crate::table::balancers::balancer_columns::{self, BALANCER_COLUMNS, BalancerColumn, BalancerRow};
use crate::table::columns::column::SortKey;
use crate::table::filter::{ComparisonOperator, FilterError, OPERATORS, WildcardPattern, parse_number};

/// A filter for balancers. A balancer must match all words; an empty filter matches every balancer.
#[derive(Debug, Clone, Default)]
pub(crate) struct BalancerFilter {
    terms: Vec<BalancerTerm>,
    text: String,
}

#[derive(Debug, Clone)]
struct BalancerTerm {
    is_negated: bool,
    condition: BalancerCondition,
}

#[derive(Debug, Clone)]
enum BalancerCondition {
    /// Some cell matches.
    Anywhere(WildcardPattern),
    /// The cell of this column matches one of the patterns.
    Text(&'static BalancerColumn, Vec<WildcardPattern>),
    /// The cell of this column is one of these texts in lower case, or none of them.
    Exact(&'static BalancerColumn, bool, Vec<String>),
    /// The comparison with the number of this column is true.
    Number(&'static BalancerColumn, ComparisonOperator, f64),
}

impl BalancerFilter {
    /// Parses a filter.
    ///
    /// # Errors
    /// Returns an error if a column is unknown, a number is invalid or a word lacks the text to search for.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        let terms = text.split_whitespace().map(parse_term).collect::<Result<_, _>>()?;
        Ok(Self { terms, text: text.trim().to_owned() })
    }

    /// Returns whether the filter matches every balancer.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns whether a balancer matches.
    pub(crate) fn matches(&self, row: &BalancerRow<'_>) -> bool {
        self.terms.iter().all(|term| term.is_negated != term.condition.holds(row))
    }
}

impl fmt::Display for BalancerFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl BalancerCondition {
    fn holds(&self, row: &BalancerRow<'_>) -> bool {
        match self {
            Self::Anywhere(pattern) => BALANCER_COLUMNS.iter().any(|column| pattern.matches(&column.cell(row).text)),
            Self::Text(column, patterns) => {
                let text = column.cell(row).text;
                patterns.iter().any(|pattern| pattern.matches(&text))
            }
            // An unknown value matches no comparison, not even `!=`.
            Self::Exact(column, is_equal, wanted) => {
                let is_known = column.sort_key(row) != SortKey::Absent;
                is_known && wanted.contains(&column.cell(row).text.to_lowercase()) == *is_equal
            }
            Self::Number(column, compare, wanted) => match column.sort_key(row) {
                SortKey::Number(number) => compare.holds(number, *wanted),
                SortKey::Absent | SortKey::Text(_) => false,
            },
        }
    }
}

fn parse_term(word: &str) -> Result<BalancerTerm, FilterError> {
    let (is_negated, body) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    if body.is_empty() {
        return Err(FilterError::Empty(word.to_owned()));
    }
    let place = body.find(['<', '>', '=', '!', ':']).filter(|place| *place > 0);
    let condition = match place.map(|place| body.split_at(place)) {
        Some((id, rest)) => match balancer_columns::by_name(id) {
            Some(column) => parse_condition(column, rest, word)?,
            // Addresses contain `:`, but none of the other signs.
            None if rest.starts_with(':') => BalancerCondition::Anywhere(WildcardPattern::new(body)),
            None => return Err(FilterError::UnknownColumn(id.to_owned())),
        },
        None => BalancerCondition::Anywhere(WildcardPattern::new(body)),
    };
    Ok(BalancerTerm { is_negated, condition })
}

fn parse_condition(column: &'static BalancerColumn, rest: &str, word: &str) -> Result<BalancerCondition, FilterError> {
    let list = |text: &str| -> Result<Vec<String>, FilterError> {
        let texts: Vec<String> = text.split(',').filter(|text| !text.is_empty()).map(str::to_lowercase).collect();
        if texts.is_empty() { Err(FilterError::Empty(word.to_owned())) } else { Ok(texts) }
    };
    if let Some(text) = rest.strip_prefix(':') {
        return Ok(BalancerCondition::Text(column, list(text)?.iter().map(WildcardPattern::new).collect()));
    }
    let found = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
    let Some((sign, compare)) = found else { return Err(FilterError::UnknownColumn(word.to_owned())) };
    let wanted = &rest[sign.len()..];
    let is_equality = matches!(compare, ComparisonOperator::Equal | ComparisonOperator::NotEqual);
    if is_equality && parse_number(wanted).is_err() {
        return Ok(BalancerCondition::Exact(column, *compare == ComparisonOperator::Equal, list(wanted)?));
    }
    Ok(BalancerCondition::Number(column, *compare, parse_number(wanted)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::role::{BalancerRole, RoleFinding, RoleSource};
    use crate::fleet::summary::BalancerSummary;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use proptest::prelude::*;
    use std::time::Duration;

    fn summary() -> BalancerSummary {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(1000, &stat_of_site()), 0);
        let detail = "holds 10.0.0.9".to_owned();
        let mut summary = BalancerSummary::new("lb01", &instance);
        summary.role = Some(RoleFinding { role: BalancerRole::Active, source: RoleSource::Address, detail });
        summary
    }

    fn matches(text: &str) -> bool {
        let summary = summary();
        let row = BalancerRow { summary: &summary, now: Duration::from_secs(1) };
        BalancerFilter::parse(text).unwrap().matches(&row)
    }

    #[test]
    fn matches_words_columns_and_numbers() {
        for text in [
            "",
            "lb01",
            "LB*",
            "role:active",
            "role:standby,active",
            "status:up",
            "conns>400 idle<=80",
            "role=active",
            "!role:standby",
            "conns=500",
            "legacy",
            "version:2.6",
            "status!=lost",
            "!drift>0",
        ] {
            assert!(matches(text), "{text}");
        }
        for text in [
            "lb02",
            "role:standby",
            "!lb01",
            "conns>500",
            "req/s=0",
            "req/s!=0",
            "drift=0",
            "status=lost",
            "role!=active",
            "10.0.0.1:80",
        ] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn parse_reports_the_invalid_word() {
        let wrong = |text: &str| BalancerFilter::parse(text).unwrap_err().to_string();
        assert_eq!(wrong("rule=active"), "unknown column \"rule\"");
        assert_eq!(wrong("conns>many"), "\"many\" is not a number");
        assert_eq!(
            (wrong("!"), wrong("role:")),
            ("\"!\" lacks the text to search for".to_owned(), "\"role:\" lacks the text to search for".to_owned())
        );
    }

    proptest! {
        #[test]
        fn parse_never_panics(text in "[ -~é*!<>=:,|]{0,40}") {
            if let Ok(filter) = BalancerFilter::parse(&text) {
                let summary = summary();
                filter.matches(&BalancerRow { summary: &summary, now: Duration::from_secs(1) });
            }
        }
    }
}
