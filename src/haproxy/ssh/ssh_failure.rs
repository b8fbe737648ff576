//! Failures of ssh: what it printed, and the step that fixes it.

use thiserror::Error;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::ssh::ssh_address::SshHost;

/// The reason why ssh does not reach a host, or the socket on it, in the words of ssh.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("ssh {host}: {words}")]
pub struct SshFailure {
    host: SafeText,
    words: SafeText,
    /// Step that fixes the failure, if known.
    pub(crate) hint: Option<String>,
}

/// Words of ssh in lower case, and the step that fixes the failure. The first row that matches decides: later lines of ssh
/// often follow from an earlier one. `LOGIN` stands for the command to log in, `HOST` for the name of the host, and `KEY`
/// for the name under which its key is stored.
const KNOWN_WORDS: [(&str, &str); 13] = [
    (
        "remote host identification has changed",
        "its host key is not the known one: if it was replaced, ssh-keygen -R KEY, then LOGIN and compare the new key",
    ),
    ("host key verification failed", "its host key is unknown: run LOGIN once, compare the key and accept it"),
    ("too many authentication failures", "set IdentitiesOnly yes and IdentityFile for HOST in ~/.ssh/config"),
    (
        "permission denied (",
        "hapulse asks for no password; load the key with ssh-add, or set IdentityFile in ~/.ssh/config",
    ),
    (
        PROHIBITED,
        "sshd refuses to forward sockets: set AllowStreamLocalForwarding yes in sshd_config of HOST, and remove restrict \
         and no-port-forwarding from authorized_keys",
    ),
    ("could not resolve hostname", "is the name right? It must be in ~/.ssh/config, in DNS or in /etc/hosts"),
    ("connection refused", "no sshd listens on this port: is it running, is the port right? ssh://HOST:PORT"),
    ("no route to host", "the host or the network is down, or a firewall rejects the connection"),
    ("network is unreachable", "this machine has no route to the host: check its network, or use a jump host"),
    ("not responding", "the host or the network does not answer; hapulse connects again"),
    ("timed out", "the host or the network does not answer, or a firewall drops the connection"),
    ("cannot start ssh", "install the OpenSSH client: apt-get install openssh-client"),
    ("bad configuration option", "correct ~/.ssh/config or /etc/ssh/ssh_config: LOGIN shows the same error"),
];

/// Text that marks the line of a forwarded connection that the host refused.
const REFUSED_CHANNEL: &str = "open failed: ";

/// Reason of sshd for a refusal by its configuration.
const PROHIBITED: &str = "administratively prohibited";

/// Lines of ssh that say only that another one was fatal.
const FOLLOWING_WORDS: [&str; 4] =
    ["warning: permanently added", "connection closed by unknown", "kex_exchange_identification", "killed by signal"];

impl SshFailure {
    /// Creates a failure that hapulse itself found.
    pub(crate) fn new(host: &SshHost, words: &str, hint: Option<String>) -> Self {
        Self { host: SafeText::from(host.to_string().as_str()), words: SafeText::from(words), hint }
    }

    /// Creates a failure from the output of an ssh that ended: the line that explains it, else the last one.
    pub(crate) fn from_output(host: &SshHost, output: &str) -> Self {
        let lines: Vec<&str> = output.lines().map(trim_frame).filter(|line| !line.is_empty()).collect();
        let contains = |line: &str, words: &str| line.to_lowercase().contains(words);
        let known = KNOWN_WORDS.iter().find_map(|(words, hint)| {
            let line = lines.iter().rfind(|line| contains(line, words))?;
            Some((*line, Some(with_names(hint, host))))
        });
        let is_cause = |line: &&&str| FOLLOWING_WORDS.iter().all(|words| !contains(line, words));
        let last = || lines.iter().rfind(is_cause).or_else(|| lines.last()).map(|line| (*line, None));
        let (words, hint) = known.or_else(last).unwrap_or(("ended without a message", None));
        Self::new(host, words, hint)
    }

    /// Returns whether sshd refuses to forward any socket.
    pub(crate) fn is_policy(&self) -> bool {
        self.words.as_str().contains(PROHIBITED)
    }

    /// Creates a failure if the output contains that the host refused to connect to the socket at `path`.
    pub(crate) fn from_refusal(host: &SshHost, path: &str, output: &str) -> Option<Self> {
        let line = output.lines().map(trim_frame).rfind(|line| line.contains(REFUSED_CHANNEL))?;
        let known = Self::from_output(host, line);
        let hint = || {
            format!(
                "is HAProxy running there, is the path right, may this user open it ({} ls -l {path}), and does sshd forward \
                 sockets (AllowStreamLocalForwarding yes)?",
                host.login_command()
            )
        };
        Some(Self::new(host, &format!("cannot open {path} there: {line}"), known.hint.or_else(|| Some(hint()))))
    }
}

/// Removes the frame that ssh draws around warnings.
fn trim_frame(line: &str) -> &str {
    line.trim_matches(|ch: char| ch == '@' || ch.is_whitespace())
}

fn with_names(hint: &str, host: &SshHost) -> String {
    let hint = hint.replace("LOGIN", &host.login_command()).replace("KEY", &host.known_name());
    hint.replace("HOST", host.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::ssh::ssh_address::SshAddress;

    fn host() -> SshHost {
        SshAddress::parse("ann@lb1:2222").unwrap().host().clone()
    }

    fn described(output: &str) -> (String, String) {
        let failure = SshFailure::from_output(&host(), output);
        (failure.to_string(), failure.hint.unwrap_or_default())
    }

    #[test]
    fn from_output_shows_decisive_line_and_step() {
        let (text, hint) = described(
            "Warning: Permanently added 'x'.\r\nann@jump: Permission denied (publickey).\r\nConnection closed by UNKNOWN port 65535\r\n",
        );
        assert_eq!(text, "ssh ann@lb1:2222: ann@jump: Permission denied (publickey).");
        assert!(hint.contains("ssh-add") && hint.contains("IdentityFile"), "{hint}");
        let (_, hint) = described("No ED25519 host key is known for lb1.\r\nHost key verification failed.\r\n");
        assert_eq!(hint, "its host key is unknown: run ssh -p 2222 ann@lb1 once, compare the key and accept it");
        let (text, hint) = described(
            "@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@\nHost key verification failed.",
        );
        assert!(text.ends_with(": WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"), "{text}");
        assert!(hint.contains("ssh-keygen -R '[lb1]:2222'"), "{hint}");
    }

    #[test]
    fn from_output_keeps_unknown_words_and_escapes_them() {
        assert_eq!(
            described("banner\nso\x1b[31mmething\n\n"),
            ("ssh ann@lb1:2222: so\\x1b[31mmething".into(), String::new())
        );
        assert_eq!(described("\n").0, "ssh ann@lb1:2222: ended without a message");
    }

    #[test]
    fn from_refusal_distinguishes_policy_from_missing_socket() {
        let refusal = |line: &str| SshFailure::from_refusal(&host(), "/run/a.sock", line);
        let prohibited = refusal("channel 2: open failed: administratively prohibited: open failed\r\n").unwrap();
        assert!(prohibited.hint.unwrap().contains("AllowStreamLocalForwarding yes in sshd_config of lb1"));
        let missing = refusal("channel 2: open failed: connect failed: open failed\r\n").unwrap();
        assert!(missing.to_string().contains("cannot open /run/a.sock there: channel 2: open failed: connect failed"));
        assert!(missing.hint.unwrap().contains("ssh -p 2222 ann@lb1 ls -l /run/a.sock"));
        assert_eq!(refusal("Timeout, server lb1 not responding."), None);
    }
}
