//! Finds the stats socket of the local HAProxy if no target was given.
//!
//! The search reads the `stats socket` lines in the configuration files of the running HAProxy processes, then tries
//! the usual paths. It only checks that a socket exists and is accessible, and never connects.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::haproxy::address::Address;
use crate::haproxy::level::Level;

/// Socket paths used by packages and examples.
const COMMON_PATHS: [&str; 8] = [
    "/run/haproxy/admin.sock",
    "/run/haproxy.sock",
    "/var/run/haproxy.sock",
    "/run/haproxy/haproxy.sock",
    "/run/haproxy/stats.sock",
    "/run/haproxy/stats",
    "/var/lib/haproxy/stats",
    "/tmp/haproxy.sock",
];
/// Maximum size of an HAProxy configuration file.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// A socket from a `stats socket` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfiguredSocket {
    /// Address of the socket.
    pub(crate) address: Address,
    /// Level of the socket; HAProxy's default is operator.
    pub(crate) level: Level,
}

/// Result of the search for a socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// Socket to use; `None` if no usable socket was found.
    pub(crate) address: Option<Address>,
    /// First path that this user may not access.
    pub(crate) inaccessible: Option<PathBuf>,
    /// Every path that was tried, with the result.
    pub(crate) tried: Vec<String>,
}

/// Searches for a socket to use; `root` is `/` except in tests.
pub(crate) fn discover(root: &Path) -> Discovery {
    let mut discovery = Discovery::default();
    let mut configured: Vec<ConfiguredSocket> = Vec::new();
    for config in running_configs(root) {
        let size = fs::metadata(&config).map_or(0, |meta| meta.len());
        match fs::read(&config).ok().filter(|_| size <= MAX_CONFIG_BYTES) {
            Some(text) => {
                let sockets = stats_sockets(&String::from_utf8_lossy(&text));
                discovery.tried.push(format!("{}: {} stats socket line(s)", config.display(), sockets.len()));
                configured.extend(sockets);
            }
            None => discovery.tried.push(format!("{}: cannot be read", config.display())),
        }
    }
    // Highest level first; actions still need a confirmation.
    configured.sort_by_key(|configured| std::cmp::Reverse(configured.level));
    let usual = COMMON_PATHS.iter().map(Address::unix);
    for address in configured.into_iter().map(|configured| configured.address).chain(usual) {
        let Some(path) = address.path() else {
            discovery.address = Some(address);
            return discovery;
        };
        let socket = under_root(root, path);
        let Err(reason) = check_socket(&socket) else {
            discovery.address = Some(Address::Unix(socket));
            return discovery;
        };
        if reason == PERMISSION_DENIED {
            discovery.inaccessible.get_or_insert(socket);
        }
        let line = format!("{}: {reason}", path.display());
        if !discovery.tried.contains(&line) {
            discovery.tried.push(line);
        }
    }
    discovery
}

fn under_root(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Result for a path that this user may not open.
const PERMISSION_DENIED: &str = "permission denied";

fn check_socket(path: &Path) -> Result<(), &'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => PERMISSION_DENIED,
        _ => "not found",
    })?;
    if !meta.file_type().is_socket() {
        return Err("not a socket");
    }
    access(path, Access::READ_OK | Access::WRITE_OK).map_err(|_| PERMISSION_DENIED)
}

/// Returns the files given with `-f` to the running processes named haproxy; relative paths are ignored.
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
            configs.extend(config_files(&under_root(root, Path::new(file))));
        }
    }
    configs.sort();
    configs.dedup();
    configs
}

/// Returns the `.cfg` files in a directory, or the path itself if it is not a directory.
fn config_files(path: &Path) -> Vec<PathBuf> {
    match fs::read_dir(path) {
        Ok(folder) => {
            let files = folder.flatten().map(|entry| entry.path());
            files.filter(|path| path.extension().is_some_and(|extension| extension == "cfg")).collect()
        }
        Err(_) => vec![path.to_path_buf()],
    }
}

/// Parses the `stats socket` lines of an HAProxy configuration. Lines with an invalid address are ignored.
pub(crate) fn stats_sockets(config: &str) -> Vec<ConfiguredSocket> {
    let read = |line: &str| {
        let words: Vec<&str> = line.split('#').next()?.split_whitespace().collect();
        let ["stats", "socket", address, options @ ..] = words.as_slice() else { return None };
        let level = options.iter().skip_while(|word| **word != "level").nth(1).copied();
        let level = match level {
            Some("admin") => Level::Admin,
            Some("user") => Level::User,
            _ => Level::Operator,
        };
        Some(ConfiguredSocket { address: address.trim_matches('"').parse().ok()?, level })
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
    fn stats_sockets_parses_address_and_level() {
        let configured = stats_sockets(CONFIG);
        let shown: Vec<(String, Level)> =
            configured.into_iter().map(|configured| (configured.address.to_string(), configured.level)).collect();
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
    fn discover_prefers_running_configuration_over_common_paths() {
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
        let discovery = discover(root.path());
        assert_eq!(discovery.address.unwrap().to_string(), "127.0.0.1:9999", "operator comes before user");
        assert!(discovery.tried.contains(&"/run/haproxy/admin.sock: not found".to_owned()));
        let _admin = UnixListener::bind(make("run/haproxy/admin.sock")).unwrap();
        assert_eq!(discover(root.path()).address, Some(Address::Unix(root.path().join("run/haproxy/admin.sock"))));
    }

    #[test]
    fn discover_lists_every_tried_path() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("run")).unwrap();
        fs::write(root.path().join("run/haproxy.sock"), "").unwrap();
        let discovery = discover(root.path());
        assert_eq!((discovery.address, discovery.inaccessible), (None, None));
        assert!(discovery.tried.contains(&"/run/haproxy/admin.sock: not found".to_owned()));
        assert!(discovery.tried.contains(&"/run/haproxy.sock: not a socket".to_owned()));
    }
}
