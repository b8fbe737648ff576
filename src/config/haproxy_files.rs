//! Reads the configuration files of a HAProxy, if they are trusted.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::io;
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
/// Maximum size of the configuration files of all HAProxies.
pub(crate) const MAX_TOTAL_BYTES: u64 = 512 << 20;
/// Maximum number of configuration files in one directory.
const MAX_CONFIG_FILES: usize = 10_000;

/// The configuration of one HAProxy.
#[derive(Debug, Clone)]
pub(crate) struct LoadedConfig {
    /// Files that were read, in HAProxy's order.
    pub(crate) files: Vec<PathBuf>,
    /// Their contents.
    pub(crate) contents: HaproxyConfig,
    /// All files were read.
    pub(crate) is_complete: bool,
    /// Every file begins with a section; see [`HaproxyConfig::begins_with_section`].
    pub(crate) begins_with_sections: bool,
    /// The first `stats socket` line that cannot be used, with file and reason, safe to print.
    pub(crate) unusable_line: Option<String>,
}

impl Default for LoadedConfig {
    fn default() -> Self {
        let contents = HaproxyConfig::default();
        Self { files: Vec::new(), contents, is_complete: true, begins_with_sections: true, unusable_line: None }
    }
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
    /// Number of bytes that may still be read.
    pub(crate) budget: &'a Cell<u64>,
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
        let mut budget = MAX_CONFIG_BYTES.min(self.budget.get());
        for path in named {
            let place = below(self.root, path);
            let files = match self.owners.check_contents(&place) {
                Ok(_) if process.is_some_and(|process| process.mount_view(&place) == MountView::Other) => {
                    Err(other_file())
                }
                Ok(meta) if meta.is_dir() => self.list_directory(path),
                Ok(_) => Ok(vec![path.clone()]),
                Err(problem) => Err(problem),
            };
            let files = files.unwrap_or_else(|problem| {
                log.report(&SafeText::from(path.as_path()), problem);
                loaded.is_complete = false;
                Vec::new()
            });
            for file in files {
                let shown = SafeText::from(file.as_path());
                let text = match self.read_file(&file, budget) {
                    Ok(text) => text,
                    Err(problem) => {
                        log.report(&shown, problem);
                        loaded.is_complete = false;
                        continue;
                    }
                };
                budget -= text.len() as u64;
                self.budget.set(self.budget.get() - text.len() as u64);
                loaded.begins_with_sections &= HaproxyConfig::begins_with_section(&text);
                let before = loaded.contents.sockets.len();
                loaded.contents.add_file(&text, &mut environment, self.accounts);
                let count = loaded.contents.sockets.len() - before;
                log.add_tried(format!("{shown}: {count} stats socket address(es)"));
                for reason in loaded.contents.unusable.drain(..) {
                    let line = format!("{shown}: {reason}");
                    loaded.unusable_line.get_or_insert_with(|| line.clone());
                    log.add_tried(line);
                }
                loaded.files.push(file);
            }
        }
        loaded
    }

    /// Lists the files that HAProxy loads from a directory, in its order.
    fn list_directory(&self, path: &Path) -> Result<Vec<PathBuf>, PathProblem> {
        let entries = fs::read_dir(below(self.root, path)).map_err(|error| unreadable(&error))?;
        let names = entries.flatten().map(|entry| entry.file_name());
        let is_config = |name: &OsString| {
            let name = name.as_encoded_bytes();
            name.ends_with(b".cfg") && !name.starts_with(b".")
        };
        let mut names: Vec<_> = names.take(MAX_CONFIG_FILES).filter(is_config).collect();
        names.sort();
        let files = names.into_iter().map(|name| path.join(name));
        // HAProxy loads only regular files from a directory.
        Ok(files.filter(|file| fs::metadata(below(self.root, file)).is_ok_and(|meta| meta.is_file())).collect())
    }

    /// Reads one configuration file.
    fn read_file(&self, file: &Path, max: u64) -> Result<Vec<u8>, PathProblem> {
        let place = below(self.root, file);
        self.owners.check_contents(&place)?;
        safe_file::read_stored(&place, max).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &io::Error) -> PathProblem {
    PathProblem::Failed(format!("cannot be read: {error}"))
}

/// The problem of a path at which HAProxy sees another file.
pub(crate) fn other_file() -> PathProblem {
    PathProblem::Distrusted("HAProxy sees another file at this path, as in a container".to_owned())
}
