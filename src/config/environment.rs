//! Settings from environment variables. Every setting with a single value has a variable.

use thiserror::Error;

use crate::config::partial_settings::PartialSettings;
use crate::config::setting_table::{SETTINGS, Setting, SettingKind};
use crate::config::settings::VariableLookup;
use crate::haproxy::safe_text::SafeText;

/// The error for an environment variable with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("environment variable {name}=\"{value}\": {reason}")]
pub struct BadVariable {
    name: String,
    value: SafeText,
    reason: String,
}

/// Returns the settings from all variables that are set and not empty, each with the name of the variable.
///
/// # Errors
/// Returns an error if a variable has an invalid value.
pub(crate) fn read_variables(variable: VariableLookup<'_>) -> Result<Vec<(String, PartialSettings)>, BadVariable> {
    let mut all = Vec::new();
    for setting in SETTINGS {
        let Some(name) = setting.variable() else { continue };
        let Some(value) = variable(&name).filter(|value| !value.is_empty()) else { continue };
        let shown = SafeText::new(value.as_encoded_bytes());
        let settings = value.to_str().map_or(Err("not UTF-8 text".to_owned()), |value| parse_variable(setting, value));
        all.push((name.clone(), settings.map_err(|reason| BadVariable { name, value: shown, reason })?));
    }
    Ok(all)
}

/// Parses the text of a variable like a value in a file.
fn parse_variable(setting: &Setting, text: &str) -> Result<PartialSettings, String> {
    let value = match setting.kind {
        SettingKind::Boolean => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => toml::Value::Boolean(true),
            "0" | "false" | "no" => toml::Value::Boolean(false),
            _ => return Err("allowed: 1, true, yes, 0, false, no".to_owned()),
        },
        _ => text.parse().map_or_else(|_| toml::Value::String(text.to_owned()), toml::Value::Integer),
    };
    let nested = setting
        .name
        .rsplit('.')
        .fold(value, |value, part| toml::Value::Table(std::iter::once((part.to_owned(), value)).collect()));
    nested.try_into().map_err(|error: toml::de::Error| SafeText::from(error.message()).as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn with(name: &'static str, value: &'static str) -> Result<Vec<(String, PartialSettings)>, BadVariable> {
        read_variables(&move |requested| (requested == name).then(|| value.into()))
    }

    #[test]
    fn read_variables_parses_boolean_or_names_variable_in_error() {
        for (value, expected) in
            [("1", true), ("true", true), ("YES", true), ("0", false), ("false", false), ("no", false)]
        {
            let settings = PartialSettings { read_only: Some(expected), ..PartialSettings::default() };
            assert_eq!(
                with("HAPULSE_READ_ONLY", value),
                Ok(vec![("HAPULSE_READ_ONLY".to_owned(), settings)]),
                "{value}"
            );
        }
        assert_eq!(with("HAPULSE_READ_ONLY", ""), Ok(Vec::new()));
        assert_eq!(
            with("HAPULSE_READ_ONLY", "may\u{1b}be").unwrap_err().to_string(),
            r#"environment variable HAPULSE_READ_ONLY="may\x1bbe": allowed: 1, true, yes, 0, false, no"#
        );
    }

    #[test]
    fn read_variables_covers_every_single_value_setting() {
        let setting_from = |name, value| with(name, value).unwrap().remove(0).1;
        assert_eq!(setting_from("HAPULSE_INTERVAL", "0.5").interval, Some(Duration::from_millis(500)));
        assert_eq!(setting_from("HAPULSE_INTERVAL", "3").interval, Some(Duration::from_secs(3)));
        assert_eq!(setting_from("HAPULSE_AUDIT_PATH", "/a").audit.path, Some("/a".into()));
        assert_eq!(setting_from("HAPULSE_DRAIN_DEADLINE", "90s").drain.deadline, Some(Duration::from_secs(90)));
        let error = with("HAPULSE_INTERVAL", "fast").unwrap_err().to_string();
        assert!(
            error.starts_with("environment variable HAPULSE_INTERVAL=\"fast\": \"fast\" is not a number of seconds"),
            "{error}"
        );
        assert!(with("HAPULSE_THEME", "pink").unwrap_err().to_string().contains("auto, dark, light"));
    }
}
