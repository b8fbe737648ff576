//! The sources of samples, and what else can be done through each of them.
//!
//! The guard, the panes and the commands ask a source for its capabilities, and for its reason where it lacks one. Another
//! kind of source is another implementation of [`Source`].

use std::fmt::Debug;
use std::time::Duration;

use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::instance::refusal::Refusal;

/// The origin of the samples of an instance.
pub trait Source: Debug + Send + Sync {
    /// Checks whether HAProxy can be changed. `title` names the action in the reason.
    ///
    /// # Errors
    /// Returns the reason why it cannot be changed.
    fn check_action(&self, title: &'static str) -> Result<(), Refusal>;

    /// Checks whether HAProxy can be asked for more than samples.
    ///
    /// # Errors
    /// Returns the reason why it cannot be asked.
    fn check_query(&self) -> Result<(), Refusal>;

    /// Returns how long ago the source ended; `None` if it is live, so that further samples arrive.
    fn age(&self, now: Duration) -> Option<Duration>;

    /// Returns whether the source was still being written when it was opened: what was added since is not shown.
    fn is_growing(&self) -> bool {
        false
    }

    /// Returns whether further samples arrive.
    fn is_live(&self) -> bool {
        self.age(Duration::ZERO).is_none()
    }

    /// Returns whether HAProxy can never be changed through this source.
    fn is_read_only(&self) -> bool {
        self.check_action("").is_err()
    }

    /// Returns whether the HAProxy runs on this machine, so that facts of the machine are about it.
    fn is_on_this_machine(&self) -> bool {
        false
    }

    /// Returns what is unsafe about changing HAProxy through this source, in two words; `None` for nothing.
    fn danger(&self) -> Option<&'static str> {
        None
    }
}

/// A stats socket that is polled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsSocket {
    /// Set if hapulse must not change this HAProxy.
    pub read_only: bool,
    /// Set if the stats socket is reached over TCP. Every client that can connect then has the level of the socket,
    /// without a password.
    pub is_tcp: bool,
    /// Set if the HAProxy may run on another machine.
    pub is_remote: bool,
}

impl StatsSocket {
    /// Read-only access over a Unix socket.
    pub const READ_ONLY: Self = Self { read_only: true, is_tcp: false, is_remote: false };

    /// Describes the stats socket at `address`.
    pub(crate) fn new(address: &Address, read_only: bool) -> Self {
        let is_tcp = address.is_tcp();
        Self { read_only, is_tcp, is_remote: is_tcp || address.ssh().is_some() }
    }
}

impl Source for StatsSocket {
    fn check_action(&self, title: &'static str) -> Result<(), Refusal> {
        if self.read_only { Err(Refusal::ReadOnly(title)) } else { Ok(()) }
    }

    fn check_query(&self) -> Result<(), Refusal> {
        Ok(())
    }

    fn age(&self, _now: Duration) -> Option<Duration> {
        None
    }

    fn is_on_this_machine(&self) -> bool {
        !self.is_remote
    }

    fn danger(&self) -> Option<&'static str> {
        self.is_tcp.then_some("over TCP")
    }
}

/// A recording without a connection to its HAProxy.
#[derive(Debug, Clone)]
pub struct RecordedSource {
    name: SafeText,
    /// Monotonic time of the last sample.
    end: Duration,
    /// Monotonic time at which the recording was opened.
    opened: Duration,
}

/// Maximum age of the last sample when a recording is opened that is still being written: recorders write every ten seconds.
const MAX_GROWING_AGE: Duration = Duration::from_secs(30);

impl RecordedSource {
    /// Describes the recording of the HAProxy `name`, with the monotonic times of the last sample and of the opening.
    pub fn new(name: &str, end: Duration, opened: Duration) -> Self {
        Self { name: SafeText::from(name), end, opened }
    }
}

impl Source for RecordedSource {
    fn check_action(&self, _title: &'static str) -> Result<(), Refusal> {
        Err(Refusal::NoCapability(format!("the recording of {} cannot be changed", self.name)))
    }

    fn check_query(&self) -> Result<(), Refusal> {
        Err(Refusal::NoCapability(format!("the recording of {} cannot be asked: it has only samples", self.name)))
    }

    fn age(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.end))
    }

    fn is_growing(&self) -> bool {
        self.opened.saturating_sub(self.end) <= MAX_GROWING_AGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_socket_allows_actions_unless_it_is_read_only() {
        let socket = StatsSocket::new(&"lb01:9999".parse().unwrap(), false);
        assert_eq!((socket.check_action("drain"), socket.check_query(), socket.is_live()), (Ok(()), Ok(()), true));
        assert_eq!(StatsSocket::READ_ONLY.check_action("drain"), Err(Refusal::ReadOnly("drain")));
        assert_eq!((socket.danger(), StatsSocket::READ_ONLY.danger()), (Some("over TCP"), None));
        let ssh = StatsSocket::new(&"ssh://lb01".parse().unwrap(), false);
        assert_eq!(
            (ssh.danger(), ssh.is_on_this_machine(), StatsSocket::READ_ONLY.is_on_this_machine()),
            (None, false, true)
        );
    }

    #[test]
    fn recorded_source_names_the_recording_in_its_reasons() {
        let recording = RecordedSource::new("lb1", Duration::from_mins(1), Duration::from_secs(80));
        let why = |checked: Result<(), Refusal>| checked.unwrap_err().to_string();
        assert_eq!(why(recording.check_action("drain")), "the recording of lb1 cannot be changed");
        assert!(why(recording.check_query()).starts_with("the recording of lb1 cannot be asked"));
        assert_eq!(recording.age(Duration::from_secs(90)), Some(Duration::from_secs(30)));
        assert!(!recording.is_live() && recording.is_growing());
        assert!(!RecordedSource::new("lb1", Duration::from_mins(1), Duration::from_mins(2)).is_growing());
    }
}
