//! Running HAProxy processes, from `/proc`.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::haproxy_words::ProcessEnvironment;
use crate::config::safe_file;

/// Maximum number of bytes read of the command line of a process.
const MAX_CMDLINE_BYTES: u64 = 256 << 10;
/// Maximum number of bytes read of its environment, which no kernel exceeds.
const MAX_ENVIRON_BYTES: u64 = 8 << 20;
/// Maximum number of bytes read of the other files of a process.
const MAX_STATUS_BYTES: u64 = 64 << 10;

/// A running process that is HAProxy according to its name.
#[derive(Debug, Clone)]
pub(crate) struct HaproxyProcess {
    /// Process id.
    pub(crate) pid: u32,
    /// Process id of the parent.
    pub(crate) parent: u32,
    /// Real, effective, saved and file system user id.
    pub(crate) users: Vec<u32>,
    /// Real, effective, saved and file system group id.
    pub(crate) groups: Vec<u32>,
    /// Command line.
    pub(crate) arguments: HaproxyArguments,
    /// Program that the process runs, if it is known and has another name than HAProxy. Any user can start any program
    /// under the name haproxy.
    pub(crate) other_program: Option<PathBuf>,
    /// Number of process id namespaces that the process is in: more than 1 in a container, 0 if it is unknown.
    pub(crate) namespaces: usize,
    /// Folder of the process in `/proc`.
    folder: PathBuf,
}

/// The arguments on the command line of a HAProxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HaproxyArguments {
    /// Configuration files and directories, in HAProxy's order.
    pub(crate) configs: Vec<PathBuf>,
    /// Directory to which HAProxy changes at its start (`-C`).
    directory: Option<PathBuf>,
    /// Address of the master socket (`-S`), without the options that follow a comma.
    pub(crate) master_socket: Option<String>,
    /// Name of the local peer (`-L`).
    pub(crate) local_peer: Option<Vec<u8>>,
    /// Processes that this one was started to replace (`-sf`, `-st`).
    pub(crate) replaced: Vec<u32>,
}

/// The files that a process sees, compared with those that hapulse sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountView {
    /// The same files, as far as this user may compare.
    Same,
    /// Other files, or mounts that cannot be compared.
    Other,
}

/// A process of a user who is not trusted that is HAProxy according to its name. Nothing else of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UntrustedProcess {
    /// Process id.
    pub(crate) pid: u32,
    /// A user of the process who is not trusted.
    pub(crate) user: u32,
}

/// The HAProxy processes of a machine, by process id.
#[derive(Debug, Default)]
pub(crate) struct LocalProcesses {
    /// Processes whose real, effective, saved and file system users are all trusted.
    pub(crate) trusted: Vec<HaproxyProcess>,
    /// Other processes.
    pub(crate) untrusted: Vec<UntrustedProcess>,
}

impl LocalProcesses {
    /// Lists the processes below `root`. Of a process of another user, only its users and its name are read: any user can
    /// run any number of processes named haproxy, with memory that cannot be read without waiting.
    pub(crate) fn read(root: &Path, is_trusted: impl Fn(u32) -> bool) -> Self {
        let Ok(entries) = fs::read_dir(root.join("proc")) else { return Self::default() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut pids: Vec<u32> = pids.collect();
        pids.sort_unstable();
        let mut list = Self::default();
        for pid in pids {
            let folder = process_folder(root, pid);
            // The folder belongs to the effective user, or to root if the process changed its user.
            let Ok(owner) = fs::symlink_metadata(&folder).map(|meta| meta.uid()) else { continue };
            let users = if is_trusted(owner) { ProcessStatus::read(&folder).users } else { vec![owner] };
            if let Some(user) = users.iter().copied().find(|user| !is_trusted(*user)) {
                if has_haproxy_comm(&folder) && !ProcessStatus::read(&folder).has_ended {
                    list.untrusted.push(UntrustedProcess { pid, user });
                }
            } else {
                list.trusted.extend(HaproxyProcess::find(root, pid));
            }
        }
        list
    }
}

/// The facts in the file `status` of a process.
struct ProcessStatus {
    /// The process has ended, and its parent has not yet asked for its exit code.
    has_ended: bool,
    parent: Option<u32>,
    users: Vec<u32>,
    groups: Vec<u32>,
    namespaces: usize,
}

impl ProcessStatus {
    fn read(folder: &Path) -> Self {
        let status = read_start_of(folder, "status", MAX_STATUS_BYTES).unwrap_or_default();
        let status = String::from_utf8_lossy(&status);
        let numbers = |key: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            line.unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        Self {
            has_ended: status.lines().any(|line| line.starts_with("State:\tZ")),
            parent: numbers("PPid").first().copied(),
            users: numbers("Uid"),
            groups: numbers("Gid"),
            namespaces: numbers("NSpid").len(),
        }
    }
}

fn process_folder(root: &Path, pid: u32) -> PathBuf {
    root.join("proc").join(pid.to_string())
}

fn read_start_of(folder: &Path, name: &str, max: u64) -> Option<Vec<u8>> {
    safe_file::read_start(&folder.join(name), max).ok().map(|(bytes, _)| bytes)
}

/// Returns true if the name that the kernel gave to the process is that of HAProxy.
fn has_haproxy_comm(folder: &Path) -> bool {
    read_start_of(folder, "comm", MAX_STATUS_BYTES).is_some_and(|name| is_haproxy_name(name.trim_ascii_end()))
}

impl HaproxyProcess {
    /// Reads one process below `root`. Returns `None` if it is not HAProxy or has ended.
    pub(crate) fn find(root: &Path, pid: u32) -> Option<Self> {
        let folder = process_folder(root, pid);
        let cmdline = read_start_of(&folder, "cmdline", MAX_CMDLINE_BYTES)?;
        let words: Vec<&[u8]> =
            cmdline.split_inclusive(|byte| *byte == 0).filter_map(|word| word.strip_suffix(&[0])).collect();
        // A zombie and a kernel thread have no command line.
        let first_word = words.first()?;
        let program = fs::read_link(folder.join("exe")).ok();
        let has_program_name =
            program.as_ref().and_then(|path| path.file_name()).is_some_and(|name| is_haproxy_name(name.as_bytes()));
        if !has_program_name && !is_haproxy_name(file_name(first_word)) && !has_haproxy_comm(&folder) {
            return None;
        }
        let status = ProcessStatus::read(&folder);
        Some(Self {
            pid,
            parent: status.parent?,
            users: Some(status.users).filter(|users| !users.is_empty())?,
            groups: status.groups,
            arguments: HaproxyArguments::parse(&words[1..]),
            other_program: program.filter(|_| !has_program_name),
            namespaces: status.namespaces,
            folder,
        })
    }

    /// Returns the time at which the process started, in clock ticks since the start of the machine. Returns `None` if it
    /// has ended.
    pub(crate) fn started_at(&self) -> Option<u64> {
        let stat = read_start_of(&self.folder, "stat", MAX_STATUS_BYTES)?;
        let stat = String::from_utf8_lossy(&stat);
        // The program name is in parentheses and may itself contain parentheses. The time is field 22, counted from 1.
        stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
    }

    /// Returns the environment in which the process reads its configuration.
    pub(crate) fn environment(&self) -> ProcessEnvironment {
        let mut environment = self.inherited_environment();
        environment.add_own_variables(self.arguments.local_peer.as_deref());
        environment
    }

    fn inherited_environment(&self) -> ProcessEnvironment {
        let bytes = read_start_of(&self.folder, "environ", MAX_ENVIRON_BYTES);
        ProcessEnvironment::parse(bytes.as_deref())
    }

    /// Returns the directory to which relative paths in the command line and in the configuration refer, or `None` if it
    /// is unknown.
    pub(crate) fn working_directory(&self) -> Option<PathBuf> {
        if !self.is_chrooted() {
            // After -C, this is already the new directory.
            return fs::read_link(self.folder.join("cwd"))
                .ok()
                .or_else(|| self.arguments.directory.clone().filter(|path| path.is_absolute()));
        }
        // HAProxy read its files before it changed its root, and its working directory is now within the new root.
        let environment = self.inherited_environment();
        let started_in = environment.get(b"PWD").ok().flatten().map(|path| PathBuf::from(OsStr::from_bytes(path)));
        let directory = match (started_in, &self.arguments.directory) {
            (Some(started_in), Some(directory)) => started_in.join(directory),
            (Some(started_in), None) => started_in,
            (None, directory) => directory.clone()?,
        };
        directory.is_absolute().then_some(directory)
    }

    /// Returns true if the root directory of the process is not `/`.
    fn is_chrooted(&self) -> bool {
        fs::read_link(self.folder.join("root")).is_ok_and(|root| root != Path::new("/"))
    }

    /// Compares the mounts of the process with those of hapulse, for a file that hapulse sees at `path`.
    pub(crate) fn mount_view(&self, path: &Path) -> MountView {
        let own = self.folder.with_file_name("self").join("ns/mnt");
        match (fs::read_link(own), fs::read_link(self.folder.join("ns/mnt"))) {
            (Ok(own), Ok(its)) if own == its => MountView::Same,
            (Ok(_), Ok(_)) => {
                let inside = self.folder.join("root").join(path.strip_prefix("/").unwrap_or(path));
                let program = self.folder.join("exe");
                let (own, its) = match fs::read_link(&program) {
                    // Below its new root, the files that it opened before cannot be seen. If even its program is the file
                    // that is here, it runs in no container.
                    Ok(path) if self.is_chrooted() => (fs::metadata(path), fs::metadata(program)),
                    _ => (fs::metadata(path), fs::metadata(inside)),
                };
                match (own, its) {
                    (Ok(own), Ok(its)) if (own.dev(), own.ino()) == (its.dev(), its.ino()) => MountView::Same,
                    _ => MountView::Other,
                }
            }
            _ if self.namespaces > 1 => MountView::Other,
            _ => MountView::Same,
        }
    }

    /// Returns the inodes of the sockets that the process has open, or `None` if this user may not know.
    pub(crate) fn socket_inodes(&self) -> Option<BTreeSet<u64>> {
        let files = fs::read_dir(self.folder.join("fd")).ok()?;
        let inode = |file: fs::DirEntry| {
            let link = fs::read_link(file.path()).ok()?;
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        };
        Some(files.flatten().filter_map(inode).collect())
    }
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Returns true for the name of a HAProxy program, such as `haproxy`, `haproxy-2.6`, `haproxy (deleted)` or `hapee-lb`.
fn is_haproxy_name(name: &[u8]) -> bool {
    let is_followed_by_word = |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_alphabetic);
    [&b"haproxy"[..], b"hapee-lb"]
        .iter()
        .any(|prefix| name.strip_prefix(*prefix).is_some_and(|rest| !is_followed_by_word(rest)))
}

impl HaproxyArguments {
    /// Returns true if both command lines name the same configuration, as those of a master and its workers do.
    pub(crate) fn has_same_configuration(&self, other: &Self) -> bool {
        !self.configs.is_empty() && self.configs == other.configs && self.directory == other.directory
    }

    /// Reads a command line, without the program, as HAProxy does it.
    fn parse(words: &[&[u8]]) -> Self {
        let path = |word: &[u8]| PathBuf::from(OsStr::from_bytes(word));
        let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        let mut this = Self::default();
        let mut rest: VecDeque<&[u8]> = words.iter().copied().collect();
        while let Some(word) = rest.pop_front() {
            match word.strip_prefix(b"-") {
                Some(b"-") => this.configs.extend(rest.drain(..).map(path)),
                // Options without a value. The value of -dt is optional.
                Some([b'c', b'c', ..]) => drop(rest.pop_front()),
                Some([b'v' | b'd' | b'V' | b'c' | b'D' | b'W' | b'q', ..]) | None => {}
                Some([b's', b'f' | b't', ..]) => {
                    while let Some(pid) = rest.pop_front_if(|word| !word.starts_with(b"-")) {
                        this.replaced.extend(text(pid).parse::<u32>());
                    }
                }
                Some([b'f', ..]) => this.configs.extend(rest.pop_front().map(path)),
                Some([b'L', ..]) => this.local_peer = rest.pop_front().map(<[u8]>::to_vec),
                Some([b'C', ..]) => this.directory = rest.pop_front().map(path),
                Some([b'S', ..]) => {
                    let address = rest.pop_front().and_then(|word| word.split(|byte| *byte == b',').next());
                    this.master_socket = address.filter(|address| !address.is_empty()).map(text);
                }
                Some(_) => drop(rest.pop_front()),
            }
        }
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_haproxy_name_accepts_versions_but_not_other_programs() {
        for name in ["haproxy", "haproxy-2.6", "haproxy2", "haproxy (deleted)", "haproxy: master", "hapee-lb"] {
            assert!(is_haproxy_name(name.as_bytes()), "{name}");
        }
        for name in ["haproxyctl", "bash", "my-haproxy", ""] {
            assert!(!is_haproxy_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn parse_reads_arguments_as_haproxy_does() {
        let arguments = |line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            HaproxyArguments::parse(&words)
        };
        let parse = |line: &str| {
            let HaproxyArguments { configs, directory, .. } = arguments(line);
            let shown: Vec<String> = configs.iter().map(|path| path.display().to_string()).collect();
            (shown.join(" "), directory.map(|path| path.display().to_string()))
        };
        assert_eq!(parse("-Ws -f /a.cfg -p /run/f -f b.cfg -sf 1 2 -x -f"), ("/a.cfg b.cfg".into(), None));
        assert_eq!(parse("-sf 7 -x sockpair@3 -db -C /etc -n 5 -- a -f c"), ("a -f c".into(), Some("/etc".into())));
        assert_eq!(parse("-S /m,mode,600 -dM -dt 0 -f /a -cc x -L -f -D"), ("/a".into(), None));
        assert_eq!(parse("-f"), (String::new(), None));
        let line = "-W -S /run/m.sock,mode,600 -sf 11 12 -x /run/a.sock -st 13";
        assert_eq!(arguments(line).replaced, [11, 12, 13]);
        assert_eq!(arguments(line).master_socket.as_deref(), Some("/run/m.sock"));
        assert_eq!(arguments("-sf -S ,mode,600"), HaproxyArguments::default());
    }
}
