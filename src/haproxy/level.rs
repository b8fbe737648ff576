//! The privilege level of a stats socket, and how to detect it without side effects.
//!
//! HAProxy 1.9 and newer report it with `show cli level`. On older versions a bare `set server`, which changes
//! nothing, separates admin (`Require 'backend/server'.`) from the other levels (`Permission denied`), and
//! `show env` separates operator from user. Checked on 1.5 to 3.4.

use std::fmt;

use crate::haproxy::reply::Reply;

/// The privilege level of a connection to the stats socket. Each level includes the rights of the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Reads counters and states only.
    User,
    /// Reads everything; HAProxy's default for a socket without `level`.
    Operator,
    /// Changes servers, weights and limits.
    Admin,
}

/// Reports the level; HAProxy 1.9 and newer.
pub const LEVEL_COMMAND: &str = "show cli level";
/// The commands whose replies reveal the level on versions before 1.9, as one line.
pub const PROBE_COMMANDS: &str = "set server;show env";

impl Level {
    /// Parses the reply to [`LEVEL_COMMAND`]. Returns `None` if this version does not know the command.
    pub fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        match reply.text().trim_ascii() {
            b"user" => Some(Self::User),
            b"operator" => Some(Self::Operator),
            b"admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// Derives the level from the replies to [`PROBE_COMMANDS`].
    pub fn from_probe_replies(set_server: &Reply<'_>, show_env: &Reply<'_>) -> Self {
        if !set_server.is_denied() {
            Self::Admin
        } else if show_env.is_denied() {
            Self::User
        } else {
            Self::Operator
        }
    }

    /// Returns HAProxy's word for the level.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
