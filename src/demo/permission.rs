//! How much a connection to the stats socket may do.
//!
//! `HAProxy` knows three levels, set on the `stats socket` line and lowered, never raised, by the commands
//! `operator` and `user`. This file owns the order of the three and their words; which command needs which
//! level is said in `cli.rs`, beside the command.

/// The right a connection has; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// May read statistics that tell nothing of clients.
    User,
    /// May read everything and reset maxima.
    Operator,
    /// May change the state of the process.
    #[default]
    Admin,
}

impl Level {
    /// The word `show cli level` answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}
