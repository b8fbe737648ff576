//! Views 7 and 8: automatic refresh, groups, and sessions that are ended together. No I/O; the test sets the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/query_replies.rs"]
mod query_replies;
#[path = "support/samples.rs"]
mod samples;

use hapulse::app::message::Effect;
use hapulse::app::query_lines;
use hapulse::ask::query::Query;
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::instance::source::StatsSocket;
use model_driver::{ModelDriver, sent_commands};

const SESSIONS: &str = "\
0x1: proto=tcpv4 src=10.0.0.7:41 fe=www be=shop srv=web1 age=5s calls=2
0x2: proto=tcpv4 src=10.0.0.7:42 fe=www be=shop srv=web2 age=2m3s calls=2
0x3: proto=tcpv4 src=10.0.0.9:43 fe=www be=shop srv=web1 age=2h1m calls=2
";

/// Returns the commands of the queries among the effects.
fn queries(effects: &[Effect]) -> Vec<String> {
    let command = |effect: &Effect| match effect {
        Effect::SendQuery(_, version, query) => Some(query.command(*version).unwrap()),
        _ => None,
    };
    effects.iter().filter_map(command).collect()
}

impl ModelDriver {
    /// Handles a reply with sessions that took this many milliseconds.
    fn reply_sessions(&mut self, text: &str, millis: u64) {
        let reply = query_replies::sessions_reply_with(text, SessionFilter::default(), millis);
        assert_eq!(self.update(reply), []);
    }

    /// Opens view 7 and handles the reply to its first query.
    fn open_sessions(access: StatsSocket, millis: u64) -> Self {
        let mut driver = Self::with(access, Some(hapulse::haproxy::level::Level::Admin));
        assert_eq!(queries(&driver.press("7<ret>")), ["show sess"]);
        driver.reply_sessions(SESSIONS, millis);
        driver
    }

    /// Handles the reply with the details of a session; `None` if it has ended.
    fn reply_detail(&mut self, id: &str, source: Option<&str>) -> Vec<Effect> {
        let start =
            |source| format!("{id}: [30/Nov/2026:06:00:00.000000] id=1 proto=tcpv4 source={source}\n  frontend=www\n");
        let lines = source.map(start);
        self.update(query_replies::session_detail_reply(id, lines.as_deref()))
    }

    fn shown_ids(&self) -> Vec<String> {
        query_lines::shown_sessions(&self.model).map(|session| session.id.to_string()).collect()
    }

    fn groups(&self) -> Vec<String> {
        let groups = &self.model.instance().unwrap().queries.session_groups;
        groups.iter().map(|group| format!("{} {}", group.sessions, group.name)).collect()
    }
}

#[test]
fn sessions_are_refreshed_every_ten_seconds_while_they_are_visible() {
    for access in [StatsSocket::default(), StatsSocket::READ_ONLY] {
        let mut driver = ModelDriver::open_sessions(access, 3);
        assert_eq!(driver.advance(9_000), []);
        assert_eq!(queries(&driver.advance(1_000)), ["show sess"]);
        assert_eq!(driver.advance(20_000), [], "no second query before the reply");
        driver.reply_sessions(SESSIONS, 3);
        driver.press("?");
        assert_eq!(driver.advance(60_000), [], "hidden by the help");
        assert_eq!(queries(&driver.press("<esc>")), ["show sess"]);
        driver.reply_sessions(SESSIONS, 3);
        driver.press("1");
        assert_eq!(driver.advance(60_000), [], "another view");
        assert_eq!(queries(&driver.press("7")), ["show sess"]);
        driver.reply_sessions(SESSIONS, 3);
        driver.press("p");
        assert_eq!(driver.advance(60_000), [], "the past is shown");
        assert_eq!(queries(&driver.press("p")), ["show sess"]);
        driver.reply_sessions(SESSIONS, 3);
        driver.fail_poll();
        assert_eq!(driver.advance(60_000), [], "no connection");
    }
}

#[test]
fn slow_and_large_replies_are_refreshed_only_on_request() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 50);
    assert_eq!(driver.advance(60_000), []);
    assert_eq!(queries(&driver.press("e")), ["show sess"], "requested");
    assert_eq!(driver.notice(), "refreshed every 10 s");
    driver.reply_sessions(SESSIONS, 2_000);
    assert_eq!(driver.advance(39_000), [], "20 times the reply time");
    assert_eq!(queries(&driver.advance(1_000)), ["show sess"]);
    driver.reply_sessions(SESSIONS, 3);
    driver.press("e");
    assert!(driver.notice().starts_with("no longer refreshed; r reads again"), "{}", driver.notice());
    assert_eq!(driver.advance(60_000), []);
    driver.press("e");
    driver.reply_sessions(SESSIONS, 3);
    driver.reply_sessions(&SESSIONS.repeat(40_000), 3);
    assert_eq!(driver.advance(60_000), [], "more than 100,000 lines");
}

#[test]
fn refresh_can_be_turned_off_before_the_first_reading() {
    let mut driver = ModelDriver::new();
    driver.press("7e");
    assert_eq!(driver.notice(), "refreshed after the first reading: no");
    driver.press("e");
    assert_eq!(driver.notice(), "refreshed after the first reading: yes");
    driver.press("e");
    assert_eq!(queries(&driver.press("<ret>")), ["show sess"]);
    driver.reply_sessions(SESSIONS, 3);
    assert_eq!(driver.advance(60_000), []);
}

#[test]
fn failed_refresh_is_repeated_after_twice_the_pause() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    assert_eq!(queries(&driver.advance(10_000)), ["show sess"]);
    driver.update(query_replies::failed_query(Query::Sessions(SessionFilter::default())));
    assert_eq!(driver.advance(19_000), []);
    assert_eq!(queries(&driver.advance(1_000)), ["show sess"]);
    driver.reply_sessions(SESSIONS, 3);
    assert_eq!(queries(&driver.advance(10_000)), ["show sess"], "the usual pause again");
}

#[test]
fn marks_of_several_lines_leave_out_connections_to_the_stats_socket() {
    let mut driver = ModelDriver::new();
    driver.press("7<ret>");
    let own = "0x8: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> age=9h calls=1\n";
    driver.reply_sessions(&format!("{SESSIONS}{own}"), 3);
    let marks = |driver: &ModelDriver| driver.model.instance().unwrap().queries.marks.count();
    assert_eq!(driver.shown_ids().len(), 4);
    driver.press("*");
    assert_eq!(marks(&driver), 3);
    driver.press("<esc>g");
    assert_eq!((driver.shown_ids()[0].as_str(), marks(&driver)), ("0x8", 0));
    driver.press("<space>");
    assert_eq!(marks(&driver), 1, "a single line");
}

#[test]
fn range_of_marks_is_refused_for_groups() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    driver.press("bv");
    assert_eq!(driver.notice(), "groups have no ranges; Space marks a group");
    assert_eq!(driver.model.instance().unwrap().queries.marks.count(), 0);
    driver.press("<space>");
    assert_eq!(driver.model.instance().unwrap().queries.marks.count(), 2, "the sessions of 10.0.0.7");
}

#[test]
fn unexpected_reply_ends_the_reading_of_sessions() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    assert_eq!(queries(&driver.press("*X")), ["show sess 0x3"]);
    let failed = query_replies::refused_session_detail("0x3", "Internal error.");
    assert_eq!(driver.update(failed), [], "no other session is read");
    assert_eq!(driver.notice(), "nothing was sent; session 0x3: HAProxy replied: Internal error.");
}

#[test]
fn cursor_and_marks_follow_their_session_through_a_refresh() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    assert_eq!(driver.shown_ids(), ["0x3", "0x2", "0x1"]);
    driver.press("j<space>k");
    let marks = |driver: &ModelDriver| driver.model.instance().unwrap().queries.marks.count();
    assert_eq!(marks(&driver), 1);
    let older = "0x9: proto=tcpv4 src=10.0.0.1:9 fe=www be=shop srv=web1 age=9h1m calls=2\n";
    driver.millis += 10_000;
    driver.reply_sessions(&format!("{older}{}", SESSIONS.replace("age=2m3s", "age=2m13s")), 3);
    assert_eq!((driver.shown_ids()[2].as_str(), marks(&driver)), ("0x2", 1));
    assert_eq!(queries(&driver.press("<ret>")), ["show sess 0x2"], "the cursor stayed on its session");
    // The number belongs to another session of the same client now.
    driver.millis += 10_000;
    driver.reply_sessions(&SESSIONS.replace("age=2m3s", "age=1s"), 3);
    assert_eq!(marks(&driver), 0);
}

#[test]
fn group_key_cycles_groups_and_enter_shows_the_sessions_of_one() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    driver.press("b");
    assert_eq!(driver.groups(), ["2 10.0.0.7", "1 10.0.0.9"]);
    driver.press("s");
    assert_eq!(driver.groups(), ["1 10.0.0.9", "2 10.0.0.7"], "the oldest first");
    driver.press("j<ret>");
    assert_eq!(driver.shown_ids(), ["0x2", "0x1"]);
    driver.press("<esc>");
    assert_eq!(queries(&driver.press("<ret>")), [] as [String; 0], "the cursor is on the group again");
    assert_eq!(driver.shown_ids(), ["0x2", "0x1"]);
    driver.press("<esc>");
    for wanted in [vec!["3 10.0.0.0/24"], vec!["2 shop/web1", "1 shop/web2"], vec!["3 shop"]] {
        driver.press("b");
        assert_eq!(driver.groups(), wanted);
    }
    driver.press("/10.0.0.9<ret>");
    assert_eq!(driver.groups(), ["1 shop"]);
    driver.press("<esc>b");
    assert_eq!(driver.groups(), ["1 1 h and more", "1 1 to 10 min", "1 under 10 s"]);
    driver.press("b");
    assert_eq!(driver.notice(), "single sessions", "2.6 reports no URIs");
}

#[test]
fn ending_a_group_reads_each_session_and_names_it_in_one_question() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    assert_eq!(queries(&driver.press("bX")), ["show sess 0x2"]);
    assert_eq!(queries(&driver.reply_detail("0x2", Some("10.0.0.7:42"))), ["show sess 0x1"]);
    assert_eq!(driver.reply_detail("0x1", Some("10.0.0.7:41")), []);
    let question = driver.confirmation().unwrap();
    assert_eq!(question.intent.target_summary(), "2 sessions");
    assert_eq!(sent_commands(&driver.press("y")), ["shutdown session 0x2", "shutdown session 0x1"]);
}

#[test]
fn question_about_sessions_does_not_open_over_another_view() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    assert_eq!(queries(&driver.press("X")), ["show sess 0x3"]);
    assert_eq!(driver.press("X"), [], "the session is being read");
    driver.press("1");
    assert_eq!(driver.reply_detail("0x3", Some("10.0.0.9:43")), []);
    assert!(driver.confirmation().is_none());
}

#[test]
fn sessions_that_ended_before_the_question_are_left_out() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    assert_eq!(queries(&driver.press("*X")), ["show sess 0x3"]);
    assert_eq!(queries(&driver.reply_detail("0x3", None)), ["show sess 0x2"]);
    assert_eq!(queries(&driver.reply_detail("0x2", Some("10.0.0.8:1"))), ["show sess 0x1"], "another session");
    assert_eq!(driver.reply_detail("0x1", Some("10.0.0.7:41")), []);
    let question = driver.confirmation().unwrap();
    assert_eq!(question.intent.commands(), ["shutdown session 0x1"]);
    let now = std::time::Duration::from_millis(driver.millis);
    assert_eq!(question.gate.remark(now), Some("1 of 3 still exist; 2 ended since the list was read"));
    driver.press("n");
    assert_eq!(queries(&driver.press("X")), ["show sess 0x3"]);
    for id in ["0x3", "0x2", "0x1"] {
        driver.reply_detail(id, None);
    }
    assert_eq!(driver.notice(), "all 3 sessions have already ended; reading the list again");
    assert!(driver.confirmation().is_none());
}

#[test]
fn list_is_read_again_if_all_sessions_of_a_group_have_ended() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    driver.press("bX");
    driver.reply_detail("0x2", None);
    assert_eq!(driver.reply_detail("0x1", None), []);
    assert_eq!(driver.notice(), "all 2 sessions have already ended; reading the list again before the question");
    let effects = driver.advance(10_000);
    assert_eq!(queries(&effects), ["show sess"]);
    let list = query_replies::sessions_reply_with(SESSIONS, SessionFilter::default(), 3);
    assert_eq!(queries(&driver.update(list)), ["show sess 0x2"], "the action starts again, once");
    driver.reply_detail("0x2", None);
    driver.reply_detail("0x1", None);
    let again = "again, all 2 sessions have already ended; they are too short for this: deny or limit the client";
    assert!(driver.notice().starts_with(again), "{}", driver.notice());
    // A key withdraws the action.
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    driver.press("bX");
    driver.reply_detail("0x2", None);
    driver.reply_detail("0x1", None);
    driver.press("j");
    driver.advance(10_000);
    driver.reply_sessions(SESSIONS, 3);
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    driver.press("jjX");
    driver.reply_detail("0x1", None);
    assert_eq!(driver.notice(), "the session has already ended; reading the list again");
}

#[test]
fn view_that_is_opened_again_has_no_groups_of_before() {
    let mut driver = ModelDriver::open_sessions(StatsSocket::default(), 3);
    driver.press("b");
    let by_client = driver.groups();
    driver.press("b");
    assert_ne!(driver.groups(), by_client);
    driver.press("0");
    driver.press("7");
    assert_eq!(driver.shown_ids().len(), 3, "single sessions");
    driver.press("b");
    assert_eq!(driver.groups(), by_client, "the first criterion again");
}

#[test]
fn second_table_is_read_when_the_pause_is_over() {
    let mut driver = ModelDriver::new();
    driver.press("8<ret>");
    driver.update(query_replies::stick_tables_reply("2.6.12"));
    driver.press("jj<ret>");
    driver.update(query_replies::entries_reply("2.6.12", "st_keys"));
    driver.press("<esc>g<ret>");
    let open = |driver: &ModelDriver| driver.model.instance().unwrap().queries.open_table.is_some();
    assert!(open(&driver));
    let next = hapulse::app::update::next_wake(&driver.model, std::time::Duration::from_millis(driver.millis));
    assert!(next.is_some_and(|at| at.as_millis() as u64 <= driver.millis + 1000), "the countdown is drawn: {next:?}");
    let effects = driver.advance(10_000);
    let [Effect::SendQuery(_, _, Query::TableEntries { .. })] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(queries(&effects), ["show table st_src"]);
}
