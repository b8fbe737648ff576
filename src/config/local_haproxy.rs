//! A HAProxy that runs on this machine, as discovery reports it.

use std::path::PathBuf;

use crate::haproxy::address::Address;
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::socket_permissions;

/// One HAProxy that runs on this machine: a process, or a master with its workers, and its predecessors that finish after
/// a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalHaproxy {
    /// Process ids, in ascending order.
    pub(crate) pids: Vec<u32>,
    /// Configuration files, in HAProxy's order.
    pub(crate) configs: Vec<PathBuf>,
    /// The usable stats socket with the highest level, or the reason why it is missing.
    pub(crate) address: Result<Address, MissingSocket>,
}

/// The reason why a HAProxy has no usable stats socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MissingSocket {
    /// The configuration, which was read completely, has no `stats socket` line.
    NoLine,
    /// A configuration file could not be read.
    Unread,
    /// A `stats socket` line cannot be used; the text names the file, the line and the reason, safe to print.
    UnusableLine(String),
    /// The configuration has stats sockets, but none can be used.
    Unusable,
}

impl LocalHaproxy {
    /// Describes the process for a list: its process ids and configuration files. The text is safe to print.
    pub(crate) fn describe(&self) -> String {
        let pids: Vec<String> = self.pids.iter().map(u32::to_string).collect();
        format!("pid {}, {}", pids.join(" "), safe_list(&self.configs))
    }
}

impl MissingSocket {
    /// Returns the reason as a clause. The text is safe to print.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NoLine => "its configuration has no stats socket line".to_owned(),
            Self::Unread => "its configuration cannot be read".to_owned(),
            Self::UnusableLine(line) => format!("a stats socket line cannot be used: {line}"),
            Self::Unusable => "none of the stats sockets in its configuration can be used".to_owned(),
        }
    }

    /// Returns what the user can do.
    pub(crate) fn fix(&self) -> String {
        let name = "name the stats socket as the target, such as hapulse /run/haproxy/admin.sock";
        match self {
            Self::NoLine => {
                let line = socket_permissions::socket_line(&Address::unix("/run/haproxy/admin.sock"), Level::Admin);
                format!("add this line to the global section of haproxy.cfg, and reload HAProxy:\n    {line}")
            }
            Self::Unread | Self::UnusableLine(_) => name.to_owned(),
            Self::Unusable => {
                format!(
                    "if the configuration was changed after the start of HAProxy, reload HAProxy; otherwise, {name}"
                )
            }
        }
    }
}

/// Returns paths for a message, safe to print.
pub(crate) fn safe_list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| SafeText::from(path.as_path()).to_string()).collect::<Vec<_>>().join(" ")
}
