//! The `status` column, in HAProxy's many words, brought to the few states that matter.

/// What a row's status means. The text itself is shown to the operator; this decides glyph and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A server or backend takes traffic: `UP`.
    Up,
    /// `UP 1/3`: still taking traffic, but checks fail.
    GoingDown,
    /// `DOWN`, and `DOWN (agent)`.
    Down,
    /// `DOWN 1/2`: not yet taking traffic, but checks succeed again.
    ComingUp,
    /// `NOLB`: finishing what it has, on its own request.
    NoLb,
    /// `DRAIN`: takes no new sessions but those bound to it.
    Drain,
    /// `MAINT`, also `MAINT (via backend/server)` and `MAINT (resolution)`.
    Maint,
    /// `no check`: nothing tells whether it works.
    NoCheck,
    /// A frontend or listener accepts: `OPEN`.
    Open,
    /// A frontend or listener at its limit: `FULL`.
    Full,
    /// A frontend that accepts nothing for now: `PAUSED`, `WAITING`.
    Paused,
    /// A frontend that was shut down: `STOP`.
    Stopped,
    /// A word that this version of hapulse does not know.
    Unknown,
}

impl State {
    /// Reads the `status` column. Only the first word counts: versions add texts behind it.
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

    /// Whether load balancing may choose the server. Weight 0 is another matter.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Up | Self::GoingDown | Self::NoCheck)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_seen_on_real_haproxies_is_known() {
        for (status, state) in [
            ("UP", State::Up),
            ("UP 1/3", State::GoingDown),
            ("UP (4/7)", State::Up),
            ("DOWN", State::Down),
            ("DOWN 1/2", State::ComingUp),
            ("DOWN (agent)", State::Down),
            ("NOLB", State::NoLb),
            ("NOLB 1/3", State::NoLb),
            ("DRAIN", State::Drain),
            ("DRAIN 1/3", State::Drain),
            ("DRAIN (agent)", State::Drain),
            ("no check", State::NoCheck),
            ("MAINT", State::Maint),
            ("MAINT (via be_app/dis1)", State::Maint),
            ("MAINT (resolution)", State::Maint),
            ("OPEN", State::Open),
            ("FULL", State::Full),
            ("PAUSED", State::Paused),
            ("WAITING", State::Paused),
            ("STOP", State::Stopped),
            ("SLEEPING", State::Unknown),
            ("", State::Unknown),
        ] {
            assert_eq!(State::parse(status), state, "{status:?}");
        }
    }
}
