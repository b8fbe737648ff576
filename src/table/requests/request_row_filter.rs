//! The words of a filter for requests that select those of one row.

use crate::logs::group_key::GroupKey;
use crate::units;

/// Returns the words that select the requests of a group; `None` if words cannot express its name.
pub(crate) fn words(key: GroupKey, name: &str) -> Option<String> {
    let is_word = |text: &str| {
        !text.is_empty() && !text.contains(char::is_whitespace) && !text.contains('\\') && text != units::UNKNOWN
    };
    let word = |prefix: &str, text: &str| is_word(text).then(|| format!("{prefix}{text}"));
    match key {
        _ if name == "<none>" => None,
        GroupKey::Frontend => word("frontend=", name),
        GroupKey::Backend => word("backend=", name),
        GroupKey::Server => {
            let (backend, server) = name.rsplit_once('/')?;
            Some(format!("{} {}", word("backend=", backend)?, word("server=", server)?))
        }
        GroupKey::Network if name.contains('/') => word("client:", name),
        GroupKey::Client | GroupKey::Network => word("client=", name),
        GroupKey::Url if name.contains(' ') => {
            let (method, path) = name.split_once(' ')?;
            Some(format!("{} {}", word("method=", method)?, word("url=", path)?))
        }
        GroupKey::Url | GroupKey::Path => word("url=", name),
        GroupKey::Method => word("method=", name),
        GroupKey::Status => word("status:", name),
        GroupKey::Flags => word("flags=", name),
    }
}

/// Returns a filter with further words; those that it has already are not repeated.
pub(crate) fn join(filter: &str, words: &str) -> String {
    let mut all: Vec<&str> = filter.split_whitespace().collect();
    all.extend(words.split_whitespace().filter(|word| !filter.split_whitespace().any(|known| known == *word)));
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::line_reader::LineReader;
    use crate::logs::request_filter::RequestFilter;

    #[test]
    fn words_select_the_requests_of_the_row() {
        let mut reader = LineReader::new([]).unwrap();
        let line = |client: &str, server: &str, uri: &str| {
            format!(
                "{client}:4711 [29/Nov/2026:07:12:38.123] web app/{server} 0/0/0/5/9 503 100 - - sH-- 1/1/0/0/0 0/0 \"GET {uri} \
                 HTTP/1.1\""
            )
        };
        let same = line("10.0.1.5", "s1", "/user/77?x=1");
        let other = line("10.0.2.51", "s11", "/user/77/more");
        for (key_name, key) in GroupKey::ALL {
            let mut name = Vec::new();
            key.write(&reader.read(same.as_bytes()).unwrap(), &mut name);
            let words = words(key, std::str::from_utf8(&name).unwrap()).unwrap();
            let filter = RequestFilter::parse(&words).unwrap();
            assert!(filter.matches(&reader.read(same.as_bytes()).unwrap()), "{words}");
            let is_distinct = ["server", "client", "network", "url", "path"].contains(&key_name);
            assert_eq!(filter.matches(&reader.read(other.as_bytes()).unwrap()), !is_distinct, "{words}");
        }
        for (key, name) in [(GroupKey::Url, "GET /a b"), (GroupKey::Client, "<none>"), (GroupKey::Server, r"a/\x1b")] {
            assert_eq!(words(key, name), None);
        }
        assert_eq!(join("status:5xx backend=app", "backend=app server=s1"), "status:5xx backend=app server=s1");
    }
}
