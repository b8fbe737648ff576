//! Runtime API commands that change HAProxy's state.
//!
//! This module builds the text of a command but does not decide whether the command may be sent. It validates numbers,
//! because HAProxy does not: `set maxconn frontend www abc` sets the limit to 0, and the frontend then accepts no
//! connections.

use std::fmt;

use thiserror::Error;

use crate::haproxy::command::{CommandWord, WordError};
use crate::haproxy::reply_words::parse_number;
use crate::haproxy::safe_text::SafeText;

/// An administrative state to set on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetState {
    /// The server takes traffic; this state ends both drain and maintenance.
    Ready,
    /// The server takes no new sessions; existing sessions and checks continue.
    Drain,
    /// The server takes no traffic; checks stop.
    Maint,
}

/// A health to force until the next check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ForcedHealth {
    /// The server is up.
    Up,
    /// The server finishes its sessions and takes no new sessions.
    Stopping,
    /// The server is down.
    Down,
}

/// A weight to set on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetWeight {
    /// An absolute weight, 0 to 256. With 0, the server takes no new sessions.
    Absolute(u16),
    /// A percentage of the configured weight; 100 restores the configured weight.
    Percent(u16),
}

/// The largest weight that HAProxy accepts.
pub(crate) const MAX_WEIGHT: u16 = 256;
/// The largest percentage, which changes a weight of 1 to 256.
const MAX_PERCENT: u16 = 25_600;

/// A command that changes HAProxy's state. In a variant with a `bool`, `true` means up or enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteCommand {
    /// `set server B/S state ready|drain|maint`
    State(TargetState),
    /// `set server B/S weight N|N%`
    Weight(TargetWeight),
    /// `set server B/S health up|stopping|down`
    Health(ForcedHealth),
    /// `set server B/S agent up|down`
    Agent(bool),
    /// `enable|disable health B/S`
    Checks(bool),
    /// `enable|disable agent B/S`
    AgentChecks(bool),
    /// `set maxconn server B/S N`; 0 means unlimited.
    ServerMaxconn(u32),
    /// `enable|disable frontend F`
    Frontend(bool),
    /// `set maxconn frontend F N`
    FrontendMaxconn(u32),
    /// `shutdown sessions server B/S`
    ShutdownSessions,
    /// `shutdown session ID`
    ShutdownSession,
    /// `clear table T key K`
    ClearTableEntry,
    /// `clear counters` resets only the maximum values; `clear counters all` resets all counters.
    ClearCounters {
        /// True to reset all counters.
        all: bool,
    },
}

/// The error for a string that is not a valid numeric argument of a command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// The string is not a valid weight.
    #[error("a weight is 0 to {MAX_WEIGHT}, or a percentage of the configured one, such as 50%")]
    Weight,
    /// The string is not a valid limit. The field contains the smallest limit allowed.
    #[error("a limit is a number of sessions, {0} or more")]
    Limit(u32),
}

impl TargetWeight {
    /// Parses a weight such as `50`, or a percentage such as `50%`.
    ///
    /// # Errors
    /// Returns an error if the text has neither form or the number is out of range.
    pub fn parse(text: &str) -> Result<Self, ArgumentError> {
        let number = |text: &str, max| {
            parse_number::<u32>(text.as_bytes()).filter(|number| *number <= max).map(|number| number as u16)
        };
        let weight = match text.trim().strip_suffix('%') {
            Some(percent) => number(percent.trim(), u32::from(MAX_PERCENT)).map(Self::Percent),
            None => number(text.trim(), u32::from(MAX_WEIGHT)).map(Self::Absolute),
        };
        weight.ok_or(ArgumentError::Weight)
    }

    /// Returns the resulting absolute weight, computed as HAProxy does. Returns `None` for a percentage if the
    /// configured weight is unknown.
    pub fn resolve(self, configured: Option<i64>) -> Option<i64> {
        match self {
            Self::Absolute(weight) => Some(i64::from(weight)),
            Self::Percent(percent) => {
                Some((configured?.saturating_mul(i64::from(percent)) / 100).min(i64::from(MAX_WEIGHT)))
            }
        }
    }
}

/// Parses a limit on sessions, which must be at least `min`.
///
/// # Errors
/// Returns an error if the text is not a number or the number is out of range.
pub fn parse_limit(text: &str, min: u32) -> Result<u32, ArgumentError> {
    // HAProxy stores the limit in 31 bits.
    parse_number(text.trim().as_bytes())
        .filter(|number| (min..1 << 31).contains(number))
        .ok_or(ArgumentError::Limit(min))
}

impl fmt::Display for TargetWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(weight) => write!(f, "{weight}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl TargetState {
    /// Returns HAProxy's word for the state.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

impl ForcedHealth {
    /// Returns HAProxy's word for the health.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stopping => "stopping",
            Self::Down => "down",
        }
    }
}

impl WriteCommand {
    /// Parses the words of a command, and returns it with its server or frontend as it is written there; empty for the
    /// process. Returns `None` for a command without a variant, for one on a session or a stick table entry, and for
    /// invalid arguments. Like old versions of HAProxy, it ignores words after the arguments.
    pub(crate) fn parse(words: &[impl AsRef<str>]) -> Option<(Self, &str)> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let limit = |text| parse_limit(text, 0).ok();
        Some(match words[..] {
            ["set", "server", name, "state", state, ..] => {
                let states = [TargetState::Ready, TargetState::Drain, TargetState::Maint];
                (Self::State(states.into_iter().find(|known| known.as_str() == state)?), name)
            }
            ["set", "server", name, "weight", weight, ..] | ["set", "weight", name, weight, ..] => {
                (Self::Weight(TargetWeight::parse(weight.strip_prefix('+').unwrap_or(weight)).ok()?), name)
            }
            ["set", "server", name, "health", health, ..] => {
                let all = [ForcedHealth::Up, ForcedHealth::Stopping, ForcedHealth::Down];
                (Self::Health(all.into_iter().find(|known| known.as_str() == health)?), name)
            }
            ["set", "server", name, "agent", state @ ("up" | "down"), ..] => (Self::Agent(state == "up"), name),
            ["enable", "server", name, ..] => (Self::State(TargetState::Ready), name),
            ["disable", "server", name, ..] => (Self::State(TargetState::Maint), name),
            [switch @ ("enable" | "disable"), kind @ ("health" | "agent" | "frontend"), name, ..] => {
                let is_on = switch == "enable";
                let command = match kind {
                    "health" => Self::Checks(is_on),
                    "agent" => Self::AgentChecks(is_on),
                    _ => Self::Frontend(is_on),
                };
                (command, name)
            }
            ["set", "maxconn", "server", name, number, ..] => (Self::ServerMaxconn(limit(number)?), name),
            ["set", "maxconn", "frontend", name, text, ..] => {
                // HAProxy reads any text as a number; one without digits is 0.
                let digits = text.find(|ch: char| !ch.is_ascii_digit()).map_or(text, |end| &text[..end]);
                (Self::FrontendMaxconn(if digits.is_empty() { 0 } else { limit(digits)? }), name)
            }
            ["shutdown", "sessions", "server", name, ..] => (Self::ShutdownSessions, name),
            ["clear", "counters", ref rest @ ..] => (Self::ClearCounters { all: rest.first() == Some(&"all") }, ""),
            _ => return None,
        })
    }

    /// Builds the text of the command. Depending on the command, `proxy` and `name` are a backend and a server, or a
    /// stick table and a key; for a frontend, `name` is ignored; for a session, `name` is the id and `proxy` is
    /// ignored.
    ///
    /// # Errors
    /// Returns an error if a name cannot be used as one word of a command.
    pub fn to_command(self, proxy: &SafeText, name: &SafeText) -> Result<String, WordError> {
        let server = || Ok::<_, WordError>(format!("{}/{}", CommandWord::new(proxy)?, CommandWord::new(name)?));
        let switch = |on| if on { "enable" } else { "disable" };
        Ok(match self {
            Self::State(admin) => format!("set server {} state {}", server()?, admin.as_str()),
            Self::Weight(weight) => format!("set server {} weight {weight}", server()?),
            Self::Health(health) => format!("set server {} health {}", server()?, health.as_str()),
            Self::Agent(up) => format!("set server {} agent {}", server()?, if up { "up" } else { "down" }),
            Self::Checks(on) => format!("{} health {}", switch(on), server()?),
            Self::AgentChecks(on) => format!("{} agent {}", switch(on), server()?),
            Self::ServerMaxconn(limit) => format!("set maxconn server {} {limit}", server()?),
            Self::Frontend(on) => format!("{} frontend {}", switch(on), CommandWord::new(proxy)?),
            Self::FrontendMaxconn(limit) => format!("set maxconn frontend {} {limit}", CommandWord::new(proxy)?),
            Self::ShutdownSessions => format!("shutdown sessions server {}", server()?),
            Self::ShutdownSession => format!("shutdown session {}", CommandWord::from_value(name)?),
            Self::ClearTableEntry => {
                format!("clear table {} key {}", CommandWord::from_table_name(proxy)?, CommandWord::from_value(name)?)
            }
            Self::ClearCounters { all: false } => "clear counters".to_owned(),
            Self::ClearCounters { all: true } => "clear counters all".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL_COMMANDS: [WriteCommand; 20] = [
        WriteCommand::State(TargetState::Ready),
        WriteCommand::State(TargetState::Drain),
        WriteCommand::State(TargetState::Maint),
        WriteCommand::Weight(TargetWeight::Absolute(7)),
        WriteCommand::Weight(TargetWeight::Percent(50)),
        WriteCommand::Health(ForcedHealth::Up),
        WriteCommand::Health(ForcedHealth::Stopping),
        WriteCommand::Health(ForcedHealth::Down),
        WriteCommand::Agent(true),
        WriteCommand::Agent(false),
        WriteCommand::Checks(true),
        WriteCommand::Checks(false),
        WriteCommand::AgentChecks(false),
        WriteCommand::ServerMaxconn(9),
        WriteCommand::Frontend(false),
        WriteCommand::FrontendMaxconn(100),
        WriteCommand::ShutdownSessions,
        WriteCommand::ShutdownSession,
        WriteCommand::ClearTableEntry,
        WriteCommand::ClearCounters { all: true },
    ];

    #[test]
    fn commands_have_the_syntax_of_haproxy() {
        let commands = ALL_COMMANDS.map(|write| write.to_command(&"b".into(), &"s".into()).unwrap());
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
    fn parse_reads_commands_back() {
        let parse = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            WriteCommand::parse(&words).map(|(command, name)| (command, name.to_owned()))
        };
        for command in ALL_COMMANDS {
            let line = command.to_command(&"b".into(), &"s".into()).unwrap();
            let name = match command {
                WriteCommand::ShutdownSession | WriteCommand::ClearTableEntry => None,
                WriteCommand::Frontend(_) | WriteCommand::FrontendMaxconn(_) => Some("b"),
                WriteCommand::ClearCounters { .. } => Some(""),
                _ => Some("b/s"),
            };
            assert_eq!(parse(&line), name.map(|name| (command, name.to_owned())), "{line}");
            let with_more_words = format!("{line} more");
            assert!(name == Some("") || parse(&with_more_words) == parse(&line), "{line}");
        }
        let weight = |weight| Some((WriteCommand::Weight(weight), "b/s".to_owned()));
        assert_eq!(parse("set weight b/s 50%"), weight(TargetWeight::Percent(50)));
        assert_eq!(parse("set weight b/s +7"), weight(TargetWeight::Absolute(7)));
        assert_eq!(parse("disable server b/s"), Some((WriteCommand::State(TargetState::Maint), "b/s".to_owned())));
        assert_eq!(parse("enable server b/s"), Some((WriteCommand::State(TargetState::Ready), "b/s".to_owned())));
        assert_eq!(parse("set maxconn frontend f 7x"), Some((WriteCommand::FrontendMaxconn(7), "f".to_owned())));
        assert_eq!(parse("set maxconn frontend f abc"), Some((WriteCommand::FrontendMaxconn(0), "f".to_owned())));
        assert_eq!(parse("clear counters"), Some((WriteCommand::ClearCounters { all: false }, String::new())));
        for other in
            ["set server b/s state off", "set server b/s addr 1.2.3.4", "disable server", "set weight b/s x", ""]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn parse_rejects_numbers_that_haproxy_would_misread() {
        assert_eq!(TargetWeight::parse("256"), Ok(TargetWeight::Absolute(256)));
        assert_eq!(TargetWeight::parse(" 50 % "), Ok(TargetWeight::Percent(50)));
        for bad in ["", "257", "-1", "+1", "1.5", "abc", "10 20", "%", "25601%", "٣", "0x1", "1e2", "99999999999"] {
            assert_eq!(TargetWeight::parse(bad), Err(ArgumentError::Weight), "{bad}");
        }
        assert_eq!((parse_limit("0", 0), parse_limit("100", 1)), (Ok(0), Ok(100)));
        for bad in ["0", "abc", "", "-5", "2147483648"] {
            assert_eq!(parse_limit(bad, 1), Err(ArgumentError::Limit(1)), "{bad}");
        }
    }

    #[test]
    fn resolve_computes_percentages_of_the_configured_weight() {
        assert_eq!(TargetWeight::Percent(300).resolve(Some(10)), Some(30));
        assert_eq!(TargetWeight::Percent(300).resolve(Some(100)), Some(256));
        assert_eq!((TargetWeight::Percent(50).resolve(None), TargetWeight::Absolute(5).resolve(None)), (None, Some(5)));
        assert_eq!(
            TargetWeight::Percent(50).resolve(Some(i64::MAX)),
            Some(256),
            "not a valid weight, but a reply may contain it"
        );
    }

    proptest! {
        #[test]
        fn name_cannot_change_command(bytes in proptest::collection::vec(any::<u8>(), 0..40), which in 0..ALL_COMMANDS.len()) {
            let (name, write) = (SafeText::new(&bytes), ALL_COMMANDS[which]);
            let plain = write.to_command(&"b".into(), &"s".into()).unwrap();
            if let Ok(command) = write.to_command(&name, &name) {
                prop_assert_eq!(command.split_whitespace().count(), plain.split_whitespace().count());
                prop_assert!(!command.contains([';', '\\', '\n', '\r']) && !command.contains("<<"));
                prop_assert!(command.is_ascii() || !command.chars().any(char::is_control));
            }
        }
    }
}
