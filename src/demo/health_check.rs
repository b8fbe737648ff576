//! Health checks and agent checks: what they last saw, and how health rises and falls.
//!
//! Health is `HAProxy`'s own number: 0 to `rise - 1` is down, `rise` to `rise + fall - 1` is up. A failed check
//! takes one, a passed one gives one; crossing the line jumps to the far end. This file owns the number;
//! `server.rs` draws the consequence for the server.

/// What is wrong with a server's machine, as a check sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody listens.
    Refused,
    /// Nobody answers.
    Timeout,
}

/// What a health check asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// That a connection opens.
    Connect,
    /// That a request is answered with 200.
    Http,
}

/// What the last check saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// No check ran yet.
    Initial,
    /// A connection opened.
    L4Ok,
    /// The connection timed out.
    L4Timeout,
    /// The connection was refused.
    L4Refused,
    /// The response was good.
    L7Ok,
}

impl Seen {
    /// The word in `check_status`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Initial => "INI",
            Self::L4Ok => "L4OK",
            Self::L4Timeout => "L4TOUT",
            Self::L4Refused => "L4CON",
            Self::L7Ok => "L7OK",
        }
    }

    /// The sentence in `check_desc`.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Initial => "Initializing",
            Self::L4Ok => "Layer4 check passed",
            Self::L4Timeout => "Layer4 timeout",
            Self::L4Refused => "Layer4 connection problem",
            Self::L7Ok => "Layer7 check passed",
        }
    }

    /// `srv_check_status` in `show servers state`.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Initial => 1,
            Self::L4Ok => 6,
            Self::L4Timeout => 7,
            Self::L4Refused => 8,
            Self::L7Ok => 15,
        }
    }

    /// `srv_check_result` in `show servers state`.
    pub(crate) fn result(self) -> u8 {
        match self {
            Self::Initial => 0,
            Self::L4Timeout | Self::L4Refused => 2,
            Self::L4Ok | Self::L7Ok => 3,
        }
    }
}

/// What a check did to the server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server stays what it was.
    Same,
    /// The server has just come up.
    Up,
    /// The server has just gone down.
    Down,
}

/// A server's health check.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// What it asks for.
    pub kind: Kind,
    /// Off after `disable health`.
    pub on: bool,
    /// Passed checks in a row to come up.
    pub rise: u32,
    /// Failed checks in a row to go down.
    pub fall: u32,
    /// See the head of this file.
    pub health: u32,
    /// What it last saw.
    pub seen: Seen,
    /// Milliseconds the last one took.
    pub duration: u64,
    /// Milliseconds between two checks.
    pub every: u64,
    /// When the next one is due.
    pub due: u64,
    /// `chkfail`
    pub failed: u64,
}

impl Check {
    /// A check as it is when a process starts: up, and down at the first failure.
    pub(crate) fn new(kind: Kind, due: u64) -> Self {
        Self {
            kind,
            on: true,
            rise: 2,
            fall: 3,
            health: 2,
            seen: Seen::Initial,
            duration: 0,
            every: 2000,
            due,
            failed: 0,
        }
    }

    /// The health of a server that is up and sure of it.
    pub(crate) fn full(&self) -> u32 {
        self.rise + self.fall - 1
    }

    /// Whether the health is that of a server that is up.
    pub(crate) fn is_up(&self) -> bool {
        self.health >= self.rise
    }

    /// The code of the last response.
    pub(crate) fn code(&self) -> Option<u16> {
        (self.seen == Seen::L7Ok).then_some(200)
    }

    /// The text of `last_chk`.
    pub(crate) fn text(&self) -> &'static str {
        match self.seen {
            Seen::L4Refused => "Connection refused",
            _ => "",
        }
    }

    /// Runs once against a server with this fault; `duration` is how long a good one takes.
    pub(crate) fn run(&mut self, fault: Option<Fault>, now: u64, duration: u64) -> Verdict {
        self.due = now + self.every;
        (self.seen, self.duration) = match (fault, self.kind) {
            (Some(Fault::Refused), _) => (Seen::L4Refused, 0),
            (Some(Fault::Timeout), _) => (Seen::L4Timeout, 2001),
            (None, Kind::Connect) => (Seen::L4Ok, duration / 4),
            (None, Kind::Http) => (Seen::L7Ok, duration),
        };
        match (fault.is_some(), self.is_up()) {
            (false, true) => {
                self.health = (self.health + 1).min(self.full());
                Verdict::Same
            }
            (false, false) => {
                self.health += 1;
                if !self.is_up() {
                    return Verdict::Same;
                }
                self.health = self.full();
                Verdict::Up
            }
            (true, true) => {
                self.failed += 1;
                self.health -= 1;
                if self.is_up() {
                    return Verdict::Same;
                }
                self.health = 0;
                Verdict::Down
            }
            (true, false) => {
                self.health = 0;
                Verdict::Same
            }
        }
    }
}

/// A server's agent check: a daemon beside the server that is asked how it feels.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    /// Off after `disable agent`.
    pub on: bool,
    /// The port it listens on.
    pub port: u16,
    /// Whether it last said up, or an operator said so for it.
    pub up: bool,
    /// When it is asked next.
    pub due: u64,
    /// Milliseconds the last answer took.
    pub duration: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_falls_and_rises_as_in_haproxy() {
        let mut check = Check::new(Kind::Http, 0);
        let mut seen = Vec::new();
        for fault in [None, None, None, Some(Fault::Timeout), Some(Fault::Timeout), Some(Fault::Timeout), None, None] {
            let verdict = check.run(fault, 0, 3);
            seen.push((check.health, verdict));
        }
        assert_eq!(
            seen,
            [
                (3, Verdict::Same),
                (4, Verdict::Same),
                (4, Verdict::Same),
                (3, Verdict::Same),
                (2, Verdict::Same),
                (0, Verdict::Down),
                (1, Verdict::Same),
                (4, Verdict::Up),
            ]
        );
        assert_eq!(check.failed, 3);
    }
}
