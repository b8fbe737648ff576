//! Fuzz target for replies to queries: sessions, stick tables and their entries, `help`, and arbitrary lines.

use std::time::Duration;

use hapulse::haproxy::command_list;
use hapulse::haproxy::reply_lines::{self, ReplyLines};
use hapulse::haproxy::safe_text::SafeText;
use hapulse::haproxy::servers_state;
use hapulse::haproxy::sessions::{Session, SessionDetail, SessionFilter, SessionOrder, Sessions};
use hapulse::haproxy::stick_tables::{DataComparison, DataFilter, StickTables, TableEntries};
use hapulse::haproxy::version::Version;

/// HAProxy versions with different layouts of these replies.
const VERSIONS: [Option<Version>; 3] = [None, Some(Version::new(1, 8)), Some(Version::new(3, 2))];

pub fn check(data: &[u8]) {
    check_sessions(data);
    check_tables(data);
    check_entries(data);
    let known = command_list::parse(data);
    for command in known.iter().take(20) {
        let word: String = command.words.as_str().chars().take(6).collect();
        assert!(command_list::completions(&known, &word).contains(&command));
    }
    for state in servers_state::parse(data) {
        let admin = state.admin;
        assert_eq!(admin.is_ready(), !admin.is_maint() && !admin.is_drain());
    }
    let lines = ReplyLines::parse(data);
    assert!(lines.as_slice().last().is_none_or(|line| !line.is_empty()), "empty lines at the end are not kept");
    assert_eq!(reply_lines::first_line(data).is_empty(), data.trim_ascii().is_empty());
}

fn check_sessions(data: &[u8]) {
    for version in VERSIONS {
        let all = Sessions::parse(data, version, &SessionFilter::default());
        assert_eq!(all.list.len() + all.dropped, all.total);
        let Some(first) = all.list.first() else { return };
        for filter in filters(first) {
            let mut some = Sessions::parse(data, version, &filter);
            assert_eq!(
                (some.total, some.unrecognized_lines),
                (all.total, all.unrecognized_lines),
                "a filter changes nothing about what is there"
            );
            let expected = all.list.iter().filter(|session| filter.matches(session)).count();
            assert!(some.list.len() + some.dropped == expected && some.list.contains(first));
            for order in [SessionOrder::Age, SessionOrder::Bytes, SessionOrder::State] {
                some.sort(order);
            }
        }
        for session in all.list.iter().take(50) {
            let _ = (session.is_cli(), session.bytes(), session.pair("rq"), session.pair(""));
            let id = session.id.as_str();
            assert!(id.starts_with("0x") && session.line.as_str().starts_with(id) && session.id.is_verbatim());
        }
        let detail = SessionDetail::parse(data, version).unwrap();
        assert_eq!((&detail.session, &detail.lines.as_slice()[0]), (first, &first.line));
    }
}

fn filters(session: &Session) -> [SessionFilter; 4] {
    let none = SessionFilter::default;
    [
        SessionFilter { frontend: session.frontend.clone(), ..none() },
        SessionFilter { backend: session.backend.clone(), server: session.server.clone(), ..none() },
        SessionFilter { min_age: session.age, ..none() },
        SessionFilter { min_age: session.age.map(|age| age / 2), all_details: true, ..none() },
    ]
}

fn check_tables(data: &[u8]) {
    let tables = StickTables::parse(data);
    for table in &tables.list {
        assert!(table.fill_ratio().is_none_or(f64::is_finite));
    }
}

fn check_entries(data: &[u8]) {
    let mut all = TableEntries::parse(data, None);
    let count = all.list.len();
    for counter in &all.counters {
        let _ = (counter.to_string(), counter.period.unwrap_or(Duration::ZERO));
    }
    for entry in all.list.iter().take(50) {
        for index in 0..=all.counters.len() {
            let _ = entry.value(index);
        }
    }
    for index in 0..all.counters.len().min(3) {
        let limit = all.list.iter().find_map(|entry| entry.value(index)).unwrap();
        let name = all.counters[index].name.clone();
        let filter_with = |comparison, limit| DataFilter { counter: name.clone(), comparison, limit };
        let [equal, unequal] = [DataComparison::Equal, DataComparison::NotEqual]
            .map(|comparison| TableEntries::parse(data, Some(&filter_with(comparison, limit))));
        assert!(equal.list.len() + unequal.list.len() <= count);
        let most = TableEntries::parse(data, Some(&filter_with(DataComparison::GreaterOrEqual, i64::MIN)));
        assert_eq!(most.table, all.table);
        all.sort_by_counter(index);
        assert_eq!(all.list.len(), count);
    }
    let nothing = DataFilter { counter: SafeText::from("no such"), comparison: DataComparison::Less, limit: i64::MAX };
    assert!(TableEntries::parse(data, Some(&nothing)).list.is_empty() || all.counter_index("no such").is_some());
}
