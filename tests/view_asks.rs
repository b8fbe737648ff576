//! Keys that ask HAProxy: sessions, stick tables and its own command line; and that nothing is sent that was
//! not asked about and answered. Pure, with a clock that only the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/samples.rs"]
mod samples;
#[path = "support/told.rs"]
mod told;

use desk::{Desk, PACE, any_key};
use hapulse::app::commands::COMMANDS;
use hapulse::app::key::{Code, Key};
use hapulse::app::layers::Layer;
use hapulse::app::msg::{Effect, Msg};
use hapulse::ask::query::Query;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::instance::guard::Guard;
use proptest::prelude::*;

const VERSION: &str = "2.6.12";
const READ_ONLY: Guard = Guard { read_only: true };

impl Desk {
    /// Something comes in that leads to nothing outside.
    fn hear(&mut self, msg: Msg) {
        assert_eq!(self.tell(msg), []);
    }

    /// Types a line into the command line, and Enter.
    fn line(&mut self, line: &str) -> Vec<Effect> {
        let typed: Vec<Effect> = line.chars().flat_map(|ch| self.key(Key::char(ch), 50)).collect();
        assert_eq!(typed, [], "typing does nothing yet");
        self.press("<ret>")
    }

    /// What stands in the scrollback.
    fn said(&self) -> Vec<&str> {
        self.model.instance().unwrap().asked.said.iter().map(|line| line.text.as_str()).collect()
    }
}

/// The questions among effects, as commands.
fn asked(effects: &[Effect]) -> Vec<String> {
    let command = |effect: &Effect| match effect {
        Effect::Ask(0, version, query) => Some(query.command(*version).unwrap()),
        _ => None,
    };
    effects.iter().filter_map(command).collect()
}

/// The typed lines among effects that may change HAProxy.
fn written(effects: &[Effect]) -> Vec<&str> {
    let lines = effects.iter().filter_map(|effect| match effect {
        Effect::Send(0, line) => Some(line.get().as_str()),
        _ => None,
    });
    lines.collect()
}

const NONE: [&str; 0] = [];

#[test]
fn nothing_is_asked_before_a_key_asks() {
    for view in ["7", "8", "5"] {
        let mut desk = Desk::new();
        assert_eq!(desk.press(view), [], "{view}");
        for _ in 0..10 {
            assert_eq!(desk.wait(2000), [], "{view}");
            desk.sample();
        }
    }
}

#[test]
fn enter_asks_for_the_sessions_once_in_ten_seconds() {
    let mut desk = Desk::new();
    desk.press("7");
    let effects = desk.press("<ret>");
    assert_eq!((effects.len(), asked(&effects)), (1, vec!["show sess".to_owned()]));
    for (after, seconds) in [(1, 10), (PACE, 10), (8000, 2)] {
        assert_eq!(desk.later(after, "r"), []);
        assert_eq!(desk.notice(), format!("not more often than every 10 s: again in {seconds} s"));
    }
    desk.hear(told::sessions(VERSION));
    assert_eq!(asked(&desk.later(10_000, "r")), ["show sess"]);
}

#[test]
fn a_session_is_read_in_full_and_closed_again() {
    let mut desk = Desk::new();
    desk.press("7<ret>");
    desk.hear(told::sessions(VERSION));
    desk.press("j");
    let id = hapulse::app::queries::sessions(&desk.model).nth(1).unwrap().id.clone();
    assert_eq!(asked(&desk.press("<ret>")), [format!("show sess {id}")]);
    assert_eq!(desk.later(100, "<ret>"), [], "held down");
    desk.hear(told::session(VERSION));
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Page { top: 0, .. }]));
    assert_eq!(desk.press("jjMD7r"), [], "nothing below hears the keys");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Page { top: 2, .. }]));
    desk.press("<esc>");
    assert!(desk.model.layers.is_empty());
    assert_eq!(desk.model.shown().id, "sessions");
}

#[test]
fn sessions_are_ordered_and_looked_through() {
    let mut desk = Desk::new();
    desk.press("7<ret>");
    desk.hear(told::sessions(VERSION));
    let count = |desk: &Desk| hapulse::app::queries::sessions(&desk.model).count();
    assert_eq!(count(&desk), 10);
    desk.press("/be_tcp");
    assert_eq!(count(&desk), 3);
    desk.press("<ret><esc>");
    assert_eq!(count(&desk), 10);
    desk.press("/backend:be_slow<ret>");
    assert_eq!(count(&desk), 6);
    let effects = desk.later(10_000, "r");
    let [Effect::Ask(_, _, Query::Sessions(filter))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(filter.backend, Some("be_slow".into()), "HAProxy is asked for these only");
    let order = |desk: &Desk| desk.model.instance().unwrap().asked.order;
    let first = order(&desk);
    desk.press("s");
    assert_ne!(order(&desk), first);
    desk.press(">>");
    assert_eq!(order(&desk), first);
}

#[test]
fn what_a_level_may_not_ask_is_said() {
    for guard in [Guard::default(), READ_ONLY] {
        let mut desk = Desk::with(guard, Some(Level::User));
        assert_eq!(desk.press("7<ret>"), []);
        assert_eq!(desk.notice(), "\"show sess\" needs level operator; this socket has level user");
        assert_eq!(asked(&desk.press("8<ret>")), ["show table"], "a user may");
        desk.hear(told::tables(VERSION));
        assert_eq!(desk.press("<ret>"), []);
        assert!(desk.notice().contains("needs level operator"), "{}", desk.notice());
        assert_eq!(asked(&Desk::with(guard, Some(Level::Operator)).press("7<ret>")), ["show sess"]);
    }
}

#[test]
fn a_failed_question_says_why_and_keeps_what_was_told() {
    let mut desk = Desk::new();
    desk.press("7<ret>");
    desk.hear(told::sessions(VERSION));
    desk.later(10_000, "r");
    desk.hear(told::failed(Query::Sessions(SessionFilter::default())));
    let board = &desk.model.instance().unwrap().asked.sessions;
    assert!(board.error.as_ref().unwrap().contains("no answer") && !board.is_waiting);
    assert_eq!(hapulse::app::queries::sessions(&desk.model).count(), 10);
}

#[test]
fn tables_lead_to_their_entries_and_back() {
    let mut desk = Desk::new();
    assert_eq!(asked(&desk.press("8<ret>")), ["show table"]);
    assert_eq!(desk.later(100, "r"), [], "held down");
    desk.hear(told::tables(VERSION));
    desk.press("jj");
    assert_eq!(asked(&desk.press("<ret>")), ["show table st_keys"]);
    desk.hear(told::entries(VERSION, "st_keys"));
    let keys = |desk: &Desk| {
        let entries = hapulse::app::queries::entries(&desk.model);
        entries.map(|entry| entry.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&desk).len(), 4);
    desk.press(">");
    assert_eq!(keys(&desk)[0], "alice");
    assert_eq!(desk.press("r"), []);
    assert!(desk.notice().starts_with("not more often than every 10 s"), "{}", desk.notice());
    desk.press("/conn_cnt>30<ret>");
    assert_eq!(asked(&desk.later(10_000, "r")), ["show table st_keys data.conn_cnt gt 30"]);
    desk.press("<esc>");
    assert!(desk.model.instance().unwrap().asked.open_table.is_none());
    desk.press("g");
    assert_eq!(desk.press("<ret>"), [], "not at once again");
    assert_eq!(asked(&desk.later(10_000, "<ret>")), ["show table st_src"]);
}

#[test]
fn the_command_line_takes_every_key_that_types() {
    let mut desk = Desk::new();
    desk.press("5");
    let mut typed = String::new();
    for key in COMMANDS.iter().flat_map(|action| action.keys).filter_map(|name| Key::parse(name)) {
        let Code::Char(ch) = key.code else { continue };
        if key.ctrl || key.alt {
            continue;
        }
        typed.push(ch);
        assert_eq!(desk.key(key, PACE), [], "{key}");
        assert_eq!(desk.model.cli.prompt.text(), typed, "{key}");
        assert!(desk.model.layers.is_empty() && desk.model.shown().id == "cli", "{key}");
    }
    for needed in "qQMDE0123456789/:!?stfFrhjk".chars() {
        assert!(typed.contains(needed), "{needed}");
    }
    let others = COMMANDS.iter().flat_map(|action| action.keys).filter_map(|name| Key::parse(name));
    for key in others.filter(|key| key.ctrl || !matches!(key.code, Code::Char(_) | Code::Enter)) {
        let mut desk = Desk::new();
        desk.press("<ret>j5x");
        let effects = desk.key(key, PACE);
        let is_way_out = key == Key::parse("<c-c>").unwrap();
        assert_eq!(effects == [Effect::Quit], is_way_out, "{key}");
        let is_question = matches!(desk.model.layers.last(), Some(Layer::Confirm(_)));
        assert!(desk::sent(&effects).is_empty() && !is_question, "{key}");
    }
}

#[test]
fn the_command_line_leaves_with_escape() {
    for from in ["1", "7", "0", "!"] {
        let mut desk = Desk::new();
        desk.press(from);
        let view = desk.model.view;
        desk.press(if from == "!" { "<a-5>" } else { "5" });
        desk.press("show");
        desk.press("<esc>");
        assert_eq!(desk.model.view, view, "{from}");
        desk.press("5");
        assert_eq!(desk.model.cli.prompt.text(), "show", "what was typed stays");
    }
}

#[test]
fn a_line_that_reads_is_asked_at_once() {
    for guard in [Guard::default(), READ_ONLY] {
        let mut desk = Desk::with(guard, Some(Level::Admin));
        desk.press("5");
        let effects = desk.line("show info");
        assert_eq!(asked(&effects), ["show info"]);
        assert!(effects.contains(&Effect::Remember("show info".into())));
        assert_eq!(written(&effects), NONE);
        desk.hear(told::read("show info", "Name: HAProxy\nVersion: 2.6.12\n"));
        assert_eq!(desk.said(), ["> show info", "Name: HAProxy", "Version: 2.6.12"]);
        assert_eq!(desk.model.cli.prompt.text(), "");
        desk.press("<up>");
        assert_eq!(desk.model.cli.prompt.text(), "show info");
        assert_eq!(asked(&desk.line("")), ["show info"]);
        assert_eq!(asked(&desk.line("show sess")), ["show sess"]);
        assert_eq!(asked(&desk.line("show sess")), NONE, "the pause is for typed lines too");
        assert_eq!(desk.line("   "), []);
    }
}

#[test]
fn a_line_that_writes_is_asked_about_first() {
    const LINE: &str = "set server be_app/app1 state maint";
    let mut desk = Desk::new();
    desk.press("5");
    let effects = desk.line(LINE);
    assert_eq!(effects, [Effect::Remember(LINE.into())]);
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Sure(_)]));
    assert_eq!(desk.later(299, "y"), [], "typed ahead");
    for key in ["Y", "j", "M", "1", "<up>", "<a-y>", "<c-y>", "<space>"] {
        assert_eq!(desk.press(key), [], "{key}");
        assert!(matches!(desk.model.layers.as_slice(), [Layer::Sure(_)]), "{key}");
    }
    let effects = desk.press("y");
    assert_eq!((effects.len(), written(&effects)), (1, vec![LINE]));
    assert!(desk.model.layers.is_empty());
    assert_eq!(desk.press("y"), [], "one answer, one line");
    assert_eq!(desk.tell(told::written("\n")), [Effect::PollNow(0)]);

    for no in ["n", "N", "q", "<esc>", "<ret>"] {
        let mut desk = Desk::new();
        desk.press("5");
        desk.line(LINE);
        assert_eq!(desk.press(no), [], "{no}");
        assert!(desk.model.layers.is_empty(), "{no}");
        assert_eq!(desk.said().last(), Some(&"nothing was sent"), "{no}");
        assert_eq!(desk.press("y"), [], "{no}: too late");
    }
}

#[test]
fn nothing_is_asked_or_sent_while_the_link_is_lost() {
    let mut desk = Desk::new();
    desk.press("<a-5>");
    desk.line("clear counters");
    desk.lose();
    assert_eq!(desk.press("y"), []);
    assert!(desk.said().last().unwrap().contains("lost"), "{:?}", desk.said());
    assert_eq!(desk.press("<a-7><ret>r8<ret>r"), []);
    assert!(desk.notice().starts_with("the connection to HAProxy is lost"), "{}", desk.notice());
}

#[test]
fn read_only_refuses_what_writes_and_what_is_not_known() {
    for line in
        ["clear counters", "set server be_app/app1 state maint", "show info;shutdown sessions server a/b", "xyz"]
    {
        let mut desk = Desk::with(READ_ONLY, Some(Level::Admin));
        desk.press("5");
        assert_eq!(desk.line(line), [Effect::Remember(line.into())], "{line}");
        assert!(desk.model.layers.is_empty(), "{line}");
        assert!(desk.said().last().unwrap().ends_with("hapulse runs read-only"), "{:?}", desk.said());
        assert_eq!(desk.press("y<ret>").len(), 1, "{line}: only remembered");
    }
}

#[test]
fn what_a_version_does_not_survive_is_not_sent() {
    let mut desk = Desk::new();
    desk.press("5");
    desk.line("set maxconn frontend fe_web 2000");
    assert!(desk.model.layers.is_empty());
    assert!(
        desk.said().last().unwrap().contains("dies when the limit of a full frontend is raised"),
        "{:?}",
        desk.said()
    );
}

#[test]
fn tab_completes_commands_and_names() {
    let mut desk = Desk::new();
    desk.press("5");
    assert_eq!(asked(&desk.press("show<space>sta<tab>")), ["help"], "once");
    desk.hear(told::help(VERSION));
    desk.press("<tab>");
    assert!(desk.model.cli.prompt.text().starts_with("show stat"), "{}", desk.model.cli.prompt.text());
    desk.press("<c-u>");
    assert_eq!(desk.press("set<space>server<space>be_app/app<tab>"), []);
    assert_eq!(desk.model.cli.prompt.text(), "set server be_app/app");
    desk.press("<c-u>disable<space>server<space>be_app/dow<tab>");
    assert_eq!(desk.model.cli.prompt.text(), "disable server be_app/down1");
}

/// Something a person does.
#[derive(Debug, Clone)]
enum Doing {
    Key(Key, u64),
    Line(&'static str),
    Answer(u8),
    Wait(u64),
}

fn any_doing() -> impl Strategy<Value = Doing> {
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
    let delay = prop_oneof![Just(0_u64), Just(299), Just(PACE)];
    prop_oneof![
        16 => (any_key(), delay).prop_map(|(key, delay)| Doing::Key(key, delay)),
        4 => lines.prop_map(Doing::Line),
        1 => (0_u8..4).prop_map(Doing::Answer),
        1 => prop_oneof![Just(3000_u64), Just(61_000)].prop_map(Doing::Wait),
    ]
}

impl Desk {
    fn act_out(&mut self, doing: &Doing, allows: impl Fn(&Self, Key) -> bool) -> Vec<(Effect, Option<Layer>, Key)> {
        let keys: Vec<(Key, u64)> = match doing {
            Doing::Key(key, after) => vec![(*key, *after)],
            Doing::Line(line) => {
                let line = format!("{}<ret>", line.replace(' ', "<space>"));
                Key::parse_all(&line).unwrap().into_iter().map(|key| (key, 50)).collect()
            }
            Doing::Answer(which) => {
                let told = match which {
                    0 => told::sessions(VERSION),
                    1 => told::session(VERSION),
                    2 => told::tables(VERSION),
                    _ => told::entries(VERSION, "st_keys"),
                };
                self.hear(told);
                return Vec::new();
            }
            Doing::Wait(millis) => {
                assert_eq!(self.wait(*millis), []);
                self.sample();
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for (key, after) in keys {
            if allows(self, key) {
                let before = self.model.layers.last().cloned();
                all.extend(self.key(key, after).into_iter().map(|effect| (effect, before.clone(), key)));
            }
        }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn read_only_neither_acts_nor_sends(doings in prop::collection::vec(any_doing(), 1..60)) {
        let mut desk = Desk::with(READ_ONLY, Some(Level::Admin));
        desk.press("<ret>j");
        for doing in &doings {
            for (effect, ..) in desk.act_out(doing, |_, _| true) {
                prop_assert!(!matches!(effect, Effect::Act(_) | Effect::Send(..)), "{effect:?}");
            }
        }
    }

    #[test]
    fn without_a_yes_nothing_acts_and_nothing_is_sent(doings in prop::collection::vec(any_doing(), 1..60)) {
        let mut desk = Desk::new();
        desk.press("<ret>j");
        // A question never hears a y; elsewhere it is a letter as any other.
        let is_no_yes = |desk: &Desk, key: Key| {
            key != Key::char('y') || !matches!(desk.model.layers.last(), Some(Layer::Confirm(_) | Layer::Sure(_)))
        };
        for doing in &doings {
            for (effect, before, key) in desk.act_out(doing, is_no_yes) {
                prop_assert!(!matches!(effect, Effect::Send(..)), "{effect:?}");
                if let Effect::Act(_) = effect {
                    // The one other way is to type the whole name.
                    let Some(Layer::Confirm(question)) = before else { panic!("{effect:?} without a question") };
                    prop_assert!(key.code == Code::Enter && question.name_to_type() == Some(question.typed.clone()));
                }
            }
        }
    }

    #[test]
    fn whatever_is_sent_was_asked_about_and_answered(doings in prop::collection::vec(any_doing(), 1..60)) {
        let mut desk = Desk::new();
        desk.press("<ret>j");
        for doing in &doings {
            for (effect, before, key) in desk.act_out(doing, |_, _| true) {
                let Effect::Send(_, line) = &effect else { continue };
                let Some(Layer::Sure(sure)) = before else { panic!("{effect:?} without a question") };
                prop_assert_eq!(key, Key::char('y'));
                prop_assert_eq!(line.get().as_str(), sure.line.as_str());
                prop_assert!(desk.millis >= sure.asked.as_millis() as u64 + 300);
            }
        }
    }
}
