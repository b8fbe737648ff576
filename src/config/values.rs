//! How a value stands in a configuration file, and what is said when it is another kind of thing.
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
use crate::config::located::{Arranged, Said, Threshold};
use crate::config::target::Target;
use crate::haproxy::address::Address;

/// `true` or `false`.
///
/// # Errors
/// When it is anything else.
pub fn switch<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    from.deserialize_any(Switch).map(Some)
}

/// A path from the root: a file does not know where the program is started.
///
/// # Errors
/// When it is no text or does not begin with `/`.
pub fn absolute_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    from.deserialize_any(AbsolutePath).map(Some)
}

/// A length of time: `"45s"`, `"5m"`, `"1h"`, or a number of seconds.
///
/// # Errors
/// When it is anything else.
pub fn length_of_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(LengthOfTime).map(Some)
}

/// Time between two samples: a number of seconds, `2` or `0.5`.
///
/// # Errors
/// When it is anything else, too short or too long.
pub fn interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(Interval).map(Some)
}

/// A whole number of MiB.
///
/// # Errors
/// When it is anything else.
pub fn mebibytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    from.deserialize_any(Mebibytes).map(Some)
}

/// One of a few words.
///
/// # Errors
/// When it is another one.
pub fn choice<'de, D: Deserializer<'de>, T: ValueEnum>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(Choice(PhantomData)).map(Some)
}

/// `[targets]`: addresses by name.
///
/// # Errors
/// When one is no address, or no name.
pub fn targets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Said<Target>>, D::Error> {
    from.deserialize_any(Named("a section: [targets], of NAME = \"ADDRESS\"", |name, TargetText(address)| {
        let target = Target { name: Some(name.to_owned()), address };
        Target::is_name(name)
            .then_some(target)
            .ok_or_else(|| format!("\"{name}\" is no name for a target: letters, digits and - _ . make one"))
    }))
}

/// `[thresholds]`: other limits by rule.
///
/// # Errors
/// When one has other parts than limits have.
pub fn thresholds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Said<Threshold>>, D::Error> {
    from.deserialize_any(Named("a section: [thresholds], of RULE = { warn = N, crit = N }", |_, Limits(limits)| {
        Ok(limits)
    }))
}

/// `[colours]`: styles by role.
///
/// # Errors
/// When they are no texts.
pub fn colours<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Said<String>>, D::Error> {
    from.deserialize_any(Named("a section: [colours], of ROLE = \"STYLE\"", |_, words: String| Ok(words)))
}

/// `[views]`: columns and order by view.
///
/// # Errors
/// When one has other parts than these.
pub fn views<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Said<Arranged>>, D::Error> {
    let what = "a section: [views], of VIEW = { columns = [\"+COLUMN\"], sort = \"-COLUMN\", flat = true }";
    from.deserialize_any(Named(what, |_, arranged| Ok(arranged)))
}

/// `[keys]`: keys by action.
///
/// # Errors
/// When they are no texts.
pub fn keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Said<Vec<String>>>, D::Error> {
    from.deserialize_any(Named("a section: [keys], of \"ACTION\" = [\"KEY\"]", |_, Texts(texts)| Ok(texts)))
}

struct Switch;

impl Visitor<'_> for Switch {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
}

struct AbsolutePath;

impl Visitor<'_> for AbsolutePath {
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

struct LengthOfTime;

impl Visitor<'_> for LengthOfTime {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time in quotes, such as \"45s\", \"5m\" or \"1h\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        duration::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }
}

struct Interval;

impl Visitor<'_> for Interval {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds, such as 2 or 0.5")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        duration::interval(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }
}

struct Mebibytes;

impl Visitor<'_> for Mebibytes {
    type Value = u16;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of MiB, 1 to 65535")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u16, E> {
        let number = u16::try_from(value).ok().filter(|number| *number > 0);
        number.ok_or_else(|| E::custom(format!("{value} is no number of MiB from 1 to 65535")))
    }
}

struct Choice<T>(PhantomData<T>);

impl<T: ValueEnum> Choice<T> {
    fn names() -> String {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    }
}

impl<T: ValueEnum> Visitor<'_> for Choice<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}, in quotes", Self::names())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_str(text, false).map_err(|_| E::custom(format!("\"{text}\" is none of {}", Self::names())))
    }
}

/// A section of free names. The first part says what it is, the second makes an entry of a name and what stands there.
struct Named<V, T>(&'static str, fn(&str, V) -> Result<T, String>);

impl<'de, V: Deserialize<'de>, T> Visitor<'de> for Named<V, T> {
    type Value = Vec<Said<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Said<T>>, A::Error> {
        let mut all = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Spanned<V>>()? {
            let at = value.span().start;
            let value = (self.1)(&name, value.into_inner()).map_err(A::Error::custom)?;
            all.push(Said { name, value, at, place: None });
        }
        Ok(all)
    }
}

/// An address as a file has it.
struct TargetText(Address);

impl<'de> Deserialize<'de> for TargetText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Limits as a file has them: a table, or `"off"`.
struct Limits(Threshold);

/// The table.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsTable {
    warn: Option<f64>,
    crit: Option<f64>,
    #[serde(deserialize_with = "length_of_time")]
    hold: Option<Duration>,
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Threshold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("limits, such as { warn = 5, crit = 50, hold = \"10s\" }, or \"off\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Threshold, E> {
                let off = Threshold { is_off: true, ..Threshold::default() };
                (text == "off").then_some(off).ok_or_else(|| E::custom(format!("\"{text}\" is not \"off\"")))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Threshold, A::Error> {
                let LimitsTable { warn, crit, hold } = LimitsTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Threshold { warn, crit, hold, is_off: false })
            }
        }
        from.deserialize_any(Either).map(Self)
    }
}

/// One text, or a list of them.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
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
