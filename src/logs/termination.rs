//! The two termination flags of a request in words, each with its likely cause.
//!
//! Source: HAProxy's configuration manual, section 8.5, "Session state at disconnection".

/// The meaning of a pair of termination flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Termination {
    /// The two flags.
    pub(crate) flags: &'static str,
    /// Meaning in a few words.
    pub(crate) words: &'static str,
    /// Likely cause, or what to look at.
    pub(crate) cause: &'static str,
    /// True if the request ended otherwise than intended.
    pub(crate) is_bad: bool,
}

const fn bad(flags: &'static str, words: &'static str, cause: &'static str) -> Termination {
    Termination { flags, words, cause, is_bad: true }
}

const fn regular(flags: &'static str, words: &'static str, cause: &'static str) -> Termination {
    Termination { flags, words, cause, is_bad: false }
}

/// All pairs of flags that HAProxy's manual explains, and those of servers that go down.
pub(crate) static TERMINATIONS: &[Termination] = &[
    regular("--", "regular end", "both sides closed as intended"),
    regular("LR", "answered by HAProxy", "a redirect, a monitor URI, the statistics page or a return rule"),
    regular("LC", "answered by HAProxy", "an internal redirect of the server, or a return rule, before the connection"),
    regular("LH", "answered by HAProxy", "an http-response rule, or the statistics, while the response began"),
    regular("LD", "answered by HAProxy", "an applet or a rule of HAProxy sent the data"),
    bad(
        "CR",
        "client left during its request",
        "the client, or a device before HAProxy, closed before the request was complete",
    ),
    bad(
        "cR",
        "client sent no request in time",
        "timeout http-request or client: a slow client, a scan, or a preconnect of a browser",
    ),
    bad(
        "CQ",
        "client gave up in the queue",
        "too few servers or a low maxconn: the request waited longer than the client",
    ),
    bad("cQ", "client timeout in the queue", "the request waited in the queue until timeout client"),
    bad(
        "CC",
        "client gave up during connect",
        "connecting to the server took too long: server overloaded, or the network drops packets",
    ),
    bad("cC", "client timeout during connect", "connecting took until timeout client: compare timeout connect"),
    bad("CH", "client gave up, server too slow", "the application answered later than the client waited"),
    bad(
        "cH",
        "client timeout before headers",
        "timeout client is shorter than the application needs, or the client stopped to send its body",
    ),
    bad("CD", "client left during transfer", "the user closed the page, or the client's network failed"),
    bad("cD", "client stopped to read", "timeout client: the client, or its network, hung during the transfer"),
    bad("CL", "client left with data to read", "the client closed before HAProxy had sent the last data"),
    bad("cL", "client stopped at the end", "timeout client while HAProxy sent the last data"),
    bad("CT", "client left the tarpit", "a tarpit rule held the request, and the client did not wait"),
    bad(
        "sQ",
        "waited too long in the queue",
        "timeout queue: too few servers, a low maxconn, or slow answers that keep the slots",
    ),
    bad("SQ", "server failed in the queue", "the queue was emptied because no server was left"),
    bad(
        "SC",
        "server refused the connection",
        "the service does not listen, its backlog is full, or no server was usable",
    ),
    bad("sC", "no connection in time", "timeout connect: the server or a firewall drops packets"),
    bad("SH", "server closed before headers", "the application crashed or restarted, or closed an idle connection"),
    bad("sH", "server too slow", "the application did not answer within timeout server"),
    bad(
        "SD",
        "server closed during transfer",
        "the application crashed or restarted, or a device between closed the connection",
    ),
    bad("sD", "server stopped to send", "timeout server during the transfer: the application hung"),
    bad("SL", "server closed at the end", "the server closed before HAProxy had sent it the last data"),
    bad("sL", "server stopped at the end", "timeout server while HAProxy sent the last data"),
    bad("PC", "refused by HAProxy's limit", "the process has no free slot or socket to connect to a server: maxconn"),
    bad("PR", "refused by HAProxy", "a deny rule, an invalid request, or a limit of the request"),
    bad("PH", "response refused by HAProxy", "the response was invalid, or a deny rule of http-response matched"),
    bad("PD", "cut by HAProxy", "the body was invalid: a wrong chunk or content length"),
    bad("PT", "held in a tarpit", "a tarpit rule matched"),
    bad(
        "RC",
        "no resources to connect",
        "no source port or memory was left: more addresses for source, or fewer idle connections",
    ),
    bad("RR", "no resources for the request", "memory or buffers were exhausted"),
    bad("RH", "no resources for the response", "memory or buffers were exhausted"),
    bad(
        "DC",
        "server went down",
        "the server failed its health checks; on-marked-down shutdown-sessions ended the session",
    ),
    bad(
        "DH",
        "server went down",
        "the server failed its health checks; on-marked-down shutdown-sessions ended the session",
    ),
    bad(
        "DD",
        "server went down",
        "the server failed its health checks; on-marked-down shutdown-sessions ended the session",
    ),
    bad(
        "UD",
        "backup server not needed",
        "an active server came back; on-marked-up shutdown-backup-sessions ended the session",
    ),
    bad("KD", "ended by an administrator", "shutdown session, or hapulse, ended the session"),
    bad("KH", "ended by an administrator", "shutdown session, or hapulse, ended the session"),
];

/// The first flag: who ended the session.
const ENDED_BY: [(u8, &str); 13] = [
    (b'C', "client closed"),
    (b'c', "client timeout"),
    (b'S', "server closed"),
    (b's', "server timeout"),
    (b'P', "refused by HAProxy"),
    (b'L', "answered by HAProxy"),
    (b'R', "no resources"),
    (b'I', "internal error of HAProxy"),
    (b'D', "server went down"),
    (b'U', "backup server not needed"),
    (b'K', "ended by an administrator"),
    (b'B', "server blocked"),
    (b'-', "regular end"),
];

/// The second flag: the phase in which it ended.
const ENDED_IN: [(u8, &str); 7] = [
    (b'R', "in the request"),
    (b'Q', "in the queue"),
    (b'C', "during connect"),
    (b'H', "before headers"),
    (b'D', "during transfer"),
    (b'L', "at the end"),
    (b'T', "in a tarpit"),
];

/// Returns the row of a pair of flags; `None` if the table does not contain it.
pub(crate) fn find(flags: &[u8]) -> Option<&'static Termination> {
    TERMINATIONS.iter().find(|row| row.flags.as_bytes() == flags)
}

/// Returns flags in words: those of the table, or else who ended the session and in which phase; `None` for letters that
/// HAProxy does not use.
pub(crate) fn words(flags: &[u8]) -> Option<String> {
    if let Some(row) = find(flags) {
        return Some(row.words.to_owned());
    }
    let [first, second] = flags else { return None };
    let (_, by) = ENDED_BY.iter().find(|(letter, _)| letter == first)?;
    let phase = ENDED_IN.iter().find(|(letter, _)| letter == second).map(|(_, text)| *text);
    phase.map(|phase| format!("{by} {phase}")).or_else(|| (*second == b'-').then(|| (*by).to_owned()))
}

/// Returns the likely cause of flags; `None` if the table does not contain them.
pub(crate) fn likely_cause(flags: &[u8]) -> Option<&'static str> {
    find(flags).map(|row| row.cause)
}

/// Returns whether flags say that a request ended otherwise than intended. Flags that are absent say nothing.
pub(crate) fn is_bad(flags: &[u8]) -> bool {
    match find(flags) {
        Some(row) => row.is_bad,
        None => flags.first().is_some_and(|first| !b"-L".contains(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_unique_and_explained() {
        for (place, row) in TERMINATIONS.iter().enumerate() {
            assert_eq!(row.flags.len(), 2);
            assert!(row.words.len() <= 32 && !row.cause.is_empty(), "{}", row.flags);
            assert!(TERMINATIONS[..place].iter().all(|other| other.flags != row.flags), "{}", row.flags);
            assert_eq!(row.is_bad, !row.flags.starts_with(['-', 'L']), "{}", row.flags);
        }
    }

    #[test]
    fn words_fall_back_to_the_letters() {
        assert_eq!(words(b"sH").as_deref(), Some("server too slow"));
        assert_eq!(words(b"ID").as_deref(), Some("internal error of HAProxy during transfer"));
        assert_eq!(words(b"K-").as_deref(), Some("ended by an administrator"));
        assert_eq!([words(b"xy"), words(b""), words(b"s")], [None, None, None]);
        assert_eq!([is_bad(b"ID"), is_bad(b"--"), is_bad(b""), is_bad(b"LR")], [true, false, false, false]);
        assert_eq!(likely_cause(b"ID"), None);
    }
}
