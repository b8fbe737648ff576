//! Every parser, against what six versions of HAProxy said. The numbers here were read from the
//! recordings by eye, not by the parsers under test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/samples.rs"]
mod samples;

use hapulse::actions::action_table;
use hapulse::actions::intent::{Step, Target};
use hapulse::actions::readback::Seen;
use hapulse::actions::verify;
use hapulse::haproxy::fields::Field::{self, *};
use hapulse::haproxy::fields::{InfoField, TextField};
use hapulse::haproxy::info::Info;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::reply::{self, Reply};
use hapulse::haproxy::safe_text::SafeText;
use hapulse::haproxy::servers_state::{self, ServerState};
use hapulse::haproxy::stat_table::RowKind::{self, Backend, Frontend, Server};
use hapulse::haproxy::stat_table::{Oddities, Table};
use hapulse::haproxy::status::State;
use hapulse::haproxy::version::Version;
use hapulse::haproxy::write_command::{Admin, WriteCommand};
use hapulse::observe::row_ids::Roster;
use samples::{VERSIONS, body, fixture, table};

/// Every row at the start, in HAProxy's order.
const ROWS: &[(&str, &str, RowKind, &str, State)] = &[
    ("fe_web", "FRONTEND", Frontend, "OPEN", State::Open),
    ("fe_api", "FRONTEND", Frontend, "OPEN", State::Open),
    ("fe_tcp", "FRONTEND", Frontend, "OPEN", State::Open),
    ("be_app", "app1", Server, "UP", State::Up),
    ("be_app", "app2", Server, "UP", State::Up),
    ("be_app", "app3", Server, "UP", State::Up),
    ("be_app", "bk1", Server, "UP", State::Up),
    ("be_app", "down1", Server, "DOWN", State::Down),
    ("be_app", "dis1", Server, "MAINT", State::Maint),
    ("be_app", "dns1", Server, "MAINT (resolution)", State::Maint),
    ("be_app", "BACKEND", Backend, "UP", State::Up),
    ("be_api", "api1", Server, "UP", State::Up),
    ("be_api", "api2", Server, "UP", State::Up),
    ("be_api", "BACKEND", Backend, "UP", State::Up),
    ("be_slow", "slow1", Server, "UP", State::Up),
    ("be_slow", "slow2", Server, "UP", State::Up),
    ("be_slow", "BACKEND", Backend, "UP", State::Up),
    ("be_agent", "ag1", Server, "UP", State::Up),
    ("be_agent", "ag2", Server, "UP", State::Up),
    ("be_agent", "BACKEND", Backend, "UP", State::Up),
    ("be_track", "t1", Server, "UP", State::Up),
    ("be_track", "t2", Server, "DOWN", State::Down),
    ("be_track", "t3", Server, "MAINT (via be_app/dis1)", State::Maint),
    ("be_track", "BACKEND", Backend, "UP", State::Up),
    ("be_nocheck", "nc1", Server, "no check", State::NoCheck),
    ("be_nocheck", "nc2", Server, "no check", State::NoCheck),
    ("be_nocheck", "BACKEND", Backend, "UP", State::Up),
    ("be_tcp", "tcp1", Server, "UP", State::Up),
    ("be_tcp", "tcp2", Server, "UP", State::Up),
    ("be_tcp", "BACKEND", Backend, "UP", State::Up),
    ("be_alldown", "d1", Server, "DOWN", State::Down),
    ("be_alldown", "d2", Server, "DOWN", State::Down),
    ("be_alldown", "BACKEND", Backend, "DOWN", State::Down),
    ("be_empty", "BACKEND", Backend, "UP", State::Up),
    ("li_mixed", "FRONTEND", Frontend, "OPEN", State::Open),
    ("li_mixed", "m1", Server, "DOWN", State::Down),
    ("li_mixed", "m2", Server, "DOWN", State::Down),
    ("li_mixed", "BACKEND", Backend, "DOWN", State::Down),
    ("stats", "FRONTEND", Frontend, "OPEN", State::Open),
    ("stats", "BACKEND", Backend, "UP", State::Up),
    ("st_keys", "BACKEND", Backend, "UP", State::Up),
    ("st_url", "BACKEND", Backend, "UP", State::Up),
    ("st_src", "BACKEND", Backend, "UP", State::Up),
];

/// What is looked at in every version, as columns of the table below.
const LOOKED_AT: [(&str, &str, Field); 20] = [
    ("fe_web", "FRONTEND", Slim),
    ("fe_web", "FRONTEND", Scur),
    ("fe_web", "FRONTEND", Stot),
    ("fe_web", "FRONTEND", Bin),
    ("fe_web", "FRONTEND", ReqTot),
    ("fe_tcp", "FRONTEND", Stot),
    ("be_app", "app1", Stot),
    ("be_app", "app1", Bout),
    ("be_app", "app2", Weight),
    ("be_app", "app3", Weight),
    ("be_app", "BACKEND", Slim),
    ("be_app", "BACKEND", Weight),
    ("be_app", "down1", Chkfail),
    ("be_slow", "slow2", Scur),
    ("be_slow", "slow2", Slim),
    ("be_slow", "BACKEND", Qcur),
    ("be_slow", "BACKEND", Scur),
    ("be_agent", "ag1", Weight),
    ("li_mixed", "m1", CheckCode),
    ("li_mixed", "BACKEND", Econ),
];

const NUMBERS: [(&str, [i64; 20]); 6] = [
    ("1.8.0", [500, 7, 538, 51_212, 537, 53, 307, 48_025, 50, 10, 50, 160, 1, 2, 2, 2, 6, 75, 404, 30]),
    ("2.0.0", [500, 7, 542, 53_473, 541, 53, 295, 47_345, 50, 10, 50, 160, 1, 2, 2, 2, 6, 75, 404, 30]),
    ("2.4.0", [500, 8, 538, 50_721, 537, 53, 295, 45_870, 50, 10, 50, 160, 1, 1, 2, 3, 7, 75, 404, 30]),
    ("2.6.12", [500, 7, 538, 50_828, 537, 53, 295, 45_870, 50, 10, 50, 160, 1, 2, 2, 2, 6, 75, 404, 30]),
    ("3.0.0", [500, 7, 539, 50_828, 538, 53, 295, 45_870, 50, 10, 50, 160, 1, 2, 2, 2, 6, 75, 404, 30]),
    ("3.2.0", [500, 7, 537, 50_828, 536, 54, 295, 45_870, 50, 10, 50, 160, 1, 2, 2, 2, 6, 75, 404, 30]),
];

/// Columns of the header, and those of them that hold numbers.
const WIDTHS: [(&str, usize, usize); 6] = [
    ("1.8.0", 83, 69),
    ("2.0.0", 88, 74),
    ("2.4.0", 114, 99),
    ("2.6.12", 128, 113),
    ("3.0.0", 138, 122),
    ("3.2.0", 140, 124),
];

/// Columns that came later than the oldest version, and the first of the six to have them.
const NEWER: [(Field, &str); 8] = [
    (Wrew, "2.0.0"),
    (CacheHits, "2.0.0"),
    (SrvIcur, "2.4.0"),
    (Uweight, "2.4.0"),
    (AggServerStatus, "2.6.12"),
    (AggCheckStatus, "2.6.12"),
    (H1sess, "3.0.0"),
    (Srid, "3.0.0"),
];

fn index(table: &Table, proxy: &str, name: &str) -> usize {
    let is_it = |row: &hapulse::haproxy::stat_table::Row| row.proxy.as_str() == proxy && row.name.as_str() == name;
    table.rows().iter().position(is_it).unwrap_or_else(|| panic!("no row {proxy}/{name}"))
}

fn number(table: &Table, proxy: &str, name: &str, field: Field) -> Option<i64> {
    table.number(index(table, proxy, name), field)
}

fn status(version: &str, file: &str, proxy: &str, name: &str) -> (String, State) {
    let table = table(version, file);
    let oddities = table.oddities();
    assert_eq!((oddities.rejected_rows, oddities.uneven_rows), (0, 0), "{version}/{file}");
    let row = &table.rows()[index(&table, proxy, name)];
    (row.status().to_owned(), row.state())
}

fn place(version: &str) -> usize {
    VERSIONS.iter().position(|known| *known == version).unwrap()
}

fn only(bytes: &[u8]) -> Reply<'_> {
    let replies = reply::split(bytes, 1);
    assert!(replies[0].is_whole());
    replies[0]
}

fn shown(reply: &Reply<'_>) -> String {
    SafeText::new(reply.text().trim_ascii()).to_string()
}

#[test]
fn every_row_is_read_with_its_kind_and_state() {
    for version in VERSIONS {
        let table = table(version, "show-stat.csv");
        let expected = ROWS.iter().filter(|row| version != "1.8.0" || row.0 != "be_track");
        let seen: Vec<_> = table
            .rows()
            .iter()
            .map(|row| (row.proxy.as_str(), row.name.as_str(), row.kind, row.status(), row.state()))
            .collect();
        assert_eq!(seen, expected.copied().collect::<Vec<_>>(), "{version}");
        assert_eq!(table.oddities(), Oddities::default(), "{version}");
    }
}

#[test]
fn numbers_stand_where_they_belong() {
    for (version, expected) in NUMBERS {
        let table = table(version, "show-stat.csv");
        for ((proxy, name, field), expected) in LOOKED_AT.into_iter().zip(expected) {
            assert_eq!(number(&table, proxy, name, field), Some(expected), "{version} {proxy}/{name} {field:?}");
        }
    }
}

#[test]
fn every_column_of_the_header_is_counted() {
    for (version, columns, numeric) in WIDTHS {
        let text = body(version, "show-stat.csv");
        let header = text.lines().next().unwrap();
        assert_eq!(header.trim_end_matches(',').split(',').count(), columns, "{version}");
        assert_eq!(table(version, "show-stat.csv").schema().width(), numeric, "{version}");
    }
}

#[test]
fn what_is_not_there_is_unknown_and_not_zero() {
    for version in VERSIONS {
        let table = table(version, "show-stat.csv");
        let value = |proxy, name, field| number(&table, proxy, name, field);
        for (field, since) in NEWER {
            let has = table.schema().slot(field).is_some();
            assert_eq!(has, place(version) >= place(since), "{version} {field:?}");
        }
        assert_eq!(value("be_app", "app1", H1sess), None, "{version}: HTTP/1 sessions are a frontend's");
        assert_eq!(value("fe_web", "FRONTEND", Qcur), None, "{version}: a frontend has no queue");
        assert_eq!(value("fe_web", "FRONTEND", Weight), None, "{version}");
        assert_eq!(value("be_app", "app1", Slim), None, "{version}: no maxconn");
        assert_eq!(value("be_nocheck", "nc1", Chkfail), None, "{version}: no checks");
        assert_eq!(value("be_app", "down1", CheckCode), None, "{version}: no answer, no code");
        assert_eq!(value("be_app", "bk1", Lastsess), None, "{version}: never");
        assert_eq!(value("be_empty", "BACKEND", Scur), Some(0), "{version}: known to be zero");
        assert_eq!(value("be_app", "app1", Wretr), Some(0), "{version}");
    }
    assert_eq!(number(&table("1.8.0", "show-stat.csv"), "be_app", "app1", Uweight), None);
    assert_eq!(number(&table("2.0.0", "show-stat.csv"), "be_app", "app1", ReqTot), None, "a backend's until 2.4");
    assert_eq!(number(&table("2.4.0", "show-stat.csv"), "be_app", "app1", ReqTot), Some(295));
    assert_eq!(number(&table("2.4.0", "show-stat.csv"), "be_app", "app1", Uweight), Some(100));
    assert_eq!(number(&table("2.6.12", "show-stat.csv"), "be_app", "app1", SrvIcur), Some(9));
    assert_eq!(number(&table("2.6.12", "show-stat.csv"), "fe_web", "FRONTEND", H1sess), None);
    assert_eq!(number(&table("3.0.0", "show-stat.csv"), "fe_web", "FRONTEND", H1sess), Some(539));
    assert_eq!(number(&table("3.2.0", "show-stat.csv"), "fe_web", "FRONTEND", H1sess), Some(537));
}

#[test]
fn texts_are_read_by_name() {
    for version in VERSIONS {
        let table = table(version, "show-stat.csv");
        let text = |proxy, name, field| {
            table.rows()[index(&table, proxy, name)].text(field).map(|text| text.as_str().to_owned())
        };
        for (proxy, name, field, expected) in [
            ("be_app", "app1", TextField::CheckStatus, Some("L7OK")),
            ("be_app", "app1", TextField::Cookie, Some("a1")),
            ("be_app", "app1", TextField::Mode, Some("http")),
            ("be_app", "app1", TextField::Addr, Some("127.0.0.1:23101")),
            ("be_app", "down1", TextField::CheckStatus, Some("L4CON")),
            ("be_app", "BACKEND", TextField::Cookie, Some("SRV")),
            ("be_app", "BACKEND", TextField::Algo, Some("roundrobin")),
            ("fe_tcp", "FRONTEND", TextField::Mode, Some("tcp")),
            ("fe_web", "FRONTEND", TextField::CheckStatus, None),
        ] {
            assert_eq!(text(proxy, name, field).as_deref(), expected, "{version} {proxy}/{name} {field:?}");
        }
        let tracked = (version != "1.8.0").then(|| text("be_track", "t3", TextField::Tracked).unwrap());
        assert!(tracked.is_none_or(|tracked| tracked == "be_app/dis1"), "{version}");
    }
}

#[test]
fn backends_know_their_servers() {
    for version in VERSIONS {
        let table = table(version, "show-stat.csv");
        let rows = Roster::default().identify(&table);
        let servers: Vec<(&str, usize)> = rows
            .backends()
            .iter()
            .map(|backend| (rows.key(backend.row).proxy.as_str(), backend.servers.len()))
            .filter(|(name, _)| *name != "be_track")
            .collect();
        let expected = [
            ("be_app", 7),
            ("be_api", 2),
            ("be_slow", 2),
            ("be_agent", 2),
            ("be_nocheck", 2),
            ("be_tcp", 2),
            ("be_alldown", 2),
            ("be_empty", 0),
            ("li_mixed", 2),
            ("stats", 0),
            ("st_keys", 0),
            ("st_url", 0),
            ("st_src", 0),
        ];
        assert_eq!(servers, expected, "{version}");
        assert_eq!(rows.frontends().len(), 5, "{version}");
    }
}

/// Version as HAProxy writes it, its branch; pid, connections now and requests so far; lines.
const INFO: [(&str, &str, Version, [i64; 3], usize); 6] = [
    ("1.8.0", "1.8.0", Version::new(1, 8), [19_581, 10, 729], 36),
    ("2.0.0", "2.0.0", Version::new(2, 0), [17_740, 10, 733], 48),
    ("2.4.0", "2.4.0-6cbbecf09", Version::new(2, 4), [14_899, 11, 724], 57),
    ("2.6.12", "2.6.12-1+deb12u4", Version::new(2, 6), [13_143, 10, 725], 70),
    ("3.0.0", "3.0.0-5590ada47", Version::new(3, 0), [9_597, 10, 725], 74),
    ("3.2.0", "3.2.0-e134140d2", Version::new(3, 2), [8_489, 10, 726], 77),
];

#[test]
fn a_process_says_who_it_is() {
    for (folder, text, version, [pid, connections, requests], lines) in INFO {
        let info = Info::parse(body(folder, "show-info.txt").as_bytes()).unwrap();
        assert_eq!(info.version_text(), text);
        assert_eq!(info.version(), Some(version));
        assert_eq!(info.number(InfoField::Pid), Some(pid), "{folder}");
        assert_eq!(info.number(InfoField::Maxconn), Some(2000), "{folder}");
        assert_eq!(info.number(InfoField::CurrConns), Some(connections), "{folder}");
        assert_eq!(info.number(InfoField::CumReq), Some(requests), "{folder}");
        assert_eq!(info.number(InfoField::IdlePct), Some(100), "{folder}");
        assert_eq!(info.node().map(SafeText::as_str), Some("labnode"), "{folder}");
        assert!(!info.is_stopping(), "{folder}");
        assert_eq!(info.lines().len(), lines, "{folder}: every line is kept");
        let description = info.text("description").unwrap();
        assert_eq!(description.as_str(), r#""lab, with comma and ""quote""""#, "{folder}");
    }
}

#[test]
fn keys_that_a_version_lacks_are_unknown_and_those_we_lack_are_kept() {
    let info = |version| Info::parse(body(version, "show-info.txt").as_bytes()).unwrap();
    for (field, since) in [
        (InfoField::Nbthread, "2.0.0"),
        (InfoField::Stopping, "2.0.0"),
        (InfoField::StartTimeSec, "2.4.0"),
        (InfoField::CurrSslConns, "2.6.12"),
    ] {
        for version in VERSIONS {
            let known = info(version).number(field).is_some();
            assert_eq!(known, place(version) >= place(since), "{version} {field:?}");
        }
    }
    let text = |version, key| info(version).text(key).map(|text| text.as_str().to_owned());
    assert_eq!(text("1.8.0", "Release_date").as_deref(), Some("2017/11/26"));
    assert_eq!(text("3.2.0", "BlockedTrafficWarnings").as_deref(), Some("0"));
    assert_eq!(text("3.2.0", "CumStreams").as_deref(), Some("723"));
    assert_eq!(text("3.0.0", "CumStreams"), None);
}

#[test]
fn a_description_that_speaks_to_the_terminal_is_made_safe() {
    let hostile = body("3.2.0", "show-info.txt").replace("lab, with", "\u{1b}]0;pwned\u{7}lab \u{202e}");
    let info = Info::parse(hostile.as_bytes()).unwrap();
    let description = info.text("description").unwrap();
    assert!(!description.is_verbatim());
    assert_eq!(description.as_str(), r#""\x1b]0;pwned\x07lab \u{202e} comma and ""quote""""#);
}

#[test]
fn the_level_is_the_one_of_the_socket() {
    let levels = [("user", Level::User), ("operator", Level::Operator), ("admin", Level::Admin)];
    for version in VERSIONS {
        for (word, level) in levels {
            let bytes = fixture(version, &format!("cli-level-{word}.txt"));
            let reply = only(&bytes);
            let expected = (version != "1.8.0").then_some(level);
            assert_eq!(Level::from_answer(&reply), expected, "{version} {word}");
            assert_eq!(reply.is_unknown_command(), version == "1.8.0", "{version} {word}");
        }
    }
}

#[test]
fn the_old_questions_tell_the_level_too() {
    for version in VERSIONS {
        let read = |file: &str| fixture(version, file);
        let (admin, errors) = (read("bare-set-server.txt"), read("show-errors-operator.txt"));
        assert_eq!(Level::from_old_answers(&only(&admin), &only(&errors)), Level::Admin, "{version}");
        let (denied, errors) = (read("denied-operator.txt"), read("show-errors-operator.txt"));
        let errors = reply::split(&errors, 1);
        assert_eq!(Level::from_old_answers(&only(&denied), &errors[0]), Level::Operator, "{version}");
        let (denied, errors) = (read("denied-user.txt"), read("show-errors-user.txt"));
        assert_eq!(Level::from_old_answers(&only(&denied), &only(&errors)), Level::User, "{version}");
    }
    for (word, level) in [("user", Level::User), ("operator", Level::Operator), ("admin", Level::Admin)] {
        let bytes = fixture("2.6.12", &format!("batch-old-probe-{word}.txt"));
        let replies = reply::split(&bytes, 2);
        assert_eq!(Level::from_old_answers(&replies[0], &replies[1]), level, "{word}");
    }
}

#[test]
fn an_act_that_succeeds_says_nothing() {
    for version in VERSIONS {
        for act in ["maint", "drain", "ready"] {
            let bytes = fixture(version, &format!("act-{act}.txt"));
            assert_eq!(bytes, b"\n", "{version} {act}");
            assert!(only(&bytes).is_silent(), "{version} {act}");
        }
    }
}

#[test]
fn a_refusal_is_recognised_and_has_haproxys_words() {
    let no_state = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.";
    for version in VERSIONS {
        for (file, words) in [
            ("refused-state.txt", no_state),
            ("refused-no-state.txt", no_state),
            ("refused-server.txt", "No such server."),
            ("refused-backend.txt", "No such backend."),
            ("bare-set-server.txt", "Require 'backend/server'."),
        ] {
            let bytes = fixture(version, file);
            let reply = only(&bytes);
            assert!(!reply.is_silent() && !reply.is_denied() && !reply.is_unknown_command(), "{version} {file}");
            assert_eq!(shown(&reply), words, "{version} {file}");
        }
        for file in ["denied-user.txt", "denied-operator.txt", "show-errors-user.txt"] {
            let bytes = fixture(version, file);
            let reply = only(&bytes);
            assert!(reply.is_denied() && !reply.is_silent(), "{version} {file}");
            assert_eq!(shown(&reply), "Permission denied", "{version} {file}");
        }
    }
}

#[test]
fn the_answers_of_a_batch_are_told_apart() {
    for version in VERSIONS {
        let bytes = fixture(version, "batch-stat-info.txt");
        let replies = reply::split(&bytes, 2);
        assert!(replies.len() == 2 && reply::is_complete(&bytes, 2), "{version}");
        let table = Table::parse(replies[0].text(), None).unwrap();
        assert_eq!(table.rows().len(), if version == "1.8.0" { 39 } else { 43 }, "{version}");
        assert!(Info::parse(replies[1].text()).unwrap().number(InfoField::Pid).is_some(), "{version}");

        let bytes = fixture(version, "batch-unknown.txt");
        let replies = reply::split(&bytes, 3);
        assert!(replies.len() == 3 && reply::is_complete(&bytes, 3), "{version}");
        assert!(Info::parse(replies[0].text()).is_ok(), "{version}");
        assert!(replies[1].is_unknown_command(), "{version}: {}", shown(&replies[1]));
        assert_eq!(replies[2].is_unknown_command(), version == "1.8.0", "{version}");
    }
    for version in &VERSIONS[1..] {
        let bytes = fixture(version, "batch-lowered.txt");
        let replies = reply::split(&bytes, 6);
        let levels = [0, 2, 4].map(|place| Level::from_answer(&replies[place]));
        assert_eq!(levels, [Some(Level::Admin), Some(Level::Operator), Some(Level::User)], "{version}");
        assert!(replies[1].is_silent() && replies[3].is_silent(), "{version}");
        assert!(replies[5].is_denied(), "{version}: a lowered connection may change nothing");
    }
}

fn states(text: &str) -> Vec<ServerState> {
    servers_state::parse(text.as_bytes())
}

fn find<'a>(states: &'a [ServerState], backend: &str, server: &str) -> &'a ServerState {
    let is_it = |state: &&ServerState| state.backend.as_str() == backend && state.server.as_str() == server;
    states.iter().find(is_it).unwrap_or_else(|| panic!("no {backend}/{server}"))
}

#[test]
fn what_was_ordered_is_read_apart_from_what_is() {
    for version in VERSIONS {
        let start = states(&body(version, "show-servers-state.txt"));
        assert_eq!(start.len(), if version == "1.8.0" { 21 } else { 24 }, "{version}");
        assert_eq!(find(&start, "be_app", "app1").admin.0, 0, "{version}");
        assert_eq!(find(&start, "be_app", "dis1").admin.0, 5, "{version}: disabled in the configuration");
        assert_eq!(find(&start, "be_app", "dns1").admin.0, 32, "{version}: not resolved");
        assert!(find(&start, "be_app", "dis1").admin.is_maint(), "{version}");
        assert!(find(&start, "be_app", "dns1").admin.is_ready(), "{version}: nobody ordered it");
        let agent = find(&start, "be_agent", "ag1");
        assert_eq!((agent.weight, agent.initial_weight), (Some(75), Some(100)), "{version}");

        let maint = states(&body(version, "servers-state-maint.txt"));
        assert_eq!(find(&maint, "be_app", "app1").admin.0, 1, "{version}");
        assert!(find(&maint, "be_app", "app1").admin.is_maint(), "{version}");
        if version != "1.8.0" {
            assert_eq!(find(&start, "be_track", "t1").admin.0, 0, "{version}");
            assert_eq!(find(&maint, "be_track", "t1").admin.0, 2, "{version}: through the one it tracks");
            assert!(find(&maint, "be_track", "t1").admin.is_ready(), "{version}");
        }
    }
}

#[test]
fn an_act_and_its_proof_come_in_one_answer() {
    let every = [("maint", Admin::Maint, 1, 2), ("drain", Admin::Drain, 8, 16), ("ready", Admin::Ready, 0, 0)];
    for (word, _, own, inherited) in every {
        let bytes = fixture("2.6.12", &format!("batch-act-{word}.txt"));
        assert!(reply::is_complete(&bytes, 2), "{word}");
        let replies = reply::split(&bytes, 2);
        assert!(replies[0].is_silent(), "{word}");
        let states = servers_state::parse(replies[1].text());
        let (target, tracking) = (find(&states, "be_app", "app1"), find(&states, "be_track", "t1"));
        assert_eq!((target.admin.0, tracking.admin.0), (own, inherited), "{word}");
        let is_done = |state: &ServerState, admin| {
            let (act, order) = (action_table::of_state(admin), WriteCommand::State(admin));
            let step = Step { act, order, target: Target::beside_rows("be_app".into(), state.server.clone()) };
            let seen = Seen { state: Some(state.clone()), ..Seen::default() };
            verify::is_done(&step, None, &seen, None) == Some(true)
        };
        for (other, wanted, ..) in every {
            assert_eq!(is_done(target, wanted), other == word, "{other} is no {word}");
        }
        assert!(is_done(tracking, Admin::Ready), "{word}: on the tracking server nothing was ordered");
        assert_eq!(find(&states, "be_app", "app2").admin.0, 0, "{word}: the neighbour stays as it is");
    }
}

#[test]
fn statuses_after_each_act_mean_what_was_done() {
    for version in VERSIONS {
        let seen = |file: &str, proxy: &str, name: &str| status(version, file, proxy, name);
        let is = |text: &str, state: State| (text.to_owned(), state);
        assert_eq!(seen("after-maint.csv", "be_app", "app1"), is("MAINT", State::Maint), "{version}");
        assert_eq!(seen("after-drain.csv", "be_app", "app1"), is("DRAIN 1/3", State::Drain), "{version}");
        let ready = seen("after-ready.csv", "be_app", "app1");
        assert!(ready == is("UP 1/3", State::GoingDown) || ready == is("UP", State::Up), "{version}: {ready:?}");
        assert_eq!(seen("after-drain-unchecked.csv", "be_nocheck", "nc1"), is("DRAIN", State::Drain), "{version}");
        assert_eq!(seen("after-stopping.csv", "be_app", "app1"), is("NOLB", State::NoLb), "{version}");
        let agent = seen("after-agent-drain.csv", "be_agent", "ag1");
        assert_eq!(agent, is("DRAIN (agent)", State::Drain), "{version}");
        assert_eq!(seen("after-failing.csv", "be_app", "app3"), is("UP 1/3", State::GoingDown), "{version}");
        assert_eq!(seen("after-recovering.csv", "be_app", "app3"), is("DOWN 1/2", State::ComingUp), "{version}");
        let off = match version {
            "1.8.0" | "2.0.0" => is("STOP", State::Stopped),
            "2.4.0" => is("OPEN", State::Open), // This version does not tell.
            _ => is("PAUSED", State::Paused),
        };
        assert_eq!(seen("after-frontend-off.csv", "fe_api", "FRONTEND"), off, "{version}");
        if version != "1.8.0" {
            let tracking = seen("after-maint.csv", "be_track", "t1");
            assert_eq!(tracking, is("MAINT (via be_app/app1)", State::Maint), "{version}");
            assert_eq!(seen("after-maint.csv", "be_track", "BACKEND"), is("DOWN", State::Down), "{version}");
            assert_eq!(seen("after-drain.csv", "be_track", "t1"), is("DRAIN 1/3", State::Drain), "{version}");
        }
    }
}

#[test]
fn weights_stay_in_maintenance_and_drain_and_the_backends_sum_does_not() {
    for version in VERSIONS {
        for (file, sum) in [("show-stat.csv", 160), ("after-maint.csv", 60), ("after-drain.csv", 60)] {
            let table = table(version, file);
            assert_eq!(number(&table, "be_app", "app1", Weight), Some(100), "{version} {file}");
            assert_eq!(number(&table, "be_app", "BACKEND", Weight), Some(sum), "{version} {file}");
        }
    }
}

#[test]
fn a_cut_answer_is_never_whole() {
    for version in VERSIONS {
        let bytes = fixture(version, "batch-stat-info.txt");
        for end in (0..bytes.len()).step_by(97).chain(bytes.len() - 2..bytes.len()) {
            assert!(!reply::is_complete(&bytes[..end], 2), "{version} {end}");
        }
    }
}
