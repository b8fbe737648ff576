//! Keys that send queries: sessions, stick tables and the CLI view. Changing lines are sent only after a confirmation.
//! No I/O; the test sets the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/query_replies.rs"]
mod query_replies;
#[path = "support/samples.rs"]
mod samples;

use hapulse::app::command_table::COMMANDS;
use hapulse::app::key::{Key, KeyCode};
use hapulse::app::layers::Layer;
use hapulse::app::message::{Effect, Message};
use hapulse::ask::query::Query;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::instance::source::StatsSocket;
use hapulse::observe::instance_id::InstanceId;
use model_driver::{KEY_INTERVAL_MILLIS, ModelDriver, NO_COMMANDS, any_key};
use proptest::prelude::*;

const VERSION: &str = "2.6.12";
const READ_ONLY: StatsSocket = StatsSocket::READ_ONLY;

impl ModelDriver {
    /// Handles a message with a query reply and asserts that it has no effects.
    fn handle_reply(&mut self, msg: Message) {
        assert_eq!(self.update(msg), []);
    }

    /// Types a line in the CLI view and presses Enter.
    fn enter_line(&mut self, line: &str) -> Vec<Effect> {
        let typed: Vec<Effect> = line.chars().flat_map(|ch| self.press_key(Key::char(ch), 50)).collect();
        assert_eq!(typed, [], "typing has no effects");
        self.press("<ret>")
    }

    /// Returns the lines of the scrollback.
    fn scrollback(&self) -> Vec<&str> {
        self.model.instance().unwrap().queries.scrollback.iter().map(|line| line.text.as_str()).collect()
    }
}

/// Returns the Runtime API commands of the queries among the effects.
fn query_commands(effects: &[Effect]) -> Vec<String> {
    let command = |effect: &Effect| match effect {
        Effect::SendQuery(InstanceId::FIRST, version, query) => Some(query.command(*version).unwrap()),
        _ => None,
    };
    effects.iter().filter_map(command).collect()
}

/// Returns the typed lines among the effects that may change HAProxy.
fn changing_lines(effects: &[Effect]) -> Vec<&str> {
    let lines = effects.iter().filter_map(|effect| match effect {
        Effect::SendTypedCommand(InstanceId::FIRST, change) => Some(change.get().line.as_str()),
        _ => None,
    });
    lines.collect()
}

#[test]
fn query_views_send_nothing_before_key_press() {
    for view in ["7", "8", "5"] {
        let mut driver = ModelDriver::new();
        assert_eq!(driver.press(view), [], "{view}");
        for _ in 0..10 {
            assert_eq!(driver.advance(2000), [], "{view}");
            driver.poll();
        }
    }
}

#[test]
fn remove_key_explains_how_to_list_what_it_removes() {
    for (keys, notice) in [
        ("7X", "Enter lists the sessions first"),
        ("8X", "Enter lists the stick tables first"),
        ("1X", "select a session in view 7 first"),
    ] {
        let mut driver = ModelDriver::new();
        assert_eq!(driver.press(keys), [], "{keys}");
        assert_eq!(driver.notice(), notice, "{keys}");
    }
}

#[test]
fn enter_queries_sessions_at_most_every_ten_seconds() {
    let mut driver = ModelDriver::new();
    driver.press("7");
    let effects = driver.press("<ret>");
    assert_eq!((effects.len(), query_commands(&effects)), (1, vec!["show sess".to_owned()]));
    for (after, seconds) in [(1, 10), (KEY_INTERVAL_MILLIS, 10), (8000, 2)] {
        assert_eq!(driver.press_after(after, "r"), []);
        assert!(driver.notice().ends_with(&format!("runs at most once every 10 s; try again in {seconds} s")));
    }
    driver.handle_reply(query_replies::sessions_reply(VERSION));
    assert_eq!(query_commands(&driver.press_after(10_000, "r")), ["show sess"]);
}

#[test]
fn enter_on_session_opens_details_and_escape_closes_them() {
    let mut driver = ModelDriver::new();
    // The details do not fit.
    driver.model.terminal_size = (80, 14);
    driver.press("7<ret>");
    driver.handle_reply(query_replies::sessions_reply(VERSION));
    driver.press("j");
    let id = hapulse::app::query_lines::shown_sessions(&driver.model).nth(1).unwrap().id.clone();
    assert_eq!(query_commands(&driver.press("<ret>")), [format!("show sess {id}")]);
    assert_eq!(driver.press_after(100, "<ret>"), [], "key repeat");
    driver.handle_reply(query_replies::session_reply(VERSION));
    assert!(matches!(driver.model.layers.as_slice(), [Layer::TextPage { top: 0, .. }]));
    assert_eq!(driver.press("jjMDr"), [], "the text page captures the keys");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::TextPage { top: 2, .. }]));
    driver.press("<esc>");
    assert!(driver.model.layers.is_empty());
    assert_eq!(driver.model.current_view().id, "sessions");
}

#[test]
fn sessions_view_filters_and_sorts() {
    let mut driver = ModelDriver::new();
    driver.press("7<ret>");
    driver.handle_reply(query_replies::sessions_reply(VERSION));
    let count = |driver: &ModelDriver| hapulse::app::query_lines::shown_sessions(&driver.model).count();
    assert_eq!(count(&driver), 10);
    driver.press("/be_tcp");
    assert_eq!(count(&driver), 3);
    driver.press("<ret><esc>");
    assert_eq!(count(&driver), 10);
    driver.press("/backend:be_slow<ret>");
    assert_eq!(count(&driver), 6);
    let effects = driver.press_after(10_000, "r");
    let [Effect::SendQuery(_, _, Query::Sessions(filter))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(filter.backend, Some("be_slow".into()), "the filter is part of the query");
    let order = |driver: &ModelDriver| driver.model.instance().unwrap().queries.session_order;
    let first = order(&driver);
    driver.press("s");
    assert_ne!(order(&driver), first);
    driver.press(">");
    assert_eq!(order(&driver), first);
}

#[test]
fn query_requiring_higher_level_shows_notice() {
    for access in [StatsSocket::default(), READ_ONLY] {
        let mut driver = ModelDriver::with(access, Some(Level::User));
        assert_eq!(driver.press("7<ret>"), []);
        assert_eq!(driver.notice(), "\"show sess\" needs level operator; this socket has level user");
        assert_eq!(query_commands(&driver.press("8<ret>")), ["show table"], "allowed at level user");
        driver.handle_reply(query_replies::stick_tables_reply(VERSION));
        assert_eq!(driver.press("<ret>"), []);
        assert!(driver.notice().contains("needs level operator"), "{}", driver.notice());
        assert_eq!(query_commands(&ModelDriver::with(access, Some(Level::Operator)).press("7<ret>")), ["show sess"]);
    }
}

#[test]
fn failed_query_shows_error_and_keeps_previous_sessions() {
    let mut driver = ModelDriver::new();
    driver.press("7<ret>");
    driver.handle_reply(query_replies::sessions_reply(VERSION));
    driver.press_after(10_000, "r");
    driver.handle_reply(query_replies::failed_query(Query::Sessions(SessionFilter::default())));
    let sessions = &driver.model.instance().unwrap().queries.sessions;
    assert!(sessions.error.as_ref().unwrap().contains("no reply") && !sessions.is_waiting);
    assert_eq!(hapulse::app::query_lines::shown_sessions(&driver.model).count(), 10);
}

#[test]
fn enter_on_table_queries_entries_and_escape_returns() {
    let mut driver = ModelDriver::new();
    assert_eq!(query_commands(&driver.press("8<ret>")), ["show table"]);
    assert_eq!(driver.press_after(100, "r"), [], "key repeat");
    driver.handle_reply(query_replies::stick_tables_reply(VERSION));
    driver.press("jj");
    assert_eq!(query_commands(&driver.press("<ret>")), ["show table st_keys"]);
    driver.handle_reply(query_replies::entries_reply(VERSION, "st_keys"));
    let keys = |driver: &ModelDriver| {
        let entries = hapulse::app::query_lines::shown_entries(&driver.model);
        entries.map(|entry| entry.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&driver).len(), 4);
    driver.press(">");
    assert_eq!(keys(&driver)[0], "alice");
    assert_eq!(driver.press("r"), []);
    assert!(driver.notice().contains("\" runs at most once every 10 s"), "{}", driver.notice());
    driver.press("/conn_cnt>30<ret>");
    assert_eq!(query_commands(&driver.press_after(10_000, "r")), ["show table st_keys data.conn_cnt gt 30"]);
    driver.press("<esc>");
    assert!(driver.model.instance().unwrap().queries.open_table.is_none());
    driver.press("g");
    assert_eq!(driver.press("<ret>"), [], "at most once every 10 s");
    assert_eq!(query_commands(&driver.press_after(10_000, "<ret>")), ["show table st_src"]);
}

#[test]
fn cli_view_types_every_character_key() {
    let mut driver = ModelDriver::new();
    driver.press("5");
    let mut typed = String::new();
    for key in COMMANDS.iter().flat_map(|action| action.keys).filter_map(|name| Key::parse(name)) {
        let KeyCode::Char(ch) = key.code else { continue };
        if key.ctrl || key.alt {
            continue;
        }
        typed.push(ch);
        assert_eq!(driver.press_key(key, KEY_INTERVAL_MILLIS), [], "{key}");
        assert_eq!(driver.model.cli.prompt.text(), typed, "{key}");
        assert!(driver.model.layers.is_empty() && driver.model.current_view().id == "cli", "{key}");
    }
    for ch in "qQMDE0123456789/:!?stfFrhjk".chars() {
        assert!(typed.contains(ch), "{ch}");
    }
    let other_keys = COMMANDS.iter().flat_map(|action| action.keys).filter_map(|name| Key::parse(name));
    for key in other_keys.filter(|key| key.ctrl || !matches!(key.code, KeyCode::Char(_) | KeyCode::Enter)) {
        let mut driver = ModelDriver::new();
        driver.press("<ret>j5x");
        let effects = driver.press_key(key, KEY_INTERVAL_MILLIS);
        assert!(!effects.contains(&Effect::Quit), "{key}");
        let is_cleared = key == Key::parse("<c-c>").unwrap() && driver.model.cli.prompt.text().is_empty();
        assert_eq!(is_cleared, key.label(false) == "Ctrl-c", "{key}: cancels the line, and quits without one");
        let has_confirmation = matches!(driver.model.layers.last(), Some(Layer::Confirmation(_)));
        assert!(model_driver::sent_commands(&effects).is_empty() && !has_confirmation, "{key}");
    }
}

#[test]
fn escape_leaves_cli_view_and_keeps_typed_text() {
    for from in ["1", "7", "0", "!"] {
        let mut driver = ModelDriver::new();
        driver.press(from);
        let view = driver.model.view();
        driver.press(if from == "!" { "<a-5>" } else { "5" });
        driver.press("show");
        driver.press("<esc>");
        assert_eq!(driver.model.view(), view, "{from}");
        driver.press("5");
        assert_eq!(driver.model.cli.prompt.text(), "show", "the typed text is kept");
    }
}

#[test]
fn read_only_line_is_sent_without_confirmation() {
    for access in [StatsSocket::default(), READ_ONLY] {
        let mut driver = ModelDriver::with(access, Some(Level::Admin));
        driver.press("5");
        let effects = driver.enter_line("show info");
        assert_eq!(query_commands(&effects), ["show info"]);
        assert!(effects.contains(&Effect::SaveCommandLine("show info".into())));
        assert_eq!(changing_lines(&effects), NO_COMMANDS);
        driver.handle_reply(query_replies::typed_line_reply("show info", "Name: HAProxy\nVersion: 2.6.12\n"));
        assert_eq!(driver.scrollback(), ["> show info", "Name: HAProxy", "Version: 2.6.12"]);
        assert_eq!(driver.model.cli.prompt.text(), "");
        driver.press("<up>");
        assert_eq!(driver.model.cli.prompt.text(), "show info");
        assert_eq!(query_commands(&driver.enter_line("")), ["show info"]);
        assert_eq!(query_commands(&driver.enter_line("show sess")), ["show sess"]);
        assert_eq!(
            query_commands(&driver.enter_line("show sess")),
            NO_COMMANDS,
            "the minimum pause applies to typed lines too"
        );
        assert_eq!(driver.enter_line("   "), []);
    }
}

#[test]
fn changing_line_requires_confirmation() {
    const LINE: &str = "set server be_app/app1 addr 192.0.2.1";
    let mut driver = ModelDriver::new();
    driver.press("5");
    let effects = driver.enter_line(LINE);
    assert_eq!(effects, [Effect::SaveCommandLine(LINE.into())]);
    assert!(matches!(driver.model.layers.as_slice(), [Layer::TypedCommandConfirmation(_)]));
    assert_eq!(driver.press_after(499, "y"), [], "typed ahead");
    for key in ["j", "k", "<up>", "<pgdn>", "<home>"] {
        assert_eq!(driver.press(key), [], "{key}");
        assert!(matches!(driver.model.layers.as_slice(), [Layer::TypedCommandConfirmation(_)]), "{key}");
    }
    let effects = driver.press("y");
    assert_eq!((effects.len(), changing_lines(&effects)), (1, vec![LINE]));
    assert!(driver.model.layers.is_empty());
    assert_eq!(driver.press("y"), [], "one confirmation sends one line");
    assert_eq!(driver.update(query_replies::write_command_reply("\n")), [Effect::PollNow(InstanceId::FIRST)]);

    for cancel_key in ["n", "N", "q", "<esc>", "<ret>", "Y", "M", "1", "<a-y>", "<c-y>", "<space>", "<tab>", "<c-c>"] {
        let mut driver = ModelDriver::new();
        driver.press("5");
        driver.enter_line(LINE);
        assert_eq!(driver.press(cancel_key), [], "{cancel_key}");
        assert!(driver.model.layers.is_empty(), "{cancel_key}");
        assert_eq!(driver.scrollback().last(), Some(&"nothing was sent"), "{cancel_key}");
        assert_eq!(driver.press("y"), [], "{cancel_key}: too late");
    }
}

#[test]
fn lost_connection_blocks_queries_and_typed_lines() {
    let mut driver = ModelDriver::new();
    driver.press("<a-5>");
    driver.enter_line("set map m k v");
    driver.fail_poll();
    assert_eq!(driver.press("y"), []);
    assert!(driver.scrollback().last().unwrap().contains("lost"), "{:?}", driver.scrollback());
    assert_eq!(driver.press("<a-7><ret>r8<ret>r"), []);
    assert!(driver.notice().starts_with("the connection to HAProxy is lost"), "{}", driver.notice());
}

#[test]
fn read_only_mode_refuses_changing_and_unknown_lines() {
    for line in
        ["clear counters", "set server be_app/app1 state maint", "show info;shutdown sessions server a/b", "xyz"]
    {
        let mut driver = ModelDriver::with(READ_ONLY, Some(Level::Admin));
        driver.press("5");
        // A line that is not a known command may be a secret.
        let saved = (line != "xyz").then(|| Effect::SaveCommandLine(line.into()));
        assert_eq!(driver.enter_line(line), saved.into_iter().collect::<Vec<_>>(), "{line}");
        assert!(driver.model.layers.is_empty(), "{line}");
        assert!(driver.scrollback().last().unwrap().ends_with("read-only mode is on"), "{:?}", driver.scrollback());
        assert_eq!(driver.press("y<ret>"), [], "{line}: not sent");
    }
}

#[test]
fn line_that_crashes_this_version_is_not_sent() {
    let mut driver = ModelDriver::new();
    driver.press("5");
    driver.enter_line("set maxconn frontend fe_web 2000");
    assert!(driver.model.layers.is_empty());
    assert!(
        driver.scrollback().last().unwrap().contains("dies when the limit of a full frontend is raised"),
        "{:?}",
        driver.scrollback()
    );
}

#[test]
fn tab_completes_commands_and_names() {
    let mut driver = ModelDriver::new();
    driver.press("5");
    assert_eq!(query_commands(&driver.press("show<space>sta<tab>")), ["help"], "sent once");
    driver.handle_reply(query_replies::help_reply(VERSION));
    driver.press("<tab>");
    assert!(driver.model.cli.prompt.text().starts_with("show stat"), "{}", driver.model.cli.prompt.text());
    driver.press("<c-u>");
    assert_eq!(driver.press("set<space>server<space>be_app/app<tab>"), []);
    assert_eq!(driver.model.cli.prompt.text(), "set server be_app/app");
    driver.press("<c-u>disable<space>server<space>be_app/dow<tab>");
    assert_eq!(driver.model.cli.prompt.text(), "disable server be_app/down1");
}

/// One step of a random test.
#[derive(Debug, Clone)]
enum Step {
    Key(Key, u64),
    Line(&'static str),
    Reply(u8),
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let lines = prop::sample::select(vec![
        "5show info",
        "set server be_app/app1 state maint",
        "<a-5>clear counters",
        "<a-5>shutdown frontend fe_web",
        "<a-5>disable server be_app/app2",
        ":server.maint",
        ":server.drain",
        ":cli",
        ":quit",
        "/app",
    ]);
    let delay = prop_oneof![Just(0_u64), Just(299), Just(KEY_INTERVAL_MILLIS)];
    prop_oneof![
        16 => (any_key(), delay).prop_map(|(key, delay)| Step::Key(key, delay)),
        4 => lines.prop_map(Step::Line),
        1 => (0_u8..4).prop_map(Step::Reply),
        1 => prop_oneof![Just(3000_u64), Just(61_000)].prop_map(Step::Wait),
    ]
}

impl ModelDriver {
    fn perform(&mut self, step: &Step, allows: impl Fn(&Self, Key) -> bool) -> Vec<(Effect, Option<Layer>, Key)> {
        let keys: Vec<(Key, u64)> = match step {
            Step::Key(key, after) => vec![(*key, *after)],
            Step::Line(line) => {
                let line = format!("{}<ret>", line.replace(' ', "<space>"));
                Key::parse_sequence(&line).unwrap().into_iter().map(|key| (key, 50)).collect()
            }
            Step::Reply(number) => {
                let reply = match number {
                    0 => query_replies::sessions_reply(VERSION),
                    1 => query_replies::session_reply(VERSION),
                    2 => query_replies::stick_tables_reply(VERSION),
                    _ => query_replies::entries_reply(VERSION, "st_keys"),
                };
                self.handle_reply(reply);
                return Vec::new();
            }
            Step::Wait(millis) => {
                // Views 7 and 8 are refreshed by queries that only read.
                let is_refresh = |effect: &Effect| {
                    let Effect::SendQuery(_, _, query) = effect else { return false };
                    matches!(query, Query::Sessions(_) | Query::StickTables | Query::TableEntries { .. })
                };
                let effects = self.advance(*millis);
                assert!(effects.iter().all(is_refresh), "{effects:?}");
                self.poll();
                return Vec::new();
            }
        };
        let mut effects = Vec::new();
        for (key, after) in keys {
            if allows(self, key) {
                let layer = self.model.layers.last().cloned();
                effects.extend(self.press_key(key, after).into_iter().map(|effect| (effect, layer.clone(), key)));
            }
        }
        effects
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn read_only_mode_never_runs_actions_or_changing_lines(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut driver = ModelDriver::with(READ_ONLY, Some(Level::Admin));
        driver.press("<ret>j");
        for step in &steps {
            for (effect, ..) in driver.perform(step, |_, _| true) {
                prop_assert!(!matches!(effect, Effect::RunAction(_) | Effect::SendTypedCommand(..)), "{effect:?}");
            }
        }
    }

    #[test]
    fn without_confirmation_no_action_or_changing_line_is_sent(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut driver = ModelDriver::new();
        driver.press("<ret>j");
        // `y` is never pressed in a confirmation; elsewhere it is an ordinary letter.
        let is_not_confirming = |driver: &ModelDriver, key: Key| {
            let layer = driver.model.layers.last();
            let is_confirming = matches!(layer, Some(Layer::Confirmation(_) | Layer::TypedCommandConfirmation(_)));
            key != Key::char('y') || !is_confirming
        };
        for step in &steps {
            for (effect, layer, key) in driver.perform(step, is_not_confirming) {
                if matches!(effect, Effect::RunAction(_) | Effect::SendTypedCommand(..)) {
                    // The only other way to confirm is to type the name.
                    let Some(gate) = layer.as_ref().and_then(Layer::gate) else { panic!("{effect:?} unconfirmed") };
                    prop_assert!(key.code == KeyCode::Enter && gate.required_name() == Some(gate.typed_name()));
                }
            }
        }
    }

    #[test]
    fn sent_line_was_confirmed(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut driver = ModelDriver::new();
        driver.press("<ret>j");
        for step in &steps {
            for (effect, layer, key) in driver.perform(step, |_, _| true) {
                let Effect::SendTypedCommand(_, line) = &effect else { continue };
                let Some(Layer::TypedCommandConfirmation(confirmation)) = layer else { panic!("{effect:?} unconfirmed") };
                match confirmation.gate.required_name() {
                    None => prop_assert_eq!(key, Key::char('y')),
                    name => prop_assert!(key.code == KeyCode::Enter && name == Some(confirmation.gate.typed_name())),
                }
                prop_assert_eq!(line.get(), &confirmation.change);
                prop_assert!(driver.millis >= confirmation.opened_at.as_millis() as u64 + 500);
            }
        }
    }
}
