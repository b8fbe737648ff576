//! Finds the stats socket of the HAProxy that runs here, when none was named.
//!
//! First the configuration files of the running processes are read for their `stats socket` lines, then the
//! usual paths are tried. A socket is only looked at, never connected to without a question.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::haproxy::address::Address;
use crate::haproxy::level::Level;

/// Where packages and examples put the socket.
const USUAL: [&str; 8] = [
    "/run/haproxy/admin.sock",
    "/run/haproxy.sock",
    "/var/run/haproxy.sock",
    "/run/haproxy/haproxy.sock",
    "/run/haproxy/stats.sock",
    "/run/haproxy/stats",
    "/var/lib/haproxy/stats",
    "/tmp/haproxy.sock",
];
/// Configuration files larger than this are not read.
const MAX_CONFIG: u64 = 16 << 20;

/// A socket that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where it listens.
    pub address: Address,
    /// Its level; HAProxy's default is operator.
    pub level: Level,
}

/// What was found, and what was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The socket to use.
    pub address: Option<Address>,
    /// A socket that is there, but not for this user.
    pub closed: Option<PathBuf>,
    /// Every place that was tried, with what was found there.
    pub tried: Vec<String>,
}

/// Looks below `root` (`/`) for a socket to use.
pub fn discover(root: &Path) -> Found {
    let mut found = Found::default();
    let mut named: Vec<Named> = Vec::new();
    for config in running_configs(root) {
        let size = fs::metadata(&config).map_or(0, |meta| meta.len());
        match fs::read(&config).ok().filter(|_| size <= MAX_CONFIG) {
            Some(text) => {
                let sockets = stats_sockets(&String::from_utf8_lossy(&text));
                found.tried.push(format!("{}: {} stats socket line(s)", config.display(), sockets.len()));
                named.extend(sockets);
            }
            None => found.tried.push(format!("{}: cannot be read", config.display())),
        }
    }
    // The most powerful first; what may be done is still asked for each time.
    named.sort_by_key(|named| std::cmp::Reverse(named.level));
    let usual = USUAL.iter().map(Address::unix);
    for address in named.into_iter().map(|named| named.address).chain(usual) {
        let Some(path) = address.path() else {
            found.address = Some(address);
            return found;
        };
        let place = below(root, path);
        let Err(why) = look(&place) else {
            found.address = Some(Address::Unix(place));
            return found;
        };
        if why == CLOSED {
            found.closed.get_or_insert(place);
        }
        let line = format!("{}: {why}", path.display());
        if !found.tried.contains(&line) {
            found.tried.push(line);
        }
    }
    found
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// What is said of a place that this user may not open.
const CLOSED: &str = "permission denied";

fn look(path: &Path) -> Result<(), &'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => CLOSED,
        _ => "not there",
    })?;
    if !meta.file_type().is_socket() {
        return Err("not a socket");
    }
    access(path, Access::READ_OK | Access::WRITE_OK).map_err(|_| CLOSED)
}

/// The `-f` files of every process named haproxy.
fn running_configs(root: &Path) -> Vec<PathBuf> {
    let mut configs = Vec::new();
    let Ok(processes) = fs::read_dir(root.join("proc")) else { return configs };
    for process in processes.flatten() {
        let Ok(line) = fs::read(process.path().join("cmdline")) else { continue };
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let is_haproxy = words.first().is_some_and(|name| name.rsplit('/').next() == Some("haproxy"));
        if !is_haproxy {
            continue;
        }
        let files = words.iter().zip(words.iter().skip(1)).filter(|(flag, _)| *flag == "-f").map(|(_, file)| file);
        for file in files.filter(|file| file.starts_with('/')) {
            configs.extend(config_files(&below(root, Path::new(file))));
        }
    }
    configs.sort();
    configs.dedup();
    configs
}

/// A file itself, or the `.cfg` files of a folder.
fn config_files(path: &Path) -> Vec<PathBuf> {
    match fs::read_dir(path) {
        Ok(folder) => {
            let files = folder.flatten().map(|entry| entry.path());
            files.filter(|path| path.extension().is_some_and(|extension| extension == "cfg")).collect()
        }
        Err(_) => vec![path.to_path_buf()],
    }
}

/// The `stats socket` lines of a configuration.
pub fn stats_sockets(config: &str) -> Vec<Named> {
    let read = |line: &str| {
        let words: Vec<&str> = line.split('#').next()?.split_whitespace().collect();
        let ["stats", "socket", address, options @ ..] = words.as_slice() else { return None };
        let level = options.iter().skip_while(|word| **word != "level").nth(1).copied();
        let level = match level {
            Some("admin") => Level::Admin,
            Some("user") => Level::User,
            _ => Level::Operator,
        };
        Some(Named { address: address.trim_matches('"').parse().ok()?, level })
    };
    config.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    const CONFIG: &str = "global\n    log /dev/log local0 # stats socket /no\n    stats socket /run/user.sock level user\n\
        \tstats socket /run/haproxy/admin.sock mode 660 level admin expose-fd listeners\n  stats socket ipv4@127.0.0.1:9999\n\
        \x20 stats timeout 30s\nlisten stats\n  stats enable\n";

    #[test]
    fn stats_socket_lines_are_read_with_their_level() {
        let named = stats_sockets(CONFIG);
        let shown: Vec<(String, Level)> =
            named.into_iter().map(|named| (named.address.to_string(), named.level)).collect();
        assert_eq!(
            shown,
            [
                ("/run/user.sock".to_owned(), Level::User),
                ("/run/haproxy/admin.sock".to_owned(), Level::Admin),
                ("127.0.0.1:9999".to_owned(), Level::Operator)
            ]
        );
    }

    #[test]
    fn the_running_configuration_comes_before_the_usual_paths() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        fs::write(make("proc/7/cmdline"), b"/usr/sbin/haproxy\0-Ws\0-f\0/etc/haproxy/haproxy.cfg\0").unwrap();
        fs::write(make("proc/8/cmdline"), b"bash\0-f\0/etc/nothing\0").unwrap();
        fs::write(make("etc/haproxy/haproxy.cfg"), CONFIG).unwrap();
        let _user = UnixListener::bind(make("run/user.sock")).unwrap();
        let found = discover(root.path());
        assert_eq!(found.address.unwrap().to_string(), "127.0.0.1:9999", "operator comes before user");
        assert!(found.tried.contains(&"/run/haproxy/admin.sock: not there".to_owned()));
        let _admin = UnixListener::bind(make("run/haproxy/admin.sock")).unwrap();
        assert_eq!(discover(root.path()).address, Some(Address::Unix(root.path().join("run/haproxy/admin.sock"))));
    }

    #[test]
    fn where_nothing_is_found_every_place_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("run")).unwrap();
        fs::write(root.path().join("run/haproxy.sock"), "").unwrap();
        let found = discover(root.path());
        assert_eq!((found.address, found.closed), (None, None));
        assert!(found.tried.contains(&"/run/haproxy/admin.sock: not there".to_owned()));
        assert!(found.tried.contains(&"/run/haproxy.sock: not a socket".to_owned()));
    }
}
