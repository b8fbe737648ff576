//! Splits a line of haproxy.cfg into words, with HAProxy's quotes, escapes and environment variables.

use std::collections::BTreeMap;

/// The environment of a HAProxy process.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProcessEnvironment {
    /// Values by name; `None` for a variable that the configuration removed.
    variables: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// All variables are known. If not set, only those that the configuration sets are.
    is_complete: bool,
}

/// The reason why a line cannot be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigLineError {
    /// The value of a variable is unknown, because the environment of the process cannot be read.
    UnknownVariable(String),
    /// HAProxy would reject the line.
    Invalid,
}

impl ProcessEnvironment {
    /// Parses the contents of `/proc/PID/environ`; `None` stands for an environment that cannot be read.
    pub(crate) fn parse(bytes: Option<&[u8]>) -> Self {
        let pair = |line: &[u8]| {
            let at = line.iter().position(|byte| *byte == b'=')?;
            Some((line[..at].to_vec(), Some(line[at + 1..].to_vec())))
        };
        let lines = bytes.unwrap_or_default().split(|byte| *byte == 0);
        Self { variables: lines.filter_map(pair).collect(), is_complete: bytes.is_some() }
    }

    /// Returns the value of a variable, or `None` if it is not set.
    ///
    /// # Errors
    /// Returns an error if the value is unknown.
    pub(crate) fn get(&self, name: &[u8]) -> Result<Option<&[u8]>, ConfigLineError> {
        match self.variables.get(name) {
            Some(value) => Ok(value.as_deref()),
            None if self.is_complete => Ok(None),
            None => Err(ConfigLineError::UnknownVariable(String::from_utf8_lossy(name).into_owned())),
        }
    }

    /// Applies a line of the section `global` that changes the environment; ignores other lines.
    pub(crate) fn apply_line(&mut self, words: &[Vec<u8>]) {
        match words.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [b"setenv", name, value, ..] => drop(self.variables.insert(name.to_vec(), Some(value.to_vec()))),
            // An unknown variable stays unknown, because the process may have inherited it.
            [b"presetenv", name, value, ..] if self.get(name) == Ok(None) => {
                self.variables.insert(name.to_vec(), Some(value.to_vec()));
            }
            [b"unsetenv", names @ ..] => {
                self.variables.extend(names.iter().map(|name| (name.to_vec(), None)));
            }
            [b"resetenv", kept @ ..] => {
                self.variables.retain(|name, _| kept.contains(&name.as_slice()));
                self.is_complete |= kept.is_empty();
            }
            _ => {}
        }
    }

    /// Replaces `$NAME` and `${NAME}`, as HAProxy does in an address outside of quotes.
    ///
    /// # Errors
    /// Returns an error if the value of a variable is unknown.
    pub(crate) fn expand_address(&self, text: &[u8]) -> Result<Vec<u8>, ConfigLineError> {
        let mut out = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            let has_brace = rest.first() == Some(&b'{');
            rest = &rest[usize::from(has_brace)..];
            let (name, after) = split_name(rest);
            out.extend_from_slice(self.get(name)?.unwrap_or_default());
            rest = if has_brace && after.first() == Some(&b'}') { &after[1..] } else { after };
        }
        out.extend_from_slice(rest);
        Ok(out)
    }
}

/// Splits off the name of a variable at the start of a text.
fn split_name(text: &[u8]) -> (&[u8], &[u8]) {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.split_at(text.iter().take_while(|byte| is_name(byte)).count())
}

/// Splits a line into words. Variables are replaced between double quotes only.
///
/// # Errors
/// Returns an error if the line is invalid or contains a variable whose value is unknown.
pub(crate) fn split_words(line: &[u8], environment: &ProcessEnvironment) -> Result<Vec<Vec<u8>>, ConfigLineError> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let (mut single, mut double) = (false, false);
    let mut rest = line;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'#' if !single && !double => break,
            b'"' if !single => {
                double = !double;
                word.get_or_insert_default();
            }
            b'\'' if !double => {
                single = !single;
                word.get_or_insert_default();
            }
            b'\\' if !single => {
                let (bytes, skipped) = unescape(after, double)?;
                word.get_or_insert_default().push(bytes);
                rest = &after[skipped..];
            }
            b'$' if double => {
                let (value, after) = expand_quoted(after, environment)?;
                match value {
                    Some(value) => word.get_or_insert_default().extend(value),
                    // HAProxy drops a word that is only an unset variable.
                    None if after.first() == Some(&b'"') => {
                        double = false;
                        rest = after[1..].trim_ascii_start();
                        continue;
                    }
                    None => {}
                }
                rest = after;
            }
            byte if byte.is_ascii_whitespace() && !single && !double => words.extend(word.take()),
            byte => word.get_or_insert_default().push(*byte),
        }
    }
    if single || double {
        return Err(ConfigLineError::Invalid);
    }
    words.extend(word);
    Ok(words)
}

/// Returns the byte that follows a backslash, and the number of bytes it takes; the backslash itself and 0 if this is not
/// an escape.
fn unescape(after: &[u8], is_double_quoted: bool) -> Result<(u8, usize), ConfigLineError> {
    let hex = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    Ok(match after.first() {
        Some(byte @ (b' ' | b'\\' | b'#' | b'\'' | b'"')) => (*byte, 1),
        Some(b'$') if is_double_quoted => (b'$', 1),
        Some(b't') => (b'\t', 1),
        Some(b'n') => (b'\n', 1),
        Some(b'r') => (b'\r', 1),
        Some(b'x') => match (hex(1), hex(2)) {
            (Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
            _ => return Err(ConfigLineError::Invalid),
        },
        _ => (b'\\', 0),
    })
}

/// A value, or `None` if the variable is not set, and the text after the variable.
type Expanded<'a> = (Option<Vec<u8>>, &'a [u8]);

/// Reads `NAME`, `{NAME}`, `{NAME-default}` or `{NAME[*]}` after a `$`.
fn expand_quoted<'a>(text: &'a [u8], environment: &ProcessEnvironment) -> Result<Expanded<'a>, ConfigLineError> {
    let Some(inner) = text.strip_prefix(b"{") else {
        let (name, after) = split_name(text);
        return match name.first() {
            Some(first) if !first.is_ascii_digit() => Ok((environment.get(name)?.map(<[u8]>::to_vec), after)),
            _ => Err(ConfigLineError::Invalid),
        };
    };
    let end = inner.iter().position(|byte| *byte == b'}').ok_or(ConfigLineError::Invalid)?;
    let (name, mut options) = split_name(&inner[..end]);
    options = options.strip_prefix(b"[*]").unwrap_or(options);
    let default = match options {
        [] => None,
        [b'-', default @ ..] => Some(default.to_vec()),
        _ => return Err(ConfigLineError::Invalid),
    };
    Ok((environment.get(name)?.map(<[u8]>::to_vec).or(default), &inner[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> ProcessEnvironment {
        ProcessEnvironment::parse(Some(b"RUN=/run/a b\0EMPTY=\0odd\0"))
    }

    fn words(line: &str) -> Result<Vec<String>, ConfigLineError> {
        let words = split_words(line.as_bytes(), &environment())?;
        Ok(words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect())
    }

    #[test]
    fn split_words_follows_quoting_rules() {
        for (line, expected) in [
            ("  stats socket /a # b", vec!["stats", "socket", "/a"]),
            (r#"a "b c"d 'e "f' "g'h""#, vec!["a", "b cd", "e \"f", "g'h"]),
            (r"a\ b \# \\ \x41\x2f c\d", vec!["a b", "#", "\\", "A/", "c\\d"]),
            (r#""$RUN/s" "${RUN}/s" $RUN '$RUN' "\$RUN""#, vec!["/run/a b/s", "/run/a b/s", "$RUN", "$RUN", "$RUN"]),
            (r#"a "${NO-/x}/s" "$NO" b "${EMPTY-x}""#, vec!["a", "/x/s", "b", ""]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in ["\"a", "'a", r"\xg0", "\"$9\"", "\"${RUN\"", "\"${RUN+x}\""] {
            assert_eq!(words(line), Err(ConfigLineError::Invalid), "{line}");
        }
    }

    #[test]
    fn expand_address_replaces_variables_outside_of_quotes() {
        let expand = |text: &str| environment().expand_address(text.as_bytes()).unwrap();
        assert_eq!(expand("unix@${RUN}/a$EMPTY,$RUN"), b"unix@/run/a b/a,/run/a b");
        assert_eq!((expand("$NO/a"), expand("/a$")), (b"/a".to_vec(), b"/a".to_vec()));
    }

    #[test]
    fn environment_follows_configuration_and_reports_unknown_variables() {
        let apply = |environment: &mut ProcessEnvironment, line: &str| {
            let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            environment.apply_line(&words);
        };
        let mut known = environment();
        for line in ["setenv A 1", "presetenv A 2", "presetenv B 3", "unsetenv EMPTY", "maxconn 5"] {
            apply(&mut known, line);
        }
        assert_eq!((known.get(b"A"), known.get(b"B")), (Ok(Some(&b"1"[..])), Ok(Some(&b"3"[..]))));
        assert_eq!(known.get(b"EMPTY"), Ok(None));
        let mut unknown = ProcessEnvironment::parse(None);
        apply(&mut unknown, "presetenv A 2");
        apply(&mut unknown, "setenv B 3");
        assert_eq!(unknown.get(b"A"), Err(ConfigLineError::UnknownVariable("A".to_owned())));
        assert_eq!(unknown.get(b"B"), Ok(Some(&b"3"[..])));
        apply(&mut unknown, "resetenv");
        assert_eq!(unknown.get(b"A"), Ok(None));
    }
}
