//! Reads from haproxy.cfg what the discovery of stats sockets needs: the `stats socket` lines, and the users and groups
//! that HAProxy uses.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::config::accounts::Accounts;
use crate::config::haproxy_words::{ConfigLineError, ProcessEnvironment, split_words};
use crate::haproxy::address::Address;
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;

/// Keywords that start a section other than `global`.
const OTHER_SECTIONS: [&[u8]; 17] = [
    b"defaults",
    b"listen",
    b"frontend",
    b"backend",
    b"peers",
    b"mailers",
    b"resolvers",
    b"userlist",
    b"cache",
    b"program",
    b"ring",
    b"log-forward",
    b"log-profile",
    b"http-errors",
    b"fcgi-app",
    b"crt-store",
    b"traces",
];

/// A socket from a `stats socket` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfiguredSocket {
    /// Address of the socket. A relative path is relative to HAProxy's working directory.
    pub(crate) address: Address,
    /// Level of the socket; HAProxy's default is operator.
    pub(crate) level: Level,
}

/// The relevant contents of the configuration files of one HAProxy.
#[derive(Debug, Clone, Default)]
pub(crate) struct HaproxyConfig {
    /// Sockets, in the order of the lines.
    pub(crate) sockets: Vec<ConfiguredSocket>,
    /// User as which HAProxy runs after its start.
    pub(crate) process_users: BTreeSet<u32>,
    /// All users to which a socket may belong.
    pub(crate) socket_users: BTreeSet<u32>,
    /// All groups to which a socket or a process may belong.
    pub(crate) groups: BTreeSet<u32>,
    /// `stats socket` lines that cannot be used, with the reason.
    pub(crate) unusable: Vec<String>,
}

impl HaproxyConfig {
    /// Adds the contents of one file. `environment` is that of the process; lines such as `setenv` change it. Conditional
    /// blocks (`.if`) are read as if every condition were met.
    pub(crate) fn add_file(&mut self, text: &[u8], environment: &mut ProcessEnvironment, accounts: &Accounts) {
        let mut is_global = false;
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let words = match split_words(line, environment) {
                Ok(words) => words,
                Err(error) => {
                    self.report_line(line, index + 1, &error);
                    continue;
                }
            };
            let Some(keyword) = words.first() else { continue };
            if keyword == b"global" {
                is_global = true;
            } else if OTHER_SECTIONS.contains(&keyword.as_slice()) {
                is_global = false;
            } else if is_global {
                environment.apply_line(&words);
                self.add_global_line(&words, index + 1, environment, accounts);
            }
        }
    }

    /// Returns whether a file begins with a section, after comments. The contents of a log or of a kernel file may come
    /// from any user, but not its beginning.
    pub(crate) fn begins_with_section(text: &[u8]) -> bool {
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with(b"#"));
        let keyword = |line: &[u8]| line.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_vec();
        first.map(keyword).is_none_or(|keyword| keyword == b"global" || OTHER_SECTIONS.contains(&keyword.as_slice()))
    }

    /// Adds the contents of another process of the same HAProxy.
    pub(crate) fn add(&mut self, other: Self) {
        self.add_owners_of(&other);
        self.sockets.extend(other.sockets);
        self.unusable.extend(other.unusable);
    }

    /// Adds the users and groups of another configuration.
    pub(crate) fn add_owners_of(&mut self, other: &Self) {
        self.process_users.extend(&other.process_users);
        self.socket_users.extend(&other.socket_users);
        self.groups.extend(&other.groups);
    }

    /// Reports a line that cannot be split, if it may be a `stats socket` line.
    fn report_line(&mut self, line: &[u8], number: usize, error: &ConfigLineError) {
        if line.trim_ascii_start().starts_with(b"stats") {
            self.unusable.push(format!("line {number}: {}", describe(error)));
        }
    }

    fn add_global_line(
        &mut self,
        words: &[Vec<u8>],
        number: usize,
        environment: &ProcessEnvironment,
        accounts: &Accounts,
    ) {
        match words.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [keyword @ (b"user" | b"uid" | b"group" | b"gid"), value, ..] => {
                let Some((id, is_user)) = account_id(keyword, value, accounts) else { return };
                if is_user {
                    self.process_users.insert(id);
                }
                self.add_owner(id, is_user);
            }
            [b"unix-bind", options @ ..] => self.add_owners(options, accounts),
            [b"stats", b"socket", addresses, options @ ..] => {
                self.add_owners(options, accounts);
                match environment.expand_address(addresses) {
                    Ok(addresses) => self.add_sockets(&addresses, level_of(options), number),
                    Err(error) => self.unusable.push(format!("line {number}: {}", describe(&error))),
                }
            }
            _ => {}
        }
    }

    fn add_sockets(&mut self, addresses: &[u8], level: Level, number: usize) {
        for address in addresses.split(|byte| *byte == b',').filter(|address| !address.is_empty()) {
            match parse_bind_address(address) {
                Ok(address) => self.sockets.push(ConfiguredSocket { address, level }),
                Err(reason) => {
                    self.unusable.push(format!("line {number}: {}: {reason}", SafeText::new(address)));
                }
            }
        }
    }

    fn add_owners(&mut self, options: &[&[u8]], accounts: &Accounts) {
        for pair in options.windows(2) {
            if let Some((id, is_user)) = account_id(pair[0], pair[1], accounts) {
                self.add_owner(id, is_user);
            }
        }
    }

    fn add_owner(&mut self, id: u32, is_user: bool) {
        if is_user {
            self.socket_users.insert(id)
        } else {
            self.groups.insert(id)
        };
    }
}

/// Returns the id that `keyword value` names, and true for a user, false for a group.
fn account_id(keyword: &[u8], value: &[u8], accounts: &Accounts) -> Option<(u32, bool)> {
    let value = std::str::from_utf8(value).ok()?;
    match keyword {
        b"user" => Some((accounts.user_id(value)?, true)),
        b"uid" => Some((value.parse().ok()?, true)),
        b"group" => Some((accounts.group_id(value)?, false)),
        b"gid" => Some((value.parse().ok()?, false)),
        _ => None,
    }
}

fn level_of(options: &[&[u8]]) -> Level {
    let level = options.windows(2).rfind(|pair| pair[0] == b"level");
    match level.map(|pair| pair[1]) {
        Some(b"admin") => Level::Admin,
        Some(b"user") => Level::User,
        _ => Level::Operator,
    }
}

fn describe(error: &ConfigLineError) -> String {
    match error {
        ConfigLineError::UnknownVariable(name) => format!(
            "contains the environment variable {}, but this user may not read the environment of HAProxy",
            SafeText::from(name.as_str())
        ),
        ConfigLineError::OwnVariable(name) => format!(
            "contains the variable {}, which HAProxy sets itself and hapulse cannot resolve",
            SafeText::from(name.as_str())
        ),
        ConfigLineError::Invalid => "has invalid quotes or escapes".to_owned(),
    }
}

/// Parses one address of a `bind` or `stats socket` line. Of a port range, uses the first port.
fn parse_bind_address(text: &[u8]) -> Result<Address, String> {
    let text = text.strip_prefix(b"stream+").unwrap_or(text);
    if text.starts_with(b"/") {
        return Ok(Address::unix(OsStr::from_bytes(text)));
    }
    if let Some(path) = [b"unix@", b"uxst@"].iter().find_map(|prefix| text.strip_prefix(*prefix)) {
        return Ok(Address::unix(OsStr::from_bytes(path)));
    }
    let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8 text".to_owned())?;
    if text.starts_with("fd@") || text.starts_with("sockpair@") {
        return Err("is inherited from another process and cannot be opened".to_owned());
    }
    let address = match text.rsplit_once('-') {
        _ if text.starts_with("abns") => text,
        Some((first, last)) if last.bytes().all(|byte| byte.is_ascii_digit()) && first.contains(':') => first,
        _ => text,
    };
    // Without a prefix, HAProxy expects a port, whereas a word without a colon would be a path elsewhere.
    let address = if address.contains('@') { address.to_owned() } else { format!("tcp@{address}") };
    Address::from_bind(&address).map_err(|_| "is not an address of a stats socket".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: Option<&[u8]>) -> HaproxyConfig {
        let mut config = HaproxyConfig::default();
        config.add_file(text.as_bytes(), &mut ProcessEnvironment::parse(environment), &Accounts::default());
        config
    }

    fn sockets(text: &str) -> Vec<(String, Level)> {
        let config = read(text, Some(b"RUN=/run/h"));
        config.sockets.into_iter().map(|socket| (socket.address.to_string(), socket.level)).collect()
    }

    #[test]
    fn add_file_reads_addresses_and_levels() {
        let text = "global\n    log /dev/log local0 # stats socket /no\n  stats socket /run/user.sock level user\n\
            \tstats socket \"/run/haproxy/admin.sock\" mode 660 level admin expose-fd listeners\r\n\
            stats socket ipv4@127.0.0.1:9999,:9998-9997,*:9996\n stats socket unix@rel.sock level admin\n\
            stats socket abns@name\n  stats socket fd@3\n stats socket $RUN/a.sock\n stats socket \"${RUN}/b.sock\"\n\
            stats timeout 30s\nlisten stats\n  stats enable\n stats socket /not/global\n";
        let shown = sockets(text);
        let expected = [
            ("/run/user.sock", Level::User),
            ("/run/haproxy/admin.sock", Level::Admin),
            ("127.0.0.1:9999", Level::Operator),
            ("127.0.0.1:9998", Level::Operator),
            ("127.0.0.1:9996", Level::Operator),
            ("rel.sock", Level::Admin),
            ("abns@name", Level::Operator),
            ("/run/h/a.sock", Level::Operator),
            ("/run/h/b.sock", Level::Operator),
        ];
        assert_eq!(shown, expected.map(|(address, level)| (address.to_owned(), level)));
        assert_eq!(
            read(text, None).unusable,
            [
                "line 8: fd@3: is inherited from another process and cannot be opened",
                "line 9: contains the environment variable RUN, but this user may not read the environment of HAProxy",
                "line 10: contains the environment variable RUN, but this user may not read the environment of HAProxy",
            ]
        );
    }

    #[test]
    fn add_file_reads_users_of_global_section_only() {
        let config = read(
            "global\n uid 5\n gid 6\n stats socket /a uid 7 gid 8\n unix-bind prefix /x uid 9\nuserlist u\n user 1 uid 2\n",
            Some(b""),
        );
        assert_eq!((config.process_users, config.socket_users), ([5].into(), [5, 7, 9].into()));
        assert_eq!(config.groups, [6, 8].into());
        // HAProxy does not apply the prefix to stats sockets.
        assert_eq!(config.sockets[0].address, Address::unix("/a"));
    }

    #[test]
    fn add_file_applies_environment_lines() {
        let shown = sockets("global\nsetenv D /d\nstats socket \"$D/s\"\npresetenv RUN /x\nstats socket \"$RUN/s\"\n");
        assert_eq!(shown.into_iter().map(|(address, _)| address).collect::<Vec<_>>(), ["/d/s", "/run/h/s"]);
    }
}
