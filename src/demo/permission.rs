//! Access levels of a connection to the stats socket.
//!
//! `HAProxy` has three levels. The `stats socket` line sets the level of new connections. The commands `operator` and
//! `user` lower the level of the connection; no command raises it. `interpreter.rs` defines the level that each command
//! requires.

/// Access level of a connection; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CliLevel {
    /// May read statistics without client data.
    User,
    /// May read everything and reset the maxima.
    Operator,
    /// May change the state of the process.
    #[default]
    Admin,
}

impl CliLevel {
    /// Returns the reply to `show cli level`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}
