//! The privilege level of a stats socket, and how it is found out without side effects.
//!
//! `show cli level` answers it from HAProxy 1.9 on. Before, a bare `set server` changes nothing and tells
//! admin from the rest (`Require 'backend/server'.` against `Permission denied`), and `show env` tells
//! operator from user; checked on 1.5 to 3.4.

use std::fmt;

use crate::haproxy::reply::Reply;

/// What a connection to the stats socket may do; each level may do all that the lower ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Reads counters and states only.
    User,
    /// Reads everything; HAProxy's default for a socket without `level`.
    Operator,
    /// Changes servers, weights and limits.
    Admin,
}

/// Asks for the level; HAProxy 1.9 and newer.
pub const QUESTION: &str = "show cli level";
/// The questions that tell the level on versions before 1.9, on one line.
pub const OLD_QUESTION: &str = "set server;show env";

impl Level {
    /// Reads the answer to [`QUESTION`]; nothing when the version does not know it.
    pub fn from_answer(reply: &Reply<'_>) -> Option<Self> {
        match reply.text().trim_ascii() {
            b"user" => Some(Self::User),
            b"operator" => Some(Self::Operator),
            b"admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// Reads the answers to [`OLD_QUESTION`].
    pub fn from_old_answers(set_server: &Reply<'_>, show_env: &Reply<'_>) -> Self {
        if !set_server.is_denied() {
            Self::Admin
        } else if show_env.is_denied() {
            Self::User
        } else {
            Self::Operator
        }
    }

    /// HAProxy's own word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
