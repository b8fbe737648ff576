//! The log formats in HAProxy's configuration file.

/// Returns the values of all `log-format` lines of a configuration with their line numbers; equal ones once. Those of
/// `error-log-format` describe no requests.
pub(crate) fn read(config: &str) -> Vec<(usize, String)> {
    let mut formats: Vec<(usize, String)> = Vec::new();
    for (place, line) in config.lines().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("log-format") else { continue };
        let format = if rest.starts_with([' ', '\t']) { unquote(rest.trim_start()) } else { String::new() };
        if !format.is_empty() && formats.iter().all(|(_, known)| *known != format) {
            formats.push((place + 1, format));
        }
    }
    formats
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
        let expected = [(5, "%ci [%tr] %ST %{+Q}r"), (7, "%ci %ST \"x\""), (9, "%ST \\ %B")];
        assert_eq!(read(config), expected.map(|(line, format)| (line, format.to_owned())));
    }
}
