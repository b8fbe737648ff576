//! Where hapulse keeps what it remembers between two runs.

use std::path::PathBuf;

/// The state folder by the XDG rules: `$XDG_STATE_HOME/hapulse`, else `~/.local/state/hapulse`. Nothing
/// without a home.
pub fn folder(state_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
    let base = absolute(state_home).or_else(|| absolute(home).map(|home| home.join(".local/state")))?;
    Some(base.join("hapulse"))
}

/// The same for this process.
pub fn own_folder() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    folder(var("XDG_STATE_HOME"), var("HOME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_folders_count() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(folder(path("/var/state"), path("/root")), path("/var/state/hapulse"));
        assert_eq!(folder(path("relative"), path("/root")), path("/root/.local/state/hapulse"));
        assert_eq!(folder(None, path("")), None);
        assert_eq!(folder(None, None), None);
    }
}
