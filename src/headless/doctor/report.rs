//! `hapulse doctor --report`: one text for a bug report, without the names of the user's machines.
//!
//! Names of hosts, users, targets and files, and IP addresses are replaced. The same name always gets the same
//! replacement, so that the text still shows which lines are about the same thing.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths::SettingOrigin;
use crate::config::setting_table::{SETTINGS, SettingKind};
use crate::config::settings::Settings;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text;
use crate::headless::config::effective::setting_origin;
use crate::headless::doctor::finding::{Finding, print_findings};

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
    "",
];
/// Users and groups that are the same on most machines.
const COMMON_USERS: &[&str] = &["haproxy", "nogroup", "root"];
/// Environment variables that affect the terminal and the program; their values contain no names of machines.
const SHOWN_VARIABLES: &[&str] = &[
    "TERM",
    "COLORTERM",
    "COLORFGBG",
    "NO_COLOR",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
];
/// Environment variables of which only the presence is shown.
const NOTED_VARIABLES: &[&str] = &["TMUX", "STY", "SSH_CONNECTION", "SUDO_UID", "HAPULSE_CONFIG", "HAPULSE_DEBUG"];

/// Replaces names, always in the same way.
#[derive(Debug, Default)]
pub(crate) struct NameMask {
    /// Names and their replacements, of known names and of names found in the text.
    names: Vec<(String, String)>,
}

impl NameMask {
    /// Creates a mask for this machine and user, and for the configured targets.
    pub(crate) fn for_process(settings: &Settings) -> Self {
        let mut mask = Self::default();
        let uname = rustix::system::uname();
        mask.add("this-host", &uname.nodename().to_string_lossy());
        for name in ["USER", "LOGNAME", "SUDO_USER"].iter().filter_map(|name| std::env::var(name).ok()) {
            if !COMMON_USERS.contains(&name.as_str()) {
                mask.replacement("user", &name);
            }
        }
        for target in &settings.targets {
            mask.add_target(Some(&target.name), &target.value.address);
        }
        mask
    }

    /// Adds the name and the host of a target.
    pub(crate) fn add_target(&mut self, name: Option<&str>, address: &Address) {
        if let Some(name) = name {
            self.replacement("target", name);
        }
        match address {
            Address::Tcp { host, .. } if !is_local(host) => drop(self.replacement("host", host)),
            Address::Abstract { name, .. } => drop(self.replacement("socket", name)),
            _ => {}
        }
    }

    fn add(&mut self, replacement: &str, name: &str) {
        if !name.is_empty() && self.names.iter().all(|(known, _)| known != name) {
            self.names.push((name.to_owned(), format!("<{replacement}>")));
        }
    }

    /// Returns the replacement of a name, such as `<host-2>`.
    fn replacement(&mut self, kind: &str, name: &str) -> String {
        let count = self.names.iter().filter(|(_, shown)| shown.starts_with(&format!("<{kind}-"))).count();
        self.add(&format!("{kind}-{}", count + 1), name);
        let known = self.names.iter().find(|(known, _)| known == name);
        known.map_or_else(|| name.to_owned(), |(_, shown)| shown.clone())
    }

    /// Returns the text without names.
    pub(crate) fn apply(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut last_word = String::new();
        for piece in text.split_inclusive(|ch: char| ch.is_whitespace() || "\"'(),;=<>[]".contains(ch)) {
            let end = piece.char_indices().last().map_or(0, |(at, ch)| if is_separator(ch) { at } else { piece.len() });
            let (word, separator) = piece.split_at(end);
            out.push_str(&self.mask_word(word, &last_word));
            out.push_str(separator);
            if !word.is_empty() {
                word.clone_into(&mut last_word);
            }
        }
        out
    }

    fn mask_word(&mut self, word: &str, last_word: &str) -> String {
        let bare = word.trim_end_matches([':', '.', '!']);
        let rest = &word[bare.len()..];
        if let Some((_, shown)) = self.names.iter().find(|(name, _)| name == bare) {
            return format!("{shown}{rest}");
        }
        if matches!(last_word, "user" | "group") && !bare.is_empty() && !COMMON_USERS.contains(&bare) {
            return self.replacement(last_word, bare) + rest;
        }
        if bare.contains('/') {
            let parts: Vec<String> = bare.split('/').map(|part| self.mask_path_part(part)).collect();
            return parts.join("/") + rest;
        }
        let (host, port) = bare.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).unwrap_or((bare, ""));
        let shown = if is_address(bare) {
            if is_local(bare) { bare.to_owned() } else { self.replacement("host", bare) }
        } else if is_address(host) || self.names.iter().any(|(name, _)| name == host) {
            let host = if is_local(host) { host.to_owned() } else { self.replacement("host", host) };
            format!("{host}:{port}")
        } else {
            bare.to_owned()
        };
        shown + rest
    }

    fn mask_path_part(&mut self, part: &str) -> String {
        let is_common = COMMON_PARTS.contains(&part) || part.chars().all(|ch| ch.is_ascii_digit());
        if is_common { part.to_owned() } else { self.replacement("name", part) }
    }
}

fn is_separator(ch: char) -> bool {
    ch.is_whitespace() || "\"'(),;=<>[]".contains(ch)
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// Prints the report: program, system, terminal, settings with their origin, and all findings.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_report(
    layers: &[(SettingOrigin, PartialSettings)],
    settings: &Settings,
    sections: &[(String, Vec<Finding>)],
    mask: &mut NameMask,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "hapulse {} (report without names: check it before you share it)\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "System")?;
    let uname = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    writeln!(out, "  {} {} {}", part(uname.sysname()), part(uname.release()), part(uname.machine()))?;
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    writeln!(out, "  {}", safe_text::escape_lines(name.unwrap_or("unknown distribution")))?;
    let is_root = rustix::process::geteuid().is_root();
    writeln!(out, "  {}", if is_root { "runs as root" } else { "does not run as root" })?;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    writeln!(out, "  open files: {}", files.map_or_else(|| "unlimited".to_owned(), |files| files.to_string()))?;
    writeln!(out, "\nEnvironment")?;
    for name in SHOWN_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            writeln!(out, "  {name}={}", safe_text::escape_lines(&mask.apply(&value.to_string_lossy())))?;
        }
    }
    for name in NOTED_VARIABLES.iter().filter(|name| std::env::var_os(name).is_some()) {
        writeln!(out, "  {name} is set")?;
    }
    writeln!(out, "\nSettings that are not the default")?;
    for setting in SETTINGS {
        let origin = setting_origin(setting, layers);
        let lines = (setting.toml_lines)(settings);
        if lines.is_empty() || !layers.iter().any(|(_, layer)| (setting.is_set_in)(layer)) {
            continue;
        }
        for line in lines {
            let prefix = if setting.kind == SettingKind::Section { "." } else { " = " };
            writeln!(out, "  {}{prefix}{}  # {}", setting.name, mask.apply(&line), mask.apply(&origin))?;
        }
    }
    writeln!(out)?;
    let masked: Vec<(String, Vec<Finding>)> = sections
        .iter()
        .map(|(heading, findings)| {
            let finding =
                |finding: &Finding| Finding { status: finding.status, text: mask.apply(&finding.text), fix: None };
            let findings = findings.iter().map(finding).collect();
            (heading.clone(), findings)
        })
        .collect();
    let masked: Vec<_> = masked.into_iter().map(|(heading, findings)| (mask.apply(&heading), findings)).collect();
    print_findings(&masked, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apply_replaces_names_consistently() {
        let mut mask = NameMask::default();
        mask.add("this-host", "lb-prod");
        mask.add_target(Some("shop"), &"lb-shop.example.com:9999".parse().unwrap());
        for (text, masked) in [
            ("/run/haproxy/admin.sock: no such file", "/run/haproxy/admin.sock: no such file"),
            ("/run/shop-eu/admin.sock (pid 7)", "/run/<name-1>/admin.sock (pid 7)"),
            ("again /srv/shop-eu", "again /srv/<name-1>"),
            ("lb-shop.example.com:9999: cannot connect", "<host-1>:9999: cannot connect"),
            ("shop = \"lb-shop.example.com:9999\"", "<target-1> = \"<host-1>:9999\""),
            ("10.1.2.3:9999 and 10.1.2.3, 127.0.0.1:80", "<host-2>:9999 and <host-2>, 127.0.0.1:80"),
            ("belongs to user ann, group haproxy", "belongs to user <user-1>, group haproxy"),
            ("on lb-prod.", "on <this-host>."),
            ("HAProxy 2.6.12, up 3d; fe80::1 too", "HAProxy 2.6.12, up 3d; <host-3> too"),
            ("[2001:db8::7]:9999", "[<host-4>]:9999"),
        ] {
            assert_eq!(mask.apply(text), masked);
        }
    }
}
