//! Maps the many texts of the `status` column to a few states.

/// The state to which a row's status corresponds. The state determines symbol and color; the screen shows the original
/// text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowState {
    /// `UP`: a server or backend that accepts traffic.
    Up,
    /// `UP 1/3`: a server that still accepts traffic, although its last checks failed.
    GoingDown,
    /// `DOWN`, including `DOWN (agent)`.
    Down,
    /// `DOWN 1/2`: a server that does not accept traffic yet, although its last checks succeeded.
    ComingUp,
    /// `NOLB`: a server that requested, in a health check, to take no new sessions; it finishes its existing sessions.
    NoLb,
    /// `DRAIN`: a server that takes no new sessions except persistent ones.
    Drain,
    /// `MAINT`, including `MAINT (via backend/server)` and `MAINT (resolution)`.
    Maint,
    /// `no check`: health is unknown because checks are not configured.
    NoCheck,
    /// `OPEN`: a frontend or listener that accepts connections.
    Open,
    /// `FULL`: a frontend or listener at its connection limit.
    Full,
    /// `PAUSED` or `WAITING`: a frontend or listener that temporarily does not accept connections.
    Paused,
    /// `STOP`: a frontend that was shut down.
    Stopped,
    /// `UP (UNPUB)`: a backend that content switching does not use, although it has a usable server (3.4 and newer).
    Unpublished,
    /// A status that this version of hapulse does not know.
    Unknown,
}

impl RowState {
    /// Parses the `status` column. Mainly the first word counts, because some versions append other text.
    pub(crate) fn parse(status: &str) -> Self {
        let (word, rest) = status.split_once(' ').unwrap_or((status, ""));
        // `UP -1/3`: the checks of a server that failed were turned off and on again.
        let is_partial = rest.trim_start_matches('-').starts_with(|ch: char| ch.is_ascii_digit()) && rest.contains('/');
        match word {
            "UP" if is_partial => Self::GoingDown,
            "UP" if rest.contains("(UNPUB)") => Self::Unpublished,
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
    pub(crate) fn is_maint_or_drain(self) -> bool {
        matches!(self, Self::Maint | Self::Drain)
    }

    /// Returns true for maintenance, drain and `NOLB`, in which an operator or the server itself requested to stop new
    /// sessions.
    pub(crate) fn is_out_of_service(self) -> bool {
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
            ("UP -1/3", RowState::GoingDown),
            ("UP (4/7)", RowState::Up),
            ("UP (UNPUB)", RowState::Unpublished),
            ("DOWN (UNPUB)", RowState::Down),
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
