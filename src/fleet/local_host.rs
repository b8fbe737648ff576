//! Facts about this machine, from `/proc`, for a HAProxy that runs on it.
//!
//! Every user may read them: the addresses of a process's network namespace, and the command lines of keepalived's
//! processes. So no signal is sent, and no right is needed; only keepalived's configuration may be unreadable. HAProxies in
//! several network namespaces of one machine have their own addresses, because the addresses are read through the process.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::haproxy_process::HaproxyProcess;
use crate::config::listeners;
use crate::config::safe_file;
use crate::fleet::carp;
use crate::fleet::host_facts::{HostFacts, HostReader, SharedAddress};
use crate::fleet::keepalived::{self, VrrpInstance};

/// Maximum number of bytes read of a configuration file, a report, or a file of a process.
const MAX_BYTES: u64 = 4 << 20;
/// Maximum number of included configuration files.
const MAX_INCLUDES: usize = 100;
/// Maximum age of keepalived's report: it is written once for each signal, so an older one may be out of date.
const MAX_REPORT_AGE: Duration = Duration::from_secs(15);
/// File into which keepalived writes its report.
const REPORT_FILE: &str = "tmp/keepalived.json";
/// Configuration file that keepalived reads without arguments.
const DEFAULT_CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// Time for which the facts about a network namespace serve all HAProxies in it. The lists of the kernel are long on a busy
/// machine.
const KEEP_FACTS: Duration = Duration::from_secs(4);

/// This machine.
#[derive(Debug)]
pub(crate) struct LocalHost {
    /// Folder that contains `proc`, `etc` and `tmp`.
    root: PathBuf,
    /// The facts that were read last for each network namespace, with the time.
    known: Mutex<HashMap<NetworkId, (Instant, HostFacts)>>,
}

impl LocalHost {
    fn new(root: PathBuf) -> Self {
        Self { root, known: Mutex::default() }
    }
}

impl Default for LocalHost {
    fn default() -> Self {
        Self::new(PathBuf::from("/"))
    }
}

impl HostReader for LocalHost {
    fn read(&self, haproxy_pid: i64) -> Option<HostFacts> {
        if cfg!(target_os = "freebsd") {
            return read_ifconfig();
        }
        let pid = u32::try_from(haproxy_pid).ok()?;
        // Of a HAProxy in a container, the process id here is that of another program, or of none.
        HaproxyProcess::find(&self.root, pid).filter(|process| process.other_program.is_none())?;
        let folder = self.process_folder(pid);
        let Some(network) = NetworkId::read(&folder) else { return Some(self.read_namespace(&folder, None)) };
        // Held while the facts are read, so that HAProxies of one namespace do not read them at the same time.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| at.elapsed() < KEEP_FACTS);
        let (_, facts) =
            known.entry(network).or_insert_with(|| (Instant::now(), self.read_namespace(&folder, Some(network))));
        Some(facts.clone())
    }
}

/// Runs `ifconfig`, which every user may.
fn read_ifconfig() -> Option<HostFacts> {
    let output = Command::new("ifconfig").output().ok()?;
    Some(HostFacts { carp: carp::parse_ifconfig(&String::from_utf8_lossy(&output.stdout)), ..HostFacts::default() })
}

/// Identity of a network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct NetworkId(u64);

impl NetworkId {
    /// Reads the network namespace of a process. Any user may read the number of a file in `net`, which is another one in
    /// each network namespace; only some may read the link `ns/net`.
    fn read(folder: &Path) -> Option<Self> {
        fs::metadata(folder.join("net/dev")).ok().map(|meta| Self(meta.ino()))
    }
}

/// A keepalived process of a trusted user.
struct KeepalivedProcess {
    folder: PathBuf,
    user: u32,
    network: Option<NetworkId>,
    /// Configuration file.
    config: PathBuf,
}

impl LocalHost {
    /// Reads the facts about the network namespace of a process.
    fn read_namespace(&self, folder: &Path, network: Option<NetworkId>) -> HostFacts {
        let local = local_addresses(folder);
        let shared = |ip: IpAddr| SharedAddress { ip, is_held: local.contains(&ip) };
        let listens = listeners::tcp_addresses(folder).into_iter().map(shared).collect();
        let number = network.map(|NetworkId(number)| number);
        let mut facts = HostFacts { network: number, listens, local: local.clone(), ..HostFacts::default() };
        let all = self.keepalived_processes();
        let Some(own) = all.iter().find(|process| process.network == network && network.is_some()) else {
            return facts;
        };
        // The report does not say which keepalived wrote it.
        let is_only = all.iter().all(|process| process.network == network);
        facts.vrrp = if is_only { self.read_report(own.user) } else { Vec::new() };
        let reported = facts.vrrp.iter().flat_map(|vrrp| vrrp.addresses.iter().copied()).map(shared).collect();
        match self.configured_addresses(own) {
            Ok(addresses) => facts.addresses = addresses.into_iter().map(shared).collect(),
            Err(error) => (facts.addresses, facts.obstacle) = (reported, Some(error)),
        }
        facts
    }

    fn process_folder(&self, pid: u32) -> PathBuf {
        self.root.join("proc").join(pid.to_string())
    }

    /// Lists keepalived's processes of root and of this user. Any user can start a program under this name.
    fn keepalived_processes(&self) -> Vec<KeepalivedProcess> {
        let own_user = rustix::process::geteuid().as_raw();
        let Ok(entries) = fs::read_dir(self.root.join("proc")) else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let find = |pid: u32| {
            let folder = self.process_folder(pid);
            let user = fs::symlink_metadata(&folder).ok()?.uid();
            let name = read_text(&folder.join("comm")).filter(|name| name.starts_with("keepalived"))?;
            let is_trusted = (user == 0 || user == own_user) && !name.is_empty();
            let command_line = read_text(&folder.join("cmdline")).filter(|_| is_trusted)?;
            let config = config_argument(&command_line).unwrap_or(DEFAULT_CONFIG).into();
            Some(KeepalivedProcess { network: NetworkId::read(&folder), folder, user, config })
        };
        pids.filter_map(find).collect()
    }

    /// Reads keepalived's report if the user of its process wrote it a moment ago.
    fn read_report(&self, user: u32) -> Vec<VrrpInstance> {
        let path = self.root.join(REPORT_FILE);
        let Ok(meta) = fs::symlink_metadata(&path) else { return Vec::new() };
        let is_fresh = meta.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age <= MAX_REPORT_AGE);
        if !is_fresh || meta.uid() != user {
            return Vec::new();
        }
        safe_file::read_regular(&path, MAX_BYTES).map_or_else(|_| Vec::new(), |json| keepalived::parse_report(&json))
    }

    /// Returns the addresses in a keepalived's configuration and the files that it includes.
    fn configured_addresses(&self, process: &KeepalivedProcess) -> Result<Vec<IpAddr>, String> {
        let mut unread = vec![process.config.clone()];
        let mut addresses: Vec<IpAddr> = Vec::new();
        let mut count = 0;
        while let Some(path) = unread.pop() {
            count += 1;
            if count > MAX_INCLUDES {
                return Err(format!("{} includes more than {MAX_INCLUDES} files", process.config.display()));
            }
            let text =
                self.read_config(process, &path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let config = keepalived::parse_config(&text);
            addresses.extend(config.addresses);
            for include in config.includes {
                let pattern = path.parent().unwrap_or(Path::new("/")).join(include);
                unread.extend(self.matching_files(&pattern));
            }
        }
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }

    /// Reads a configuration file as the process sees it, or else the file of this path here.
    fn read_config(&self, process: &KeepalivedProcess, path: &Path) -> std::io::Result<String> {
        let relative = path.strip_prefix("/").unwrap_or(path);
        let inside = process.folder.join("root").join(relative);
        let bytes = safe_file::read_regular(&inside, MAX_BYTES)
            .or_else(|_| safe_file::read_regular(&self.root.join(relative), MAX_BYTES))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the files that match a path whose last part may contain `*`.
    fn matching_files(&self, pattern: &Path) -> Vec<PathBuf> {
        let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name().and_then(|name| name.to_str())) else {
            return Vec::new();
        };
        let Some((start, end)) = name.split_once('*') else { return vec![pattern.to_owned()] };
        let here = self.root.join(folder.strip_prefix("/").unwrap_or(folder));
        let entries = fs::read_dir(here).into_iter().flatten().flatten();
        let matches =
            |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| matches(name));
        names.map(|name| folder.join(name)).collect()
    }
}

fn read_text(path: &Path) -> Option<String> {
    let (bytes, _) = safe_file::read_start(path, MAX_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the configuration file in a command line, whose words end in zero bytes.
fn config_argument(command_line: &str) -> Option<&str> {
    let mut words = command_line.split('\0').skip(1);
    while let Some(word) = words.next() {
        match word {
            "-f" | "--use-file" => return words.next(),
            _ => {
                let joined = word.strip_prefix("--use-file=");
                let short = word.strip_prefix("-f").filter(|path| path.starts_with('/'));
                if let Some(path) = joined.or(short) {
                    return Some(path);
                }
            }
        }
    }
    None
}

/// Returns the addresses of the network namespace of a process, without loopback.
fn local_addresses(folder: &Path) -> Vec<IpAddr> {
    let v4 = read_text(&folder.join("net/fib_trie")).map(|text| parse_fib_trie(&text)).unwrap_or_default();
    let v6 = read_text(&folder.join("net/if_inet6")).map(|text| parse_if_inet6(&text)).unwrap_or_default();
    v4.into_iter().map(IpAddr::from).chain(v6.into_iter().map(IpAddr::from)).filter(|ip| !ip.is_loopback()).collect()
}

/// Finds the local addresses in a routing table as the kernel prints it: the line of an address, followed by its type.
fn parse_fib_trie(text: &str) -> Vec<Ipv4Addr> {
    let mut last: Option<Ipv4Addr> = None;
    let mut addresses = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            addresses.extend(last);
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Reads lines such as `fd000000000000000000000000000009 02 40 00 80 eth0`.
fn parse_if_inet6(text: &str) -> Vec<Ipv6Addr> {
    let address = |line: &str| {
        let word = line.split_whitespace().next().filter(|word| word.len() == 32)?;
        u128::from_str_radix(word, 16).ok().map(Ipv6Addr::from)
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Addresses of a network namespace on Linux 6.1, whose lists `Main` and `Local` are the same.
    const FIB_TRIE: &str = "Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 10.77.0.0/25 2 0 2
        |-- 10.77.0.0
           /24 link UNICAST
        |-- 10.77.0.1
           /32 host LOCAL
        |-- 10.77.0.100
           /32 host LOCAL
     |-- 10.77.0.255
        /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
";
    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   1: 64004D0A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 09004D0A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
   4: 08004D0A:1F90 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0
";

    /// A folder with the files of a HAProxy with the pid 7 and a keepalived with the pid 8 in one network namespace.
    fn machine(config: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (pid, name) in [(7, "haproxy"), (8, "keepalived")] {
            write(&format!("proc/{pid}/comm"), &format!("{name}\n"));
            write(&format!("proc/{pid}/cmdline"), &format!("/usr/sbin/{name}\0-f\0/etc/{name}.conf\0"));
            write(&format!("proc/{pid}/status"), "PPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
        }
        write("proc/7/net/fib_trie", FIB_TRIE);
        write("proc/7/net/tcp", TCP);
        write("proc/7/net/if_inet6", "fd000000000000000000000000000009 02 40 00 80     eth0\n");
        write("proc/7/net/dev", "");
        fs::create_dir_all(folder.path().join("proc/8/net")).unwrap();
        fs::hard_link(folder.path().join("proc/7/net/dev"), folder.path().join("proc/8/net/dev")).unwrap();
        if let Some(text) = config {
            write("etc/keepalived.conf", text);
        }
        folder
    }

    fn facts(folder: &tempfile::TempDir, pid: i64) -> Option<HostFacts> {
        LocalHost::new(folder.path().to_owned()).read(pid)
    }

    fn role(folder: &tempfile::TempDir) -> Option<String> {
        let facts = facts(folder, 7).unwrap();
        let moving: BTreeSet<IpAddr> = facts.absent_addresses().collect();
        facts.role(&BTreeSet::new(), &moving).map(|finding| finding.to_string())
    }

    #[test]
    fn read_compares_addresses_of_keepalived_with_those_of_the_namespace() {
        let held = machine(Some("virtual_ipaddress {\n10.77.0.100/24\nfd00::9\n}"));
        assert_eq!(role(&held).unwrap(), "active: holds 10.77.0.100, fd00::9 (address)");
        let elsewhere = machine(Some("virtual_ipaddress {\n10.77.0.200/24\n}"));
        assert_eq!(role(&elsewhere).unwrap(), "standby: does not hold 10.77.0.200 (address)");
        assert_eq!(facts(&held, 8), None, "not a HAProxy");
        assert_eq!(facts(&held, 9), None);
    }

    #[test]
    fn read_reads_a_namespace_once_for_all_its_haproxies() {
        let folder = machine(Some("virtual_ipaddress {\n10.77.0.100\n}"));
        for (path, text) in [("comm", "haproxy\n"), ("cmdline", "/usr/sbin/haproxy\0-f\0/etc/haproxy.conf\0")] {
            let path = folder.path().join("proc/8").join(path);
            fs::write(path, text).unwrap();
        }
        let host = LocalHost::new(folder.path().to_owned());
        let first = host.read(7).unwrap();
        assert!(first.local.contains(&"fd00::9".parse().unwrap()), "{first:?}");
        fs::remove_file(folder.path().join("proc/7/net/fib_trie")).unwrap();
        assert_eq!(host.read(8), Some(first), "8 is in the same namespace");
        assert_eq!(host.read(9), None, "no such process");
    }

    #[test]
    fn read_follows_includes() {
        let folder = machine(Some("include conf.d/*.conf\n"));
        fs::create_dir_all(folder.path().join("etc/conf.d")).unwrap();
        fs::write(folder.path().join("etc/conf.d/a.conf"), "virtual_ipaddress {\n10.77.0.100\n}").unwrap();
        fs::write(folder.path().join("etc/conf.d/a.bak"), "virtual_ipaddress {\n10.77.0.50\n}").unwrap();
        assert_eq!(role(&folder).unwrap(), "active: holds 10.77.0.100 (address)");
    }

    #[test]
    fn read_reports_an_unreadable_configuration_and_uses_listening_sockets() {
        let folder = machine(None);
        let obstacle = facts(&folder, 7).unwrap().obstacle.unwrap();
        assert!(obstacle.starts_with("cannot read /etc/keepalived.conf: "), "{obstacle}");
        assert_eq!(role(&folder).unwrap(), "standby: does not hold 10.77.0.9 (address)");
    }

    #[test]
    fn read_uses_a_fresh_report_only() {
        let folder = machine(Some("virtual_ipaddress {\n10.77.0.100\n}"));
        let path = folder.path().join(REPORT_FILE);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, r#"[{"data":{"iname":"VI_1","state":3,"vips":[]}}]"#).unwrap();
        assert_eq!(role(&folder).unwrap(), "standby: VI_1 is FAULT (keepalived)");
        let old = std::time::SystemTime::now() - MAX_REPORT_AGE * 2;
        fs::File::open(&path).unwrap().set_modified(old).unwrap();
        assert_eq!(role(&folder).unwrap(), "active: holds 10.77.0.100 (address)");
    }

    #[test]
    fn read_ignores_keepalived_of_another_namespace() {
        let folder = machine(Some("virtual_ipaddress {\n10.77.0.100\n}"));
        fs::remove_file(folder.path().join("proc/8/net/dev")).unwrap();
        fs::write(folder.path().join("proc/8/net/dev"), "").unwrap();
        assert_eq!(facts(&folder, 7).unwrap().addresses, []);
    }

    #[test]
    fn config_argument_knows_every_spelling() {
        for line in ["-f\0/a", "-n\0-l\0--use-file\0/a", "--use-file=/a", "-D\0-f/a"] {
            assert_eq!(config_argument(&format!("keepalived\0{line}\0")), Some("/a"), "{line}");
        }
        assert_eq!(config_argument("keepalived\0-n\0"), None);
    }
}
