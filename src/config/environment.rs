//! What the variables of the environment say: each key that holds one value has its own.

use thiserror::Error;

use crate::config::partial_settings::Layer;
use crate::config::setting_table::{KEYS, Key, Kind};
use crate::config::settings::Variable;
use crate::haproxy::safe_text::SafeText;

/// A variable of the environment with a value that it cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the environment has {name}=\"{value}\": {why}")]
pub struct BadVariable {
    name: String,
    value: SafeText,
    why: String,
}

/// What each variable that is set says, by its name. An empty one says nothing.
///
/// # Errors
/// When a variable has a value that it cannot have.
pub fn layers(variable: Variable<'_>) -> Result<Vec<(String, Layer)>, BadVariable> {
    let mut layers = Vec::new();
    for key in KEYS {
        let Some(name) = key.variable() else { continue };
        let Some(value) = variable(&name).filter(|value| !value.is_empty()) else { continue };
        let shown = SafeText::new(value.as_encoded_bytes());
        let layer = value.to_str().map_or(Err("is not UTF-8 text".to_owned()), |value| layer(key, value));
        layers.push((name.clone(), layer.map_err(|why| BadVariable { name, value: shown, why })?));
    }
    Ok(layers)
}

/// The text of a variable as a file would have it.
fn layer(key: &Key, text: &str) -> Result<Layer, String> {
    let value = match key.kind {
        Kind::Switch => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => toml::Value::Boolean(true),
            "0" | "false" | "no" => toml::Value::Boolean(false),
            _ => return Err("allowed are 1, true and yes, 0, false and no".to_owned()),
        },
        _ => text.parse().map_or_else(|_| toml::Value::String(text.to_owned()), toml::Value::Integer),
    };
    let nested = key
        .name
        .rsplit('.')
        .fold(value, |value, part| toml::Value::Table(std::iter::once((part.to_owned(), value)).collect()));
    nested.try_into().map_err(|error: toml::de::Error| SafeText::from(error.message()).as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn with(name: &'static str, value: &'static str) -> Result<Vec<(String, Layer)>, BadVariable> {
        layers(&move |asked| (asked == name).then(|| value.into()))
    }

    #[test]
    fn a_variable_is_a_switch_or_an_error_that_names_it() {
        for (value, says) in [("1", true), ("true", true), ("YES", true), ("0", false), ("false", false), ("no", false)]
        {
            let layer = Layer { read_only: Some(says), ..Layer::default() };
            assert_eq!(with("HAPULSE_READ_ONLY", value), Ok(vec![("HAPULSE_READ_ONLY".to_owned(), layer)]), "{value}");
        }
        assert_eq!(with("HAPULSE_READ_ONLY", ""), Ok(Vec::new()));
        assert_eq!(
            with("HAPULSE_READ_ONLY", "may\u{1b}be").unwrap_err().to_string(),
            r#"the environment has HAPULSE_READ_ONLY="may\x1bbe": allowed are 1, true and yes, 0, false and no"#
        );
    }

    #[test]
    fn every_key_with_one_value_has_its_variable() {
        let only = |name, value| with(name, value).unwrap().remove(0).1;
        assert_eq!(only("HAPULSE_INTERVAL", "0.5").interval, Some(Duration::from_millis(500)));
        assert_eq!(only("HAPULSE_INTERVAL", "3").interval, Some(Duration::from_secs(3)));
        assert_eq!(only("HAPULSE_AUDIT_PATH", "/a").audit.path, Some("/a".into()));
        assert_eq!(only("HAPULSE_DRAIN_DEADLINE", "90s").drain.deadline, Some(Duration::from_secs(90)));
        let told = with("HAPULSE_INTERVAL", "fast").unwrap_err().to_string();
        assert!(
            told.starts_with("the environment has HAPULSE_INTERVAL=\"fast\": \"fast\" is no number of seconds"),
            "{told}"
        );
        assert!(with("HAPULSE_THEME", "pink").unwrap_err().to_string().contains("auto, dark, light"));
    }
}
