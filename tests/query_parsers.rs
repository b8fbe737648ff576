//! The parsers of query replies, with recorded replies to `show sess`, `show table`, `show errors` and `help` of
//! HAProxy 1.8 to 3.2. The expected numbers were read from the recordings by eye, and lines were counted with `grep
//! -c`.
#![allow(clippy::expect_used)]

use std::path::PathBuf;
use std::time::Duration;

use hapulse::haproxy::command_list;
use hapulse::haproxy::connection_stage::ConnectionStage;
use hapulse::haproxy::reply;
use hapulse::haproxy::reply_lines::ReplyLines;
use hapulse::haproxy::safe_text::SafeText;
use hapulse::haproxy::sessions::{Session, SessionDetail, SessionFilter, SessionOrder, Sessions};
use hapulse::haproxy::stick_tables::{DataComparison, DataFilter, StickTables, TableEntries};
use hapulse::haproxy::version::Version;
use proptest::prelude::*;

const VERSIONS: [&str; 6] = ["1.8.0", "2.0.0", "2.4.0", "2.6.12", "3.0.0", "3.2.0"];

fn recorded(version: &str, name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version).join(name);
    std::fs::read(path).expect("the recorded reply exists")
}

fn sessions(version: &str, name: &str, filter: &SessionFilter) -> Sessions {
    let bytes = recorded(version, name);
    let replies = reply::split(&bytes, 1);
    assert!(replies[0].is_complete(), "{version} {name}");
    Sessions::parse(replies[0].text(), Version::parse(version), filter)
}

/// Formats id, source, frontend, backend, server, age in seconds, connection stages and bytes of a session.
fn session_summary(session: &Session) -> String {
    let name = |name: &Option<_>| name.as_ref().map_or("-".to_owned(), ToString::to_string);
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let side = |side: Option<ConnectionStage>| side.map_or("-", ConnectionStage::as_str);
    format!(
        "{} {} {} {} {} age={} {}/{} {}/{}",
        session.id,
        name(&session.source),
        name(&session.frontend),
        name(&session.backend),
        name(&session.server),
        number(session.age.map(|age| age.as_secs())),
        side(session.client_side),
        side(session.server_side),
        number(session.bytes_in),
        number(session.bytes_out),
    )
}

#[test]
fn sessions_parse_reads_show_sess_of_each_version() {
    for (version, count, first) in [
        ("1.8.0", 11, "0x5623df31db70 127.0.0.1:39012 fe_tcp be_tcp tcp1 age=0 EST/EST -/-"),
        ("2.0.0", 11, "0x562f39d643f0 127.0.0.1:49410 fe_tcp be_tcp tcp2 age=1 EST/EST -/-"),
        ("2.4.0", 10, "0x564dc1a33ef0 127.0.0.1:60824 fe_tcp be_tcp tcp2 age=0 EST/EST -/-"),
        ("2.6.12", 10, "0x55d0e491f000 127.0.0.1:53914 fe_tcp be_tcp tcp2 age=0 EST/EST -/-"),
        ("3.0.0", 10, "0x55747f7f4060 127.0.0.1:49208 fe_tcp be_tcp tcp2 age=- EST/EST -/-"),
        ("3.2.0", 10, "0x55b605293530 127.0.0.1:43534 fe_tcp be_tcp tcp2 age=1 EST/EST -/-"),
    ] {
        let list = sessions(version, "show-sess.txt", &SessionFilter::default());
        assert_eq!(
            (list.total, list.list.len(), list.unrecognized_lines, list.dropped),
            (count, count, 0, 0),
            "{version}"
        );
        assert_eq!(session_summary(&list.list[0]), first, "{version}");
        assert!(list.list[0].id.is_verbatim() && list.list[0].line.is_verbatim(), "{version}");
        assert_eq!(list.list[0].proto.as_ref().map(AsRef::as_ref), Some("tcpv4"), "{version}");
        assert_eq!(list.list[0].calls, Some(2), "{version}");
        let own = list.list.iter().filter(|session| session.is_cli()).count();
        assert_eq!(own, 1, "{version}: the query itself");
    }
}

#[test]
fn session_without_server_has_no_server_name() {
    let list = sessions("1.8.0", "show-sess.txt", &SessionFilter::default());
    assert_eq!(session_summary(&list.list[1]), "0x5623df3200f0 127.0.0.1:56628 fe_web - - age=0 EST/INI -/-");
    assert_eq!(list.list[1].pair("exp"), Some("0s"));
    assert_eq!(list.list[1].pair("rq"), Some("f=000000h,i=25,an=36h,rx=19s,wx=,ax=0s]"));
    assert_eq!(list.list[1].pair("rate"), None, "1.8 does not report it");
    let list = sessions("1.8.0", "show-sess-operator.txt", &SessionFilter::default());
    assert_eq!((list.total, list.list[0].age), (5, Some(Duration::from_secs(11))));
}

#[test]
fn sessions_parse_reads_bytes_from_show_sess_all() {
    for (version, count, first) in [
        ("1.8.0", 11, "0x5623df31db70 127.0.0.1:39012 fe_tcp be_tcp tcp1 age=0 EST/EST 2/0"),
        ("2.4.0", 10, "0x564dc1a33ef0 127.0.0.1:60824 fe_tcp be_tcp tcp2 age=0 EST/EST 2/0"),
        ("2.6.12", 10, "0x55d0e491f000 127.0.0.1:53914 fe_tcp be_tcp tcp2 age=0 EST/EST 2/0"),
        ("3.0.0", 10, "0x55747f7f4060 127.0.0.1:49208 fe_tcp be_tcp tcp2 age=- EST/EST 2/0"),
        ("3.2.0", 11, "0x55b605293530 127.0.0.1:43534 fe_tcp be_tcp tcp2 age=1 EST/EST 2/0"),
    ] {
        let mut list = sessions(version, "show-sess-all.txt", &SessionFilter::default());
        assert_eq!((list.total, list.unrecognized_lines), (count, 0), "{version}");
        assert_eq!(session_summary(&list.list[0]), first, "{version}");
        list.sort(SessionOrder::Bytes);
        assert_eq!(list.list[0].bytes(), list.list.iter().filter_map(Session::bytes).max(), "{version}");
        let clients = |list: &Sessions| list.list.iter().filter(|session| !session.is_cli()).count();
        let brief_list = sessions(version, "show-sess.txt", &SessionFilter::default());
        assert_eq!(clients(&list), clients(&brief_list), "{version}: both formats contain the same sessions");
    }
}

#[test]
fn session_detail_parse_keeps_every_line() {
    for (version, lines, first) in [
        ("2.0.0", 22, "0x7fa980081350 127.0.0.1:51976 fe_web be_slow - age=1 EST/QUE 112/0"),
        ("2.4.0", 20, "0x7fbf4c04b750 127.0.0.1:40920 fe_web be_slow - age=0 EST/QUE 107/0"),
        ("2.6.12", 19, "0x7f391c04f870 127.0.0.1:46102 fe_web be_slow - age=0 EST/QUE 107/0"),
        ("3.0.0", 23, "0x7f6138064b00 127.0.0.1:49680 fe_web be_slow - age=0 EST/QUE 107/0"),
        ("3.2.0", 24, "0x7f282006ec20 127.0.0.1:53844 fe_web be_slow - age=0 EST/QUE 107/0"),
    ] {
        let bytes = recorded(version, "show-sess-one.txt");
        let detail = SessionDetail::parse(&bytes, Version::parse(version)).unwrap();
        assert_eq!(session_summary(&detail.session), first, "{version}");
        assert_eq!((detail.lines.as_slice().len(), detail.lines.dropped()), (lines, 0), "{version}");
    }
    for version in VERSIONS {
        assert_eq!(recorded(version, "show-sess-gone.txt"), b"Session not found.\n\n", "{version}");
        assert_eq!(SessionDetail::parse(b"Session not found.\n", Version::parse(version)), None);
    }
}

#[test]
fn sessions_parse_applies_filter_that_haproxy_lacks() {
    let slow1 = SessionFilter { backend: Some("be_slow".into()), server: Some("slow1".into()), ..Default::default() };
    for (version, total) in [("1.8.0", 21), ("2.0.0", 21), ("2.4.0", 20), ("2.6.12", 20), ("3.0.0", 20), ("3.2.0", 2)] {
        let list = sessions(version, "show-sess-server.txt", &slow1);
        assert_eq!((list.total, list.list.len()), (total, 2), "{version}");
    }
    let older = SessionFilter { min_age: Some(Duration::from_secs(1)), ..SessionFilter::default() };
    for (version, total, wanted) in [("1.8.0", 21, 0), ("2.0.0", 21, 10), ("3.0.0", 9, 9), ("3.2.0", 9, 9)] {
        let list = sessions(version, "show-sess-older.txt", &older);
        assert_eq!((list.total, list.list.len()), (total, wanted), "{version}");
    }
}

#[test]
fn sessions_sort_by_age_and_state() {
    let mut list = sessions("3.0.0", "show-sess.txt", &SessionFilter::default());
    list.sort(SessionOrder::Age);
    let ages: Vec<_> = list.list.iter().map(|session| session.age.map(|age| age.as_secs())).collect();
    assert_eq!(&ages[..7], [Some(1), Some(1), Some(1), Some(1), Some(1), Some(1), Some(0)]);
    assert_eq!(&ages[7..], [None, None, None], "unknown ages are last");
    list.sort(SessionOrder::State);
    assert_eq!(list.list[0].server_side, Some(ConnectionStage::Queued));
}

#[test]
fn sessions_parse_reads_truncated_list() {
    let bytes = recorded("2.6.12", "show-sess.txt");
    let cut = &bytes[..bytes.len() / 2];
    let list = Sessions::parse(cut, Version::parse("2.6"), &SessionFilter::default());
    assert!(!reply::split(cut, 1)[0].is_complete() && (4..=5).contains(&list.total));
}

#[test]
fn stick_tables_parse_reads_show_table_of_each_version() {
    for version in VERSIONS {
        let tables = StickTables::parse(&recorded(version, "show-table.txt"));
        assert_eq!((tables.list.len(), tables.unrecognized_lines, tables.dropped), (3, 0, 0), "{version}");
        let keys = tables.list.iter().find(|table| table.name.as_str() == "st_keys").unwrap();
        assert_eq!((keys.key_type.as_str(), keys.size, keys.used), ("string", Some(10240), Some(4)), "{version}");
        assert_eq!(keys.fill_ratio(), Some(4.0 / 10240.0));
        let src = tables.list.iter().find(|table| table.name.as_str() == "st_src").unwrap();
        assert_eq!((src.key_type.as_str(), src.size, src.used), ("ip", Some(1024), Some(1)), "{version}");
    }
}

#[test]
fn table_entries_parse_reads_entries_of_each_version() {
    for (version, rate, bytes_out, expires) in [
        ("1.8.0", 400, 62_000, 598_219),
        ("2.0.0", 400, 63_600, 598_154),
        ("2.4.0", 400, 61_600, 598_060),
        ("2.6.12", 400, 61_600, 598_127),
        ("3.0.0", 400, 61_600, 598_126),
        ("3.2.0", 400, 61_600, 598_184),
    ] {
        let mut entries = TableEntries::parse(&recorded(version, "show-table-keys.txt"), None);
        let names: Vec<_> = entries.counters.iter().map(ToString::to_string).collect();
        let expected =
            ["gpc0", "conn_cnt", "conn_cur", "http_req_cnt", "http_req_rate(10000)", "bytes_out_rate(60000)"];
        assert_eq!(names, expected, "{version}");
        assert_eq!(entries.counters[4].period, Some(Duration::from_secs(10)));
        assert_eq!((entries.unrecognized_lines, entries.dropped, entries.is_denied), (0, 0, false));
        let index = entries.counter_index("conn_cnt").unwrap();
        entries.sort_by_counter(index);
        let sorted: Vec<_> = entries.list.iter().map(|entry| (entry.key.as_str(), entry.value(index))).collect();
        assert_eq!(
            sorted,
            [
                ("alice", Some(400)),
                (r"bob\ bar", Some(40)),
                (r"caf\\xc3\\xa9", Some(20)),
                (r"k\e[31mred\e[0m\xC3\xA9", Some(1))
            ],
            "{version}"
        );
        let alice = &entries.list[0];
        assert_eq!((alice.value(4), alice.value(5)), (Some(rate), Some(bytes_out)), "{version}");
        assert_eq!((alice.use_count, alice.expires_in), (Some(0), Some(Duration::from_millis(expires))), "{version}");
        let src = TableEntries::parse(&recorded(version, "show-table-src.txt"), None);
        assert_eq!((src.list[0].key.as_str(), src.list[0].use_count), ("127.0.0.1", Some(3)), "{version}");
        let url = TableEntries::parse(&recorded(version, "show-table-url.txt"), None);
        assert_eq!(url.list[0].key.as_str(), "%1b%5b31mred%0a%c3%a9", "{version}");
    }
}

#[test]
fn table_entries_parse_applies_data_filter() {
    let filter = DataFilter { counter: "conn_cnt".into(), comparison: DataComparison::Greater, limit: 20 };
    for version in VERSIONS {
        let entries = TableEntries::parse(&recorded(version, "show-table-keys.txt"), Some(&filter));
        let keys: Vec<_> = entries.list.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["alice", r"bob\ bar"], "{version}: filtered by hapulse");
        let entries = TableEntries::parse(&recorded(version, "show-table-filtered.txt"), None);
        let expected = if version == "2.0.0" { 0 } else { 3 };
        assert_eq!(entries.list.len(), expected, "{version}: filtered by HAProxy with gt 2");
    }
    let refused = ReplyLines::parse(&recorded("2.0.0", "show-table-filtered.txt"));
    assert_eq!(
        refused.as_slice().iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["Data type not stored in this table"]
    );
}

#[test]
fn user_level_gets_no_entries_and_no_sessions() {
    for version in VERSIONS {
        let entries = TableEntries::parse(&recorded(version, "show-table-denied.txt"), None);
        assert!(entries.is_denied && entries.list.is_empty() && entries.unrecognized_lines == 0, "{version}");
        assert_eq!(entries.table.unwrap().used, Some(4), "{version}");
        let bytes = recorded(version, "show-sess-denied.txt");
        assert!(reply::split(&bytes, 1)[0].is_denied(), "{version}");
        let none = TableEntries::parse(&recorded(version, "show-table-nosuch.txt"), None);
        assert!(none.table.is_none() && none.unrecognized_lines == 1, "{version}");
    }
}

#[test]
fn command_list_parse_reads_help_of_each_version() {
    for (version, count, sess, table) in [
        ("1.8.0", 55, "[id]", "[id]"),
        ("2.0.0", 63, "[id]", "[id]"),
        ("2.4.0", 73, "[id]", "<table> [<filter>]*"),
        ("2.6.12", 103, "[id]", "<table> [<filter>]*"),
        ("3.0.0", 114, "[<id>|all|susp|older <age>]", "<table> [<filter>]*"),
        ("3.2.0", 120, "[help|<id>|all] [opts...]", "<table> [<filter>]*"),
    ] {
        let list = command_list::parse(&recorded(version, "help.txt"));
        assert_eq!(list.len(), count, "{version}");
        let arguments = |words: &str| {
            let known = list.iter().find(|known| known.words.as_str() == words);
            known.expect(words).arguments.as_str()
        };
        assert_eq!((arguments("show sess"), arguments("show table")), (sess, table), "{version}");
        assert_eq!(arguments("show info").is_empty(), version < "2.4", "{version}");
        assert!(list.iter().all(|known| !known.help.is_empty()), "{version}");
        let matches = command_list::completions(&list, "show cli s");
        assert_eq!(matches.len(), 1, "{version}");
    }
    let list = command_list::parse(&recorded("1.8.0", "help.txt"));
    let resolvers = list.iter().find(|known| known.words.as_str() == "show resolvers").unwrap();
    assert_eq!(resolvers.help.as_str(), "dumps counters from all resolvers section and associated name servers");
}

#[test]
fn reply_lines_keep_captured_errors_escaped() {
    for version in VERSIONS {
        let lines = ReplyLines::parse(&recorded(version, "show-errors.txt"));
        let has = |text: &str| lines.as_slice().iter().any(|line| line.as_str() == text);
        assert!(has(r"  00000  GET /evil\e[31m HTTP/1.1\r\n"), "{version}");
        assert!(has(r"  00034  Bad Header\e]0;pwn\x07: x\r\n"), "{version}");
        assert!(lines.as_slice().iter().all(SafeText::is_verbatim), "{version}: escaped by HAProxy");
    }
}

#[test]
fn parsers_escape_hostile_bytes_in_malformed_lines() {
    let body = b"0x1: src=\x1b[31m fe=a\xff srv=x be= age=1s zz qq=1\nrubbish\x07\n  stray\n";
    let list = Sessions::parse(body, None, &SessionFilter::default());
    assert_eq!((list.total, list.unrecognized_lines), (1, 1));
    assert_eq!(session_summary(&list.list[0]), r"0x1 \x1b[31m a\xff - x age=1 -/- -/-");
    assert_eq!(list.list[0].pair("qq"), Some("1"));
    let body = b"# table: t\x1b, type: ip\n0x1: key=a\x1b\\ b\\ use=x exp=1 n=5 n2(1)=x m(7)=-3\n0x2: no key\n";
    let entries = TableEntries::parse(body, None);
    assert_eq!(entries.table.unwrap().name.as_str(), r"t\x1b");
    assert_eq!((entries.list[0].key.as_str(), entries.unrecognized_lines), (r"a\x1b\ b\ use=x", 1));
    let names: Vec<_> = entries.counters.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["n", "m(7)"]);
    assert_eq!(
        (entries.list[0].value(0), entries.list[0].value(1), entries.list[0].value(2)),
        (Some(5), Some(-3), None)
    );
    assert_eq!(entries.list[0].texts.len(), 1);
}

#[test]
fn sessions_parse_limits_list_and_counts_dropped_sessions() {
    let session = |number: usize| format!("0x{number:x}: proto=tcpv4 fe=a be=b srv=c age=1s\n");
    let body: String = (0..20_003).map(session).collect();
    let list = Sessions::parse(body.as_bytes(), None, &SessionFilter::default());
    assert_eq!((list.list.len(), list.dropped, list.total), (20_000, 3, 20_003));
}

proptest! {
    #[test]
    fn parsers_do_not_panic_on_mutated_replies(
        version in prop::sample::select(&VERSIONS[..]),
        name in prop::sample::select(vec!["show-sess.txt", "show-sess-all.txt", "show-table-keys.txt", "help.txt"]),
        noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = recorded(version, name);
        for (index, byte) in noise {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes.truncate(end.index(bytes.len()));
        let filter = SessionFilter { min_age: Some(Duration::from_secs(1)), ..SessionFilter::default() };
        let mut list = Sessions::parse(&bytes, Version::parse(version), &filter);
        list.sort(SessionOrder::Age);
        prop_assert!(list.list.len() + list.dropped <= list.total);
        let _ = SessionDetail::parse(&bytes, None);
        let mut entries = TableEntries::parse(&bytes, None);
        entries.sort_by_counter(0);
        prop_assert!(entries.list.iter().all(|entry| !entry.key.as_str().chars().any(char::is_control)));
        let _ = (StickTables::parse(&bytes), command_list::parse(&bytes), ReplyLines::parse(&bytes));
    }
}
