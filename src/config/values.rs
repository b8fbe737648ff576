//! Deserializers for the values in a configuration file, with error messages that name what is allowed.
//!
//! One function for each kind of value, for `#[serde(deserialize_with = "…")]` on a field.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::config::duration;
use crate::config::located::{Located, ThresholdOverride, ViewSettings};
use crate::config::target::Target;
use crate::haproxy::address::Address;

/// Deserializes `true` or `false`.
///
/// # Errors
/// Returns an error if the value is anything else.
pub fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    from.deserialize_any(BooleanVisitor).map(Some)
}

/// Deserializes an absolute path. Relative paths would depend on the working directory.
///
/// # Errors
/// Returns an error if the value is not a string or does not begin with `/`.
pub fn absolute_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    from.deserialize_any(AbsolutePathVisitor).map(Some)
}

/// Deserializes a duration: `"45s"`, `"5m"`, `"1h"`, or a number of seconds.
///
/// # Errors
/// Returns an error if the value is anything else.
pub fn duration_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(DurationVisitor).map(Some)
}

/// Deserializes the time between two polls in seconds: `2` or `0.5`.
///
/// # Errors
/// Returns an error if the value is not a number from 0.1 to 86400.
pub fn interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(IntervalVisitor).map(Some)
}

/// Deserializes a whole number of MiB.
///
/// # Errors
/// Returns an error if the value is not an integer from 1 to 65535.
pub fn mebibytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    from.deserialize_any(MebibytesVisitor).map(Some)
}

/// Deserializes one of a fixed set of words.
///
/// # Errors
/// Returns an error if the value is another word.
pub fn choice<'de, D: Deserializer<'de>, T: ValueEnum>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(ChoiceVisitor(PhantomData)).map(Some)
}

/// Deserializes `[targets]`: addresses by name.
///
/// # Errors
/// Returns an error if an address or a name is invalid.
pub fn targets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<Target>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor(
        "a section [targets] with lines NAME = \"ADDRESS\"",
        |name, TargetText(address)| {
            let target = Target { name: Some(name.to_owned()), address };
            Target::is_valid_name(name)
                .then_some(target)
                .ok_or_else(|| format!("\"{name}\" is not a valid target name: use letters, digits and - _ ."))
        },
    ))
}

/// Deserializes `[thresholds]`: changed thresholds by rule.
///
/// # Errors
/// Returns an error if an entry has unknown keys.
pub fn thresholds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<ThresholdOverride>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor(
        "a section [thresholds] with lines RULE = { warn = N, crit = N }",
        |_, ThresholdValue(limits)| Ok(limits),
    ))
}

/// Deserializes `[colours]`: styles by role.
///
/// # Errors
/// Returns an error if a style is not a string.
pub fn colors<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<String>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor("a section [colours] with lines ROLE = \"STYLE\"", |_, style: String| {
        Ok(style)
    }))
}

/// Deserializes `[views]`: columns and order by view.
///
/// # Errors
/// Returns an error if an entry has unknown keys.
pub fn views<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<ViewSettings>>, D::Error> {
    let description =
        "a section [views] with lines VIEW = { columns = [\"+COLUMN\"], sort = \"-COLUMN\", flat = true }";
    from.deserialize_any(NamedEntriesVisitor(description, |_, view| Ok(view)))
}

/// Deserializes `[keys]`: keys by action.
///
/// # Errors
/// Returns an error if a key is not a string.
pub fn keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Located<Vec<String>>>, D::Error> {
    from.deserialize_any(NamedEntriesVisitor(
        "a section [keys] with lines \"ACTION\" = [\"KEY\"]",
        |_, StringList(texts)| Ok(texts),
    ))
}

struct BooleanVisitor;

impl Visitor<'_> for BooleanVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
}

struct AbsolutePathVisitor;

impl Visitor<'_> for AbsolutePathVisitor {
    type Value = PathBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path in quotes that begins with /")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PathBuf, E> {
        let path = PathBuf::from(text);
        let is_possible = path.is_absolute() && !text.contains('\0');
        is_possible.then_some(path).ok_or_else(|| E::custom(format!("\"{text}\" is not a path that begins with /")))
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration in quotes, such as \"45s\", \"5m\" or \"1h\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        duration::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }
}

struct IntervalVisitor;

impl Visitor<'_> for IntervalVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds, such as 2 or 0.5")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        duration::parse_interval(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }
}

struct MebibytesVisitor;

impl Visitor<'_> for MebibytesVisitor {
    type Value = u16;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of MiB, 1 to 65535")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u16, E> {
        let number = u16::try_from(value).ok().filter(|number| *number > 0);
        number.ok_or_else(|| E::custom(format!("{value} is not a number of MiB from 1 to 65535")))
    }
}

struct ChoiceVisitor<T>(PhantomData<T>);

impl<T: ValueEnum> ChoiceVisitor<T> {
    fn names() -> String {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    }
}

impl<T: ValueEnum> Visitor<'_> for ChoiceVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}, in quotes", Self::names())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_str(text, false).map_err(|_| E::custom(format!("\"{text}\" is not one of {}", Self::names())))
    }
}

/// Visitor for a section with free names: the description for errors, and a function that builds an entry from a
/// name and its value.
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

/// An address in a file.
struct TargetText(Address);

impl<'de> Deserialize<'de> for TargetText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Thresholds in a file: a table, or `"off"`.
struct ThresholdValue(ThresholdOverride);

/// Table form of thresholds.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ThresholdTable {
    warn: Option<f64>,
    crit: Option<f64>,
    #[serde(deserialize_with = "duration_text")]
    hold: Option<Duration>,
}

impl<'de> Deserialize<'de> for ThresholdValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ThresholdOverride;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("thresholds, such as { warn = 5, crit = 50, hold = \"10s\" }, or \"off\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ThresholdOverride, E> {
                let off = ThresholdOverride { is_off: true, ..ThresholdOverride::default() };
                (text == "off").then_some(off).ok_or_else(|| E::custom(format!("\"{text}\" is not \"off\"")))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ThresholdOverride, A::Error> {
                let ThresholdTable { warn, crit, hold } = ThresholdTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ThresholdOverride { warn, crit, hold, is_off: false })
            }
        }
        from.deserialize_any(Either).map(Self)
    }
}

/// One string, or a list of strings.
struct StringList(Vec<String>);

impl<'de> Deserialize<'de> for StringList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys in quotes, such as [\"D\", \"<f9>\"]")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
                Ok(vec![text.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = list.next_element()? {
                    all.push(text);
                }
                Ok(all)
            }
        }
        from.deserialize_any(Either).map(Self)
    }
}
