//! The privilege level of a stats socket, and its detection without side effects.
//!
//! HAProxy 1.9 and newer report the level in reply to `show cli level`. On older versions, the reply to `set server`
//! without arguments, which changes nothing, distinguishes admin (`Require 'backend/server'.`) from the other levels
//! (`Permission denied`), and the reply to `show env` distinguishes operator from user. Tested with 1.5 to 3.4.

use std::fmt;

use crate::haproxy::reply::Reply;

/// The privilege level of a connection to the stats socket. Each level includes the rights of the lower levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// May read counters and states only.
    User,
    /// May read everything; the default for a `stats socket` line without `level`.
    Operator,
    /// May change servers, weights and limits.
    Admin,
}

/// Command that reports the level; HAProxy 1.9 and newer.
pub(crate) const LEVEL_COMMAND: &str = "show cli level";
/// Line of two commands whose replies reveal the level on versions before 1.9.
pub(crate) const PROBE_COMMANDS: &str = "set server;show env";

impl Level {
    /// Parses the reply to [`LEVEL_COMMAND`]. Returns `None` if the reply is not a level, as on versions without this
    /// command.
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
    pub(crate) fn as_str(self) -> &'static str {
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
