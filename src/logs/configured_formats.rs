//! The log formats in HAProxy's configuration file.

use crate::logs::default_formats::DEFAULT_FORMATS;

/// The variables in which HAProxy 2.8 and later keep the default formats, and their names in [`DEFAULT_FORMATS`].
const FORMAT_VARIABLES: [(&str, &str); 5] = [
    ("HAPROXY_HTTP_LOG_FMT", "http"),
    ("HAPROXY_HTTPS_LOG_FMT", "https"),
    ("HAPROXY_TCP_LOG_FMT", "tcp"),
    ("HAPROXY_HTTP_CLF_LOG_FMT", "http-clf"),
    ("HAPROXY_TCP_CLF_LOG_FMT", "tcp-clf"),
];

/// Returns the values of all `log-format` and `error-log-format` lines of a configuration with their line numbers; equal ones
/// once.
pub(crate) fn read(config: &str) -> Vec<(usize, String)> {
    let mut formats: Vec<(usize, String)> = Vec::new();
    for (place, line) in config.lines().enumerate() {
        let line = line.trim_start();
        let Some(rest) = line.strip_prefix("error-").unwrap_or(line).strip_prefix("log-format") else { continue };
        let format = if rest.starts_with([' ', '\t']) { unquote(rest.trim_start()) } else { String::new() };
        let format = expand(format);
        if !format.is_empty() && formats.iter().all(|(_, known)| *known != format) {
            formats.push((place + 1, format));
        }
    }
    formats
}

/// Replaces the variables of default formats by these.
fn expand(mut format: String) -> String {
    for (variable, name) in FORMAT_VARIABLES {
        let value = DEFAULT_FORMATS.iter().find(|(known, _)| *known == name).map_or("", |(_, format)| format);
        format = format.replace(&format!("${{{variable}}}"), value);
    }
    format
}

/// Returns the first word of a configuration line as HAProxy reads it: quotes are removed, and a backslash keeps the next
/// character. In single quotes, every character stands for itself.
fn unquote(text: &str) -> String {
    let (mut out, mut chars, mut quote) = (String::new(), text.chars(), None);
    while let Some(ch) = chars.next() {
        match (quote, ch) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => quote = Some(ch),
            (None | Some('"'), '\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(escaped) => out.push(escaped),
                None => {}
            },
            (None, ' ' | '\t' | '#') => break,
            _ => out.push(ch),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_haproxy_reads_them() {
        let config = "defaults\n  option httplog\n  log-format-sd none\n\
                      frontend a\n\tlog-format \"%ci [%tr] %ST %{+Q}r\"  # comment\n\
                      frontend b\n  log-format %ci\\ %ST\\ \\\"x\\\"\nfrontend c\n  log-format '%ST \\ %B'\n#log-format %B\n";
        let error = "  error-log-format \"%ci %ST\"\n  log-format \"${HAPROXY_TCP_LOG_FMT} %[src]\"\n";
        let [(1, first), (2, second)] = &read(error)[..] else { panic!("{:?}", read(error)) };
        assert!(first == "%ci %ST" && second.starts_with("%ci:%cp [%t] %ft") && second.ends_with("%sq/%bq %[src]"));
        let expected = [(5, "%ci [%tr] %ST %{+Q}r"), (7, "%ci %ST \"x\""), (9, "%ST \\ %B")];
        assert_eq!(read(config), expected.map(|(line, format)| (line, format.to_owned())));
    }
}
