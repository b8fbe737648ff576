//! The search for local HAProxies: which processes and configurations are read, and which users are trusted.
//!
//! Only the configurations of processes of root and of this user, and the usual ones, can name further users. Processes
//! of these users are then read, too, but their configurations name no further users.
//!
//! HAProxy without a master changes its user after its start, so no process of root is left. A process of another user is
//! therefore trusted if root wrote the configuration on its command line and this names the user of the process. Any user
//! can name any file, so few files are read, and each must begin like a configuration.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::config::accounts::Accounts;
use crate::config::haproxy_config::HaproxyConfig;
use crate::config::haproxy_files::{ConfigReader, LoadedConfig, MAX_TOTAL_BYTES};
use crate::config::haproxy_process::{HaproxyProcess, MountView, UntrustedProcess};
use crate::config::haproxy_words::ProcessEnvironment;
use crate::config::local_haproxy::{LocalHaproxy, MissingSocket, safe_list};
use crate::config::process_groups;
use crate::config::search_log::SearchLog;
use crate::config::socket_checks::SocketChecks;
use crate::config::trust::{PathProblem, TrustedOwners, below};
use crate::haproxy::address::{Address, USUAL_SOCKET_PATHS};
use crate::haproxy::safe_text::SafeText;

/// Configuration files of packages and images. They name trusted users even if no visible process of root reads them:
/// HAProxy without a master changes its user after its start.
const COMMON_CONFIGS: [&str; 2] = ["/etc/haproxy/haproxy.cfg", "/usr/local/etc/haproxy/haproxy.cfg"];
/// Maximum number of files and directories on one command line that are read.
const MAX_NAMED_CONFIGS: usize = 1000;
/// Maximum number of processes of one other user whose configuration is read.
const MAX_OTHER_PROCESSES: u32 = 4;
/// Maximum number of configuration files of a process of another user, and their size.
const MAX_OTHER_CONFIGS: usize = 16;
const MAX_OTHER_BYTES: u64 = 4 << 20;

/// A trusted HAProxy with its configuration.
#[derive(Debug, Default)]
struct Candidate {
    members: Vec<HaproxyProcess>,
    config: LoadedConfig,
    /// Root or this user runs its leader, so its configuration decides whom else to trust.
    is_own: bool,
}

/// A part that two candidates have in common if they are one HAProxy.
#[derive(Debug, PartialEq, Eq, Hash)]
enum SharedPart {
    Socket(Address),
    /// The configuration files, if they contain no socket.
    Files(Vec<PathBuf>),
}

/// A search in progress.
#[derive(Debug)]
pub(crate) struct HaproxySearch<'a> {
    root: &'a Path,
    accounts: &'a Accounts,
    /// Root and this user.
    owners: TrustedOwners<'a>,
    /// Users and groups that trusted configurations name.
    named: HaproxyConfig,
    /// The usual configurations, once they were read, with the results for the log.
    common: Option<(LoadedConfig, SearchLog)>,
    candidates: Vec<Candidate>,
    shared_parts: HashMap<SharedPart, usize>,
    /// Candidates by what their configuration was read from.
    sources: BTreeMap<(Vec<PathBuf>, ProcessEnvironment), usize>,
    /// Number of bytes of configuration files that may still be read.
    budget: Cell<u64>,
    /// Everything that could not be used.
    pub(crate) log: SearchLog,
}

impl<'a> HaproxySearch<'a> {
    /// Starts a search below `root`.
    pub(crate) fn new(root: &'a Path, accounts: &'a Accounts) -> Self {
        Self {
            root,
            accounts,
            owners: TrustedOwners::root_and_self(accounts),
            named: HaproxyConfig::default(),
            common: None,
            candidates: Vec::new(),
            shared_parts: HashMap::new(),
            sources: BTreeMap::new(),
            budget: Cell::new(MAX_TOTAL_BYTES),
            log: SearchLog::default(),
        }
    }

    /// Returns true for root and for this user.
    pub(crate) fn is_own_user(&self, user: u32) -> bool {
        self.owners.contains_user(user)
    }

    fn is_own(&self, process: &HaproxyProcess) -> bool {
        process.users.iter().all(|user| self.is_own_user(*user))
    }

    /// Reads the configurations of the processes of root and of this user, and then those of the users that they name.
    pub(crate) fn add_processes(&mut self, own: Vec<HaproxyProcess>, others: &[UntrustedProcess]) {
        for members in process_groups::group(own.clone(), |_| true) {
            self.examine(members, true);
        }
        if !others.is_empty() {
            self.common();
        }
        self.learn_from_others(others);
        let mut processes = own;
        let mut strangers = Vec::new();
        for other in others {
            let is_trusted = |user: &u32| self.is_own_user(*user) || self.named.process_users.contains(user);
            if !is_trusted(&other.user) {
                strangers.push(*other);
                continue;
            }
            let Some(process) = HaproxyProcess::find(self.root, other.pid) else { continue };
            match process.users.iter().find(|user| !is_trusted(user)) {
                Some(user) => strangers.push(UntrustedProcess { user: *user, ..*other }),
                None => processes.push(process),
            }
        }
        processes.sort_by_key(|process| process.pid);
        let leaders: HashMap<u32, usize> = self
            .candidates
            .iter()
            .enumerate()
            .flat_map(|(index, candidate)| candidate.members.iter().map(move |member| (member.pid, index)))
            .collect();
        for mut members in process_groups::group(processes, |process| self.is_own(process)) {
            if !self.is_own(&members[0]) {
                self.examine(members, false);
            } else if let Some(candidate) = leaders.get(&members[0].pid) {
                members.retain(|member| !self.is_own(member));
                self.candidates[*candidate].members.append(&mut members);
            }
        }
        self.log.skip_processes(&strangers, self.accounts);
    }

    /// Learns users from the processes of users that are not trusted yet, of each user from a few processes.
    fn learn_from_others(&mut self, others: &[UntrustedProcess]) {
        let mut read_of: HashMap<u32, u32> = HashMap::new();
        for other in others {
            let count = read_of.entry(other.user).or_default();
            if !self.named.process_users.contains(&other.user) && *count < MAX_OTHER_PROCESSES {
                *count += 1;
                self.learn_from_other(other.pid);
            }
        }
    }

    /// Trusts the users of a process of another user if its configuration, which only trusted users can change, names all
    /// of them.
    fn learn_from_other(&mut self, pid: u32) {
        let Some(process) = HaproxyProcess::find(self.root, pid).filter(|process| process.other_program.is_none())
        else {
            return;
        };
        let configs = &process.arguments.configs;
        let Some(directory) = process.working_directory() else { return };
        if configs.is_empty() || configs.len() > MAX_OTHER_CONFIGS {
            return;
        }
        let paths: Vec<PathBuf> = configs.iter().map(|path| directory.join(path)).collect();
        let budget = Cell::new(MAX_OTHER_BYTES);
        let reader = ConfigReader { budget: &budget, ..self.reader() };
        // The user of the process chose its environment.
        let environment = ProcessEnvironment::parse(None);
        let config = reader.read(&paths, Some(&process), environment, &mut SearchLog::default());
        let named = &config.contents.process_users;
        let names_all = process.users.iter().all(|user| named.contains(user));
        if config.is_complete && config.begins_with_sections && names_all {
            self.named.add_owners_of(&config.contents);
        }
    }

    /// Returns the HAProxies that were found.
    pub(crate) fn running(&mut self) -> Vec<LocalHaproxy> {
        let candidates = std::mem::take(&mut self.candidates);
        let local = |candidate: &Candidate| {
            let mut pids: Vec<u32> = candidate.members.iter().map(|process| process.pid).collect();
            pids.sort_unstable();
            let address = self.best_socket(candidate);
            LocalHaproxy { pids, configs: candidate.config.files.clone(), address }
        };
        let running = candidates.iter().map(local).collect();
        self.candidates = candidates;
        running
    }

    /// Reads the configuration of a group of processes.
    fn examine(&mut self, members: Vec<HaproxyProcess>, is_own: bool) {
        let Some(leader) = members.first() else { return };
        let (pid, configs) = (leader.pid, &leader.arguments.configs);
        if configs.is_empty() {
            self.log.add_tried(format!("pid {pid}: no configuration file on its command line"));
            return;
        }
        let shown = safe_list(&configs[..configs.len().min(MAX_NAMED_CONFIGS)]);
        if let Some(program) = &leader.other_program {
            let program = SafeText::from(program.as_path());
            self.log.add_tried(format!("pid {pid} ({shown}) is named haproxy, but its program is {program}"));
            return;
        }
        let directory = leader.working_directory();
        let absolute = |path: &PathBuf| {
            let place = directory.as_ref().map(|directory| directory.join(path));
            place.or_else(|| path.is_absolute().then(|| path.clone()))
        };
        let mut known = BTreeSet::new();
        let mut named: Vec<PathBuf> = configs.iter().filter_map(absolute).collect();
        let has_unknown = named.len() < configs.len();
        named.retain(|path| known.insert(path.clone()));
        let environment = leader.environment();
        let source = (named, environment);
        if let Some(index) = self.sources.get(&source).copied() {
            self.candidates[index].members.extend(members);
            return;
        }
        let (named, environment) = &source;
        let is_cut = named.len() > MAX_NAMED_CONFIGS;
        let named = &named[..named.len().min(MAX_NAMED_CONFIGS)];
        let mut log = std::mem::take(&mut self.log);
        let mut config = self.reader().read(named, Some(leader), environment.clone(), &mut log);
        self.log = log;
        if is_cut {
            self.log.add_tried(format!("pid {pid}: only the first {MAX_NAMED_CONFIGS} configuration files are read"));
        }
        if has_unknown {
            self.log.add_tried(format!(
                "pid {pid} ({shown}): cannot read the working directory that a configuration file is relative to"
            ));
        }
        config.is_complete &= !is_cut && !has_unknown;
        resolve_sockets(&mut config, directory.as_deref(), &mut self.log);
        if config.files.is_empty() {
            let is_elsewhere = |path: &PathBuf| leader.mount_view(&below(self.root, path)) == MountView::Other;
            if named.iter().any(is_elsewhere) {
                self.log.add_skipped(format!(
                    "pid {pid} ({shown}) runs in a container or sees other files; name its socket as the target"
                ));
                return;
            }
            config.files.clone_from(configs);
            config.files.truncate(MAX_NAMED_CONFIGS);
        }
        let index = self.merge(Candidate { members, config, is_own });
        self.sources.insert(source, index);
    }

    /// Adds a candidate and returns its index. Processes with a common socket are one HAProxy: after a reload, the old
    /// process finishes while the new one has taken over the sockets.
    fn merge(&mut self, new: Candidate) -> usize {
        let contents = &new.config.contents;
        let parts: Vec<SharedPart> = if contents.sockets.is_empty() {
            vec![SharedPart::Files(new.config.files.clone())]
        } else {
            contents.sockets.iter().map(|socket| SharedPart::Socket(socket.address.clone())).collect()
        };
        if new.is_own {
            self.named.add_owners_of(contents);
        }
        let known = parts.iter().find_map(|part| self.shared_parts.get(part)).copied();
        let index = known.unwrap_or(self.candidates.len());
        // A configuration that names no trusted users adds no sockets to another HAProxy either.
        let has_new_sockets = known.is_none_or(|index| new.is_own || !self.candidates[index].is_own);
        if has_new_sockets {
            for part in parts {
                self.shared_parts.entry(part).or_insert(index);
            }
        }
        let Some(known) = self.candidates.get_mut(index) else {
            self.candidates.push(new);
            return index;
        };
        known.members.extend(new.members);
        if has_new_sockets {
            let files: BTreeSet<PathBuf> = known.config.files.iter().cloned().collect();
            known.config.files.extend(new.config.files.into_iter().filter(|file| !files.contains(file)));
            known.config.contents.add(new.config.contents);
            known.config.is_complete &= new.config.is_complete;
            known.config.unusable_line = known.config.unusable_line.take().or(new.config.unusable_line);
        }
        index
    }

    fn reader(&self) -> ConfigReader<'_> {
        ConfigReader { root: self.root, accounts: self.accounts, owners: &self.owners, budget: &self.budget }
    }

    /// Reads the usual configurations, unless they were read before.
    fn common(&mut self) -> &(LoadedConfig, SearchLog) {
        if self.common.is_none() {
            let mut log = SearchLog::default();
            let is_there = |path: &PathBuf| below(self.root, path).exists();
            let paths: Vec<PathBuf> = COMMON_CONFIGS.iter().map(PathBuf::from).filter(is_there).collect();
            let mut environment = ProcessEnvironment::parse(None);
            environment.add_own_variables(None);
            let mut config = self.reader().read(&paths, None, environment, &mut log);
            resolve_sockets(&mut config, None, &mut log);
            self.named.add_owners_of(&config.contents);
            self.common = Some((config, log));
        }
        self.common.get_or_insert_default()
    }

    /// Returns the usable socket with the highest level, of several a Unix socket. Reports the unusable ones before it.
    ///
    /// # Errors
    /// Returns why no socket is usable.
    fn best_socket(&mut self, candidate: &Candidate) -> Result<Address, MissingSocket> {
        let config = &candidate.config;
        let named = if candidate.is_own { &config.contents } else { &self.named };
        let owners = self.owners.clone().and_named(named);
        let mut sockets = config.contents.sockets.clone();
        sockets.sort_by_key(|socket| (Reverse(socket.level), socket.address.is_tcp()));
        let has_socket = !sockets.is_empty();
        let addresses = sockets.into_iter().map(|socket| socket.address);
        let found = self.first_usable(addresses, &candidate.members, owners);
        found.ok_or_else(|| match &config.unusable_line {
            Some(line) => MissingSocket::UnusableLine(line.clone()),
            None if has_socket => MissingSocket::Unusable,
            None if config.is_complete => MissingSocket::NoLine,
            None => MissingSocket::Unread,
        })
    }

    fn first_usable(
        &mut self,
        mut addresses: impl Iterator<Item = Address>,
        members: &[HaproxyProcess],
        owners: TrustedOwners<'_>,
    ) -> Option<Address> {
        let mut checks = SocketChecks::new(self.root, self.accounts, owners, members);
        addresses.find_map(|address| match checks.check(&address) {
            Ok(address) => Some(address.path().map_or(address.clone(), |path| Address::Unix(below(self.root, path)))),
            Err(problem) => {
                if problem == PathProblem::Inaccessible
                    && let Some(path) = address.path()
                {
                    self.log.inaccessible.get_or_insert_with(|| below(self.root, path));
                }
                self.log.report(&SafeText::from(address.to_string().as_str()), problem);
                None
            }
        })
    }

    /// Returns the first usable socket of a usual configuration file or at one of the usual paths.
    pub(crate) fn common_socket(&mut self) -> Option<Address> {
        let (config, log) = self.common().clone();
        self.log.append(log);
        let common = Candidate { config, is_own: true, ..Candidate::default() };
        if let Ok(address) = self.best_socket(&common) {
            return Some(address);
        }
        let owners = self.owners.clone().and_named(&self.named);
        // Whose directory it would be in matters only if there is a socket.
        let (there, missing): (Vec<&str>, Vec<&str>) =
            USUAL_SOCKET_PATHS.iter().partition(|path| below(self.root, Path::new(path)).symlink_metadata().is_ok());
        for path in missing {
            self.log.report(&SafeText::from(path), PathProblem::Missing);
        }
        self.first_usable(there.into_iter().map(Address::unix), &[], owners)
    }
}

/// Makes the paths of the sockets absolute.
fn resolve_sockets(config: &mut LoadedConfig, directory: Option<&Path>, log: &mut SearchLog) {
    let mut unusable = None;
    config.contents.sockets.retain_mut(|socket| {
        let Some(path) = socket.address.path().filter(|path| path.is_relative()) else { return true };
        let Some(directory) = directory else {
            let shown = SafeText::from(path);
            let reason = format!("cannot read the working directory that {shown} is relative to");
            log.add_tried(reason.clone());
            unusable.get_or_insert(reason);
            return false;
        };
        socket.address = Address::Unix(directory.join(path));
        true
    });
    config.unusable_line = config.unusable_line.take().or(unusable);
}
