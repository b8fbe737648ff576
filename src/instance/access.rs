//! The ways in which hapulse may use the stats socket of an instance.

/// Properties of the access to an instance that do not depend on its samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// Refuses everything that changes this HAProxy.
    pub read_only: bool,
    /// The stats socket is reached over TCP: everyone who can connect has its level, without a password.
    pub is_tcp: bool,
}

impl Access {
    /// Access over a Unix socket that refuses all changes.
    pub const READ_ONLY: Self = Self { read_only: true, is_tcp: false };
}
