//! Texts that say nothing about a site and stay in an anonymized recording. Every other text is replaced.

use crate::haproxy::fields::InfoField;
use crate::haproxy::version::Version;

/// First words of the `status` column.
pub(super) const STATUS_WORDS: &[&str] =
    &["UP", "DOWN", "NOLB", "DRAIN", "MAINT", "OPEN", "FULL", "PAUSED", "WAITING", "STOP"];
/// Remarks after the first word of the `status` column.
const STATUS_REMARKS: &[&str] = &["(agent)", "(resolution)", "(UNPUB)"];

/// Results of health and agent checks, with HAProxy's descriptions.
const CHECK_RESULTS: &[(&str, &str)] = &[
    ("UNK", "Unknown"),
    ("INI", "Initializing"),
    ("SOCKERR", "Socket error"),
    ("CHECKED", "No status change"),
    ("HANA", "Health analyze"),
    ("L4OK", "Layer4 check passed"),
    ("L4TOUT", "Layer4 timeout"),
    ("L4CON", "Layer4 connection problem"),
    ("L6OK", "Layer6 check passed"),
    ("L6TOUT", "Layer6 timeout"),
    ("L6RSP", "Layer6 invalid response"),
    ("L7TOUT", "Layer7 timeout"),
    ("L7RSP", "Layer7 invalid response"),
    ("L7OKC", "Layer7 check conditionally passed"),
    ("L7OK", "Layer7 check passed"),
    ("L7STS", "Layer7 wrong status"),
    ("PROCERR", "External check error"),
    ("PROCTOUT", "External check timeout"),
    ("PROCOK", "External check passed"),
];

/// Texts of the last check: errors of the system, and the usual reason phrases of HTTP.
const CHECK_TEXTS: &[&str] = &[
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Broken pipe",
    "Host is down",
    "Network is down",
    "Network is unreachable",
    "No route to host",
    "Operation not permitted",
    "Permission denied",
    "Timeout",
    "OK",
    "Created",
    "Accepted",
    "No Content",
    "Moved Permanently",
    "Found",
    "See Other",
    "Not Modified",
    "Temporary Redirect",
    "Permanent Redirect",
    "Bad Request",
    "Unauthorized",
    "Forbidden",
    "Not Found",
    "Method Not Allowed",
    "Not Acceptable",
    "Request Timeout",
    "Conflict",
    "Gone",
    "Too Many Requests",
    "Internal Server Error",
    "Not Implemented",
    "Bad Gateway",
    "Service Unavailable",
    "Gateway Timeout",
    "HTTP Version Not Supported",
];

/// Orders of an agent.
const AGENT_WORDS: &[&str] = &["up", "down", "drain", "maint", "ready", "stopped", "stopping", "fail"];

/// Values of the columns `mode`, `algo` and `proto`.
pub(super) const MODES: &[&str] = &["tcp", "http", "health", "unknown", "syslog", "peers", "cli", "spop"];
pub(super) const ALGORITHMS: &[&str] = &[
    "roundrobin",
    "static-rr",
    "leastconn",
    "first",
    "source",
    "uri",
    "url_param",
    "hdr",
    "hash",
    "random",
    "rdp-cookie",
    "sticky",
    "none",
    "unknown",
];
pub(super) const PROTOCOLS: &[&str] = &["none", "pass", "PASS", "h1", "h2", "h3", "quic", "fcgi", "spop"];

/// Numeric keys of `show info` besides [`InfoField`].
const INFO_KEYS: &[&str] = &[
    "Memmax_bytes",
    "PoolAlloc_MB",
    "PoolAlloc_bytes",
    "PoolUsed_bytes",
    "Hard_maxconn",
    "CumSslConns",
    "PipesFree",
    "MaxConnRate",
    "MaxSessRate",
    "MaxSslRate",
    "SslFrontendKeyRate",
    "SslFrontendMaxKeyRate",
    "SslBackendKeyRate",
    "SslBackendMaxKeyRate",
    "SslCacheLookups",
    "SslCacheMisses",
    "CompressBpsIn",
    "CompressBpsOut",
    "CompressBpsRateLim",
    "ZlibMemUsage",
    "MaxZlibMemUsage",
    "Tasks",
    "Unstoppable Jobs",
    "ActivePeers",
    "ConnectedPeers",
    "BusyPolling",
    "FailedResolutions",
    "TotalSplicedBytesOut",
    "TotalSplicdedBytesOut",
    "DebugCommandsIssued",
    "CumRecvLogs",
    "Tainted",
    "TotalWarnings",
    "BootTime_ms",
    "Niced_tasks",
    "CurrStreams",
    "CumStreams",
    "MaxStreams",
    "Uptime",
    "Release_date",
];

/// Words of commands that change HAProxy.
const COMMAND_WORDS: &[&str] = &[
    "add",
    "agent",
    "all",
    "backend",
    "check",
    "checks",
    "clear",
    "counters",
    "del",
    "disable",
    "down",
    "drain",
    "dynamic-cookie",
    "enable",
    "frontend",
    "global",
    "health",
    "key",
    "maint",
    "maxconn",
    "publish",
    "ready",
    "server",
    "session",
    "sessions",
    "set",
    "shutdown",
    "state",
    "stopping",
    "stopped",
    "table",
    "unpublish",
    "up",
    "weight",
    "rate-limit",
];

/// Parts of hapulse that send commands, as the audit log names them.
pub(super) const TOOLS: &[&str] =
    &["dashboard", "hapulse --plain", "hapulse drain", "hapulse maint", "hapulse ready", "hapulse"];

/// Returns whether a word after the first one of a status stays: `1/3`, `(agent)`.
pub(super) fn is_status_remark(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_progress = |(done, needed): (&str, &str)| is_number(done) && is_number(needed);
    STATUS_REMARKS.contains(&word) || word.trim_start_matches('-').split_once('/').is_some_and(is_progress)
}

/// Returns whether a text is the result code of a check.
pub(super) fn is_check_result(code: &str) -> bool {
    CHECK_RESULTS.iter().any(|(known, _)| *known == code)
}

/// Returns whether a text is HAProxy's description of a check result.
pub(super) fn is_check_description(text: &str) -> bool {
    CHECK_RESULTS.iter().any(|(_, known)| *known == text)
}

/// Returns whether a text of the last check stays.
pub(super) fn is_check_text(text: &str) -> bool {
    CHECK_TEXTS.contains(&text)
}

/// Returns whether a text is an order of an agent: `via agent : drain`, `via agent : 75%`.
pub(super) fn is_agent_order(text: &str) -> bool {
    let is_weight = |word: &str| word.strip_suffix('%').is_some_and(|number| number.parse::<u32>().is_ok());
    text.strip_prefix("via agent : ").is_some_and(|word| AGENT_WORDS.contains(&word) || is_weight(word))
}

/// Returns whether a word of a command stays: `state`, `drain`, `50%`.
pub(super) fn is_command_word(word: &str) -> bool {
    let number = word.strip_suffix('%').unwrap_or(word);
    COMMAND_WORDS.contains(&word) || !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a line of `show info` stays. Only numbers, dates and times do.
pub(super) fn is_info_line(key: &str, value: &str) -> bool {
    let is_number_or_time = !value.is_empty() && value.bytes().all(|byte| b"0123456789 -./dhms".contains(&byte));
    let is_key = INFO_KEYS.contains(&key) || InfoField::by_name(key.as_bytes()).is_some();
    key == "Name" && value == "HAProxy" || is_key && is_number_or_time
}

/// Returns the numbers of a HAProxy version, without the additions of the distribution or the build: `2.6.12` for
/// `2.6.12-1+deb12u4`. Returns `None` if the text does not begin with a version.
pub(super) fn version_numbers(text: &str) -> Option<String> {
    let branch = Version::parse(text)?.to_string();
    let rest = text.strip_prefix(&branch)?;
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).take(5).collect::<String>();
    let suffix = ["-dev", "."].into_iter().find_map(|prefix| {
        let number = number(rest.strip_prefix(prefix)?);
        (!number.is_empty()).then(|| format!("{prefix}{number}"))
    });
    Some(format!("{branch}{}", suffix.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_numbers_drops_additions() {
        let cases = [
            ("2.6.12-1+deb12u4", Some("2.6.12")),
            ("3.2.0-e134140d2", Some("3.2.0")),
            ("3.5-dev5-acme", Some("3.5-dev5")),
            ("3.0.11.acme", Some("3.0.11")),
            ("3.0-acme", Some("3.0")),
            ("3.0.x", Some("3.0")),
            ("acme", None),
        ];
        for (text, numbers) in cases {
            assert_eq!(version_numbers(text).as_deref(), numbers, "{text}");
        }
    }

    #[test]
    fn known_texts_are_exact() {
        assert!(is_status_remark("1/3") && is_status_remark("-1/3") && is_status_remark("(agent)"));
        assert!(!is_status_remark("a/3") && !is_status_remark("/") && !is_status_remark("(via b/s)"));
        assert!(is_check_result("L4CON") && !is_check_result("* L4CON") && !is_check_result("L4CON x"));
        assert!(is_agent_order("via agent : up") && is_agent_order("via agent : 75%"));
        assert!(!is_agent_order("via agent : down (deploy)") && !is_agent_order("via agent : acme"));
        assert!(is_info_line("Uptime", "0d 0h04m12s") && is_info_line("Pid", "7") && is_info_line("Name", "HAProxy"));
        assert!(!is_info_line("node", "1") && !is_info_line("Pid", "lb") && !is_info_line("Name", "acme"));
        assert!(
            is_command_word("50%") && is_command_word("drain") && !is_command_word("0x55") && !is_command_word("%")
        );
    }
}
