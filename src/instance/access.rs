//! The ways in which hapulse may use the stats socket of an instance.

/// Properties of the access to an instance that do not depend on its samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// Set if hapulse must not change this HAProxy.
    pub read_only: bool,
    /// Set if the stats socket is reached over TCP. Every client that can connect then has the level of the socket,
    /// without a password.
    pub is_tcp: bool,
    /// Set if the samples come from a recording: commands and queries are not possible.
    pub is_recorded: bool,
}

impl Access {
    /// A recording.
    pub(crate) const RECORDING: Self = Self { read_only: true, is_tcp: false, is_recorded: true };
    /// Read-only access over a Unix socket.
    pub const READ_ONLY: Self = Self { read_only: true, is_tcp: false, is_recorded: false };
}
