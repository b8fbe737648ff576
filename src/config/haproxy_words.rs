//! Splits a line of haproxy.cfg into words, with HAProxy's quotes, escapes and environment variables.

use std::collections::BTreeMap;

/// Variables that HAProxy sets itself before or while it reads its configuration, and whose values depend on its version or
/// on its state. `HAPROXY_LOCALPEER`, whose value can be determined, is not among them.
const OWN_VARIABLES: [&str; 13] = [
    "HAPROXY_BRANCH",
    "HAPROXY_CFGFILES",
    "HAPROXY_CLI",
    "HAPROXY_HTTPS_LOG_FMT",
    "HAPROXY_HTTP_CLF_LOG_FMT",
    "HAPROXY_HTTP_LOG_FMT",
    "HAPROXY_KEYLOG_BC_LOG_FMT",
    "HAPROXY_KEYLOG_FC_LOG_FMT",
    "HAPROXY_MASTER_CLI",
    "HAPROXY_MWORKER",
    "HAPROXY_STARTUP_VERSION",
    "HAPROXY_TCP_CLF_LOG_FMT",
    "HAPROXY_TCP_LOG_FMT",
];
const LOCAL_PEER: &[u8] = b"HAPROXY_LOCALPEER";

/// The environment of a HAProxy process.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    /// HAProxy sets the variable itself, to a value that is unknown here.
    OwnVariable(String),
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

    /// Sets the variables that HAProxy sets at its start: the name of the local peer, which is that of the machine unless
    /// the command line or the configuration names another.
    pub(crate) fn add_own_variables(&mut self, local_peer: Option<&[u8]>) {
        let host_name = || rustix::system::uname().nodename().to_bytes().to_vec();
        self.variables.insert(LOCAL_PEER.to_vec(), Some(local_peer.map_or_else(host_name, <[u8]>::to_vec)));
    }

    /// Returns the value of a variable, or `None` if it is not set.
    ///
    /// # Errors
    /// Returns an error if the value is unknown.
    pub(crate) fn get(&self, name: &[u8]) -> Result<Option<&[u8]>, ConfigLineError> {
        match self.variables.get(name) {
            Some(value) => Ok(value.as_deref()),
            None if is_own_variable(name) => {
                Err(ConfigLineError::OwnVariable(String::from_utf8_lossy(name).into_owned()))
            }
            None if self.is_complete => Ok(None),
            None => Err(ConfigLineError::UnknownVariable(String::from_utf8_lossy(name).into_owned())),
        }
    }

    /// Applies a line of the section `global` that changes the environment; ignores other lines.
    pub(crate) fn apply_line(&mut self, words: &[Vec<u8>]) {
        match words.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [b"localpeer", name, ..] => drop(self.variables.insert(LOCAL_PEER.to_vec(), Some(name.to_vec()))),
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

fn is_own_variable(name: &[u8]) -> bool {
    OWN_VARIABLES.iter().any(|own| own.as_bytes() == name)
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
    if let Some(pseudo) = text.strip_prefix(b"{").unwrap_or(text).strip_prefix(b".") {
        // Such as .FILE and .LINE.
        return Err(ConfigLineError::OwnVariable(format!(".{}", String::from_utf8_lossy(split_name(pseudo).0))));
    }
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

    #[test]
    fn environment_knows_variables_of_haproxy_itself() {
        let own = |name: &str| Err(ConfigLineError::OwnVariable(name.to_owned()));
        let mut environment = environment();
        assert_eq!(environment.get(b"HAPROXY_BRANCH"), own("HAPROXY_BRANCH"));
        assert_eq!(environment.get(b"HAPROXY_STATS"), Ok(None), "not a variable of HAProxy");
        assert_eq!(
            split_words(b"stats socket \"/run/${.LINE}.sock\"", &environment),
            Err(ConfigLineError::OwnVariable(".LINE".to_owned()))
        );
        environment.add_own_variables(Some(b"peer1"));
        assert_eq!(environment.get(b"HAPROXY_LOCALPEER"), Ok(Some(&b"peer1"[..])));
        environment.apply_line(&[b"localpeer".to_vec(), b"peer2".to_vec()]);
        assert_eq!(environment.get(b"HAPROXY_LOCALPEER"), Ok(Some(&b"peer2"[..])));
        environment.add_own_variables(None);
        let host_name = rustix::system::uname().nodename().to_bytes().to_vec();
        assert_eq!(environment.get(b"HAPROXY_LOCALPEER"), Ok(Some(host_name.as_slice())));
    }
}
