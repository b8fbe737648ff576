//! Reads the configuration files of a HAProxy, if they are trusted.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::accounts::Accounts;
use crate::config::haproxy_config::HaproxyConfig;
use crate::config::haproxy_process::{HaproxyProcess, MountView};
use crate::config::haproxy_words::ProcessEnvironment;
use crate::config::safe_file;
use crate::config::search_log::SearchLog;
use crate::config::trust::{PathProblem, TrustedOwners, below};
use crate::haproxy::safe_text::SafeText;

/// Maximum size of all configuration files of one HAProxy.
const MAX_CONFIG_BYTES: u64 = 64 << 20;
/// Maximum number of configuration files in one directory.
const MAX_CONFIG_FILES: usize = 10_000;

/// The configuration of one HAProxy.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadedConfig {
    /// Files that were read, in HAProxy's order.
    pub(crate) files: Vec<PathBuf>,
    /// Their contents.
    pub(crate) contents: HaproxyConfig,
}

/// Reads configuration files below a root directory that only trusted users can change.
#[derive(Debug)]
pub(crate) struct ConfigReader<'a> {
    /// Root directory; `/` except in tests.
    pub(crate) root: &'a Path,
    /// Accounts for names of users and groups.
    pub(crate) accounts: &'a Accounts,
    /// Owners that are trusted.
    pub(crate) owners: &'a TrustedOwners<'a>,
}

impl ConfigReader<'_> {
    /// Reads files and directories, as `process` sees them. Reports what cannot be used.
    pub(crate) fn read(
        &self,
        named: &[PathBuf],
        process: Option<&HaproxyProcess>,
        mut environment: ProcessEnvironment,
        log: &mut SearchLog,
    ) -> LoadedConfig {
        let mut loaded = LoadedConfig::default();
        let mut budget = MAX_CONFIG_BYTES;
        for path in named {
            let place = below(self.root, path);
            let files = match self.owners.check_contents(&place) {
                Ok(_) if process.is_some_and(|process| process.mount_view(&place) == MountView::Other) => {
                    log.report(&SafeText::from(path.as_path()), other_file());
                    continue;
                }
                Ok(meta) if meta.is_dir() => self.list_directory(path, log),
                Ok(_) => vec![path.clone()],
                Err(problem) => {
                    log.report(&SafeText::from(path.as_path()), problem);
                    continue;
                }
            };
            for file in files {
                let Some(text) = self.read_file(&file, &mut budget, log) else { continue };
                let shown = SafeText::from(file.as_path());
                let before = loaded.contents.sockets.len();
                loaded.contents.add_file(&text, &mut environment, self.accounts);
                let count = loaded.contents.sockets.len() - before;
                log.tried.push(format!("{shown}: {count} stats socket address(es)"));
                log.tried.extend(loaded.contents.unusable.drain(..).map(|reason| format!("{shown}: {reason}")));
                loaded.files.push(file);
            }
        }
        loaded
    }

    /// Lists the files that HAProxy loads from a directory, in its order.
    fn list_directory(&self, path: &Path, log: &mut SearchLog) -> Vec<PathBuf> {
        let entries = match fs::read_dir(below(self.root, path)) {
            Ok(entries) => entries,
            Err(error) => {
                log.tried.push(format!("{}: cannot be read: {error}", SafeText::from(path)));
                return Vec::new();
            }
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let is_config = |name: &OsString| {
            let name = name.as_encoded_bytes();
            name.ends_with(b".cfg") && !name.starts_with(b".")
        };
        let mut names: Vec<_> = names.take(MAX_CONFIG_FILES).filter(is_config).collect();
        names.sort();
        let files = names.into_iter().map(|name| path.join(name));
        // HAProxy loads only regular files from a directory.
        files.filter(|file| fs::metadata(below(self.root, file)).is_ok_and(|meta| meta.is_file())).collect()
    }

    /// Reads one configuration file.
    fn read_file(&self, file: &Path, budget: &mut u64, log: &mut SearchLog) -> Option<Vec<u8>> {
        let place = below(self.root, file);
        let read = |_| {
            safe_file::read_stored(&place, *budget)
                .map_err(|error| PathProblem::Failed(format!("cannot be read: {error}")))
        };
        match self.owners.check_contents(&place).and_then(read) {
            Ok(text) => {
                *budget -= text.len() as u64;
                Some(text)
            }
            Err(problem) => {
                log.report(&SafeText::from(file), problem);
                None
            }
        }
    }
}

/// The problem of a path at which HAProxy sees another file.
pub(crate) fn other_file() -> PathProblem {
    PathProblem::Distrusted("HAProxy sees another file at this path, as in a container".to_owned())
}
