//! Who acts: the user of this process, and what stands behind it.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::haproxy::safe_text::SafeText;

/// Where the system keeps the names of users.
const USERS: &str = "/etc/passwd";

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// The user's name; the number where none is found.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// Who called sudo, as sudo says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The SSH connection as sshd says it: client's address and port, own address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_connection: Option<String>,
    /// The machine that hapulse runs on.
    pub host: String,
}

impl Actor {
    /// The user of this process.
    pub fn of_process() -> Self {
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let users = fs::read(USERS).unwrap_or_default();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self::new(rustix::process::getuid().as_raw(), &String::from_utf8_lossy(&users), host, &variable)
    }

    /// A user by number, with the text of the system's list of users and the environment. The list counts more
    /// than the environment, which anybody may set; but a directory service's users are not in it.
    pub fn new(uid: u32, users: &str, host: String, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let user = name_of(uid, users).or_else(|| said("USER")).unwrap_or_else(|| uid.to_string());
        Self { user, uid, sudo_user: said("SUDO_USER"), ssh_connection: said("SSH_CONNECTION"), host }
    }

    /// The person's name: who called sudo, else the user.
    pub fn who(&self) -> SafeText {
        self.sudo_user.as_deref().unwrap_or(&self.user).into()
    }
}

/// `name:password:number:…`
fn name_of(uid: u32, users: &str) -> Option<String> {
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
    fn the_list_of_users_counts_more_than_what_the_environment_says() {
        assert_eq!(actor(1000, &[("USER", "root")]).user, "ann");
        assert_eq!(actor(4711, &[("USER", "bob")]).user, "bob");
        assert_eq!(actor(4711, &[("USER", "")]).user, "4711");
    }

    #[test]
    fn who_called_sudo_is_the_person() {
        let root = actor(0, &[("SUDO_USER", "ann"), ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")]);
        assert_eq!((root.user.as_str(), root.uid, root.who().as_str()), ("root", 0, "ann"));
        assert_eq!(root.ssh_connection.as_deref(), Some("192.0.2.1 50000 192.0.2.2 22"));
        assert_eq!(actor(1000, &[("SUDO_USER", "")]).who().as_str(), "ann");
        assert_eq!(actor(0, &[("SUDO_USER", "a\u{1b}b")]).who().as_str(), r"a\x1bb");
    }

    #[test]
    fn this_process_is_somebody_somewhere() {
        let actor = Actor::of_process();
        assert!(!actor.user.is_empty() && !actor.host.is_empty());
    }
}
