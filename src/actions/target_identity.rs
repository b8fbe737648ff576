//! The identity of an action's target: everything that must be the same right before sending as on the screen.
//!
//! A name alone does not identify a target: a reload may give it to a server with another address, and HAProxy reuses the
//! number of a session that has ended.

use std::time::Duration;

use crate::actions::process_identity::ProcessIdentity;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::AdminState;
use crate::haproxy::sessions::Session;
use crate::haproxy::status::RowState;
use crate::observe::sample::Sample;

/// Maximum difference between two computed start times of one session. HAProxy reports the age in whole seconds.
const START_TOLERANCE: Duration = Duration::from_millis(2500);

/// Identity of a target. A field is `None` if it is unknown or does not apply to this kind of target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetIdentity {
    /// The process.
    pub(crate) process: Option<ProcessIdentity>,
    /// Number of the server in its backend: `sid`.
    pub(crate) server_id: Option<i64>,
    /// Address of the server; HAProxy hides it from level user, and reports it since 1.7.
    pub(crate) address: Option<SafeText>,
    /// Administrative state of the server. `None` if only the status is known.
    pub(crate) admin: Option<AdminState>,
    /// Client and start of the session.
    pub(crate) session: Option<SessionIdentity>,
}

/// Identity of a session apart from its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionIdentity {
    /// Address and port of the client.
    pub(crate) client: Option<SafeText>,
    /// Name of the frontend.
    frontend: Option<SafeText>,
    /// Backend and server at the time of the reply, for display.
    server: Option<String>,
    /// Time of the reply on this program's monotonic clock.
    seen_at: Duration,
    /// Age at that time.
    age: Option<Duration>,
    /// Start with microseconds and number in the process; `None` if only the list of sessions was read.
    exact: Option<(SafeText, Option<u64>)>,
}

impl SessionIdentity {
    /// Returns the identity of a session from a reply received at the monotonic time `at`.
    pub(crate) fn new(session: &Session, at: Duration) -> Self {
        let server = match (&session.backend, &session.server) {
            (Some(backend), Some(server)) => Some(format!("{backend}/{server}")),
            (Some(backend), None) => Some(backend.to_string()),
            (None, _) => None,
        };
        let (client, frontend) = (session.source.clone(), session.frontend.clone());
        let exact = session.began_at.clone().map(|began_at| (began_at, session.unique_id));
        Self { client, frontend, server, seen_at: at, age: session.age, exact }
    }

    /// Returns whether both are the same session. A session keeps its client, its frontend and its start. If both were
    /// read with all details, the start is compared exactly.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        if let (Some(exact), Some(other_exact)) = (&self.exact, &other.exact) {
            return self.client == other.client && exact == other_exact;
        }
        let start_differs = match (self.age, other.age) {
            // Compares `seen_at - age` without subtracting, because the session may have started before this program.
            (Some(age), Some(other_age)) => (self.seen_at + other_age).abs_diff(other.seen_at + age) > START_TOLERANCE,
            _ => false,
        };
        self.client == other.client && self.frontend == other.frontend && !start_differs
    }

    /// Returns the client without its port.
    pub(crate) fn client_host(&self) -> String {
        let client = self.client.as_ref().map_or("unknown client", SafeText::as_str);
        client.rsplit_once(':').map_or(client, |(host, _)| host).to_owned()
    }

    /// Returns the backend and the server, or only the backend if no server is chosen.
    pub(crate) fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Returns the age at the monotonic time `now`.
    pub(crate) fn age(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| age + now.saturating_sub(self.seen_at))
    }

    /// Describes the session at the monotonic time `now`: `10.0.0.7:4242 → be_app/app1, open for 3 min`.
    pub(crate) fn describe(&self, now: Duration) -> String {
        let age =
            self.age(now).map_or(String::new(), |age| format!(", open for {}", crate::units::duration_words(age)));
        format!("{}{age}", self.route())
    }

    /// Returns the client and the server of the session: `10.0.0.7:4242 → be_app/app1`.
    pub(crate) fn route(&self) -> String {
        let client = self.client.as_ref().map_or("unknown client", SafeText::as_str);
        let end = self.server.as_deref().or(self.frontend.as_ref().map(SafeText::as_str));
        let end = end.map_or(String::new(), |end| format!(" → {end}"));
        format!("{client}{end}")
    }
}

impl TargetIdentity {
    /// Returns the identity of the row at `index` of a sample.
    pub(crate) fn from_row(sample: &Sample, index: usize) -> Self {
        let row = &sample.table.rows()[index];
        Self {
            process: Some(ProcessIdentity::from_sample(sample)),
            server_id: sample.table.number(index, Field::Sid),
            address: row.text(TextField::Addr).cloned(),
            admin: None,
            session: None,
        }
    }

    /// Lists what differs between this identity and a later one, as parts of a sentence: `its address was 10.0.0.1:80,
    /// now 10.0.0.9:80`. Values that are unknown in one of them do not differ.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        if let (Some(was), Some(is)) = (&self.process, &now.process)
            && !was.is_same(is)
        {
            all.push(format!("HAProxy was reloaded (pid {} → {})", was.pid, is.pid));
        }
        if let (Some(was), Some(is)) = (self.server_id, now.server_id)
            && was != is
        {
            all.push(format!("its server id was {was}, now {is}"));
        }
        if let (Some(was), Some(is)) = (&self.address, &now.address)
            && was != is
        {
            all.push(format!("its address was {was}, now {is}"));
        }
        if let (Some(was), Some(is)) = (&self.session, &now.session)
            && !was.is_same(is)
        {
            all.push(format!("it was {}, now it is {}", was.describe(is.seen_at), is.describe(is.seen_at)));
        }
        all
    }
}

/// The administrative flags set on a server itself; `None` if the status does not reveal them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AdminFlags {
    maint: Option<bool>,
    drain: Option<bool>,
}

impl AdminFlags {
    /// Returns the flags that a status reveals. A status such as `DOWN` hides a drain, which counts as not set, because
    /// the operator did not see it.
    fn from_status(status: &str) -> Self {
        match RowState::parse(status) {
            // Inherited from a tracked server, or set by the DNS resolution.
            RowState::Maint if status.contains('(') => Self { maint: None, drain: None },
            RowState::Maint => Self { maint: Some(true), drain: None },
            // A weight of 0 and an agent cause this status too.
            RowState::Drain => Self { maint: Some(false), drain: None },
            _ => Self { maint: Some(false), drain: Some(false) },
        }
    }

    fn from_admin(admin: AdminState) -> Self {
        Self { maint: Some(admin.is_maint()), drain: Some(admin.is_drain()) }
    }

    fn differs(self, now: Self) -> bool {
        let differs = |was: Option<bool>, is: Option<bool>| was.is_some() && is.is_some() && was != is;
        differs(self.maint, now.maint) || differs(self.drain, now.drain)
    }

    fn describe(self) -> &'static str {
        match (self.maint, self.drain) {
            (Some(true), _) => "in maintenance",
            (_, Some(true)) => "in drain",
            _ => "enabled",
        }
    }
}

/// Describes how the state of a row changed between what was shown and what was read later: statuses, and the
/// administrative states if they are known. Returns `None` if nothing changed.
pub(crate) fn state_difference(
    (seen_status, seen_admin): (&str, Option<AdminState>),
    (status, admin): (&str, Option<AdminState>),
) -> Option<String> {
    if !is_same_status(seen_status, status) {
        return Some(format!("it was {seen_status}, now it is {status}"));
    }
    let seen = seen_admin.map_or_else(|| AdminFlags::from_status(seen_status), AdminFlags::from_admin);
    // The same status reveals the same flags, unless it hides one.
    let now = AdminFlags::from_admin(admin?);
    seen.differs(now).then(|| format!("it is now {} (its status {status} hides that)", now.describe()))
}

/// Returns whether two statuses mean the same state. The number of checks, as in `UP 1/3`, may differ.
fn is_same_status(one: &str, other: &str) -> bool {
    let word = |status: &str| status.split([' ', '(']).next().unwrap_or_default().to_owned();
    word(one) == word(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::sessions::{SessionFilter, Sessions};

    fn session(line: &str, at_secs: u64) -> SessionIdentity {
        let sessions = Sessions::parse(line.as_bytes(), None, &SessionFilter::default());
        SessionIdentity::new(&sessions.list[0], Duration::from_secs(at_secs))
    }

    #[test]
    fn state_difference_compares_statuses_and_hidden_flags() {
        let compare = |seen: &str, seen_bits: Option<u32>, now: &str, bits: Option<u32>| {
            state_difference((seen, seen_bits.map(AdminState)), (now, bits.map(AdminState)))
        };
        assert_eq!(compare("UP", None, "UP 1/3", Some(0)), None);
        assert_eq!(compare("UP", None, "MAINT", Some(1)).unwrap(), "it was UP, now it is MAINT");
        assert_eq!(compare("DOWN", None, "DOWN", Some(8)).unwrap(), "it is now in drain (its status DOWN hides that)");
        assert_eq!(compare("DOWN", Some(8), "DOWN", Some(8)), None, "the drain is known");
        assert!(compare("DOWN", Some(8), "DOWN", Some(0)).is_some());
        assert_eq!(compare("DOWN", Some(8), "DOWN", None), None);
        for (status, bits) in [
            ("MAINT", 1),
            ("MAINT", 5),
            ("MAINT (via b/s)", 2),
            ("MAINT (resolution)", 0x20),
            ("DRAIN", 8),
            ("DRAIN", 0),
        ] {
            assert_eq!(compare(status, None, status, Some(bits)), None, "{status} {bits}");
        }
        assert!(compare("DRAIN", None, "MAINT", Some(9)).is_some());
    }

    #[test]
    fn session_is_same_only_with_same_client_and_start() {
        let first = session("0x1: proto=tcpv4 src=10.0.0.1:5 fe=f be=b srv=s age=1m4s calls=3\n", 10);
        assert_eq!(first.describe(Duration::from_secs(10)), "10.0.0.1:5 → b/s, open for 64 s");
        assert_eq!(first.describe(Duration::from_secs(19)), "10.0.0.1:5 → b/s, open for 73 s", "9 s later");
        assert!(first.is_same(&session("0x1: proto=tcpv4 src=10.0.0.1:5 fe=f be=b srv=t age=1m35s calls=9\n", 40)));
        assert!(!first.is_same(&session("0x1: proto=tcpv4 src=10.0.0.1:5 fe=f be=b srv=s age=3s calls=3\n", 40)));
        assert!(!first.is_same(&session("0x1: proto=tcpv4 src=10.0.0.2:5 fe=f be=b srv=s age=1m34s calls=3\n", 40)));
    }

    #[test]
    fn session_is_compared_exactly_if_all_details_are_known() {
        let detail = |time: &str, id: u32| {
            session(&format!("0x1: [29/Nov/2026:10:00:00.{time}] id={id} proto=unix_stream source=unix:1\n"), 10)
        };
        assert!(detail("000001", 7).is_same(&detail("000001", 7)));
        assert!(!detail("000001", 7).is_same(&detail("000002", 7)));
        assert!(!detail("000001", 7).is_same(&detail("000001", 8)), "the next request on the same connection");
    }

    #[test]
    fn differences_ignore_unknown_values() {
        let seen =
            TargetIdentity { server_id: Some(1), address: Some("10.0.0.1:80".into()), ..TargetIdentity::default() };
        assert!(seen.differences(&TargetIdentity::default()).is_empty(), "level user does not see the address");
        let now =
            TargetIdentity { address: Some("10.0.0.9:80".into()), server_id: Some(2), ..TargetIdentity::default() };
        assert_eq!(
            seen.differences(&now),
            ["its server id was 1, now 2", "its address was 10.0.0.1:80, now 10.0.0.9:80"]
        );
    }
}
