//! Queries to a real HAProxy: sessions, stick tables, its commands and insufficient levels.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::time::Duration;

use hapulse::ask::query::{self, Query, QueryData, QueryError, QueryReply};
use hapulse::ask::read_only_line::ReadOnlyLine;
use hapulse::haproxy::address::Address;
use hapulse::haproxy::connection::ConnectionLimits;
use hapulse::haproxy::connection_stage::ConnectionStage;
use hapulse::haproxy::sessions::{SessionFilter, SessionOrder};
use hapulse::haproxy::stick_tables::{DataComparison, DataFilter};
use hapulse::haproxy::version::Version;
use support::{FakeSocket, Lab, ServerBehavior as Web, Traffic};

fn run_at(socket: &Path, read_only: bool, version: Option<Version>, query: &Query) -> Result<QueryReply, QueryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(query::run(&Address::unix(socket), &ConnectionLimits::default(), read_only, version, query))
}

fn version(lab: &Lab) -> Option<Version> {
    Version::parse(&lab.info("Version"))
}

fn run(lab: &Lab, query: &Query) -> QueryData {
    let reply = run_at(lab.operator(), false, version(lab), query).unwrap();
    assert!(reply.is_complete && reply.cost.bytes > 0);
    reply.data
}

fn line(text: &str) -> Query {
    Query::TypedLine(ReadOnlyLine::parse(text).unwrap())
}

#[test]
fn sessions_query_lists_slow_requests() {
    let slow = Web::Slow(Duration::from_mins(1));
    let lab = Lab::builder()
        .backends(2)
        .servers(1)
        .server_behavior("be1/s1", slow)
        .server_behavior("be2/s1", slow)
        .maxconn(3)
        .start();
    let be1_traffic = Traffic::to(lab.frontend_addr()).workers(2).start();
    let be2_traffic = Traffic::to(lab.frontend_addr()).path("/be2/x").workers(4).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "2");
    lab.wait_stat("be2", "s1", "scur", |sessions| sessions == "3");
    lab.wait_stat("be2", "BACKEND", "qcur", |queued| queued == "1");

    let sessions_matching = |filter: &SessionFilter| {
        let QueryData::Sessions(mut sessions) = run(&lab, &Query::Sessions(filter.clone())) else { panic!() };
        assert_eq!(sessions.unrecognized_lines, 0);
        sessions.sort(SessionOrder::State);
        sessions.list
    };
    let all = sessions_matching(&SessionFilter::default());
    assert_eq!(all.iter().filter(|session| session.is_cli()).count(), 1, "the query itself");
    assert_eq!(all.len(), 7);
    let be2 = SessionFilter { frontend: Some("fe1".into()), backend: Some("be2".into()), ..SessionFilter::default() };
    let waiting = sessions_matching(&be2);
    assert_eq!(waiting.len(), 4);
    assert_eq!((waiting[0].server_side, waiting[0].server.as_ref()), (Some(ConnectionStage::Queued), None));
    assert!(waiting[1..].iter().all(|session| {
        session.server == Some("s1".into()) && session.server_side == Some(ConnectionStage::Established)
    }));
    assert!(waiting.iter().all(|session| session.source.as_ref().unwrap().as_str().contains(':')));
    assert!(sessions_matching(&SessionFilter { min_age: Some(Duration::from_hours(1)), ..be2.clone() }).is_empty());

    let full = sessions_matching(&SessionFilter { all_details: true, ..be2 });
    assert!(full.len() == 4 && full.iter().all(|session| session.bytes_in.is_some_and(|bytes| bytes > 0)));
    let id = waiting[1].id.clone();
    let QueryData::SessionDetail(detail) = run(&lab, &Query::SessionDetail(id.clone())) else { panic!() };
    assert_eq!((&detail.session.id, detail.session.backend), (&id, Some("be2".into())));
    assert!(detail.session.bytes_in > Some(0) && detail.lines.as_slice().len() > 10);
    let error = run_at(lab.operator(), false, None, &Query::SessionDetail("0xdead".into()));
    assert_eq!(error.unwrap_err().to_string(), "HAProxy replied: Session not found.");
    drop((be1_traffic, be2_traffic));
}

#[test]
fn table_entries_query_sorts_and_filters_entries() {
    let lab = Lab::builder()
        .sections("backend st\n    stick-table type string len 32 size 100 expire 10m store http_req_cnt,conn_cnt")
        .sections("frontend counted\n    bind {{counted}}\n    http-request track-sc0 hdr(X-Client) table st\n    default_backend be1")
        .start();
    let client = |name: &str| Traffic::to(lab.addr("counted")).header(&format!("X-Client: {name}"));
    for (name, requests) in [("rare", 1), ("busy", 9), ("some", 4), ("a\x1b[31m b", 2)] {
        assert_eq!(client(name).send(requests).ok, requests);
    }
    let QueryData::StickTables(tables) = run(&lab, &Query::StickTables) else { panic!() };
    let st = &tables.list[0];
    assert_eq!((st.name.as_str(), st.key_type.as_str(), st.used, st.size), ("st", "string", Some(4), Some(100)));

    let sorted_entries = |filter: Option<DataFilter>| {
        let query = Query::TableEntries { table: "st".into(), filter };
        let QueryData::TableEntries(mut entries) = run(&lab, &query) else { panic!() };
        let index = entries.counter_index("http_req_cnt").unwrap();
        entries.sort_by_counter(index);
        let entry_value =
            |entry: &hapulse::haproxy::stick_tables::TableEntry| (entry.key.to_string(), entry.value(index).unwrap());
        entries.list.iter().map(entry_value).collect::<Vec<_>>()
    };
    let name = |name: &str, count| (name.to_owned(), count);
    let hostile = name(r"a\e[31m\ b", 2);
    assert_eq!(sorted_entries(None), [name("busy", 9), name("some", 4), hostile, name("rare", 1)]);
    let above = DataFilter { counter: "http_req_cnt".into(), comparison: DataComparison::Greater, limit: 3 };
    assert_eq!(sorted_entries(Some(above)), [name("busy", 9), name("some", 4)]);
    let missing_table = Query::TableEntries { table: "nosuch".into(), filter: None };
    assert_eq!(
        run_at(lab.operator(), false, version(&lab), &missing_table).unwrap_err().to_string(),
        "HAProxy replied: No such table"
    );
}

#[test]
fn help_query_lists_commands_of_socket() {
    let lab = Lab::builder().start();
    let QueryData::Help(list) = run(&lab, &Query::Help) else { panic!() };
    for words in ["show info", "show sess", "show table", "set server", "help"] {
        assert!(list.iter().any(|known| known.words.as_str() == words), "{words}");
    }
}

#[test]
fn query_with_insufficient_level_returns_error() {
    let lab = Lab::builder().sections("backend st\n    stick-table type ip size 10 expire 1m store conn_cnt").start();
    let error_for = |query: &Query| run_at(lab.user(), false, version(&lab), query).unwrap_err().to_string();
    let permission_denied =
        |command| format!("permission denied: \"{command}\" needs level operator (stats socket … level operator)");
    assert_eq!(error_for(&Query::Sessions(SessionFilter::default())), permission_denied("show sess"));
    assert_eq!(
        error_for(&Query::TableEntries { table: "st".into(), filter: None }),
        permission_denied("show table st")
    );
    assert_eq!(error_for(&line("show errors")), permission_denied("show errors"));
    assert!(run_at(lab.user(), true, version(&lab), &Query::StickTables).is_ok());
}

#[test]
fn read_only_query_lowers_level_first() {
    let lab = Lab::builder().start();
    let level = |read_only| {
        let reply = run_at(lab.admin(), read_only, version(&lab), &line("show cli level;show info")).unwrap();
        let QueryData::ReplyLines(lines) = reply.data else { panic!() };
        let texts: Vec<_> = lines.as_slice().iter().map(ToString::to_string).collect();
        assert_eq!((texts[1].as_str(), texts[2].as_str()), ("", "Name: HAProxy"));
        texts[0].clone()
    };
    assert_eq!((level(false), level(true)), ("admin".to_owned(), "operator".to_owned()));
    assert!(run_at(lab.admin(), true, version(&lab), &Query::Sessions(SessionFilter::default())).is_ok());
}

#[test]
fn query_that_crashes_version_is_not_sent() {
    let fake = FakeSocket::closing();
    let fake = FakeSocket::start(fake);
    let error = run_at(fake.path(), false, Some(Version::new(3, 0)), &line("show info; show threads")).unwrap_err();
    assert_eq!(error.to_string(), "not sent: \"show threads\": HAProxy 3.0.0 crashes on this command");
    assert_eq!(fake.connections(), 0);
    let error = run_at(Path::new("/nonexistent/sock"), false, None, &Query::Help).unwrap_err();
    assert!(
        matches!(&error, QueryError::Connection { hint: Some(hint), .. } if hint.contains("stats socket")),
        "{error}"
    );
}
