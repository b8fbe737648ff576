//! The person who runs an action, identified by the user of this process, the caller of sudo and the SSH connection.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::haproxy::safe_text::SafeText;

/// File with the local user names.
const PASSWD_FILE: &str = "/etc/passwd";

/// User, host and login of the person who runs hapulse.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// User name; the user id if the name is unknown.
    pub user: String,
    /// User id.
    pub uid: u32,
    /// Caller of sudo, from `SUDO_USER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// SSH connection, from `SSH_CONNECTION`: client address and port, server address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_connection: Option<String>,
    /// Host on which hapulse runs.
    pub host: String,
}

impl Actor {
    /// Returns the actor of this process.
    pub fn current() -> Self {
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let users = fs::read(PASSWD_FILE).unwrap_or_default();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self::new(rustix::process::getuid().as_raw(), &String::from_utf8_lossy(&users), host, &variable)
    }

    /// Creates the actor for a user id. The name comes from `users`, the text of `/etc/passwd`, or else from the
    /// environment, because the file does not contain users of a directory service. The file takes precedence, because
    /// any user can change the environment.
    pub(crate) fn new(uid: u32, users: &str, host: String, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let non_empty = |name: &str| variable(name).filter(|value| !value.is_empty());
        let user = find_user_name(uid, users).or_else(|| non_empty("USER")).unwrap_or_else(|| uid.to_string());
        Self { user, uid, sudo_user: non_empty("SUDO_USER"), ssh_connection: non_empty("SSH_CONNECTION"), host }
    }

    /// Returns the name of the person: the caller of sudo, or else the user.
    pub(crate) fn person_name(&self) -> SafeText {
        self.sudo_user.as_deref().unwrap_or(&self.user).into()
    }
}

/// Finds the name of a user id in lines of the form `name:password:uid:…`.
fn find_user_name(uid: u32, users: &str) -> Option<String> {
    let name = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (!name.is_empty() && number.parse() == Ok(uid)).then(|| name.to_owned())
    };
    users.lines().find_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0:root:/root:/bin/bash\n# a remark\nann:x:1000:1000::/home/ann:/bin/sh\nbroken:x\n";

    fn actor(uid: u32, variables: &[(&str, &str)]) -> Actor {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Actor::new(uid, LIST, "lb01".to_owned(), &variable)
    }

    #[test]
    fn actor_prefers_passwd_over_environment() {
        assert_eq!(actor(1000, &[("USER", "root")]).user, "ann");
        assert_eq!(actor(4711, &[("USER", "bob")]).user, "bob");
        assert_eq!(actor(4711, &[("USER", "")]).user, "4711");
    }

    #[test]
    fn person_name_is_sudo_caller() {
        let root = actor(0, &[("SUDO_USER", "ann"), ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")]);
        assert_eq!((root.user.as_str(), root.uid, root.person_name().as_str()), ("root", 0, "ann"));
        assert_eq!(root.ssh_connection.as_deref(), Some("192.0.2.1 50000 192.0.2.2 22"));
        assert_eq!(actor(1000, &[("SUDO_USER", "")]).person_name().as_str(), "ann");
        assert_eq!(actor(0, &[("SUDO_USER", "a\u{1b}b")]).person_name().as_str(), r"a\x1bb");
    }

    #[test]
    fn current_actor_has_user_and_host() {
        let actor = Actor::current();
        assert!(!actor.user.is_empty() && !actor.host.is_empty());
    }
}
