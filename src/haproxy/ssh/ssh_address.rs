//! Addresses of sockets that are reached over ssh: `ssh://[USER@]HOST[:PORT][/PATH]`.

use std::fmt;

/// Start of an address.
pub(crate) const SCHEME: &str = "ssh://";
/// Maximum length of the path of a Unix socket, in bytes.
const MAX_PATH: usize = 107;

/// A host, as ssh knows it: its name may be an alias in the configuration of ssh.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshHost {
    user: Option<String>,
    name: String,
    port: Option<u16>,
}

/// A Unix socket on a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshAddress {
    host: SshHost,
    path: Option<String>,
}

impl SshAddress {
    /// Parses an address without its `ssh://`.
    ///
    /// # Errors
    /// Returns the reason why the text is not an address. Characters that ssh or a shell that it starts would interpret
    /// are not allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (host, path) = match text.find('/') {
            Some(at) => (&text[..at], Some(&text[at..]).filter(|path| *path != "/")),
            None => (text, None),
        };
        let (user, host) = host.rsplit_once('@').map_or((None, host), |(user, host)| (Some(user), host));
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => match rest.split_once(']').ok_or("write an IPv6 address as [ADDRESS]")? {
                (name, "") => (name, None),
                (name, port) => (name, Some(port.strip_prefix(':').ok_or("write a port as [ADDRESS]:PORT")?)),
            },
            None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
        };
        let is_plain = |text: &str, more: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|ch| ch.is_ascii_alphanumeric() || more.contains(ch))
        };
        if name.is_empty() {
            return Err("the host is missing");
        }
        if !is_plain(name, if host.starts_with('[') { "-_.:%" } else { "-_." }) {
            return Err("the host contains characters that are not allowed in a host name");
        }
        if user.is_some_and(|user| !is_plain(user, "-_.+@")) {
            return Err("the user contains characters that are not allowed in a user name");
        }
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err("the port must be a number from 1 to 65535"),
        };
        if path.is_some_and(|path| path.len() > MAX_PATH) {
            return Err("the path of the socket is longer than 107 bytes");
        }
        let is_path_char = |ch: char| ch.is_alphanumeric() || "/-_.+,=@~#".contains(ch);
        if path.is_some_and(|path| !path.chars().all(is_path_char)) {
            return Err("the path of the socket contains characters that ssh would interpret");
        }
        let host = SshHost { user: user.map(str::to_owned), name: name.to_owned(), port };
        Ok(Self { host, path: path.map(str::to_owned) })
    }

    /// Returns the host.
    pub(crate) fn host(&self) -> &SshHost {
        &self.host
    }

    /// Returns the path of the socket on the host; `None` if the usual paths are tried.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl SshHost {
    /// Returns the name without user and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the user, unless the configuration of ssh decides.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the arguments of ssh that select the host; the last ones before a command.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let port = self.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]);
        let user = self.user.iter().flat_map(|user| ["-l".to_owned(), user.clone()]);
        port.chain(user).chain(["--".to_owned(), self.name.clone()]).collect()
    }

    /// Returns the command that a person enters to log in.
    pub(crate) fn login_command(&self) -> String {
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("ssh {port}{user}{}", self.name)
    }

    /// Returns the name under which ssh stores the key of the host.
    pub(crate) fn known_name(&self) -> String {
        self.port.filter(|port| *port != 22).map_or(self.name.clone(), |port| format!("'[{}]:{port}'", self.name))
    }
}

impl fmt::Display for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.name.contains(':') {
            write!(f, "[{}]", self.name)?;
        } else {
            f.write_str(&self.name)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.host, self.path().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_user_host_port_and_path() {
        let parts = |text: &str| {
            let SshAddress { host: SshHost { user, name, port }, path } = SshAddress::parse(text).unwrap();
            (user.unwrap_or_default(), name, port.unwrap_or_default(), path.unwrap_or_default())
        };
        let expected = |user: &str, name: &str, port, path: &str| (user.into(), name.into(), port, path.into());
        assert_eq!(parts("lb1"), expected("", "lb1", 0, ""));
        assert_eq!(parts("lb1/"), expected("", "lb1", 0, ""));
        assert_eq!(parts("ann@corp@lb1:22/run/a.sock"), expected("ann@corp", "lb1", 22, "/run/a.sock"));
        assert_eq!(parts("[fe80::1%eth0]:22"), expected("", "fe80::1%eth0", 22, ""));
        assert_eq!(parts("[::1]/run/a"), expected("", "::1", 0, "/run/a"));
    }

    #[test]
    fn parse_rejects_text_that_ssh_or_a_shell_would_interpret() {
        for (text, reason) in [
            ("", "host is missing"),
            ("/run/a.sock", "host is missing"),
            ("-oProxyCommand=x", "the host contains"),
            ("-lx@lb1", "the user contains"),
            ("$(x)@lb1", "the user contains"),
            ("lb1;x", "the host contains"),
            ("lb\u{1b}1", "the host contains"),
            ("lb1:", "from 1 to 65535"),
            ("lb1:0", "from 1 to 65535"),
            ("::1", "host is missing"),
            ("[::1", "[ADDRESS]"),
            ("[::1]22", "[ADDRESS]:PORT"),
            ("lb1/run/%h", "ssh would interpret"),
            ("lb1/run/${HOME}", "ssh would interpret"),
            ("lb1/run/a:b", "ssh would interpret"),
            ("lb1/run/a b", "ssh would interpret"),
        ] {
            assert!(SshAddress::parse(text).unwrap_err().contains(reason), "{text}");
        }
        assert!(SshAddress::parse(&format!("a/{}", "x".repeat(107))).unwrap_err().contains("107"));
    }

    #[test]
    fn arguments_select_host_and_never_look_like_options() {
        let host = |text: &str| SshAddress::parse(text).unwrap().host;
        assert_eq!(host("ann@lb1:2222/x").arguments(), ["-p", "2222", "-l", "ann", "--", "lb1"]);
        assert_eq!(host("[::1]").arguments(), ["--", "::1"]);
        assert_eq!(host("ann@lb1:2222").login_command(), "ssh -p 2222 ann@lb1");
        assert_eq!((host("lb1:2222").known_name(), host("lb1:22").known_name()), ("'[lb1]:2222'".into(), "lb1".into()));
    }
}
