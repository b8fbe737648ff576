//! The values in which balancers are compared.

use std::fmt;

use crate::fleet::merged;
use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::observe::sample::Sample;

/// A value that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DriftValue<'a> {
    Word(&'static str),
    Number(i64),
    Text(&'a str),
    ValidUntil(jiff::Timestamp),
}

impl fmt::Display for DriftValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::ValidUntil(at) => write!(f, "valid until {}", at.strftime("%Y-%m-%d %H:%M")),
        }
    }
}

/// Returns the word for a state, or `None` for a state that this version of hapulse does not know.
pub(super) fn known_state<'a>(state: RowState) -> Option<DriftValue<'a>> {
    (state != RowState::Unknown).then(|| DriftValue::Word(merged::state_word(state)))
}

/// Returns the address of a server, if it is comparable.
pub(super) fn address_value(sample: &Sample, index: usize) -> Option<DriftValue<'_>> {
    merged::server_address(sample, index).map(DriftValue::Text)
}

/// Returns the session limit of a server. HAProxy leaves it empty without one.
pub(super) fn session_limit(sample: &Sample, index: usize) -> Option<DriftValue<'_>> {
    sample.table.schema().slot(Field::Slim)?;
    let limit = sample.table.number(index, Field::Slim).filter(|limit| *limit > 0);
    Some(limit.map_or(DriftValue::Word("no limit"), DriftValue::Number))
}
