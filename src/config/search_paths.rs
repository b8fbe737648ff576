//! Search paths of the configuration files, and loading of all settings.
//!
//! Precedence, lowest first: system file, user file, environment, flags. A file given by a flag or a variable replaces
//! the user file and must exist; the other files are optional. A user file in a directory that the process may not
//! enter is ignored.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::config::accounts::Accounts;
use crate::config::config_file::{BadConfig, read_file};
use crate::config::environment;
use crate::config::located::FilePosition;
use crate::config::partial_settings::PartialSettings;
use crate::config::setting_table::{FINAL, SETTINGS, Setting};
use crate::config::settings::{Settings, VariableLookup};
use crate::haproxy::safe_text::SafeText;

/// System-wide configuration file.
pub(crate) const SYSTEM_CONFIG: &str = "/etc/hapulse/config.toml";
/// Environment variable with the path of a file that replaces the user's configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "HAPULSE_CONFIG";
/// Environment variable with the path of the debug log.
pub(crate) const DEBUG_VARIABLE: &str = "HAPULSE_DEBUG";

/// Name of the setting that can always be set, because it only restricts.
const READ_ONLY: &str = "read_only";
/// Name of the setting whose default depends on the environment.
const AUDIT_PATH: &str = "audit.path";

/// Paths of the configuration files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchPaths {
    /// System-wide file.
    pub(crate) system: PathBuf,
    /// User's file, or the file given explicitly.
    pub(crate) user: Option<PathBuf>,
    /// `user` was given explicitly and must exist.
    pub(crate) is_explicit: bool,
}

impl SearchPaths {
    /// Returns `system` as the system-wide file, and as the user's file `named`, or else the path in
    /// [`CONFIG_VARIABLE`], or else the path by the XDG rules.
    pub(crate) fn new(system: &Path, named: Option<&Path>, variable: VariableLookup<'_>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
        let from_variable = || path(CONFIG_VARIABLE).filter(|path| !path.as_os_str().is_empty());
        let named = named.map(Path::to_path_buf).or_else(from_variable);
        let is_explicit = named.is_some();
        let user = || {
            let base = absolute(path("XDG_CONFIG_HOME"));
            let base = base.or_else(|| absolute(path("HOME")).map(|home| home.join(".config")))?;
            Some(base.join("hapulse/config.toml"))
        };
        Self { system: system.to_path_buf(), user: named.or_else(user), is_explicit }
    }

    /// Reads all sources in order of precedence, lowest first: files, environment, flags.
    ///
    /// # Errors
    /// Returns an error if a file or a variable is invalid.
    pub(crate) fn read_all(
        &self,
        flags: PartialSettings,
        variable: VariableLookup<'_>,
    ) -> Result<Vec<(SettingOrigin, PartialSettings)>, BadConfig> {
        let mut sources = vec![(SettingOrigin::File(self.system.clone()), read_file(&self.system, false)?)];
        if let Some(user) = self.user.as_ref().filter(|user| self.is_explicit || !is_inaccessible(user)) {
            sources.push((SettingOrigin::File(user.clone()), read_file(user, self.is_explicit)?));
        }
        let from_environment = environment::read_variables(variable)?;
        sources.extend(from_environment.into_iter().map(|(name, settings)| (SettingOrigin::Variable(name), settings)));
        sources.push((SettingOrigin::Flags, flags));
        check_final(&sources, variable)?;
        Ok(sources)
    }

    /// Reads all sources and returns the effective settings.
    ///
    /// # Errors
    /// Returns an error if a file or a variable is invalid.
    pub(crate) fn load(&self, flags: PartialSettings, variable: VariableLookup<'_>) -> Result<Settings, BadConfig> {
        Ok(merge(&self.read_all(flags, variable)?, variable))
    }
}

/// Merges the settings from all sources, of which later ones take precedence.
pub(crate) fn merge(sources: &[(SettingOrigin, PartialSettings)], variable: VariableLookup<'_>) -> Settings {
    sources.iter().map(|(_, settings)| settings.clone()).fold(defaults(sources, variable), Settings::apply)
}

/// Returns the defaults. A setting that is final without a value has the same default whatever the environment contains:
/// the path of the audit log, the only default that depends on it, is then below the home directory of the account.
fn defaults(sources: &[(SettingOrigin, PartialSettings)], variable: VariableLookup<'_>) -> Settings {
    let is_final = |source: &PartialSettings| source.final_names.iter().any(|entry| entry.name == AUDIT_PATH);
    let decisive = sources.iter().find(|(_, source)| source.audit.path.is_some() || is_final(source));
    if decisive.is_none_or(|(_, source)| source.audit.path.is_some()) {
        return Settings::defaults(variable);
    }
    let home = Accounts::read(Path::new("/")).home(rustix::process::geteuid().as_raw());
    Settings::defaults(&|name| home.clone().filter(|_| name == "HOME").map(OsString::from))
}

/// Checks that no source changes a setting that a file before it marks as final. `read_only` can always be set.
fn check_final(sources: &[(SettingOrigin, PartialSettings)], variable: VariableLookup<'_>) -> Result<(), BadConfig> {
    let shown = |origin: &SettingOrigin| SafeText::from(origin.to_string().as_str());
    let mut settings = defaults(sources, variable);
    let mut final_settings: Vec<(&'static Setting, FilePosition)> = Vec::new();
    for (origin, source) in sources {
        let above = settings.clone().apply(source.clone());
        let is_changed = |setting: &Setting| (setting.toml_lines)(&settings) != (setting.toml_lines)(&above);
        if let Some((setting, by)) = final_settings.iter().find(|(setting, _)| is_changed(setting)) {
            return Err(BadConfig::Final { origin: shown(origin), name: setting.name, by: by.clone() });
        }
        for entry in &source.final_names {
            let known = SETTINGS.iter().find(|setting| setting.name == entry.name && entry.name != FINAL);
            let message = || format!("final: \"{}\" is not a setting (hapulse config lists them)", entry.name);
            let setting = known.ok_or_else(|| BadConfig::from(entry.error(&message())))?;
            if setting.name != READ_ONLY {
                final_settings.push((setting, entry.position()));
            }
        }
        settings = above;
    }
    Ok(())
}

/// Source of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingOrigin {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flags,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", SafeText::new(path.as_os_str().as_bytes())),
            Self::Variable(name) => f.write_str(name),
            Self::Flags => f.write_str("command line"),
        }
    }
}

/// Loads the settings of this process; `named` is the file given by a flag.
///
/// # Errors
/// Returns an error if a file or a variable is invalid.
pub(crate) fn load_settings(named: Option<&Path>, flags: PartialSettings) -> Result<Settings, BadConfig> {
    for_process(named).load(flags, &env_variable)
}

/// Returns the search paths of this process; `named` is the file given by a flag.
pub(crate) fn for_process(named: Option<&Path>) -> SearchPaths {
    SearchPaths::new(Path::new(SYSTEM_CONFIG), named, &env_variable)
}

/// Returns the value of an environment variable of this process; `None` if it is not set.
pub(crate) fn env_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Returns true if the file is in a directory that this user may not enter. A daemon that dropped root privileges,
/// such as a monitoring agent, often keeps root's `HOME`; the file there is not the daemon's configuration.
fn is_inaccessible(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    #[test]
    fn search_paths_prefer_flag_then_environment_then_home() {
        let search = |named: Option<&str>, variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            let paths = SearchPaths::new(Path::new("/etc/c"), named.map(Path::new), &variable);
            (paths.user.map(|path| path.display().to_string()), paths.is_explicit)
        };
        let some = |text: &str| Some(text.to_owned());
        let home = ("HOME", "/home/ann");
        assert_eq!(search(None, &[]), (None, false));
        assert_eq!(search(None, &[home]), (some("/home/ann/.config/hapulse/config.toml"), false));
        assert_eq!(search(None, &[home, ("XDG_CONFIG_HOME", "/x")]), (some("/x/hapulse/config.toml"), false));
        assert_eq!(
            search(None, &[home, ("XDG_CONFIG_HOME", "x")]),
            (some("/home/ann/.config/hapulse/config.toml"), false)
        );
        assert_eq!(search(None, &[home, (CONFIG_VARIABLE, "c.toml")]), (some("c.toml"), true));
        assert_eq!(search(None, &[(CONFIG_VARIABLE, "")]), (None, false));
        assert_eq!(search(Some("d.toml"), &[home, (CONFIG_VARIABLE, "c.toml")]), (some("d.toml"), true));
    }

    #[test]
    fn load_applies_sources_in_order_of_precedence() {
        let folder = tempfile::tempdir().unwrap();
        let (system, user) = (folder.path().join("system"), folder.path().join("user"));
        fs::write(&system, "[audit]\npath = \"/a\"\nrequired = false\n[drain]\ndeadline = \"1m\"").unwrap();
        fs::write(&user, "read_only = false\n[drain]\ndeadline = \"2m\"").unwrap();
        let paths = SearchPaths { system, user: Some(user), is_explicit: false };
        let load = |value: &'static str, flag| {
            let variable = move |name: &str| (name == "HAPULSE_READ_ONLY").then(|| value.into());
            paths.load(PartialSettings { read_only: flag, ..PartialSettings::default() }, &variable)
        };
        let settings = load("", None).unwrap();
        assert_eq!((settings.audit.path, settings.audit.required), (Some("/a".into()), false));
        assert_eq!((settings.drain.deadline, settings.read_only), (Duration::from_mins(2), false));
        assert!(load("1", Some(false)).unwrap().read_only && load("0", Some(true)).unwrap().read_only);
        assert!(load("x", None).unwrap_err().to_string().contains("HAPULSE_READ_ONLY"));
    }
}
