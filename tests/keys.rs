//! Keys in, effects out: `update` driven by key strings and a clock that only the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/samples.rs"]
mod samples;

use std::time::Duration;

use desk::{Desk, NOTHING, PACE, any_key, sent};
use hapulse::actions::action_table::Danger;
use hapulse::actions::outcome::{Done, Outcome, Report};
use hapulse::app::key::{Code, Key};
use hapulse::app::layers::Layer;
use hapulse::app::layout::Pane;
use hapulse::app::msg::{Effect, Msg};
use hapulse::app::update::next_wake;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::safe_text::SafeText;
use hapulse::instance::guard::Guard;
use proptest::prelude::*;

#[test]
fn the_selection_moves() {
    let mut desk = Desk::new();
    assert_eq!(desk.selected(Pane::Backends), "be_app/BACKEND");
    for (keys, expected) in [
        ("j", "be_api"),
        ("<down><down>", "be_agent"),
        ("k", "be_slow"),
        ("<up>", "be_api"),
        ("G", "st_src"),
        ("j", "st_src"),
        ("g", "be_app"),
        ("k", "be_app"),
        ("<end>", "st_src"),
        ("<home>", "be_app"),
        ("<c-d>", "st_url"),
        ("<c-u>", "be_app"),
        ("<pgdn>", "st_src"),
        ("<pgup>", "be_app"),
    ] {
        assert_eq!(desk.press(keys), [], "{keys}");
        assert_eq!(desk.selected(Pane::Backends), format!("{expected}/BACKEND"), "{keys}");
    }
}

#[test]
fn another_backend_shows_its_servers_from_the_first() {
    let mut desk = Desk::new();
    desk.press("<ret>jj<esc>");
    assert_eq!(desk.selected(Pane::Servers), "be_app/app3");
    desk.press("j");
    assert_eq!(desk.selected(Pane::Servers), "be_api/api1");
}

#[test]
fn tab_goes_through_the_panes_and_then_through_the_views() {
    let mut desk = Desk::new();
    for (key, view, focus) in [
        ("<tab>", 0, Pane::Servers),
        ("<tab>", 1, Pane::Servers),
        ("<tab>", 2, Pane::Servers),
        ("<backtab><backtab>", 0, Pane::Servers),
        ("<backtab>", 0, Pane::Backends),
        ("<backtab>", 0, Pane::Frontends),
        ("<backtab>", 9, Pane::Frontends),
        ("<tab>", 0, Pane::Frontends),
    ] {
        desk.press(key);
        assert_eq!((desk.model.view, desk.model.focus), (view, focus), "{key}");
    }
}

#[test]
fn right_goes_in_and_left_goes_back() {
    let mut desk = Desk::new();
    for (keys, focus) in [
        ("<ret>", Pane::Servers),
        ("<esc>", Pane::Backends),
        ("<esc>", Pane::Backends),
        ("<right>", Pane::Servers),
        ("<left>", Pane::Backends),
        ("<ret><bs>", Pane::Backends),
        ("<left>", Pane::Frontends),
        ("<right>", Pane::Backends),
    ] {
        assert_eq!(desk.press(keys), [], "{keys}");
        assert_eq!(desk.model.focus, focus, "{keys}");
    }
    desk.press("jjjjjjjj");
    assert_eq!(desk.selected(Pane::Backends), "be_empty/BACKEND");
    desk.press("<right>");
    assert_eq!(desk.model.focus, Pane::Backends, "there are no servers to go into");
}

#[test]
fn enter_on_a_server_opens_everything_about_it() {
    let mut desk = Desk::new();
    desk.press("<ret>j<ret>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(..)]));
    desk.press("M");
    let question = desk.model.layers.last();
    assert!(matches!(question, Some(Layer::Confirm(confirm)) if confirm.intent.name() == "be_app/app2"));
    desk.press("<esc><esc>");
    assert!(desk.model.layers.is_empty());
}

#[test]
fn escape_ends_the_zoom_before_it_goes_back() {
    let mut desk = Desk::new();
    desk.press("<ret>z");
    assert!(desk.model.zoom);
    assert_eq!(desk.model.layout().panes.len(), 1);
    desk.press("<esc>");
    assert_eq!((desk.model.zoom, desk.model.focus), (false, Pane::Servers));
    desk.press("zz");
    assert!(!desk.model.zoom);
}

#[test]
fn the_selection_follows_its_row() {
    let mut desk = Desk::new();
    desk.press("<ret>jj");
    assert_eq!(desk.selected(Pane::Servers), "be_app/app3");
    desk.sheet.reverse("be_app");
    desk.sample();
    assert_eq!(desk.selected(Pane::Servers), "be_app/app3", "after a reload that turned the order round");
    assert_eq!(desk.selected(Pane::Backends), "be_app/BACKEND");
    desk.sheet.remove("be_app", "down1").remove("be_app", "dns1");
    desk.sample();
    assert_eq!(desk.selected(Pane::Servers), "be_app/app3", "rows above it went away");
    desk.sheet.remove("be_app", "app3");
    desk.sample();
    assert_eq!(desk.selected(Pane::Servers), "be_app/app2", "the row in its place takes over");
}

#[test]
fn an_act_is_bound_to_the_row_and_not_to_the_place() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.sheet.reverse("be_app");
    desk.sample();
    assert_eq!(sent(&desk.press("y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn a_backend_that_vanishes_takes_the_focus_out_of_its_servers() {
    let mut desk = Desk::new();
    desk.press("jjjjjjj<ret>");
    assert_eq!(desk.selected(Pane::Servers), "be_alldown/d1");
    for name in ["d1", "d2", "BACKEND"] {
        desk.sheet.remove("be_alldown", name);
    }
    desk.sample();
    assert_eq!(desk.selected(Pane::Backends), "be_empty/BACKEND");
    assert_eq!(desk.model.focus, Pane::Backends);
    assert_eq!(sent(&desk.press("My")), NOTHING);
}

#[test]
fn each_act_is_asked_and_sends_exactly_its_command() {
    for (keys, danger, command) in [
        ("<ret>jM", Danger::High, "set server be_app/app2 state maint"),
        ("<ret>j<f10>", Danger::High, "set server be_app/app2 state maint"),
        ("<ret>jD", Danger::High, "set server be_app/app2 state drain"),
        ("<ret>jjjjjE", Danger::Low, "set server be_app/dis1 state ready"),
        ("<ret>jjjjj<f9>", Danger::Low, "set server be_app/dis1 state ready"),
        ("j<ret>D", Danger::High, "set server be_api/api1 state drain"),
    ] {
        let mut desk = Desk::new();
        assert_eq!(desk.press(keys), [], "{keys}: nothing without an answer");
        assert_eq!(desk.question().unwrap().danger, danger, "{keys}");
        assert_eq!(desk.question().unwrap().intent.commands(), [command], "{keys}");
        let effects = desk.press("y");
        assert_eq!(effects.len(), 1, "{keys}");
        assert_eq!(sent(&effects), [command], "{keys}");
        assert!(desk.question().is_none(), "{keys}");
        assert_eq!(desk.model.instance().unwrap().acting, 1, "{keys}");
        assert_eq!(desk.notice(), format!("sent: {command}"), "{keys}");
        assert_eq!(sent(&desk.press("y")), NOTHING, "{keys}: one answer, one command");
    }
}

#[test]
fn what_was_typed_ahead_is_dropped() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    for after in [0, 100, 199] {
        assert_eq!(desk.later(after, "y"), []);
        assert!(desk.question().is_some(), "the question stays");
    }
    assert_eq!(sent(&desk.later(1, "y")), ["set server be_app/app2 state maint"], "300 ms after it was asked");
}

#[test]
fn no_is_the_default() {
    for key in ["n", "N", "q", "<esc>", "<ret>", "<c-c>"] {
        let mut desk = Desk::new();
        desk.press("<ret>jM");
        assert_eq!(desk.press(key), [], "{key}");
        assert!(desk.question().is_none(), "{key}");
        assert_eq!(desk.notice(), "nothing was sent", "{key}");
        assert_eq!(sent(&desk.press("y")), NOTHING, "{key}: too late");
    }
}

#[test]
fn other_keys_neither_answer_nor_reach_the_dashboard() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    assert_eq!(desk.press("jkGzYMDE<f9><space>r?<tab><c-y><a-y><up>1"), []);
    assert_eq!(desk.question().unwrap().intent.commands(), ["set server be_app/app2 state maint"]);
    assert_eq!((desk.selected(Pane::Servers).as_str(), desk.model.zoom), ("be_app/app2", false));
}

#[test]
fn a_slip_of_the_shift_key_does_nothing() {
    let mut desk = Desk::new();
    assert_eq!(sent(&desk.press("<ret>jmdey")), NOTHING);
    assert!(desk.question().is_none());
}

#[test]
fn the_highest_danger_wants_the_name() {
    let mut desk = Desk::new();
    desk.press("<ret>M");
    assert_eq!(desk.question().unwrap().danger, Danger::Highest, "100 of 160 would go");
    assert_eq!(desk.press("y"), []);
    assert_eq!(desk.press("<ret>"), []);
    assert_eq!(desk.question().unwrap().remark.as_deref(), Some("that is not app1"));
    assert_eq!(desk.press("<bs>app2<ret>"), []);
    assert_eq!(desk.press("<bs>1"), []);
    assert_eq!(desk.question().unwrap().typed, "app1");
    assert_eq!(sent(&desk.press("<ret>")), ["set server be_app/app1 state maint"]);
}

#[test]
fn an_empty_name_is_no() {
    let mut desk = Desk::new();
    desk.press("<ret>M");
    assert_eq!(desk.press("<ret>"), []);
    assert!(desk.question().is_none());
    desk.press("Mapp1<bs><bs><bs><bs>");
    assert_eq!(desk.press("<ret>"), []);
    assert!(desk.question().is_none());
}

#[test]
fn a_question_expires_after_a_minute() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    assert_eq!(desk.wait(59_999), []);
    assert!(desk.question().is_some());
    assert_eq!(desk.wait(1), []);
    assert!(desk.question().is_none());
    assert_eq!(desk.notice(), "nothing was sent: the question was open for too long");

    let mut desk = Desk::new();
    desk.press("<ret>jM");
    assert_eq!(sent(&desk.later(60_000, "y")), NOTHING, "even when the answer itself is what comes too late");
    assert!(desk.question().is_none());

    let mut desk = Desk::new();
    desk.press("<ret>jM");
    assert_eq!(sent(&desk.later(59_999, "y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn a_server_that_changed_meanwhile_is_asked_about_again() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.sheet.set("be_app", "app2", "status", "DOWN");
    desk.sample();
    assert_eq!(desk.press("y"), [], "the first answer was about another state");
    let remark = desk.question().unwrap().remark.clone().unwrap();
    assert_eq!(remark, "be_app/app2 changed meanwhile: it was UP, now it is DOWN; asked again");
    assert_eq!(desk.later(299, "y"), [], "typed ahead of the second question");
    assert_eq!(sent(&desk.later(1, "y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn a_check_that_failed_once_is_no_other_state() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.sheet.set("be_app", "app2", "status", "UP 1/3");
    desk.sample();
    assert_eq!(sent(&desk.press("y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn a_question_that_became_dangerous_is_asked_again_and_wants_the_name() {
    let mut desk = Desk::new();
    desk.press("<ret>jD");
    assert_eq!(desk.question().unwrap().danger, Danger::High);
    desk.sheet.set("be_app", "app1", "status", "DOWN");
    desk.sample();
    assert_eq!(desk.press("y"), [], "50 of 61 would go now");
    assert_eq!(desk.question().unwrap().danger, Danger::Highest);
    assert_eq!(desk.press("y"), []);
    assert_eq!(sent(&desk.press("<bs>app2<ret>")), ["set server be_app/app2 state drain"]);
}

#[test]
fn a_server_that_vanished_is_refused() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.sheet.remove("be_app", "app2");
    desk.sample();
    assert_eq!(desk.press("y"), []);
    assert!(desk.question().is_none());
    assert_eq!(desk.notice(), "be_app/app2 is gone: HAProxy does not list it any more");
}

#[test]
fn a_server_of_another_name_in_its_place_is_refused() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.sheet.set("be_app", "app2", "svname", "app9");
    desk.sample();
    assert_eq!(desk.press("y"), []);
    assert!(desk.notice().starts_with("be_app/app2 is gone"), "{}", desk.notice());
}

#[test]
fn nothing_is_sent_while_the_link_is_lost() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.lose();
    assert_eq!(desk.press("y"), []);
    assert_eq!(desk.notice(), "the connection to HAProxy is lost: nothing can be sent now");
    assert_eq!(desk.press("M"), []);
    assert!(desk.question().is_none());
}

#[test]
fn what_may_not_be_done_says_why_and_asks_nothing() {
    let admin = Some(Level::Admin);
    for (guard, level, words) in [
        (Guard { read_only: true }, admin, "read-only"),
        (Guard { read_only: true }, Some(Level::Operator), "read-only"),
        (Guard::default(), Some(Level::Operator), "this socket has operator"),
        (Guard::default(), Some(Level::User), "this socket has user"),
        (Guard::default(), None, "the level of this socket is not known yet"),
    ] {
        for key in ["M", "D", "E", "<f9>", "<f10>"] {
            let mut desk = Desk::with(guard, level);
            assert_eq!(desk.press("<ret>j"), []);
            assert_eq!(desk.press(key), [], "{key}");
            assert!(desk.question().is_none(), "{key} {level:?}");
            assert!(desk.notice().contains(words), "{key}: {}", desk.notice());
            assert_eq!(sent(&desk.press("yapp2<ret>y")), NOTHING, "{key} {level:?}");
        }
    }
}

#[test]
fn acts_are_for_servers_only() {
    for keys in ["M", "<backtab>M", "<backtab>E", "D"] {
        let mut desk = Desk::new();
        assert_eq!(desk.press(keys), [], "{keys}");
        assert!(desk.question().is_none(), "{keys}");
        assert_eq!(desk.notice(), "select a server first", "{keys}");
    }
}

#[test]
fn help_takes_the_keys_until_it_is_closed() {
    for close in ["?", "<esc>", "q", "<ret>", "h", "<f1>", "<bs>", "<c-c>"] {
        let mut desk = Desk::new();
        desk.press("<ret>j?");
        assert_eq!(desk.press("MyD<f10>zjG"), [], "{close}");
        assert!(matches!(desk.model.layers.as_slice(), [Layer::Help(_)]), "{close}");
        assert_eq!(desk.press(close), [], "{close}: it closes the help and not the program");
        assert!(desk.model.layers.is_empty(), "{close}");
        assert_eq!((desk.selected(Pane::Servers).as_str(), desk.model.zoom), ("be_app/app2", false));
    }
}

#[test]
fn keys_of_the_program_are_effects() {
    let mut desk = Desk::new();
    for (key, effect) in [
        ("q", Effect::Quit),
        ("Q", Effect::Quit),
        ("<c-c>", Effect::Quit),
        ("<c-z>", Effect::Suspend),
        ("<c-l>", Effect::Redraw),
        ("r", Effect::PollNow(0)),
    ] {
        assert_eq!(desk.press(key), [effect], "{key}");
    }
    assert_eq!(desk.tell(Msg::Resize(80, 24)), [Effect::Redraw]);
    assert_eq!(desk.model.size, (80, 24));
    assert_eq!(desk.press("o"), []);
    assert_eq!(desk.notice(), "only one HAProxy is watched: name several on the command line");
}

/// What the operator brings back for the act that was sent.
fn report(desk: &Desk, effects: &[Effect], outcome: Outcome) -> Report {
    let [Effect::Act(authorised)] = effects else { panic!("{effects:?}") };
    let intent = authorised.get().clone();
    assert_eq!(desk.model.instance().unwrap().acting, 1);
    let (step, command) = (intent.steps[0].clone(), intent.commands()[0].clone());
    let done = Done { step, command, before: None, after: None, outcome, remark: None };
    Report { intent, done: vec![done] }
}

#[test]
fn what_became_of_an_act_is_told_and_asked_for_at_once() {
    for (outcome, words) in [
        (Outcome::Verified("MAINT, 2 sessions left".into()), "verified, MAINT, 2 sessions left"),
        (Outcome::Refused(SafeText::from("No such server.")), "refused by HAProxy: No such server."),
        (Outcome::NotSeen { now: "UP".into(), samples: 3 }, "accepted, but still UP after 3 samples"),
    ] {
        let mut desk = Desk::new();
        let effects = desk.press("<ret>jMy");
        let report = report(&desk, &effects, outcome);
        assert_eq!(desk.tell(Msg::Acted(report)), [Effect::PollNow(0)]);
        assert_eq!(desk.notice(), format!("be_app/app2: {words}"));
        assert_eq!(desk.model.instance().unwrap().acting, 0);
    }
}

#[test]
fn notices_disappear() {
    let mut desk = Desk::new();
    desk.press("<ret>jMn");
    let until = desk.model.notice.as_ref().unwrap().until.as_millis() as u64;
    assert_eq!(until, desk.millis + 3000 + 50 * 16, "three seconds, and time to read sixteen characters");
    desk.wait(until - desk.millis - 1);
    assert_eq!(desk.notice(), "nothing was sent");
    desk.wait(1);
    assert_eq!(desk.notice(), "");
}

#[test]
fn it_wakes_only_when_something_will_change_by_itself() {
    let wake = |desk: &Desk| next_wake(&desk.model, Duration::from_millis(desk.millis));
    let mut desk = Desk::new();
    assert_eq!(wake(&desk), None, "a screen that stays as it is");
    desk.press("<ret>j");
    assert_eq!(wake(&desk), None);
    desk.press("?");
    assert_eq!(wake(&desk), None, "help stands still");
    desk.press("<esc>M");
    assert_eq!(desk.millis, 12_000);
    desk.wait(250);
    assert_eq!(wake(&desk), Some(Duration::from_secs(13)), "the question counts down in whole seconds");
    desk.wait(59_250);
    assert_eq!(wake(&desk), Some(Duration::from_secs(72)), "and then expires");
    desk.wait(500);
    assert!(desk.question().is_none());
    let until = desk.model.notice.as_ref().unwrap().until;
    assert_eq!(wake(&desk), Some(until), "what it said goes by itself");
    desk.wait(60_000);
    assert_eq!((desk.notice(), wake(&desk)), ("", None));
    desk.lose();
    assert_eq!(wake(&desk), Some(Duration::from_millis(desk.millis / 1000 * 1000 + 1000)), "old data grows older");
    desk.sample();
    assert_eq!(wake(&desk), None);
}

#[test]
fn the_next_wake_lies_always_ahead() {
    let mut desk = Desk::new();
    desk.press("<ret>jM");
    desk.lose();
    for _ in 0..200 {
        let now = Duration::from_millis(desk.millis);
        let wake = next_wake(&desk.model, now).unwrap();
        let ahead = wake.saturating_sub(now);
        assert!(!ahead.is_zero(), "{wake:?} at {now:?}");
        desk.wait(ahead.as_millis() as u64);
    }
}

/// Something that happens at the desk.
#[derive(Debug, Clone)]
enum Step {
    Key(Key, u64),
    Status(&'static str, &'static str),
    Lost,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let servers = prop::sample::select(vec!["app1", "app2", "app3", "bk1", "dis1"]);
    let statuses = prop::sample::select(vec!["UP", "DOWN", "MAINT", "DRAIN"]);
    let delay = prop_oneof![Just(0_u64), Just(150), Just(299), Just(300), Just(PACE)];
    prop_oneof![
        20 => (any_key(), delay).prop_map(|(key, delay)| Step::Key(key, delay)),
        2 => (servers, statuses).prop_map(|(server, status)| Step::Status(server, status)),
        1 => Just(Step::Lost),
        1 => prop_oneof![Just(1000_u64), Just(30_000), Just(61_000)].prop_map(Step::Wait),
    ]
}

impl Desk {
    fn step(&mut self, step: &Step) -> Vec<Effect> {
        match step {
            Step::Key(key, after) => return self.key(*key, *after),
            Step::Status(server, status) => {
                self.sheet.set("be_app", server, "status", status);
                self.sample();
            }
            Step::Lost => self.lose(),
            Step::Wait(millis) => return self.wait(*millis),
        }
        Vec::new()
    }
}

/// Any step but the one key that says yes, and the digits without which no server's name can be typed.
fn says_no_yes(step: &Step) -> bool {
    !matches!(step, Step::Key(Key { code: Code::Char(ch), .. }, _) if *ch == 'y' || ch.is_ascii_digit())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_a_yes_nothing_is_ever_sent(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut desk = Desk::new();
        desk.press("<ret>j");
        for step in steps.iter().filter(|step| says_no_yes(step)) {
            prop_assert_eq!(sent(&desk.step(step)), NOTHING);
        }
    }

    #[test]
    fn read_only_never_sends(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut desk = Desk::with(Guard { read_only: true }, Some(Level::Admin));
        for step in &steps {
            prop_assert_eq!(sent(&desk.step(step)), NOTHING);
            prop_assert!(!desk.model.layers.iter().any(|layer| matches!(layer, Layer::Confirm(_))));
        }
    }

    #[test]
    fn a_low_level_never_sends(steps in prop::collection::vec(any_step(), 1..60), operator: bool) {
        let level = if operator { Level::Operator } else { Level::User };
        let mut desk = Desk::with(Guard::default(), Some(level));
        for step in &steps {
            prop_assert_eq!(sent(&desk.step(step)), NOTHING);
        }
    }

    #[test]
    fn whatever_is_sent_was_asked_and_answered(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut desk = Desk::new();
        desk.press("<ret>j");
        for step in &steps {
            let before = match desk.model.layers.last() {
                Some(Layer::Confirm(question)) => Some(question.clone()),
                _ => None,
            };
            let effects = desk.step(step);
            let commands = sent(&effects);
            if commands.is_empty() {
                continue;
            }
            prop_assert_eq!(effects.len(), 1);
            let Some(question) = before else { panic!("{commands:?} without a question") };
            let Step::Key(key, _) = step else { panic!("{commands:?} without a key") };
            let since = desk.millis + 60_000 - question.expires_at().as_millis() as u64;
            prop_assert!((300..60_000).contains(&since), "{since} ms after it was asked");
            prop_assert_eq!(commands, question.intent.commands());
            match question.name_to_type() {
                None => prop_assert_eq!(*key, Key::char('y')),
                Some(name) => prop_assert!(key.code == Code::Enter && question.typed == name),
            }
        }
    }
}
