//! Deserializers for the values in a configuration file, with error messages that name the allowed values.
//!
//! Each kind of value has one function, for use in `#[serde(deserialize_with = "…")]` on a field.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toml::{Spanned, Value};

use crate::config::duration;
use crate::config::located::{Located, TargetGroup, ThresholdOverride, ViewSettings};
use crate::config::target::Target;
use crate::haproxy::address::Address;

/// Deserializes `true` or `false`.
///
/// # Errors
/// Returns an error if the value is anything else.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    convert_value(from, "true or false", |value| value.as_bool().map(Ok::<_, String>))
}

/// Deserializes an absolute path. Relative paths would depend on the working directory.
///
/// # Errors
/// Returns an error if the value is not a string or does not begin with `/`.
pub(crate) fn absolute_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    convert_value(from, "a path in quotes that begins with /", |value| {
        let text = value.as_str()?;
        let path = PathBuf::from(text);
        let is_possible = path.is_absolute() && !text.contains('\0');
        Some(is_possible.then_some(path).ok_or_else(|| format!("\"{text}\" is not a path that begins with /")))
    })
}

/// Deserializes a list of names of settings.
///
/// # Errors
/// Returns an error if the value is not a list of strings.
pub(crate) fn setting_names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<()>>, D::Error> {
    struct NamesVisitor;
    impl<'de> Visitor<'de> for NamesVisitor {
        type Value = Vec<Located<()>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of settings in quotes, such as [\"audit.path\"]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Vec<Located<()>>, A::Error> {
            let mut all = Vec::new();
            while let Some(name) = names.next_element::<Spanned<String>>()? {
                let offset = name.span().start;
                all.push(Located { name: name.into_inner(), value: (), offset, position: None });
            }
            Ok(all)
        }
    }
    from.deserialize_any(NamesVisitor)
}

/// Deserializes a duration: `"45s"`, `"5m"`, `"1h"`, or a number of seconds.
///
/// # Errors
/// Returns an error if the value is anything else.
pub(crate) fn duration_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    convert_value(from, "a duration in quotes, such as \"45s\", \"5m\" or \"1h\"", |value| {
        text_or_number(value).map(|text| duration::parse(&text))
    })
}

/// Deserializes the time between two polls in seconds: `2` or `0.5`.
///
/// # Errors
/// Returns an error if the value is not a number from 0.1 to 86400.
pub(crate) fn interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    convert_value(from, "a number of seconds, such as 2 or 0.5", |value| {
        text_or_number(value).map(|text| duration::parse_interval(&text))
    })
}

/// Deserializes a whole number of MiB.
///
/// # Errors
/// Returns an error if the value is not an integer from 1 to 65535.
pub(crate) fn mebibytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    convert_value(from, "a number of MiB, 1 to 65535", |value| {
        let value = value.as_integer()?;
        let number = u16::try_from(value).ok().filter(|number| *number > 0);
        Some(number.ok_or_else(|| format!("{value} is not a number of MiB from 1 to 65535")))
    })
}

/// Deserializes one of a fixed set of words.
///
/// # Errors
/// Returns an error if the value is not one of these words.
pub(crate) fn choice<'de, D: Deserializer<'de>, T: ValueEnum>(from: D) -> Result<Option<T>, D::Error> {
    let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names = names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ");
    convert_value(from, &format!("one of {names}, in quotes"), |value| {
        let text = value.as_str()?;
        Some(T::from_str(text, false).map_err(|_| format!("\"{text}\" is not one of {names}")))
    })
}

/// Deserializes `[targets]`: addresses by name.
///
/// # Errors
/// Returns an error if an address or a name is invalid.
pub(crate) fn targets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<Target>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor(
        "a section [targets] with lines NAME = \"ADDRESS\"",
        |name, TargetValue { address: TargetText(address), log }| {
            let target = Target { name: Some(name.to_owned()), address, log };
            Target::is_valid_name(name)
                .then_some(target)
                .ok_or_else(|| format!("\"{name}\" is not a valid target name: use letters, digits and - _ ."))
        },
    ))
}

/// Deserializes `[fleet]`: groups of targets by name.
///
/// # Errors
/// Returns an error if a name or a target of a group is invalid, or a group is empty.
pub(crate) fn groups<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<TargetGroup>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor(
        "sections [fleet.NAME] with a line targets = [\"TARGET\"]",
        |name, GroupTable { targets }: GroupTable| {
            if !Target::is_valid_name(name) {
                return Err(format!("\"{name}\" is not a valid group name: use letters, digits and - _ ."));
            }
            let members: Vec<String> = targets.into_iter().map(|GroupMember(text)| text).collect();
            if members.is_empty() {
                Err("a group needs at least one target".to_owned())
            } else {
                Ok(TargetGroup { members })
            }
        },
    ))
}

/// Deserializes `[thresholds]`: changed thresholds by rule.
///
/// # Errors
/// Returns an error if an entry is neither a table of known keys nor `"off"`.
pub(crate) fn thresholds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<ThresholdOverride>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor(
        "a section [thresholds] with lines RULE = { warn = N, crit = N }",
        |_, ThresholdValue(limits)| Ok(limits),
    ))
}

/// Deserializes `[silences]`: patterns for the names of rows by rule.
///
/// # Errors
/// Returns an error if a pattern is not a string.
pub(crate) fn silences<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<Vec<String>>>, D::Error> {
    let description = "a section [silences] with lines RULE = [\"PATTERN\"]";
    from.deserialize_any(NamedEntriesVisitor(description, |_, PatternList(patterns)| Ok(patterns)))
}

/// Deserializes `[colors]`: styles by role.
///
/// # Errors
/// Returns an error if a style is not a string.
pub(crate) fn colors<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<String>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor("a section [colors] with lines ROLE = \"STYLE\"", |_, style: String| {
        Ok(style)
    }))
}

/// Deserializes `[views]`: columns, order and layout by view.
///
/// # Errors
/// Returns an error if an entry is not a table of known keys.
pub(crate) fn views<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<ViewSettings>>, D::Error> {
    let description =
        "a section [views] with lines VIEW = { columns = [\"+COLUMN\"], sort = \"-COLUMN\", flat = true }";
    from.deserialize_any(NamedEntriesVisitor(description, |_, view| Ok(view)))
}

/// Deserializes `[keys]`: keys by UI command.
///
/// # Errors
/// Returns an error if a key is not a string.
pub(crate) fn keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<Vec<String>>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor("a section [keys] with lines \"COMMAND\" = [\"KEY\"]", |_, keys| {
        Ok(StringList::into_strings(keys))
    }))
}

/// Deserializes a single value with `convert`, which returns the converted value, an error, or `None` if the value is
/// not of the type that `expected` describes.
fn convert_value<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    from: D,
    expected: &str,
    convert: impl FnOnce(&Value) -> Option<Result<T, E>>,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(from)?;
    match convert(&value) {
        Some(converted) => converted.map(Some).map_err(D::Error::custom),
        None => Err(D::Error::invalid_type(describe_type(&value), &expected)),
    }
}

fn describe_type(value: &Value) -> Unexpected<'_> {
    match value {
        Value::String(text) => Unexpected::Str(text),
        Value::Integer(number) => Unexpected::Signed(*number),
        Value::Float(number) => Unexpected::Float(*number),
        Value::Boolean(value) => Unexpected::Bool(*value),
        Value::Datetime(_) => Unexpected::Other("date"),
        Value::Array(_) => Unexpected::Seq,
        Value::Table(_) => Unexpected::Map,
    }
}

/// Returns a string unchanged and a number as a string, or `None` for a value of another type.
fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Visitor for a section whose keys are names chosen by the user. The fields are the description of the section for
/// errors, and the function that builds an entry from a name and the value of that name.
struct NamedEntriesVisitor<V, T>(&'static str, fn(&str, V) -> Result<T, String>);

impl<'de, V: Deserialize<'de>, T> Visitor<'de> for NamedEntriesVisitor<V, T> {
    type Value = Vec<Located<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Located<T>>, A::Error> {
        let mut all = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Spanned<V>>()? {
            let at = value.span().start;
            let value = (self.1)(&name, value.into_inner()).map_err(A::Error::custom)?;
            all.push(Located { name, value, offset: at, position: None });
        }
        Ok(all)
    }
}

/// An address, as written in a configuration file.
struct TargetText(Address);

impl<'de> Deserialize<'de> for TargetText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A target, as written in a configuration file: an address, or a table with an address and the log.
struct TargetValue {
    address: TargetText,
    log: Option<PathBuf>,
}

/// A target in the form of a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetTable {
    address: TargetText,
    #[serde(default, deserialize_with = "absolute_path")]
    log: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for TargetValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TargetVisitor;
        impl<'de> Visitor<'de> for TargetVisitor {
            type Value = TargetValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address in quotes, or a table such as { address = \"/run/haproxy/admin.sock\", log = \"/var/log/haproxy.log\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TargetValue, E> {
                Ok(TargetValue { address: TargetText(text.parse().map_err(E::custom)?), log: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TargetValue, A::Error> {
                let TargetTable { address, log } = TargetTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(TargetValue { address, log })
            }
        }
        from.deserialize_any(TargetVisitor)
    }
}

/// A group of targets, as written in a configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a group, such as { targets = [\"lb1\", \"ssh://lb2\"] }")]
struct GroupTable {
    targets: Vec<GroupMember>,
}

/// The name of a configured target or an address.
struct GroupMember(String);

impl<'de> Deserialize<'de> for GroupMember {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.starts_with('@') {
            return Err(D::Error::custom(format!("\"{text}\": a group contains targets, not other groups")));
        }
        text.parse::<Target>().map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

/// Thresholds, as written in a configuration file: a table, or `"off"`. An untagged enum would not report unknown keys
/// of the table.
struct ThresholdValue(ThresholdOverride);

/// Thresholds in the form of a table.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ThresholdTable {
    warn: Option<f64>,
    crit: Option<f64>,
    #[serde(rename = "for", deserialize_with = "duration_text")]
    hold_time: Option<Duration>,
}

impl<'de> Deserialize<'de> for ThresholdValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ThresholdVisitor;
        impl<'de> Visitor<'de> for ThresholdVisitor {
            type Value = ThresholdOverride;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("thresholds, such as { warn = 5, crit = 50, for = \"10s\" }, or \"off\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ThresholdOverride, E> {
                let off = ThresholdOverride { is_off: true, ..ThresholdOverride::default() };
                (text == "off").then_some(off).ok_or_else(|| {
                    E::custom(format!("\"{text}\" is neither \"off\" nor a table such as {{ warn = 5 }}"))
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ThresholdOverride, A::Error> {
                let table = ThresholdTable::deserialize(MapAccessDeserializer::new(map))?;
                let ThresholdTable { warn, crit, hold_time } = table;
                Ok(ThresholdOverride { warn, crit, hold_time, is_off: false })
            }
        }
        from.deserialize_any(ThresholdVisitor).map(Self)
    }
}

/// A pattern, or a list of patterns.
struct PatternList(Vec<String>);

impl<'de> Deserialize<'de> for PatternList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let message = "expected a list of patterns in quotes, such as [\"legacy\", \"test*\"]";
        match StringList::deserialize(from) {
            Ok(list) => Ok(Self(list.into_strings())),
            Err(_) => Err(D::Error::custom(message)),
        }
    }
}

/// One string, or a list of strings.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list of keys in quotes, such as [\"D\", \"<f9>\"]")]
enum StringList {
    One(String),
    Many(Vec<String>),
}

impl StringList {
    fn into_strings(self) -> Vec<String> {
        match self {
            Self::One(string) => vec![string],
            Self::Many(strings) => strings,
        }
    }
}
