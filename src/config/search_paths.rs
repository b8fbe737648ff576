//! Where configuration files stand, and what holds when all have been read.
//!
//! The administrator's file counts first, the user's over it, then the environment and the flags. A file that
//! is named takes the place of the user's and must exist; the others need not. A home that is closed to whoever runs
//! the program is not theirs, and says nothing.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::config::config_file::{BadConfig, read};
use crate::config::environment;
use crate::config::partial_settings::Layer;
use crate::config::settings::{Settings, Variable};
use crate::haproxy::safe_text::SafeText;

/// Where the administrator's file stands.
pub const SYSTEM: &str = "/etc/hapulse/config.toml";
/// The variable that names a file in place of the user's.
pub const NAMED_BY: &str = "HAPULSE_CONFIG";

/// Where files may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The administrator's.
    pub system: PathBuf,
    /// The user's, or the one that is named.
    pub user: Option<PathBuf>,
    /// Whether it is named: then it must exist.
    pub is_named: bool,
}

impl Places {
    /// The administrator's file at `system`, and the named one, else the user's by the XDG rules.
    pub fn new(system: &Path, named: Option<&Path>, variable: Variable<'_>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
        let by_variable = || path(NAMED_BY).filter(|path| !path.as_os_str().is_empty());
        let named = named.map(Path::to_path_buf).or_else(by_variable);
        let is_named = named.is_some();
        let user = || {
            let base = absolute(path("XDG_CONFIG_HOME"));
            let base = base.or_else(|| absolute(path("HOME")).map(|home| home.join(".config")))?;
            Some(base.join("hapulse/config.toml"))
        };
        Self { system: system.to_path_buf(), user: named.or_else(user), is_named }
    }

    /// What each place says, the least particular first: the files, the environment and the flags.
    ///
    /// # Errors
    /// When a file or a variable is wrong.
    pub fn layers(&self, flags: Layer, variable: Variable<'_>) -> Result<Vec<(Origin, Layer)>, BadConfig> {
        let mut layers = vec![(Origin::File(self.system.clone()), read(&self.system, false)?)];
        if let Some(user) = self.user.as_ref().filter(|user| self.is_named || !is_out_of_reach(user)) {
            layers.push((Origin::File(user.clone()), read(user, self.is_named)?));
        }
        let said = environment::layers(variable)?;
        layers.extend(said.into_iter().map(|(name, layer)| (Origin::Variable(name), layer)));
        layers.push((Origin::Flags, flags));
        Ok(layers)
    }

    /// What holds in the end.
    ///
    /// # Errors
    /// When a file or a variable is wrong.
    pub fn load(&self, flags: Layer, variable: Variable<'_>) -> Result<Settings, BadConfig> {
        let layers = self.layers(flags, variable)?.into_iter().map(|(_, layer)| layer);
        Ok(layers.fold(Settings::defaults(variable), Settings::lay))
    }
}

/// Where something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
    /// On the command line.
    Flags,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", SafeText::new(path.as_os_str().as_bytes())),
            Self::Variable(name) => f.write_str(name),
            Self::Flags => f.write_str("command line"),
        }
    }
}

/// What holds for this process, with the file that a flag names.
///
/// # Errors
/// When a file or a variable is wrong.
pub fn load(named: Option<&Path>, flags: Layer) -> Result<Settings, BadConfig> {
    of_process(named).load(flags, &variable)
}

/// Where files may stand for this process, with the file that a flag names.
pub fn of_process(named: Option<&Path>) -> Places {
    Places::new(Path::new(SYSTEM), named, &variable)
}

/// A variable of this process.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Whether the file stands in a folder that this user may not enter. A daemon that gave up root's rights, such as a
/// monitoring agent, often keeps root's `HOME`: what stands there is not its own configuration.
fn is_out_of_reach(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    #[test]
    fn places_follow_the_flag_the_environment_and_the_home() {
        let place = |named: Option<&str>, variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            let places = Places::new(Path::new("/etc/c"), named.map(Path::new), &variable);
            (places.user.map(|path| path.display().to_string()), places.is_named)
        };
        let some = |text: &str| Some(text.to_owned());
        let home = ("HOME", "/home/ann");
        assert_eq!(place(None, &[]), (None, false));
        assert_eq!(place(None, &[home]), (some("/home/ann/.config/hapulse/config.toml"), false));
        assert_eq!(place(None, &[home, ("XDG_CONFIG_HOME", "/x")]), (some("/x/hapulse/config.toml"), false));
        assert_eq!(
            place(None, &[home, ("XDG_CONFIG_HOME", "x")]),
            (some("/home/ann/.config/hapulse/config.toml"), false)
        );
        assert_eq!(place(None, &[home, (NAMED_BY, "c.toml")]), (some("c.toml"), true));
        assert_eq!(place(None, &[(NAMED_BY, "")]), (None, false));
        assert_eq!(place(Some("d.toml"), &[home, (NAMED_BY, "c.toml")]), (some("d.toml"), true));
    }

    #[test]
    fn layers_are_laid_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let (system, user) = (folder.path().join("system"), folder.path().join("user"));
        fs::write(&system, "[audit]\npath = \"/a\"\nrequired = false\n[drain]\ndeadline = \"1m\"").unwrap();
        fs::write(&user, "read_only = false\n[drain]\ndeadline = \"2m\"").unwrap();
        let places = Places { system, user: Some(user), is_named: false };
        let load = |says: &'static str, flag| {
            let variable = move |name: &str| (name == "HAPULSE_READ_ONLY").then(|| says.into());
            places.load(Layer { read_only: flag, ..Layer::default() }, &variable)
        };
        let settings = load("", None).unwrap();
        assert_eq!((settings.audit.path, settings.audit.required), (Some("/a".into()), false));
        assert_eq!((settings.drain.deadline, settings.read_only), (Duration::from_mins(2), false));
        assert!(load("1", Some(false)).unwrap().read_only && load("0", Some(true)).unwrap().read_only);
        assert!(load("x", None).unwrap_err().to_string().contains("HAPULSE_READ_ONLY"));
    }
}
