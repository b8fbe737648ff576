//! One configuration file: what it says, and what is wrong in it.
//!
//! A file is taken whole or not at all: an error says where it stands, what it is, and what may stand there
//! instead, on one line that is safe to print.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use thiserror::Error;

use crate::config::environment::BadVariable;
use crate::config::located::{Misnamed, Place};
use crate::config::partial_settings::Layer;
use crate::haproxy::safe_text::SafeText;

/// Larger files are not read.
const LARGEST: u64 = 1 << 20;

/// Why the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadConfig {
    /// Something in a file is wrong.
    #[error("{place}: {what}")]
    Wrong {
        /// Where.
        place: Place,
        /// What is wrong, and what is allowed.
        what: String,
    },
    /// A file cannot be read.
    #[error("{path}: {why}")]
    Unreadable {
        /// The file.
        path: SafeText,
        /// In words.
        why: String,
    },
    /// A variable of the environment is wrong.
    #[error(transparent)]
    Variable(#[from] BadVariable),
    /// Something is named that is not there.
    #[error(transparent)]
    Misnamed(#[from] Misnamed),
}

/// Reads one file; where none has to be and none is, it says nothing.
///
/// # Errors
/// When it cannot be read, or something in it is wrong.
pub fn read(path: &Path, must_exist: bool) -> Result<Layer, BadConfig> {
    let shown = SafeText::new(path.as_os_str().as_bytes());
    let unreadable = |why: String| BadConfig::Unreadable { path: shown.clone(), why };
    let is_missing = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_missing(&error) && !must_exist => return Ok(Layer::default()),
        Err(error) if is_missing(&error) => {
            return Err(unreadable("there is no such file".to_owned()));
        }
        Err(error) => return Err(unreadable(format!("cannot be read: {error}"))),
    };
    let mut bytes = Vec::new();
    match file.take(LARGEST + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > LARGEST => Err(unreadable(format!("is larger than {LARGEST} bytes"))),
        Ok(_) => parse(&bytes, &shown),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(unreadable("is a folder; a configuration is a file".to_owned()))
        }
        Err(error) => Err(unreadable(format!("cannot be read: {error}"))),
    }
}

/// Reads the text of a file; `path` is only for what is said of errors.
///
/// # Errors
/// When something in it is wrong.
pub fn parse(bytes: &[u8], path: &SafeText) -> Result<Layer, BadConfig> {
    let place = |at: usize| {
        let before = bytes.get(..at).unwrap_or(bytes);
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Place {
            path: path.clone(),
            line: before.split(|byte| *byte == b'\n').count(),
            column: String::from_utf8_lossy(&before[start..]).chars().count() + 1,
        }
    };
    let wrong =
        |at: usize, what: &str| BadConfig::Wrong { place: place(at), what: SafeText::from(what).as_str().to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.valid_up_to(), "is not UTF-8 text"))?;
    let layer: Result<Layer, toml::de::Error> = toml::from_str(text);
    layer
        .map(|layer| layer.located(place))
        .map_err(|error| wrong(error.span().map_or(0, |span| span.start), &words(error)))
}

/// What an error of the parser means for the one who wrote the file.
fn words(mut error: toml::de::Error) -> String {
    let message = error.message().to_owned();
    if let Some((key, known)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
    {
        // "`a` or `b`", "one of `a`, `b`, `c`": the names stand between every second pair of marks.
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        return format!("unknown key \"{key}\"; known here: {}", known.join(", "));
    }
    // Without its input, an error shows the key that it is about, and no piece of the file.
    error.set_input(None);
    let shown = error.to_string();
    let key = shown.get(message.len()..).and_then(|rest| rest.trim().strip_prefix("in `")?.strip_suffix('`'));
    let message = message.trim().replace('\n', ", ");
    key.map_or(message.clone(), |key| format!("{key}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::partial_settings::{AuditLayer, DrainLayer};
    use proptest::prelude::*;
    use std::fs;
    use std::time::Duration;

    fn told(text: impl AsRef<[u8]>) -> String {
        parse(text.as_ref(), &"/c.toml".into()).unwrap_err().to_string()
    }

    #[test]
    fn every_key_is_read() {
        let text = "read_only = true # for now\n[audit]\npath = \"/var/log/hapulse/audit.jsonl\"\nrequired = false\n\
            ask_reason = true\n[drain]\ndeadline = \"90s\"\n";
        let audit = AuditLayer {
            path: Some("/var/log/hapulse/audit.jsonl".into()),
            required: Some(false),
            ask_reason: Some(true),
        };
        let drain = DrainLayer { deadline: Some(Duration::from_secs(90)) };
        let layer = Layer { read_only: Some(true), audit, drain, ..Layer::default() };
        assert_eq!(parse(text.as_bytes(), &"c".into()), Ok(layer));
        assert_eq!(parse(b"", &"c".into()), Ok(Layer::default()));
        assert_eq!(
            parse(b"[drain]\ndeadline = 90", &"c".into()).unwrap().drain.deadline,
            Some(Duration::from_secs(90))
        );
    }

    #[test]
    fn an_unknown_key_is_told_with_those_that_are_known_there() {
        assert_eq!(
            told("read_only = true\n[audit]\nfoo = 1\n"),
            "/c.toml:3:1: unknown key \"foo\"; known here: path, required, ask_reason"
        );
        assert_eq!(
            told("[drian]\n"),
            "/c.toml:1:2: unknown key \"drian\"; known here: read_only, interval, theme, ascii, history_memory, log_file, audit, drain, targets, thresholds, colours, views, keys"
        );
        assert_eq!(told("[drain]\n  wait = 1"), "/c.toml:2:3: unknown key \"wait\"; known here: deadline");
        assert_eq!(told("audit.foo.bar = 1"), told("audit.foo = 1"));
    }

    #[test]
    fn a_wrong_value_is_told_with_its_key_and_what_is_allowed() {
        for (text, what) in [
            ("read_only = \"yes\"", "1:13: read_only: invalid type: string \"yes\", expected true or false"),
            ("audit = 3", "1:9: audit: invalid type: integer `3`, expected a section: [audit]"),
            (
                "[audit]\npath = [\"a\"]",
                "2:8: audit.path: invalid type: sequence, expected a path in quotes that begins with /",
            ),
            ("[audit]\npath = \"a.jsonl\"", "2:8: audit.path: \"a.jsonl\" is not a path that begins with /"),
            ("[audit]\nrequired = 1", "2:12: audit.required: invalid type: integer `1`, expected true or false"),
            (
                "[drain]\ndeadline = \"soon\"",
                "2:12: drain.deadline: \"soon\" is no length of time: write a number and s, m or h, \
                 such as 45s, 5m or 1h; 8760h at most",
            ),
            (
                "[drain]\ndeadline = true",
                "2:12: drain.deadline: invalid type: boolean `true`, \
                 expected a length of time in quotes, such as \"45s\", \"5m\" or \"1h\"",
            ),
        ] {
            assert_eq!(told(text), format!("/c.toml:{what}"));
        }
        assert!(told("[drain]\ndeadline = -1").contains("drain.deadline: \"-1\" is no length of time"));
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        for (text, place) in [
            ("read_only = yes", "1:13"),
            ("read_only", "1:"),
            ("a = 1\na = 2", "2:1"),
            ("[audit\n", "1:"),
            ("= 1", "1:1"),
        ] {
            assert!(told(text).starts_with(&format!("/c.toml:{place}")), "{}", told(text));
        }
        assert_eq!(told(b"# gr\xc3\xbcn \xff"), "/c.toml:1:8: is not UTF-8 text");
    }

    #[test]
    fn nothing_of_a_file_reaches_the_terminal_as_it_is() {
        let key = told("\"a\\u001b]0;x\\u0007\" = 1");
        assert!(key.contains(r#"unknown key "a\x1b]0;x\x07""#), "{key}");
        let value = told("[drain]\ndeadline = \"\\u001b[31m\\n\"");
        assert!(value.contains(r#""\x1b[31m\x0a" is no length"#), "{value}");
        assert_eq!(
            read(Path::new("/no\u{1b}where"), true).unwrap_err().to_string().chars().find(|ch| ch.is_control()),
            None
        );
    }

    #[test]
    fn a_file_that_is_named_must_be_there_and_the_others_need_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/config.toml");
        assert_eq!(read(&path, false), Ok(Layer::default()));
        fs::write(folder.path().join("none"), "").unwrap();
        assert_eq!(read(&path, false), Ok(Layer::default()), "a file where the folder would be");
        let told = |path: &Path| read(path, true).unwrap_err().to_string();
        assert!(told(&path).ends_with("there is no such file"));
        assert!(told(folder.path()).ends_with(": is a folder; a configuration is a file"));
        assert!(read(folder.path(), false).is_err());
        assert!(told(Path::new("/dev/zero")).ends_with(": is larger than 1048576 bytes"));
    }

    proptest! {
        #[test]
        fn no_file_breaks_it_and_what_is_said_is_one_safe_line(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = parse(&bytes, &"c".into()) {
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }

        #[test]
        fn no_text_breaks_it(text in "(read_only|audit|[a\\[\\]\"'=.\n\r\u{1b}ü#{}]){0,40}") {
            if let Err(error) = parse(text.as_bytes(), &"c".into()) {
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }
}
