//! Health checks and agent checks: the last result, and changes to the health counter.
//!
//! The health counter works as in `HAProxy`: from 0 to `rise - 1` the server is down, from `rise` to `rise + fall - 1`
//! it is up. A passed check adds one and a failed check subtracts one. When the server comes up, the counter jumps to
//! its maximum; when the server goes down, or fails a check while down, the counter jumps to 0. This file owns the
//! counter; `server.rs` derives the server's state from it.

/// The way in which a failed host appears to a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The port refuses connections.
    Refused,
    /// Connections time out.
    Timeout,
}

/// Kind of a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckKind {
    /// Opens a connection.
    Connect,
    /// Sends an HTTP request and expects a response with status 200.
    Http,
}

/// Result of the last check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckStatus {
    /// No check has run yet.
    Initial,
    /// The connection was opened.
    L4Ok,
    /// The connection timed out.
    L4Timeout,
    /// The connection was refused.
    L4Refused,
    /// The response had status 200.
    L7Ok,
}

impl CheckStatus {
    /// Returns the value of `check_status`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "INI",
            Self::L4Ok => "L4OK",
            Self::L4Timeout => "L4TOUT",
            Self::L4Refused => "L4CON",
            Self::L7Ok => "L7OK",
        }
    }

    /// Returns the value of `check_desc`.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Initial => "Initializing",
            Self::L4Ok => "Layer4 check passed",
            Self::L4Timeout => "Layer4 timeout",
            Self::L4Refused => "Layer4 connection problem",
            Self::L7Ok => "Layer7 check passed",
        }
    }

    /// Returns the value of `srv_check_status` in `show servers state`.
    pub(crate) fn state_file_status(self) -> u8 {
        match self {
            Self::Initial => 1,
            Self::L4Ok => 6,
            Self::L4Timeout => 7,
            Self::L4Refused => 8,
            Self::L7Ok => 15,
        }
    }

    /// Returns the value of `srv_check_result` in `show servers state`.
    pub(crate) fn state_file_result(self) -> u8 {
        match self {
            Self::Initial => 0,
            Self::L4Timeout | Self::L4Refused => 2,
            Self::L4Ok | Self::L7Ok => 3,
        }
    }
}

/// Effect of one check on the server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HealthChange {
    /// The server stays up, or stays down.
    Unchanged,
    /// The server has just come up.
    Up,
    /// The server has just gone down.
    Down,
}

/// The health check of a server.
#[derive(Clone, Debug)]
pub(crate) struct HealthCheck {
    /// Kind of check.
    pub(crate) kind: CheckKind,
    /// False after `disable health`.
    pub(crate) is_enabled: bool,
    /// Number of consecutive passed checks after which a server that is down comes up.
    pub(crate) rise: u32,
    /// Number of consecutive failed checks after which a server that is up goes down.
    pub(crate) fall: u32,
    /// The health counter, described at the top of this file.
    pub(crate) health: u32,
    /// Result of the last check.
    pub(crate) status: CheckStatus,
    /// Milliseconds that the last check took.
    pub(crate) duration: u64,
    /// Milliseconds between two checks.
    pub(crate) interval: u64,
    /// Time at which the next check is due.
    pub(crate) next_run: u64,
    /// Number of failed checks while the server was up (`chkfail`).
    pub(crate) failed_checks: u64,
}

impl HealthCheck {
    /// Creates a check in its state after a process start: the server is up, and goes down at the first failed check.
    pub(crate) fn new(kind: CheckKind, due: u64) -> Self {
        Self {
            kind,
            is_enabled: true,
            rise: 2,
            fall: 3,
            health: 2,
            status: CheckStatus::Initial,
            duration: 0,
            interval: 2000,
            next_run: due,
            failed_checks: 0,
        }
    }

    /// Returns the maximum of the health counter.
    pub(crate) fn full_health(&self) -> u32 {
        self.rise + self.fall - 1
    }

    /// Returns whether the server is up according to the health counter.
    pub(crate) fn is_up(&self) -> bool {
        self.health >= self.rise
    }

    /// Returns the HTTP status code of the last response, or `None` if the last check did not get one.
    pub(crate) fn http_code(&self) -> Option<u16> {
        (self.status == CheckStatus::L7Ok).then_some(200)
    }

    /// Returns the value of `last_chk`.
    pub(crate) fn last_chk(&self) -> &'static str {
        match self.status {
            CheckStatus::L4Refused => "Connection refused",
            _ => "",
        }
    }

    /// Runs the check once against a server with this fault. `duration` is the time that a passed HTTP check takes, in
    /// milliseconds.
    pub(crate) fn run(&mut self, fault: Option<Fault>, now: u64, duration: u64) -> HealthChange {
        self.next_run = now + self.interval;
        (self.status, self.duration) = match (fault, self.kind) {
            (Some(Fault::Refused), _) => (CheckStatus::L4Refused, 0),
            (Some(Fault::Timeout), _) => (CheckStatus::L4Timeout, 2001),
            (None, CheckKind::Connect) => (CheckStatus::L4Ok, duration / 4),
            (None, CheckKind::Http) => (CheckStatus::L7Ok, duration),
        };
        match (fault.is_some(), self.is_up()) {
            (false, true) => {
                self.health = (self.health + 1).min(self.full_health());
                HealthChange::Unchanged
            }
            (false, false) => {
                self.health += 1;
                if !self.is_up() {
                    return HealthChange::Unchanged;
                }
                self.health = self.full_health();
                HealthChange::Up
            }
            (true, true) => {
                self.failed_checks += 1;
                self.health -= 1;
                if self.is_up() {
                    return HealthChange::Unchanged;
                }
                self.health = 0;
                HealthChange::Down
            }
            (true, false) => {
                self.health = 0;
                HealthChange::Unchanged
            }
        }
    }
}

/// The agent check of a server, answered by a daemon on the server's host.
#[derive(Clone, Debug)]
pub(crate) struct AgentCheck {
    /// False after `disable agent`.
    pub(crate) is_enabled: bool,
    /// Port of the agent.
    pub(crate) port: u16,
    /// True if the state last reported by the agent, or set by an operator, is `up`.
    pub(crate) reports_up: bool,
    /// Time at which the next check is due.
    pub(crate) next_run: u64,
    /// Milliseconds that the last check took.
    pub(crate) duration: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_changes_health_as_haproxy_does() {
        let mut check = HealthCheck::new(CheckKind::Http, 0);
        let mut seen = Vec::new();
        for fault in [None, None, None, Some(Fault::Timeout), Some(Fault::Timeout), Some(Fault::Timeout), None, None] {
            let verdict = check.run(fault, 0, 3);
            seen.push((check.health, verdict));
        }
        assert_eq!(
            seen,
            [
                (3, HealthChange::Unchanged),
                (4, HealthChange::Unchanged),
                (4, HealthChange::Unchanged),
                (3, HealthChange::Unchanged),
                (2, HealthChange::Unchanged),
                (0, HealthChange::Down),
                (1, HealthChange::Unchanged),
                (4, HealthChange::Up),
            ]
        );
        assert_eq!(check.failed_checks, 3);
    }
}
