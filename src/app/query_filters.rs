//! The filters of views 7 and 8: conditions on sessions and on the counters of stick table entries, and words that are
//! searched as text.

use std::time::Duration;

use crate::config::duration;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::SessionFilter;
use crate::haproxy::stat_row::StatRow;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::stick_tables::{DataComparison, DataFilter};
use crate::table::text_filter::TextFilter;

/// A condition on sessions.
enum SessionCondition<'a> {
    Server(&'a str),
    Backend(&'a str),
    Frontend(&'a str),
    MinAge(Duration),
}

/// Parses a condition on sessions: `server:web1`, `backend:app`, `frontend:www`, `older:10s`. Returns `None` for a word
/// that is searched as text.
fn session_condition(word: &str) -> Option<SessionCondition<'_>> {
    let (name, value) = word.split_once(':').filter(|(_, value)| !value.is_empty())?;
    match name {
        "server" => Some(SessionCondition::Server(value)),
        "backend" => Some(SessionCondition::Backend(value)),
        "frontend" => Some(SessionCondition::Frontend(value)),
        "older" => duration::parse(value).ok().map(SessionCondition::MinAge),
        _ => None,
    }
}

/// Returns the conditions on sessions, which HAProxy applies from 3.2 on.
pub(crate) fn session_filter(text_filter: &TextFilter) -> SessionFilter {
    let mut filter = SessionFilter::default();
    for condition in text_filter.iter().filter_map(session_condition) {
        match condition {
            SessionCondition::Server(name) => filter.server = Some(name.into()),
            SessionCondition::Backend(name) => filter.backend = Some(name.into()),
            SessionCondition::Frontend(name) => filter.frontend = Some(name.into()),
            SessionCondition::MinAge(age) => filter.min_age = Some(age),
        }
    }
    filter
}

/// Returns the words of a filter for sessions that are searched as text.
pub(crate) fn session_words(text_filter: &TextFilter) -> TextFilter {
    text_without(text_filter, |word| session_condition(word).is_some())
}

/// Returns the filter for the sessions of a row.
pub(crate) fn filter_for_row(row: &StatRow) -> TextFilter {
    TextFilter::new(&match row.kind {
        RowKind::Server => format!("backend:{} server:{}", row.proxy, row.name),
        RowKind::Backend => format!("backend:{}", row.proxy),
        RowKind::Frontend | RowKind::Listener => format!("frontend:{}", row.proxy),
    })
}

/// The comparison operators, those of two characters first.
const OPERATORS: [(&str, DataComparison); 6] = [
    (">=", DataComparison::GreaterOrEqual),
    ("<=", DataComparison::LessOrEqual),
    ("!=", DataComparison::NotEqual),
    (">", DataComparison::Greater),
    ("<", DataComparison::Less),
    ("=", DataComparison::Equal),
];

/// Parses a condition on a counter, such as `gpc0>5`. Returns `None` for any other word.
fn entry_condition(word: &str) -> Option<DataFilter> {
    let (operator, comparison) = OPERATORS.iter().find(|(operator, _)| word.contains(operator))?;
    let (counter, limit) = word.split_once(operator)?;
    let limit = limit.parse().ok()?;
    (!counter.is_empty()).then(|| DataFilter { counter: SafeText::from(counter), comparison: *comparison, limit })
}

/// Returns the conditions on counters.
pub(crate) fn entry_conditions(text_filter: &TextFilter) -> impl Iterator<Item = DataFilter> {
    text_filter.iter().filter_map(entry_condition)
}

/// Returns the words of a filter for entries that are searched in the key. A condition that is still being typed, such
/// as `gpc0>`, is not searched.
pub(crate) fn entry_words(text_filter: &TextFilter) -> TextFilter {
    text_without(text_filter, |word| {
        word.contains(['<', '>']) || word.ends_with('=') || entry_condition(word).is_some()
    })
}

fn text_without(text_filter: &TextFilter, is_condition: impl Fn(&str) -> bool) -> TextFilter {
    TextFilter::new(&text_filter.iter().filter(|word| !is_condition(word)).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_filter_is_separated_from_text_words() {
        let text_filter = TextFilter::new("server:web1 older:5m 10.0.0.1 !smtp");
        let filter = session_filter(&text_filter);
        assert_eq!(filter.server, Some("web1".into()));
        assert_eq!(filter.min_age, Some(Duration::from_mins(5)));
        assert_eq!((filter.backend, filter.frontend), (None, None));
        assert_eq!(session_words(&text_filter).to_string(), "10.0.0.1 !smtp");
    }

    #[test]
    fn w10_session_words_keep_words_that_are_not_conditions() {
        let text_filter = TextFilter::new("shop:cart 10.0.0.1:80 2001:db8::1 src=10.0.0.1 fe=www older:x server:");
        assert_eq!(session_words(&text_filter), text_filter);
        assert_eq!(session_filter(&text_filter), SessionFilter::default());
        assert_eq!(session_filter(&TextFilter::new("server:a:1")).server, Some("a:1".into()));
    }

    #[test]
    fn entry_conditions_parse_counters() {
        let text_filter = TextFilter::new("10.0 http_req_rate>=20 gpc0>many user=alice gpc1!=0 gpc2>");
        let conditions: Vec<DataFilter> = entry_conditions(&text_filter).collect();
        let texts = conditions.iter().map(|filter| (filter.counter.as_str(), filter.comparison, filter.limit));
        let wanted = [("http_req_rate", DataComparison::GreaterOrEqual, 20), ("gpc1", DataComparison::NotEqual, 0)];
        assert!(texts.eq(wanted), "{conditions:?}");
        assert_eq!(entry_words(&text_filter).to_string(), "10.0 user=alice");
    }
}
