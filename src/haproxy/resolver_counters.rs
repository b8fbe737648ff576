//! The reply to `show resolvers`: counters of each name server.

use crate::haproxy::safe_text::SafeText;

/// Command that reports the counters of the name servers (1.8 and newer, at any level).
pub const COMMAND: &str = "show resolvers";

/// Counters of one name server since the start of HAProxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServerCounters {
    /// Name of the `resolvers` section.
    pub section: SafeText,
    /// Name of the name server.
    pub name: SafeText,
    /// Questions sent.
    pub sent: i64,
    /// Answers that HAProxy could use, or could have used if another name server had not been faster: `valid`, `outdated`,
    /// and `nx`, that a name does not exist.
    pub answered: i64,
    /// Questions that could not be sent, and answers that HAProxy could not use: `snd_error`, `refused`, `invalid`, `other`
    /// errors, `too_big`, `truncated`.
    pub errors: i64,
    /// Questions that timed out.
    pub timeouts: i64,
}

/// Parses a reply. Returns an empty list if HAProxy has no resolvers, and `None` for another reply.
pub fn parse(body: &[u8]) -> Option<Vec<NameServerCounters>> {
    let text = String::from_utf8_lossy(body);
    let mut section: Option<&str> = None;
    let mut all: Vec<NameServerCounters> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Resolvers section ") {
            section = Some(name.trim());
        } else if let (Some(section), Some(name)) = (section, line.trim().strip_prefix("nameserver ")) {
            all.push(NameServerCounters {
                section: SafeText::new(section.as_bytes()),
                name: SafeText::new(name.trim_end_matches(':').as_bytes()),
                sent: 0,
                answered: 0,
                errors: 0,
                timeouts: 0,
            });
        } else if let (Some(last), Some((key, number))) = (all.last_mut(), line.trim().split_once(':')) {
            let number = number.trim().parse::<i64>().unwrap_or(0);
            match key {
                "sent" => last.sent = number,
                "valid" | "nx" | "outdated" => last.answered += number,
                "snd_error" | "send_error" | "refused" | "invalid" | "other" | "too_big" | "truncated" => {
                    last.errors += number;
                }
                "timeout" => last.timeouts = number,
                _ => {}
            }
        }
    }
    let is_reply = section.is_some() || text.trim().is_empty() || text.starts_with("No resolvers found");
    is_reply.then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_counters_of_each_name_server() {
        let reply = "Resolvers section dns\n nameserver one:\n  sent:        20\n  snd_error:   1\n  valid:       9\n  \
                     nx:          3\n  timeout:     5\n  refused:     2\n nameserver two:\n  sent:        4\n\
                     Resolvers section default\n nameserver 10.0.0.53:\n  sent:        0\n";
        let found = parse(reply.as_bytes()).unwrap();
        let names: Vec<String> = found.iter().map(|server| format!("{}/{}", server.section, server.name)).collect();
        assert_eq!(names, ["dns/one", "dns/two", "default/10.0.0.53"]);
        let one = &found[0];
        assert_eq!((one.sent, one.answered, one.errors, one.timeouts), (20, 12, 3, 5));
        assert_eq!((found[1].sent, found[2].sent), (4, 0));
    }

    #[test]
    fn parse_separates_no_resolvers_from_other_replies() {
        assert_eq!(parse(b"\n"), Some(vec![]));
        assert_eq!(parse(b"No resolvers found\n"), Some(vec![]));
        assert_eq!(parse(b"Unknown command. Please enter one of the following commands only :\n"), None);
    }
}
