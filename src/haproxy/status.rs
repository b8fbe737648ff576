//! Reduces the many texts of the `status` column to a few states.

/// The state that a row's status means. It determines symbol and color; the screen shows the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowState {
    /// `UP`: a server or backend that takes traffic.
    Up,
    /// `UP 1/3`: still taking traffic, but checks fail.
    GoingDown,
    /// `DOWN`, and `DOWN (agent)`.
    Down,
    /// `DOWN 1/2`: not yet taking traffic, but checks succeed again.
    ComingUp,
    /// `NOLB`: finishes its sessions at its own request and takes no new ones.
    NoLb,
    /// `DRAIN`: takes no new sessions except persistent ones.
    Drain,
    /// `MAINT`, also `MAINT (via backend/server)` and `MAINT (resolution)`.
    Maint,
    /// `no check`: health is unknown because checks are not configured.
    NoCheck,
    /// `OPEN`: a frontend or listener that accepts connections.
    Open,
    /// `FULL`: a frontend or listener at its connection limit.
    Full,
    /// `PAUSED` or `WAITING`: a frontend or listener that does not accept connections at the moment.
    Paused,
    /// `STOP`: a frontend that was shut down.
    Stopped,
    /// A status that this version of hapulse does not know.
    Unknown,
}

impl RowState {
    /// Parses the `status` column. The first word decides, because some versions append other texts.
    pub fn parse(status: &str) -> Self {
        let (word, rest) = status.split_once(' ').unwrap_or((status, ""));
        let is_partial = rest.starts_with(|ch: char| ch.is_ascii_digit()) && rest.contains('/');
        match word {
            "UP" if is_partial => Self::GoingDown,
            "UP" => Self::Up,
            "DOWN" if is_partial => Self::ComingUp,
            "DOWN" => Self::Down,
            "NOLB" => Self::NoLb,
            "DRAIN" => Self::Drain,
            "MAINT" => Self::Maint,
            "no" if rest == "check" => Self::NoCheck,
            "OPEN" => Self::Open,
            "FULL" => Self::Full,
            "PAUSED" | "WAITING" => Self::Paused,
            "STOP" => Self::Stopped,
            _ => Self::Unknown,
        }
    }

    /// Returns true if load balancing may choose the server, regardless of its weight.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Up | Self::GoingDown | Self::NoCheck)
    }

    /// Returns true for maintenance and drain, which an operator orders.
    pub fn is_maint_or_drain(self) -> bool {
        matches!(self, Self::Maint | Self::Drain)
    }

    /// Returns true if the server takes no new sessions on order: maintenance, drain, or `NOLB` on its own request.
    pub fn is_out_of_service(self) -> bool {
        self.is_maint_or_drain() || self == Self::NoLb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_knows_every_status_seen_on_real_haproxies() {
        for (status, state) in [
            ("UP", RowState::Up),
            ("UP 1/3", RowState::GoingDown),
            ("UP (4/7)", RowState::Up),
            ("DOWN", RowState::Down),
            ("DOWN 1/2", RowState::ComingUp),
            ("DOWN (agent)", RowState::Down),
            ("NOLB", RowState::NoLb),
            ("NOLB 1/3", RowState::NoLb),
            ("DRAIN", RowState::Drain),
            ("DRAIN 1/3", RowState::Drain),
            ("DRAIN (agent)", RowState::Drain),
            ("no check", RowState::NoCheck),
            ("MAINT", RowState::Maint),
            ("MAINT (via be_app/dis1)", RowState::Maint),
            ("MAINT (resolution)", RowState::Maint),
            ("OPEN", RowState::Open),
            ("FULL", RowState::Full),
            ("PAUSED", RowState::Paused),
            ("WAITING", RowState::Paused),
            ("STOP", RowState::Stopped),
            ("SLEEPING", RowState::Unknown),
            ("", RowState::Unknown),
        ] {
            assert_eq!(RowState::parse(status), state, "{status:?}");
        }
    }
}
