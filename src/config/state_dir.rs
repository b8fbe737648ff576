//! The state directory, for data kept between runs.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::accounts::Accounts;
use crate::config::own_file;

/// Returns the state directory by the XDG rules: `$XDG_STATE_HOME/hapulse`, or else `~/.local/state/hapulse`.
/// Returns `None` if neither argument is an absolute path.
pub(crate) fn state_directory(state_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
    let base = absolute(state_home).or_else(|| absolute(home).map(|home| home.join(".local/state")))?;
    Some(base.join("hapulse"))
}

/// Returns the state directory of this process; `None` if unknown.
pub(crate) fn process_state_directory() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    state_directory(var("XDG_STATE_HOME"), trusted_home(var("HOME")))
}

/// Folder of recordings of a service, which systemd creates.
pub(crate) const SERVICE_RECORDING_FOLDER: &str = "/var/lib/hapulse";

/// Returns the folder of recordings of this user; `None` if unknown.
pub(crate) fn user_recording_folder() -> Option<PathBuf> {
    Some(process_state_directory()?.join("recordings"))
}

/// Returns the folders in which recordings are stored by default.
pub(crate) fn recording_folders() -> Vec<PathBuf> {
    std::iter::once(PathBuf::from(SERVICE_RECORDING_FOLDER)).chain(user_recording_folder()).collect()
}

/// Returns the home directory for state. If root runs with the home of the caller of sudo (`sudo -E`), that is the home of
/// root: files of root do not belong into a directory that the caller can change.
pub(crate) fn trusted_home(home: Option<PathBuf>) -> Option<PathBuf> {
    let owner = home.as_deref().and_then(|home| std::fs::metadata(home).ok()).map(|meta| meta.uid());
    let own_home = || Accounts::read(Path::new("/")).home(rustix::process::geteuid().as_raw());
    let is_of_caller = owner.is_some() && owner == own_file::sudo_caller() && owner != Some(0);
    if is_of_caller { own_home().or(home) } else { home }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_directory_ignores_relative_paths() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(state_directory(path("/var/state"), path("/root")), path("/var/state/hapulse"));
        assert_eq!(state_directory(path("relative"), path("/root")), path("/root/.local/state/hapulse"));
        assert_eq!(state_directory(None, path("")), None);
        assert_eq!(state_directory(None, None), None);
    }
}
