//! The role of a balancer among its peers, and where it is known from.

use std::fmt;

/// Role of a balancer. A role that is not known is an `Option` without value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum BalancerRole {
    /// It receives the traffic of the group.
    Active,
    /// It waits until another balancer fails.
    Standby,
}

impl BalancerRole {
    /// Returns the role in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
        }
    }
}

impl fmt::Display for BalancerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a role is known from, the most reliable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RoleSource {
    /// keepalived's own report of its states.
    Keepalived,
    /// The state of CARP on an interface.
    Carp,
    /// A shared address that is or is not on an interface of the balancer's machine.
    Address,
    /// The connections that it and its peers received.
    Traffic,
}

impl RoleSource {
    /// Returns the source in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Keepalived => "keepalived",
            Self::Carp => "CARP",
            Self::Address => "address",
            Self::Traffic => "traffic",
        }
    }
}

/// A known role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleFinding {
    /// The role.
    pub(crate) role: BalancerRole,
    /// Where it is known from.
    pub(crate) source: RoleSource,
    /// The fact that shows it: `holds 10.77.0.100`.
    pub(crate) detail: String,
}

impl fmt::Display for RoleFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.role, self.detail, self.source.as_str())
    }
}
