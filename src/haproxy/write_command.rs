//! What may be ordered of HAProxy: one value for each command that changes something.
//!
//! An order knows its command and nothing of why or whether it may be given. Numbers are checked here, since
//! HAProxy does not: `set maxconn frontend www abc` succeeds, as 0, and the frontend then accepts nobody.

use std::fmt;

use thiserror::Error;

use crate::haproxy::command::{BadName, Word};
use crate::haproxy::safe_text::SafeText;

/// The administrative state to order for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admin {
    /// Takes traffic: ends both drain and maintenance.
    Ready,
    /// Takes no new sessions; those present go on. Checks go on.
    Drain,
    /// Takes nothing; checks stop.
    Maint,
}

/// What health checks are to be taken to have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// It works.
    Up,
    /// It finishes what it has and wants nothing new.
    Stopping,
    /// It does not work.
    Down,
}

/// A server's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// 0 to 256; 0 takes no new sessions.
    Absolute(u16),
    /// Percent of the configured weight; 100 brings that back.
    Percent(u16),
}

/// The largest weight that HAProxy takes.
pub const MAX_WEIGHT: u16 = 256;
/// The largest percentage: 256 times a weight of 1.
const MAX_PERCENT: u16 = 25_600;

/// What to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteCommand {
    /// `set server B/S state ready|drain|maint`
    State(Admin),
    /// `set server B/S weight N|N%`
    Weight(Weight),
    /// `set server B/S health up|stopping|down`
    Health(Health),
    /// `set server B/S agent up|down`
    Agent(bool),
    /// `enable|disable health B/S`
    Checks(bool),
    /// `enable|disable agent B/S`
    AgentChecks(bool),
    /// `set maxconn server B/S N`; 0 is no limit.
    ServerMaxconn(u32),
    /// `enable|disable frontend F`
    Frontend(bool),
    /// `set maxconn frontend F N`
    FrontendMaxconn(u32),
    /// `shutdown sessions server B/S`
    EndSessions,
    /// `shutdown session ID`
    EndSession,
    /// `clear table T key K`
    ClearEntry,
    /// `clear counters`: the highest values only; `clear counters all`: everything.
    ClearCounters {
        /// Also what only grows.
        all: bool,
    },
}

/// Why a text is no number for an order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadNumber {
    /// Not a weight.
    #[error("a weight is 0 to {MAX_WEIGHT}, or a share of the configured one, such as 50%")]
    Weight,
    /// Not a limit.
    #[error("a limit is a number of sessions, {0} or more")]
    Limit(u32),
}

impl Weight {
    /// Reads `50` or `50%`.
    ///
    /// # Errors
    /// When it is neither, or out of range.
    pub fn parse(text: &str) -> Result<Self, BadNumber> {
        let number = |text: &str, max| number(text).filter(|number| *number <= max).map(|number| number as u16);
        let weight = match text.trim().strip_suffix('%') {
            Some(share) => number(share.trim(), u32::from(MAX_PERCENT)).map(Self::Percent),
            None => number(text.trim(), u32::from(MAX_WEIGHT)).map(Self::Absolute),
        };
        weight.ok_or(BadNumber::Weight)
    }

    /// The weight it makes of a configured one, as HAProxy counts; unknown where that is.
    pub fn of(self, configured: Option<i64>) -> Option<i64> {
        match self {
            Self::Absolute(weight) => Some(i64::from(weight)),
            Self::Percent(share) => {
                Some((configured?.saturating_mul(i64::from(share)) / 100).min(i64::from(MAX_WEIGHT)))
            }
        }
    }
}

/// Reads a limit of sessions, `least` or more.
///
/// # Errors
/// When it is no number, or less.
pub fn limit(text: &str, least: u32) -> Result<u32, BadNumber> {
    // HAProxy keeps it in 31 bits.
    number(text.trim()).filter(|number| (least..1 << 31).contains(number)).ok_or(BadNumber::Limit(least))
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(weight) => write!(f, "{weight}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl Admin {
    /// HAProxy's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

impl Health {
    /// HAProxy's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stopping => "stopping",
            Self::Down => "down",
        }
    }
}

impl WriteCommand {
    /// The command. `proxy` and `name` are a backend and its server, a frontend (its name alone counts), a stick
    /// table and a key, or a session's id as `name`.
    ///
    /// # Errors
    /// When a name would not be one word of the command.
    pub fn command(self, proxy: &SafeText, name: &SafeText) -> Result<String, BadName> {
        let server = || Ok::<_, BadName>(format!("{}/{}", Word::new(proxy)?, Word::new(name)?));
        let switch = |on| if on { "enable" } else { "disable" };
        Ok(match self {
            Self::State(admin) => format!("set server {} state {}", server()?, admin.word()),
            Self::Weight(weight) => format!("set server {} weight {weight}", server()?),
            Self::Health(health) => format!("set server {} health {}", server()?, health.word()),
            Self::Agent(up) => format!("set server {} agent {}", server()?, if up { "up" } else { "down" }),
            Self::Checks(on) => format!("{} health {}", switch(on), server()?),
            Self::AgentChecks(on) => format!("{} agent {}", switch(on), server()?),
            Self::ServerMaxconn(limit) => format!("set maxconn server {} {limit}", server()?),
            Self::Frontend(on) => format!("{} frontend {}", switch(on), Word::new(proxy)?),
            Self::FrontendMaxconn(limit) => format!("set maxconn frontend {} {limit}", Word::new(proxy)?),
            Self::EndSessions => format!("shutdown sessions server {}", server()?),
            Self::EndSession => format!("shutdown session {}", Word::value(name)?),
            Self::ClearEntry => format!("clear table {} key {}", Word::new(proxy)?, Word::value(name)?),
            Self::ClearCounters { all: false } => "clear counters".to_owned(),
            Self::ClearCounters { all: true } => "clear counters all".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVERY: [WriteCommand; 20] = [
        WriteCommand::State(Admin::Ready),
        WriteCommand::State(Admin::Drain),
        WriteCommand::State(Admin::Maint),
        WriteCommand::Weight(Weight::Absolute(7)),
        WriteCommand::Weight(Weight::Percent(50)),
        WriteCommand::Health(Health::Up),
        WriteCommand::Health(Health::Stopping),
        WriteCommand::Health(Health::Down),
        WriteCommand::Agent(true),
        WriteCommand::Agent(false),
        WriteCommand::Checks(true),
        WriteCommand::Checks(false),
        WriteCommand::AgentChecks(false),
        WriteCommand::ServerMaxconn(9),
        WriteCommand::Frontend(false),
        WriteCommand::FrontendMaxconn(100),
        WriteCommand::EndSessions,
        WriteCommand::EndSession,
        WriteCommand::ClearEntry,
        WriteCommand::ClearCounters { all: true },
    ];

    #[test]
    fn commands_read_as_haproxy_wants_them() {
        let commands = EVERY.map(|order| order.command(&"b".into(), &"s".into()).unwrap());
        let wanted = [
            "set server b/s state ready",
            "set server b/s state drain",
            "set server b/s state maint",
            "set server b/s weight 7",
            "set server b/s weight 50%",
            "set server b/s health up",
            "set server b/s health stopping",
            "set server b/s health down",
            "set server b/s agent up",
            "set server b/s agent down",
            "enable health b/s",
            "disable health b/s",
            "disable agent b/s",
            "set maxconn server b/s 9",
            "disable frontend b",
            "set maxconn frontend b 100",
            "shutdown sessions server b/s",
            "shutdown session s",
            "clear table b key s",
            "clear counters all",
        ];
        assert_eq!(commands, wanted);
    }

    #[test]
    fn numbers_that_haproxy_would_misread_are_refused() {
        assert_eq!(Weight::parse("256"), Ok(Weight::Absolute(256)));
        assert_eq!(Weight::parse(" 50 % "), Ok(Weight::Percent(50)));
        for bad in ["", "257", "-1", "+1", "1.5", "abc", "10 20", "%", "25601%", "٣", "0x1", "1e2", "99999999999"] {
            assert_eq!(Weight::parse(bad), Err(BadNumber::Weight), "{bad}");
        }
        assert_eq!((limit("0", 0), limit("100", 1)), (Ok(0), Ok(100)));
        for bad in ["0", "abc", "", "-5", "2147483648"] {
            assert_eq!(limit(bad, 1), Err(BadNumber::Limit(1)), "{bad}");
        }
    }

    #[test]
    fn shares_are_of_the_configured_weight() {
        assert_eq!(Weight::Percent(300).of(Some(10)), Some(30));
        assert_eq!(Weight::Percent(300).of(Some(100)), Some(256));
        assert_eq!((Weight::Percent(50).of(None), Weight::Absolute(5).of(None)), (None, Some(5)));
        assert_eq!(Weight::Percent(50).of(Some(i64::MAX)), Some(256), "no weight, but an answer may say so");
    }

    proptest! {
        #[test]
        fn no_name_makes_another_command(bytes in proptest::collection::vec(any::<u8>(), 0..40), which in 0..EVERY.len()) {
            let (name, order) = (SafeText::new(&bytes), EVERY[which]);
            let plain = order.command(&"b".into(), &"s".into()).unwrap();
            if let Ok(command) = order.command(&name, &name) {
                prop_assert_eq!(command.split_whitespace().count(), plain.split_whitespace().count());
                prop_assert!(!command.contains([';', '\\', '\n', '\r']) && !command.contains("<<"));
                prop_assert!(command.is_ascii() || !command.chars().any(char::is_control));
            }
        }
    }
}
