//! Replaces the names of the user's machines in the texts of a report.
//!
//! Names of hosts, users, targets, sockets and files, IP addresses and quoted texts are replaced. The same name always gets
//! the same replacement, so that the text still shows which lines are about the same thing. Addresses and paths that are
//! known, and settings, are replaced by their parts; in the texts of findings, quotes, paths and known names are found as
//! whole words.

use std::net::IpAddr;
use std::path::Path;

use crate::config::accounts::Accounts;
use crate::config::discovery::Discovery;
use crate::config::located::Located;
use crate::config::setting_table::{SETTINGS, Setting, SettingKind};
use crate::config::settings::Settings;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::ssh::ssh_address::SCHEME;

/// Parts of paths that are the same on most machines.
const COMMON_PARTS: &[&str] = &[
    "admin.sock",
    "audit.jsonl",
    "bin",
    "config.toml",
    "dev",
    "etc",
    "haproxy",
    "haproxy.cfg",
    "haproxy.sock",
    "hapulse",
    "home",
    "lib",
    "local",
    "localhost",
    "log",
    "null",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "share",
    "sock",
    "socket",
    "srv",
    "state",
    "stats",
    "stats.sock",
    "tmp",
    "usr",
    "var",
    ".config",
    ".local",
    "..",
    ".",
    "~",
    "",
];
/// Users and groups that are the same on most machines.
const COMMON_USERS: &[&str] = &["haproxy", "nogroup", "root"];
/// Quoted texts of messages that are not from the user.
const COMMON_QUOTES: &[&str] = &["false", "off", "process N", "show info", "show stat", "stats socket", "true"];
/// Words of messages that follow a path. A path may contain blanks, so a blank does not end it.
const WORDS_AFTER_PATH: &[&str] = &[
    "and", "are", "as", "at", "because", "belongs", "can", "cannot", "does", "exists", "for", "from", "has", "in",
    "is", "marks", "may", "not", "of", "on", "or", "runs", "that", "this", "to", "which", "with",
];
/// Starts of the address of an abstract socket.
const ABSTRACT_STARTS: [&str; 2] = ["abns@", "abnsz@"];

/// Replaces names, always in the same way.
#[derive(Debug, Default)]
pub(crate) struct NameMask {
    /// Names and their replacements, of known names and of names found in the text.
    names: Vec<(String, String)>,
    /// Parts of known paths that contain blanks or punctuation.
    long_parts: Vec<String>,
    /// Users from the environment.
    users: Vec<String>,
    accounts: Accounts,
}

impl NameMask {
    /// Creates a mask for this machine and user, and for the configuration.
    pub(crate) fn for_process(settings: &Settings) -> Self {
        let users = ["USER", "LOGNAME", "SUDO_USER"].iter().filter_map(|name| std::env::var(name).ok()).collect();
        let mut mask = Self { users, accounts: Accounts::read(Path::new("/")), ..Self::default() };
        let uname = rustix::system::uname();
        let host = uname.nodename().to_string_lossy();
        mask.add("this-host", &host);
        mask.add("this-host", host.split('.').next().unwrap_or_default());
        for target in &settings.targets {
            mask.add_target(Some(&target.name), &target.value.address);
        }
        for group in &settings.groups {
            mask.replacement("group", &group.name);
            let members = group.value.members.iter().filter_map(|member| member.parse::<Target>().ok());
            members.for_each(|member| mask.add_target(member.name.as_deref(), &member.address));
        }
        let home = std::env::var_os("HOME").map(Into::into);
        let logs = settings.targets.iter().map(|target| &target.value.log);
        for path in [&home, &settings.log_file, &settings.audit.path].into_iter().chain(logs).flatten() {
            mask.add_path(path);
        }
        mask
    }

    /// Adds the name and the address of a target.
    pub(crate) fn add_target(&mut self, name: Option<&str>, address: &Address) {
        if let Some(name) = name.filter(|name| !name.contains('/')) {
            self.replacement("target", name);
        }
        match address {
            Address::Tcp { host, .. } if !is_local(host) => drop(self.replacement("host", host)),
            Address::Tcp { .. } => {}
            Address::Abstract { name, .. } => drop(self.replacement("socket", name)),
            Address::Unix(path) => self.add_path(path),
            Address::Ssh(ssh) => {
                let host = ssh.host().name();
                let shown_host = self.replacement("host", host);
                if let Some(user) = ssh.host().user() {
                    let shown_user = self.replacement("user", user);
                    self.names.push((format!("{user}@{host}"), format!("{shown_user}@{shown_host}")));
                }
                ssh.path().into_iter().for_each(|path| self.add_path(Path::new(path)));
            }
        }
    }

    /// Adds the sockets and files that discovery found.
    pub(crate) fn add_discovery(&mut self, found: &Discovery) {
        for address in found.addresses() {
            self.add_target(None, address);
        }
        found.running.iter().flat_map(|haproxy| &haproxy.configs).chain(&found.log.inaccessible).for_each(|path| {
            self.add_path(path);
        });
    }

    /// Adds the parts of a path.
    pub(crate) fn add_path(&mut self, path: &Path) {
        let is_relative = !path.is_absolute();
        for part in SafeText::from(path).as_str().split('/') {
            if part.chars().any(|ch| !is_name_char(ch)) {
                self.long_parts.push(part.to_owned());
            }
            if is_relative && !COMMON_PARTS.contains(&part) {
                self.replacement("name", part);
            }
        }
        // A part may begin like another one.
        self.long_parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    }

    fn add(&mut self, replacement: &str, name: &str) {
        if !COMMON_PARTS.contains(&name) && self.names.iter().all(|(known, _)| known != name) {
            self.names.push((name.to_owned(), format!("<{replacement}>")));
            self.names.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        }
    }

    /// Returns the replacement of a name, such as `<host-2>`.
    fn replacement(&mut self, kind: &str, name: &str) -> String {
        let count = self.names.iter().filter(|(_, shown)| shown.starts_with(&format!("<{kind}-"))).count();
        self.add(&format!("{kind}-{}", count + 1), name);
        let known = self.names.iter().find(|(known, _)| known == name);
        known.map_or_else(|| name.to_owned(), |(_, shown)| shown.clone())
    }

    /// Returns the effective value of a setting in TOML, or the lines of a section, without names.
    pub(crate) fn setting_lines(&mut self, setting: &Setting, settings: &Settings) -> Vec<String> {
        let lines = (setting.toml_lines)(settings);
        match setting.kind {
            SettingKind::Path => {
                lines.iter().map(|line| format!("\"{}\"", self.mask_path(line.trim_matches('"')))).collect()
            }
            SettingKind::Section if setting.name == "targets" => {
                let line = |target: &Located<Target>| {
                    let (name, address) = (self.apply(&target.name), self.apply(&target.value.address.to_argument()));
                    match &target.value.log {
                        Some(log) => {
                            let log = self.mask_path(&log.to_string_lossy());
                            format!("{name} = {{ address = \"{address}\", log = \"{log}\" }}")
                        }
                        None => format!("{name} = \"{address}\""),
                    }
                };
                settings.targets.iter().map(line).collect()
            }
            SettingKind::Section if setting.name == "fleet" => lines.iter().map(|line| self.apply(line)).collect(),
            // All other names in the settings are those of hapulse.
            _ => lines,
        }
    }

    /// Returns the text without names.
    pub(crate) fn apply(&mut self, text: &str) -> String {
        let (mut out, mut rest, mut last_word) = (String::new(), text, "");
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let is_word_start = before.is_none_or(|ch| !is_name_char(ch));
            let length = if let Some(quoted) = quoted_text(rest) {
                out.extend([first.to_string(), self.mask_quoted(quoted), first.to_string()]);
                quoted.len() + 2 * first.len_utf8()
            } else if let Some((name, shown)) = self.known_name(rest).filter(|_| is_word_start) {
                out.push_str(&shown);
                name
            } else if !is_word_start || !is_word_char(first) {
                out.push(first);
                first.len_utf8()
            } else if rest.starts_with(SCHEME) {
                out.push_str(SCHEME);
                SCHEME.len()
            } else if let Some(kind) = ABSTRACT_STARTS.iter().find(|kind| rest.starts_with(**kind)) {
                let name = &rest[kind.len()..];
                let word = &name[..name.find(|ch| !is_word_char(ch)).unwrap_or(name.len())];
                let word_length = word.trim_end_matches([':', '.', '!']).len();
                let (length, shown) = match self.known_name(name) {
                    Some(known) => known,
                    None => (word_length, self.replacement("socket", &name[..word_length])),
                };
                out.extend([*kind, &shown]);
                kind.len() + length
            } else if ["/", "./", "../", "~/"].iter().any(|start| rest.starts_with(start)) {
                let end = self.path_end(rest);
                out.push_str(&self.mask_path(&rest[..end]));
                end
            } else {
                let word = &rest[..rest.find(|ch| !is_word_char(ch)).unwrap_or(rest.len())];
                out.push_str(&self.mask_word(word, last_word));
                last_word = word;
                word.len()
            };
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        out
    }

    /// Returns the length and the replacement of a known name at the start of the text, as a whole word.
    fn known_name(&self, text: &str) -> Option<(usize, String)> {
        let known = self.names.iter().find(|(name, _)| text.strip_prefix(name.as_str()).is_some_and(is_word_end));
        known.map(|(name, shown)| (name.len(), shown.clone()))
    }

    fn mask_quoted(&mut self, text: &str) -> String {
        let is_setting = |setting: &Setting| setting.name == text || setting.name.split('.').any(|part| part == text);
        let is_http = text.strip_prefix("HTTP/").is_some_and(|rest| rest.chars().all(|ch| !ch.is_alphabetic()));
        if is_http || COMMON_QUOTES.contains(&text) || SETTINGS.iter().any(is_setting) {
            return text.to_owned();
        }
        match self.known_name(text).filter(|(length, _)| *length == text.len()) {
            Some((_, shown)) => shown,
            None if text.starts_with('/') => self.mask_path(text),
            None => self.replacement("text", text),
        }
    }

    /// Returns the length of the path at the start of the text.
    fn path_end(&self, text: &str) -> usize {
        let mut at = 0;
        while let Some(ch) = text[at..].chars().next() {
            let after = &text[at + ch.len_utf8()..];
            let next = after.chars().next();
            let is_end = match ch {
                '"' | '`' | '\n' | ')' => true,
                ',' | ';' => next.is_none_or(char::is_whitespace),
                ':' => next.is_none_or(|next| next.is_whitespace() || next.is_ascii_digit()),
                ' ' => {
                    let word = after.split(|ch: char| !ch.is_alphanumeric()).next().unwrap_or_default();
                    after.starts_with('(') || WORDS_AFTER_PATH.contains(&word)
                }
                _ => false,
            };
            if is_end {
                break;
            }
            at += ch.len_utf8();
            let part = self.long_parts.iter().find(|part| ch == '/' && text[at..].starts_with(part.as_str()));
            at += part.map_or(0, String::len);
        }
        text[..at].trim_end_matches([' ', '.', '!']).len()
    }

    fn mask_path(&mut self, path: &str) -> String {
        let part = |part: &str| {
            let is_common = COMMON_PARTS.contains(&part) || part.chars().all(|ch| ch.is_ascii_digit());
            if is_common { part.to_owned() } else { self.replacement("name", part) }
        };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    fn mask_word(&mut self, word: &str, last_word: &str) -> String {
        let bare = word.trim_end_matches([':', '.', '!']);
        let end = &word[bare.len()..];
        if matches!(last_word, "user" | "group") && self.is_account(bare) {
            return self.replacement(last_word, bare) + end;
        }
        if bare.contains('/') {
            let path = bare.trim_end_matches(|ch: char| ch == ':' || ch.is_ascii_digit());
            return self.mask_path(path) + &word[path.len()..];
        }
        let (host, port) = bare.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).unwrap_or((bare, ""));
        if is_local(bare) || is_local(host) {
            return word.to_owned();
        }
        if is_address(bare) {
            return self.replacement("host", bare) + end;
        }
        let has_name = is_address(host) || !port.is_empty() && host.starts_with(char::is_alphabetic) || is_domain(host);
        if has_name { self.replacement("host", host) + &word[host.len()..] } else { word.to_owned() }
    }

    fn is_account(&self, name: &str) -> bool {
        let is_known = self.accounts.user_id(name).or(self.accounts.group_id(name)).is_some();
        !COMMON_USERS.contains(&name) && (is_known || self.users.iter().any(|user| user == name))
    }
}

/// Returns the text between the quotation marks at the start of the text.
fn quoted_text(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|ch| matches!(ch, '"' | '`'))?;
    text[1..].split_once(mark).map(|(quoted, _)| quoted)
}

fn is_word_char(ch: char) -> bool {
    !ch.is_whitespace() && !"\"'`(),;=<>[]".contains(ch)
}

/// Returns whether a character continues a name.
fn is_name_char(ch: char) -> bool {
    ch.is_alphanumeric() || "_-.@".contains(ch)
}

/// Returns whether no name continues with this text: a dot may end a sentence.
fn is_word_end(rest: &str) -> bool {
    let rest = rest.strip_prefix('.').filter(|after| !after.starts_with(is_name_char)).unwrap_or(rest);
    !rest.starts_with(is_name_char)
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Returns whether a word is a host name with a domain of two or more parts.
fn is_domain(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let is_last = |label: &&str| label.len() > 1 && label.chars().all(char::is_alphabetic);
    labels.len() > 2 && labels.iter().all(|label| !label.is_empty()) && labels.last().is_some_and(is_last)
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apply_replaces_names_consistently() {
        let mut mask = NameMask { users: vec!["ann".to_owned()], ..NameMask::default() };
        mask.add("this-host", "lb-prod");
        mask.add_target(Some("shop"), &"lb-shop.example.com:9999".parse().unwrap());
        mask.add_target(None, &"abns@customer-acme".parse().unwrap());
        mask.add_path(Path::new("/run/Acme: the Bank/a (old).sock"));
        for (text, masked) in [
            ("/run/haproxy/admin.sock: no such file", "/run/haproxy/admin.sock: no such file"),
            ("/run/shop-eu/admin.sock (pid 7)", "/run/<name-1>/admin.sock (pid 7)"),
            ("again /srv/shop-eu", "again /srv/<name-1>"),
            ("lb-shop.example.com:9999: cannot connect", "<host-1>:9999: cannot connect"),
            ("cannot resolve lb-shop.example.com: no", "cannot resolve <host-1>: no"),
            ("shop = \"lb-shop.example.com\"", "<target-1> = \"<host-1>\""),
            ("10.1.2.3:9999 and 10.1.2.3, 127.0.0.1:80", "<host-2>:9999 and <host-2>, 127.0.0.1:80"),
            ("belongs to user ann, group haproxy", "belongs to user <user-1>, group haproxy"),
            ("every local user can change this", "every local user can change this"),
            ("on lb-prod.", "on <this-host>."),
            ("the workshop and lb-production", "the workshop and lb-production"),
            ("HAProxy 2.6.12-1+deb12u4, up 3d; fe80::1 too", "HAProxy 2.6.12-1+deb12u4, up 3d; <host-3> too"),
            ("[2001:db8::7]:9999", "[<host-4>]:9999"),
            ("abns@customer-acme (pid 10, x)", "abns@<socket-1> (pid 10, x)"),
            ("abns@other: no process", "abns@<socket-2>: no process"),
            ("/run/Acme: the Bank/a (old).sock (pid 3)", "/run/<name-2>/<name-3> (pid 3)"),
            ("/home/bob smith/x y.cfg belongs to root", "/home/<name-4>/<name-5> belongs to root"),
            ("h/c.toml:7:1: \"prod acme\" is bad", "<name-6>/<name-7>:7:1: \"<text-1>\" is bad"),
            ("unknown key `acme`", "unknown key `<text-2>`"),
            ("begins with \"HTTP/1.1 400\"", "begins with \"HTTP/1.1 400\""),
            ("from vault.acme.example now", "from <host-5> now"),
            ("set audit.path", "set audit.path"),
        ] {
            assert_eq!(mask.apply(text), masked);
        }
    }

    #[test]
    fn apply_replaces_parts_of_ssh_addresses() {
        let mut mask = NameMask::default();
        mask.add_target(None, &"ssh://ann@lb-eu/run/haproxy/admin.sock".parse().unwrap());
        for (text, masked) in [
            ("ssh://ann@lb-eu/run/haproxy/admin.sock", "ssh://<user-1>@<host-1>/run/haproxy/admin.sock"),
            ("ssh ann@lb-eu: Permission denied", "ssh <user-1>@<host-1>: Permission denied"),
        ] {
            assert_eq!(mask.apply(text), masked);
        }
    }
}
