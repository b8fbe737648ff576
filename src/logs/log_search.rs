//! The search for the log of a HAProxy that names none: the usual file, if it has requests to this HAProxy.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::config::discovery::discover;
use crate::config::safe_file;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::socket_permissions;
use crate::logs::configured_formats;
use crate::logs::line_reader::LineReader;
use crate::logs::live_log::LogProblem;

/// The file that rsyslog writes on Debian.
pub(crate) const USUAL_FILE: &str = "/var/log/haproxy.log";
/// The usual configuration of HAProxy.
const USUAL_CONFIG: &str = "/etc/haproxy/haproxy.cfg";
/// Number of bytes at the end of the usual file in which a frontend is searched for.
const SEARCHED_BYTES: u64 = 1 << 20;
/// Maximum size of a configuration file.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// Returns whether HAProxy runs on this machine.
pub(crate) fn is_local(address: &Address) -> bool {
    match address {
        Address::Unix(_) | Address::Abstract { .. } => true,
        Address::Ssh(_) => false,
        Address::Tcp { host, .. } => {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Finds the log of a HAProxy with these frontends, and returns its path.
///
/// # Errors
/// Returns the reason why none is found, and what helps.
pub(crate) fn find(address: &Address, frontends: &HashSet<Vec<u8>>) -> Result<PathBuf, LogProblem> {
    find_in(Path::new(USUAL_FILE), address, frontends)
}

fn find_in(path: &Path, address: &Address, frontends: &HashSet<Vec<u8>>) -> Result<PathBuf, LogProblem> {
    if !is_local(address) {
        return Err(remote_problem(address));
    }
    let bytes = safe_file::read_end(path, SEARCHED_BYTES).map_err(|error| search_problem(path, &error))?;
    let mut reader = line_reader(address);
    let mut lines = bytes.split(|byte| *byte == b'\n').rev();
    if lines.any(|line| reader.read(line).is_some_and(|request| frontends.contains(request.frontend))) {
        return Ok(path.to_owned());
    }
    Err(LogProblem {
        what: format!("no log is known: {} has no recent request to a frontend of this HAProxy", SafeText::from(path)),
        fix: name_log_fix(),
    })
}

/// Returns a reader of the default formats and those of HAProxy's configuration, as far as hapulse can read them.
pub(crate) fn line_reader(address: &Address) -> LineReader {
    let found = discover(Path::new("/"));
    let only = found.running.first().filter(|_| found.running.len() == 1);
    let running = found.running.iter().find(|haproxy| haproxy.address.as_ref() == Ok(address)).or(only);
    let paths = running.map_or_else(|| vec![PathBuf::from(USUAL_CONFIG)], |haproxy| haproxy.configs.clone());
    let mut formats = Vec::new();
    for path in paths {
        // Without its configuration, the default formats are read.
        let Ok(text) = safe_file::read_regular(&path, MAX_CONFIG_BYTES) else { continue };
        let configured = configured_formats::read(&String::from_utf8_lossy(&text));
        formats.extend(configured.into_iter().map(|(_, format)| format));
    }
    LineReader::of_valid(formats.iter().map(String::as_str))
}

/// Returns how a log is named.
fn name_log_fix() -> String {
    "if HAProxy writes its log to another file, name it: hapulse --log FILE, or in hapulse's configuration:\n    \
     [targets]\n    lb01 = { address = \"/run/haproxy/admin.sock\", log = \"/var/log/haproxy.log\" }\n\
     if it writes none, put these lines into haproxy.cfg, and reload HAProxy; Debian's rsyslog writes them to \
     /var/log/haproxy.log:\n    global\n        log /dev/log local0\n    defaults\n        log global\n        option httplog"
        .to_owned()
}

fn remote_problem(address: &Address) -> LogProblem {
    LogProblem {
        what: format!("no log is known: {address} is on another machine, whose files hapulse does not read"),
        fix: "name a file that has its log on this machine: hapulse --log FILE; or on that machine: hapulse logs"
            .to_owned(),
    }
}

fn search_problem(path: &Path, error: &io::Error) -> LogProblem {
    match error.kind() {
        io::ErrorKind::NotFound => LogProblem {
            what: format!("no log is known, and {} does not exist", SafeText::from(path)),
            fix: name_log_fix(),
        },
        _ => read_problem(path, error),
    }
}

/// Describes a log that cannot be read.
pub(crate) fn read_problem(path: &Path, error: &io::Error) -> LogProblem {
    let shown = SafeText::from(path);
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => socket_permissions::read_hint(path),
        _ => "name the file that HAProxy's log is written to: hapulse --log FILE".to_owned(),
    };
    LogProblem { what: format!("cannot read {shown}: {error}"), fix }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn log_is_found_by_a_frontend_of_the_instance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy.log");
        let line = "Dec  1 11:35:25 lb1 haproxy[7]: 10.0.0.1:1 [01/Dec/2026:11:35:25.966] web be/s1 0/0/0/7/8 200 76 - - ---- \
                    1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n";
        fs::write(&path, [line, "Server be/s1 is UP\n"].concat()).unwrap();
        let found = |frontend: &str| {
            find_in(&path, &address("/run/haproxy/admin.sock"), &HashSet::from([frontend.as_bytes().to_vec()]))
        };
        assert_eq!(found("web"), Ok(path.clone()));
        assert!(found("be").unwrap_err().what.contains("has no recent request"), "another HAProxy writes to it");
        let missing = find_in(&folder.path().join("missing"), &address("/run/a.sock"), &HashSet::new());
        assert!(missing.unwrap_err().fix.contains("option httplog"));
    }

    #[test]
    fn logs_of_other_machines_are_not_searched_for() {
        let is_local = |text| is_local(&address(text));
        assert!(["/run/a.sock", "127.0.0.1:9999", "localhost:9999", "[::1]:9999"].into_iter().all(is_local));
        assert!(!["10.0.0.2:9999", "lb01:9999", "ssh://lb01"].into_iter().any(is_local));
        let problem = find(&address("lb01:9999"), &HashSet::new()).unwrap_err();
        assert!(problem.what.contains("lb01:9999 is on another machine"));
    }

    #[test]
    fn problems_name_the_step_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |kind: io::ErrorKind| search_problem(folder.path(), &io::Error::from(kind));
        assert!(problem(io::ErrorKind::PermissionDenied).fix.starts_with("run as root, or "));
        assert!(problem(io::ErrorKind::NotFound).fix.contains("option httplog"));
        assert!(problem(io::ErrorKind::IsADirectory).fix.contains("--log FILE"));
    }
}
