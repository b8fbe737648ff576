//! Groups of the lines of views 7 and 8: sessions by client, network, server, backend, age or URI, and the entries of a
//! stick table by network.

use core::net::IpAddr;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::Session;
use crate::haproxy::stick_tables::{TableCounter, TableEntry};
use crate::haproxy::version::Version;

/// A property by which sessions are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionGrouping {
    /// Address of the client.
    Client,
    /// Network of the client: /24 of IPv4, /64 of IPv6.
    Network,
    /// Backend and server.
    Server,
    /// Backend.
    Backend,
    /// Range of the age.
    Age,
    /// Method and path of the request, which HAProxy reports since 3.1.
    Uri,
}

/// First version that reports URIs.
const URIS_SINCE: Version = Version::new(3, 1);

/// Ranges of the age: minimum in seconds and name, the oldest first.
const AGE_RANGES: [(u64, &str); 5] =
    [(3600, "1 h and more"), (600, "10 min to 1 h"), (60, "1 to 10 min"), (10, "10 s to 1 min"), (0, "under 10 s")];

impl SessionGrouping {
    const ALL: [Self; 6] = [Self::Client, Self::Network, Self::Server, Self::Backend, Self::Age, Self::Uri];

    /// Returns the grouping after `current`, or `None` for single sessions. URIs are offered only by versions that
    /// report them.
    pub(crate) fn next(current: Option<Self>, version: Option<Version>) -> Option<Self> {
        let index = current.map_or(0, |current| current as usize + 1);
        let has_uris = version.is_some_and(|version| version >= URIS_SINCE);
        Self::ALL.get(index).copied().filter(|grouping| has_uris || *grouping != Self::Uri)
    }

    /// Returns the name of what the sessions of a group have in common.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Network => "network",
            Self::Server => "server",
            Self::Backend => "backend",
            Self::Age => "age",
            Self::Uri => "URI",
        }
    }

    /// Returns the name of the group of a session.
    pub(crate) fn group_of(self, session: &Session) -> String {
        let name = |text: &Option<SafeText>, none: &str| text.as_ref().map_or(none.to_owned(), SafeText::to_string);
        match self {
            Self::Client => {
                session.client_address().map_or_else(|| name(&session.source, "unknown"), |address| address.to_string())
            }
            Self::Network => session.client_address().map_or_else(|| name(&session.source, "unknown"), network),
            Self::Server => match (&session.backend, &session.server) {
                (Some(backend), Some(server)) => format!("{backend}/{server}"),
                (backend, _) => format!("{}, no server", name(backend, "no backend")),
            },
            Self::Backend => name(&session.backend, "no backend"),
            Self::Age => session.age.map_or("unknown", age_range).to_owned(),
            Self::Uri => session.path().unwrap_or_else(|| "no URI".to_owned()),
        }
    }
}

fn age_range(age: Duration) -> &'static str {
    AGE_RANGES.iter().find(|(from, _)| age.as_secs() >= *from).map_or("unknown", |(_, name)| name)
}

/// Returns the network of an address: /24 of IPv4, /64 of IPv6.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [one, two, three, _] = address.octets();
            format!("{one}.{two}.{three}.0/24")
        }
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", core::net::Ipv6Addr::from_bits(prefix))
        }
    }
}

/// A group of sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionGroup {
    /// Name: what the sessions have in common.
    pub name: String,
    /// Number of sessions.
    pub sessions: usize,
    /// Age of the oldest session.
    pub(crate) oldest: Option<Duration>,
    /// Number of different clients.
    pub(crate) clients: usize,
    /// Number of different servers.
    pub(crate) servers: usize,
}

/// Returns the groups of sessions: those with the most sessions first, or the oldest first.
pub(crate) fn group_sessions<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    grouping: SessionGrouping,
    is_oldest_first: bool,
) -> Vec<SessionGroup> {
    #[derive(Default)]
    struct Members<'a> {
        sessions: usize,
        oldest: Option<Duration>,
        clients: BTreeSet<String>,
        servers: BTreeSet<(Option<&'a SafeText>, &'a SafeText)>,
    }
    let mut groups: BTreeMap<String, Members<'_>> = BTreeMap::new();
    for session in sessions {
        let members = groups.entry(grouping.group_of(session)).or_default();
        members.sessions += 1;
        members.oldest = members.oldest.max(session.age);
        members.clients.insert(SessionGrouping::Client.group_of(session));
        members.servers.extend(session.server.as_ref().map(|server| (session.backend.as_ref(), server)));
    }
    let to_group = |(name, members): (String, Members<'_>)| SessionGroup {
        name,
        sessions: members.sessions,
        oldest: members.oldest,
        clients: members.clients.len(),
        servers: members.servers.len(),
    };
    let mut groups: Vec<SessionGroup> = groups.into_iter().map(to_group).collect();
    if is_oldest_first || grouping == SessionGrouping::Age {
        groups.sort_by_key(|group| (Reverse(group.oldest), Reverse(group.sessions)));
    } else {
        groups.sort_by_key(|group| (Reverse(group.sessions), Reverse(group.oldest)));
    }
    groups
}

/// A group of stick table entries: those whose keys are addresses of one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryGroup {
    /// The network, or the key itself if it is not an address.
    pub name: String,
    /// Number of entries.
    pub entries: usize,
    /// Sum of each counter; `None` if no entry has it, or if a sum has no meaning.
    pub(crate) sums: Vec<Option<i64>>,
}

/// Returns the network of the key of an entry, or the key itself if it is not an address.
pub(crate) fn network_of_key(key: &SafeText) -> String {
    key.as_str().parse().map_or_else(|_| key.to_string(), network)
}

/// Returns the groups of entries, those with the highest sum of the counter `sort` first.
pub(crate) fn group_entries<'a>(
    entries: impl Iterator<Item = &'a TableEntry>,
    counters: &[TableCounter],
    sort: usize,
) -> Vec<EntryGroup> {
    let mut groups: BTreeMap<String, EntryGroup> = BTreeMap::new();
    for entry in entries {
        let group = groups.entry(network_of_key(&entry.key)).or_default();
        group.entries += 1;
        group.sums.resize(counters.len(), None);
        for (index, counter) in counters.iter().enumerate().filter(|(_, counter)| counter.can_be_summed()) {
            let sum = &mut group.sums[index];
            if let (Some(value), true) = (entry.value(index), counter.can_be_summed()) {
                *sum = Some(sum.unwrap_or_default().saturating_add(value));
            }
        }
    }
    let mut groups: Vec<EntryGroup> = groups.into_iter().map(|(name, group)| EntryGroup { name, ..group }).collect();
    groups.sort_by_key(|group| (Reverse(group.sums.get(sort).copied().flatten()), Reverse(group.entries)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::sessions::{SessionFilter, Sessions};
    use crate::haproxy::stick_tables::TableEntries;

    const SESSIONS: &str = "\
0x1: proto=tcpv4 src=10.0.0.7:41 fe=www be=shop srv=web1 age=5s calls=2 uri=\"GET /cart?id=1 HTTP/1.1\"
0x2: proto=tcpv4 src=10.0.0.7:42 fe=www be=shop srv=web2 age=2m3s calls=2 uri=\"GET /cart?id=2 HTTP/1.1\"
0x3: proto=tcpv4 src=10.0.0.9:43 fe=www be=shop srv=web1 age=2h1m calls=2
0x4: proto=tcpv6 src=2001:db8::1:44 fe=www be=api srv=<none> age=12s calls=2 uri=\"POST / src=1.1.1.1:1 HTTP/1.1\"
";

    fn groups(grouping: SessionGrouping) -> Vec<(String, usize, usize, usize)> {
        let sessions = Sessions::parse(SESSIONS.as_bytes(), None, &SessionFilter::default());
        let groups = group_sessions(sessions.list.iter(), grouping, false);
        groups.into_iter().map(|group| (group.name, group.sessions, group.clients, group.servers)).collect()
    }

    fn names(grouping: SessionGrouping) -> Vec<String> {
        groups(grouping).into_iter().map(|(name, sessions, ..)| format!("{name}: {sessions}")).collect()
    }

    #[test]
    fn group_sessions_counts_sessions_clients_and_servers() {
        let client =
            [("10.0.0.7".to_owned(), 2, 1, 2), ("10.0.0.9".to_owned(), 1, 1, 1), ("2001:db8::1".to_owned(), 1, 1, 0)];
        assert_eq!(groups(SessionGrouping::Client), client);
        assert_eq!(groups(SessionGrouping::Network)[0], ("10.0.0.0/24".to_owned(), 3, 2, 2));
        assert_eq!(names(SessionGrouping::Network), ["10.0.0.0/24: 3", "2001:db8::/64: 1"]);
        assert_eq!(names(SessionGrouping::Server), ["shop/web1: 2", "shop/web2: 1", "api, no server: 1"]);
        assert_eq!(names(SessionGrouping::Backend), ["shop: 3", "api: 1"]);
        assert_eq!(
            names(SessionGrouping::Age),
            ["1 h and more: 1", "1 to 10 min: 1", "10 s to 1 min: 1", "under 10 s: 1"]
        );
    }

    #[test]
    fn group_sessions_by_uri_omits_query_and_trusts_no_text_in_it() {
        assert_eq!(names(SessionGrouping::Uri), ["GET /cart: 2", "no URI: 1", "POST /: 1"]);
    }

    #[test]
    fn next_grouping_offers_uris_since_3_1() {
        let cycle = |version| {
            let mut current = None;
            let next = || {
                current = SessionGrouping::next(current, version);
                current.map(SessionGrouping::name)
            };
            std::iter::from_fn(next).collect::<Vec<_>>()
        };
        let without_uris = ["client", "network", "server", "backend", "age"];
        assert_eq!(cycle(None), without_uris);
        assert_eq!(cycle(Some(Version::new(3, 0))), without_uris);
        assert_eq!(cycle(Some(Version::new(3, 1))).last(), Some(&"URI"));
    }

    #[test]
    fn group_entries_sums_counters_of_a_network_but_no_tags() {
        let entries = TableEntries::parse(
            b"# table: t, type: ip, size:10, used:3\n\
              0x1: key=10.0.0.1 use=0 exp=1 gpt0=4 http_req_rate(10000)=5\n\
              0x2: key=10.0.0.2 use=0 exp=1 gpt0=4 http_req_rate(10000)=7\n\
              0x3: key=::1 use=0 exp=1 gpt0=1 http_req_rate(10000)=40\n",
            None,
        );
        let groups = group_entries(entries.list.iter(), &entries.counters, 1);
        let shown = |group: &EntryGroup| (group.name.clone(), group.entries, group.sums.clone());
        let wanted =
            [("::/64".to_owned(), 1, vec![None, Some(40)]), ("10.0.0.0/24".to_owned(), 2, vec![None, Some(12)])];
        assert_eq!(groups.iter().map(shown).collect::<Vec<_>>(), wanted);
    }
}
