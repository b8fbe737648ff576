//! The filter language for requests: words such as `status:5xx`, `client:10.0.0.0/8` and `time>500`, all of which must match.

use std::net::IpAddr;

use thiserror::Error;

use crate::logs::group_key;
use crate::logs::request::{Phase, Request};

/// The reason why a text is not a valid filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RequestFilterError {
    /// The word has no property that is known.
    #[error("\"{word}\": a request has no \"{name}\"; known are {}", known_names())]
    UnknownName {
        /// The word.
        word: String,
        /// The name in it.
        name: String,
    },
    /// The word has no operator or no value.
    #[error("\"{0}\" lacks an operator and a value, such as status:5xx or time>500ms")]
    NoValue(String),
    /// The value is not one of this property.
    #[error("\"{word}\": \"{value}\" is not {expected}")]
    InvalidValue {
        /// The word.
        word: String,
        /// The value in it.
        value: String,
        /// Words for what it should be.
        expected: &'static str,
    },
    /// The operator does not apply to this property.
    #[error("\"{0}\" compares a text: use \":\"")]
    TextComparison(String),
}

/// Properties that are texts.
const TEXTS: [&str; 8] = ["frontend", "backend", "server", "client", "method", "url", "flags", "term"];
/// Names of the times, besides those of the phases: the response time of the server.
const TIME: &str = "time";
const STATUS: &str = "status";
const BYTES: &str = "bytes";
/// Multiples of bytes, as the tables print them.
const UNITS: [(char, u64); 3] = [('K', 1000), ('M', 1_000_000), ('G', 1_000_000_000)];

fn known_names() -> String {
    let phases = Phase::ALL.map(Phase::name);
    let names = TEXTS[..7].iter().chain(&[STATUS, BYTES, TIME]).copied().chain(phases);
    names.collect::<Vec<_>>().join(", ")
}

/// A comparison with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RequestCondition {
    /// A text of the request contains this one.
    Text(&'static str, Vec<u8>),
    /// A text of the request is this one; of a URL, all of it, its path, or its path with ids folded.
    WholeText(&'static str, Vec<u8>),
    /// The server has this backend and this name.
    Server(Vec<u8>, Vec<u8>),
    /// The client is in this network.
    Network(IpAddr, u8),
    /// The number is from the first to the second one.
    Number(NumberOf, u64, u64),
    /// One of these is true.
    Any(Vec<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberOf {
    Status,
    Bytes,
    Time(Phase),
}

impl NumberOf {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            STATUS => Some(Self::Status),
            BYTES => Some(Self::Bytes),
            TIME => Some(Self::Time(Phase::Response)),
            name => Phase::ALL.into_iter().find(|phase| phase.name() == name).map(Self::Time),
        }
    }

    fn of(self, request: &Request<'_>) -> Option<u64> {
        match self {
            Self::Status => request.status.map(u64::from),
            Self::Bytes => Some(request.bytes),
            Self::Time(phase) => request.time(phase).map(u64::from),
        }
    }

    /// Parses a value as a range: `500`, `5xx`, `20ms`, `2s`, `10k`.
    fn parse(self, text: &str) -> Option<(u64, u64)> {
        let exactly = |number: u64| (number, number);
        match self {
            Self::Status => match text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
                Some(class) => class
                    .parse::<u64>()
                    .ok()
                    .filter(|class| (1..=9).contains(class))
                    .map(|class| (class * 100, class * 100 + 99)),
                None => text.parse().ok().map(exactly),
            },
            Self::Bytes => {
                let unit = UNITS.into_iter().find(|(unit, _)| text.ends_with([*unit, unit.to_ascii_lowercase()]));
                let (digits, factor) = unit.map_or((text, 1), |(_, factor)| (&text[..text.len() - 1], factor));
                digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).map(exactly)
            }
            Self::Time(_) => {
                let millis = |text: &str| text.parse::<u64>().ok();
                match (text.strip_suffix("ms"), text.strip_suffix('s')) {
                    (Some(text), _) => millis(text),
                    (None, Some(text)) => text
                        .parse::<f64>()
                        .ok()
                        .filter(|seconds| *seconds >= 0.0)
                        .map(|seconds| (seconds * 1000.0).round() as u64),
                    (None, None) => millis(text),
                }
                .map(exactly)
            }
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Status => "a status, such as 503 or 5xx",
            Self::Bytes => "a number of bytes, such as 500 or 10k",
            Self::Time(_) => "a time, such as 500ms or 2s",
        }
    }
}

/// A filter. An empty one matches every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestFilter {
    /// Each condition, and whether it must not be true.
    conditions: Vec<(RequestCondition, bool)>,
}

impl RequestFilter {
    /// Parses words separated by blanks.
    ///
    /// # Errors
    /// Returns an error for the first word that is not valid.
    pub(crate) fn parse(text: &str) -> Result<Self, RequestFilterError> {
        let conditions = text.split_whitespace().map(parse_word).collect::<Result<_, _>>()?;
        Ok(Self { conditions })
    }

    /// Returns whether every request matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Returns whether a request matches all conditions.
    pub(crate) fn matches(&self, request: &Request<'_>) -> bool {
        self.conditions.iter().all(|(condition, is_negated)| condition.is_true(request) != *is_negated)
    }
}

impl RequestCondition {
    fn is_true(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Text("flags" | "term", wanted) => request.flags.starts_with(wanted),
            Self::Text(name, wanted) => memchr::memmem::find(text(request, name), wanted).is_some(),
            Self::WholeText("url", wanted) => {
                let mut folded = Vec::new();
                group_key::write_folded_path(request.path(), &mut folded);
                [folded.as_slice(), request.path(), request.uri].contains(&wanted.as_slice())
            }
            Self::Server(backend, server) => {
                request.backend == backend.as_slice() && request.server == server.as_slice()
            }
            Self::WholeText(name, wanted) => text(request, name) == wanted.as_slice(),
            Self::Network(network, bits) => {
                let client = std::str::from_utf8(request.client).ok().and_then(|text| text.parse::<IpAddr>().ok());
                client.is_some_and(|client| is_in(client.to_canonical(), *network, *bits))
            }
            Self::Number(number, least, most) => {
                number.of(request).is_some_and(|number| (*least..=*most).contains(&number))
            }
            Self::Any(conditions) => conditions.iter().any(|condition| condition.is_true(request)),
        }
    }
}

/// Returns a text of a request by the name of its property.
fn text<'l>(request: &Request<'l>, name: &str) -> &'l [u8] {
    match name {
        "frontend" => request.frontend,
        "backend" => request.backend,
        "server" => request.server,
        "client" => request.client,
        "method" => request.method,
        "url" => request.uri,
        _ => request.flags,
    }
}

/// Returns whether an address begins with the first bits of another one of the same family.
fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let other = address.to_bits() ^ network.to_bits();
            other.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let other = address.to_bits() ^ network.to_bits();
            other.leading_zeros() >= u32::from(bits)
        }
        _ => false,
    }
}

fn parse_word(word: &str) -> Result<(RequestCondition, bool), RequestFilterError> {
    let (text, is_negated) = word.strip_prefix('!').map_or((word, false), |text| (text, true));
    let start = text.find([':', '<', '>', '=', '!']).ok_or_else(|| RequestFilterError::NoValue(word.to_owned()))?;
    let (name, rest) = text.split_at(start);
    let operators = ["!=", ">=", "<=", ">", "<", "=", ":"];
    let operator = operators.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or(":");
    let value = rest.strip_prefix(operator).unwrap_or_default();
    if value.is_empty() {
        return Err(RequestFilterError::NoValue(word.to_owned()));
    }
    let is_negated = is_negated != (operator == "!=");
    let values: Vec<&str> = value.split(',').filter(|value| !value.is_empty()).collect();
    let is_list = matches!(operator, ":" | "=" | "!=") && values.len() > 1;
    let values = if is_list { values } else { vec![value] };
    let mut conditions =
        values.into_iter().map(|value| parse_condition(word, name, operator, value)).collect::<Result<Vec<_>, _>>()?;
    let only = if conditions.len() == 1 { conditions.pop() } else { None };
    Ok((only.unwrap_or(RequestCondition::Any(conditions)), is_negated))
}

fn parse_condition(
    word: &str,
    name: &str,
    operator: &str,
    value: &str,
) -> Result<RequestCondition, RequestFilterError> {
    let invalid =
        |expected| RequestFilterError::InvalidValue { word: word.to_owned(), value: value.to_owned(), expected };
    if let Some(number) = NumberOf::from_name(name) {
        let (least, most) = number.parse(value).ok_or_else(|| invalid(number.expected()))?;
        let (least, most) = match operator {
            ">" => (most.saturating_add(1), u64::MAX),
            ">=" => (least, u64::MAX),
            "<" if least == 0 => (1, 0),
            "<" => (0, least - 1),
            "<=" => (0, most),
            _ => (least, most),
        };
        return Ok(RequestCondition::Number(number, least, most));
    }
    let name = TEXTS
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| RequestFilterError::UnknownName { word: word.to_owned(), name: name.to_owned() })?;
    if !matches!(operator, ":" | "=" | "!=") {
        return Err(RequestFilterError::TextComparison(word.to_owned()));
    }
    if let Some((address, bits)) = value.split_once('/').filter(|_| name == "client") {
        let expected = "a network, such as 10.0.0.0/8";
        let address: IpAddr = address.parse().map_err(|_| invalid(expected))?;
        let bits = bits.parse().ok().filter(|bits| *bits <= if address.is_ipv4() { 32 } else { 128 });
        return Ok(RequestCondition::Network(address, bits.ok_or_else(|| invalid(expected))?));
    }
    if let Some((backend, server)) = value.split_once('/').filter(|_| name == "server") {
        return Ok(RequestCondition::Server(backend.as_bytes().to_vec(), server.as_bytes().to_vec()));
    }
    let value = match name {
        "method" => value.to_ascii_uppercase(),
        // The others describe cookies.
        "flags" | "term" => value.chars().take(2).collect(),
        _ => value.to_owned(),
    };
    let value = value.into_bytes();
    Ok(if operator == ":" { RequestCondition::Text(name, value) } else { RequestCondition::WholeText(name, value) })
}
