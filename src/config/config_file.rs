//! Reads one configuration file.
//!
//! A file with an error is rejected as a whole. The error names the position, the problem and the allowed values
//! on one line that is safe to print.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Deserialize as _;
use thiserror::Error;
use toml::de::{DeTable, Deserializer};

use crate::config::environment::BadVariable;
use crate::config::former_names::{self, FormerName, FormerNameUse};
use crate::config::located::{FilePosition, UnknownName};
use crate::config::partial_settings::PartialSettings;
use crate::config::safe_file;
use crate::haproxy::safe_text::SafeText;

/// An empty file for tools that require a path.
const NULL_DEVICE: &str = "/dev/null";
/// Maximum size of a file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// An error in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadConfig {
    /// A part of a file is invalid.
    #[error("{position}: {message}")]
    Invalid {
        /// Position of the invalid part.
        position: FilePosition,
        /// Problem and allowed values.
        message: String,
    },
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: SafeText,
        /// Reason in words.
        reason: String,
    },
    /// An environment variable has an invalid value.
    #[error(transparent)]
    InvalidVariable(#[from] BadVariable),
    /// A source changes a setting that a file before it marks as final.
    #[error("{origin} changes {name}, which {by} marks as final: remove it")]
    Final {
        /// The source.
        origin: SafeText,
        /// Name of the setting.
        name: &'static str,
        /// Position that marks the setting.
        by: FilePosition,
    },
    /// A file contains an unknown name.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
}

/// Reads one file. A missing file yields empty settings unless `must_exist` is set.
///
/// # Errors
/// Returns an error if the file cannot be read or has an invalid part.
pub(crate) fn read_file(path: &Path, must_exist: bool) -> Result<PartialSettings, BadConfig> {
    let shown_path = SafeText::new(path.as_os_str().as_bytes());
    let unreadable = |reason: String| BadConfig::Unreadable { path: shown_path.clone(), reason };
    let is_missing = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    if path == Path::new(NULL_DEVICE) {
        return Ok(PartialSettings::default());
    }
    match safe_file::read_regular(path, MAX_FILE_BYTES) {
        Ok(bytes) => parse(&bytes, &shown_path),
        Err(error) if is_missing(&error) && !must_exist => Ok(PartialSettings::default()),
        Err(error) if is_missing(&error) => {
            Err(unreadable("file not found: correct the path in --config or HAPULSE_CONFIG".to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(unreadable(error.to_string().replace("regular file", "configuration file")))
        }
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(unreadable(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(unreadable(format!("cannot be read: {error}; this user needs read permission (ls -l {shown_path})")))
        }
        Err(error) => Err(unreadable(format!("cannot be read: {error}"))),
    }
}

/// Parses the text of a file; `path` is used in errors only.
///
/// # Errors
/// Returns an error if a part is invalid.
pub fn parse(bytes: &[u8], path: &SafeText) -> Result<PartialSettings, BadConfig> {
    let position = |offset: usize| {
        let before = bytes.get(..offset).unwrap_or(bytes);
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        FilePosition {
            path: path.clone(),
            line: before.split(|byte| *byte == b'\n').count(),
            column: String::from_utf8_lossy(&before[start..]).chars().count() + 1,
        }
    };
    let invalid = |offset: usize, message: &str| BadConfig::Invalid {
        position: position(offset),
        message: SafeText::from(message).as_str().to_owned(),
    };
    let text = std::str::from_utf8(bytes).map_err(|error| invalid(error.valid_up_to(), "is not UTF-8 text"))?;
    let describe =
        |error: toml::de::Error| invalid(error.span().map_or(0, |span| span.start), &describe_parse_error(error));
    let mut file = DeTable::parse(text).map_err(describe)?;
    let former_names = former_names::replace_in_file(file.get_mut()).map_err(|(offset, name)| {
        let FormerName { former, current, .. } = name;
        invalid(offset, &format!("{former} is the former name of {current}, which is also set: remove {former}"))
    })?;
    let settings = PartialSettings::deserialize(Deserializer::from(file)).map_err(describe)?;
    let former_names = former_names.into_iter();
    Ok(PartialSettings {
        former_names: former_names.map(|(offset, name)| FormerNameUse { position: position(offset), name }).collect(),
        ..settings.with_positions(position)
    })
}

/// Describes a parser error in terms that the author of the file understands.
fn describe_parse_error(mut error: toml::de::Error) -> String {
    let message = error.message().to_owned();
    if let Some((key, known_keys)) =
        message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
    {
        // The names are in backticks: "`a` or `b`", "one of `a`, `b`, `c`".
        let known_keys: Vec<&str> = known_keys.split('`').skip(1).step_by(2).collect();
        return format!("unknown key \"{key}\"; valid keys: {}", known_keys.join(", "));
    }
    // Without the input, the error text contains the key that is invalid, and no part of the file.
    error.set_input(None);
    let text = error.to_string();
    let key = text.get(message.len()..).and_then(|rest| rest.trim().strip_prefix("in `")?.strip_suffix('`'));
    let message = message.trim().replace('\n', ", ");
    key.map_or(message.clone(), |key| format!("{key}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::partial_settings::{PartialAuditSettings, PartialDrainSettings};
    use proptest::prelude::*;
    use std::fs;
    use std::time::Duration;

    fn error_text(text: impl AsRef<[u8]>) -> String {
        parse(text.as_ref(), &"/c.toml".into()).unwrap_err().to_string()
    }

    #[test]
    fn parse_reads_every_setting() {
        let text = "read_only = true # for now\n[audit]\npath = \"/var/log/hapulse/audit.jsonl\"\nrequired = false\n\
            ask_reason = true\n[drain]\ndeadline = \"90s\"\n";
        let audit = PartialAuditSettings {
            path: Some("/var/log/hapulse/audit.jsonl".into()),
            required: Some(false),
            ask_reason: Some(true),
        };
        let drain = PartialDrainSettings { deadline: Some(Duration::from_secs(90)) };
        let settings = PartialSettings { read_only: Some(true), audit, drain, ..PartialSettings::default() };
        assert_eq!(parse(text.as_bytes(), &"c".into()), Ok(settings));
        assert_eq!(parse(b"", &"c".into()), Ok(PartialSettings::default()));
        assert_eq!(
            parse(b"[drain]\ndeadline = 90", &"c".into()).unwrap().drain.deadline,
            Some(Duration::from_secs(90))
        );
    }

    #[test]
    fn parse_lists_known_keys_for_unknown_key() {
        assert_eq!(
            error_text("read_only = true\n[audit]\nfoo = 1\n"),
            "/c.toml:3:1: unknown key \"foo\"; valid keys: path, required, ask_reason"
        );
        assert_eq!(
            error_text("[drian]\n"),
            "/c.toml:1:2: unknown key \"drian\"; valid keys: final, read_only, interval, theme, ascii, plain, history_memory, log_file, mouse, confirm_quit, audit, drain, targets, fleet, thresholds, silences, colors, views, keys"
        );
        assert_eq!(error_text("[drain]\n  wait = 1"), "/c.toml:2:3: unknown key \"wait\"; valid keys: deadline");
        assert_eq!(error_text("audit.foo.bar = 1"), error_text("audit.foo = 1"));
    }

    #[test]
    fn parse_names_key_and_allowed_values_in_error() {
        for (text, message) in [
            ("read_only = \"yes\"", "1:13: read_only: invalid type: string \"yes\", expected true or false"),
            ("audit = 3", "1:9: audit: invalid type: integer `3`, expected a section [audit]"),
            (
                "[audit]\npath = [\"a\"]",
                "2:8: audit.path: invalid type: sequence, expected a path in quotes that begins with /",
            ),
            ("[audit]\npath = \"a.jsonl\"", "2:8: audit.path: \"a.jsonl\" is not a path that begins with /"),
            ("[audit]\nrequired = 1", "2:12: audit.required: invalid type: integer `1`, expected true or false"),
            (
                "[drain]\ndeadline = \"soon\"",
                "2:12: drain.deadline: \"soon\" is not a duration: use a number and s, m, h or d, \
                 such as 45s, 5m, 1h or 7d (maximum 365d)",
            ),
            (
                "[drain]\ndeadline = true",
                "2:12: drain.deadline: invalid type: boolean `true`, \
                 expected a duration in quotes, such as \"45s\", \"5m\" or \"1h\"",
            ),
        ] {
            assert_eq!(error_text(text), format!("/c.toml:{message}"));
        }
        assert!(error_text("[drain]\ndeadline = -1").contains("drain.deadline: \"-1\" is not a duration"));
    }

    #[test]
    fn parse_reads_targets_with_a_log() {
        let text = "[targets]\na = \"/run/a.sock\"\nb = { address = \"lb2:9999\", log = \"/var/log/b.log\" }\n";
        let targets = parse(text.as_bytes(), &"c".into()).unwrap().targets;
        let read: Vec<_> = targets
            .iter()
            .map(|target| (target.value.address.to_string(), target.value.log.as_deref().and_then(Path::to_str)))
            .collect();
        assert_eq!(read, [("/run/a.sock".to_owned(), None), ("lb2:9999".to_owned(), Some("/var/log/b.log"))]);
        for (entry, message) in [
            ("{ address = \"/a\", log = \"b.log\" }", "\"b.log\" is not a path that begins with /"),
            ("{ log = \"/b.log\" }", "missing field `address`"),
            ("{ address = \"/a\", logs = \"/b\" }", "unknown key \"logs\"; valid keys: address, log"),
            ("3", "expected an address in quotes, or a table such as { address"),
        ] {
            let error = error_text(format!("[targets]\na = {entry}\n"));
            assert!(error.contains(message) && error.starts_with("/c.toml:2:"), "{error}");
        }
    }

    #[test]
    fn parse_reports_position_of_invalid_toml() {
        for (text, position) in [
            ("read_only = yes", "1:13"),
            ("read_only", "1:"),
            ("a = 1\na = 2", "2:1"),
            ("[audit\n", "1:"),
            ("= 1", "1:1"),
        ] {
            assert!(error_text(text).starts_with(&format!("/c.toml:{position}")), "{}", error_text(text));
        }
        assert_eq!(error_text(b"# gr\xc3\xbcn \xff"), "/c.toml:1:8: is not UTF-8 text");
    }

    #[test]
    fn parse_errors_escape_control_characters() {
        let key = error_text("\"a\\u001b]0;x\\u0007\" = 1");
        assert!(key.contains(r#"unknown key "a\x1b]0;x\x07""#), "{key}");
        let value = error_text("[drain]\ndeadline = \"\\u001b[31m\\n\"");
        assert!(value.contains(r#""\x1b[31m\x0a" is not a duration"#), "{value}");
        assert_eq!(
            read_file(Path::new("/no\u{1b}where"), true).unwrap_err().to_string().chars().find(|ch| ch.is_control()),
            None
        );
    }

    #[test]
    fn read_file_requires_explicit_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/config.toml");
        assert_eq!(read_file(&path, false), Ok(PartialSettings::default()));
        fs::write(folder.path().join("none"), "").unwrap();
        assert_eq!(read_file(&path, false), Ok(PartialSettings::default()), "a file in place of the directory");
        let error_text = |path: &Path| read_file(path, true).unwrap_err().to_string();
        assert!(error_text(&path).ends_with("file not found: correct the path in --config or HAPULSE_CONFIG"));
        assert!(error_text(folder.path()).ends_with(": is a directory, not a configuration file"));
        assert!(read_file(folder.path(), false).is_err());
        assert!(error_text(Path::new("/dev/zero")).ends_with(": is a device, not a configuration file"));
    }

    proptest! {
        #[test]
        fn parse_error_of_any_bytes_is_one_safe_line(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = parse(&bytes, &"c".into()) {
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }

        #[test]
        fn parse_never_panics_on_any_text(text in "(read_only|audit|[a\\[\\]\"'=.\n\r\u{1b}ü#{}]){0,40}") {
            if let Err(error) = parse(text.as_bytes(), &"c".into()) {
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }
}
