//! Keys that go through time: staying at a moment, stepping, marking, and what must not be done meanwhile. Pure, with a
//! clock that only the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/samples.rs"]
mod samples;

use std::time::Duration;

use desk::{Desk, NOTHING, sent};
use hapulse::app::commands::{COMMANDS, UiCommand, Group};
use hapulse::app::layers::Layer;
use hapulse::app::model::{InstanceView, Model};
use hapulse::app::msg::{Effect, Msg};
use hapulse::app::update::{next_wake, update};
use hapulse::instance::guard::Guard;
use hapulse::observe::sampler::News;
use hapulse::ui::root::{Looks, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use samples::{Samples, Sheet, at};

const REFUSAL: &str = "this is the past: nothing can be sent or asked; p goes back to live";

impl Desk {
    /// The sessions and the status of a server, as they are shown, and the number of the sample.
    fn shown(&self) -> (u64, String, i64) {
        let instance = self.model.instance().unwrap();
        let sample = instance.watch.newest().unwrap();
        let row = |index: &usize| sample.table.rows()[*index].name.as_str() == "app1";
        let index = (0..sample.rows.ids().len()).find(row).unwrap();
        let sessions = sample.table.number(index, hapulse::haproxy::fields::Field::Scur).unwrap();
        (sample.seq, sample.table.rows()[index].status().to_owned(), sessions)
    }

    fn is_past(&self) -> bool {
        self.model.instance().unwrap().watch.past().is_some()
    }

    /// A sample two seconds later, with so many sessions on a server.
    fn step(&mut self, sessions: u32) {
        self.sheet.set("be_app", "app1", "scur", &sessions.to_string());
        self.millis += 2000;
        self.sample();
    }

    /// The first lines of the screen, and the last one.
    fn screen(&self) -> Vec<String> {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let show_time =
            |wall: std::time::SystemTime| format!("t{}", wall.duration_since(at(0).wall).unwrap_or_default().as_secs());
        let looks = Looks { theme: Theme::new(Palette::Mono, true), show_time };
        draw(&self.model, looks, Duration::from_millis(self.millis), &mut buffer);
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }
}

/// A desk with ten samples, in the sixth of which a server is down.
fn desk() -> Desk {
    let mut desk = Desk::new();
    for step in 2..=10 {
        let status = if step == 6 { "DOWN" } else { "UP" };
        desk.sheet.set("be_app", "app1", "status", status);
        desk.step(step);
    }
    desk
}

#[test]
fn the_moment_stays_while_samples_go_on() {
    let mut desk = desk();
    desk.press("p");
    assert_eq!(desk.shown(), (10, "UP".to_owned(), 10));
    desk.step(77);
    assert_eq!(desk.shown(), (10, "UP".to_owned(), 10), "another sample came");
    assert_eq!(desk.press("<left><left><left><left>"), []);
    assert_eq!(desk.shown(), (6, "DOWN".to_owned(), 6));
    desk.press("<right>");
    assert_eq!(desk.shown(), (7, "UP".to_owned(), 7));
    desk.press("<end>");
    assert_eq!(desk.shown().0, 11);
    desk.press("<home>");
    assert_eq!(desk.shown().0, 1);
    assert!(desk.is_past());
    desk.press("<left>");
    assert_eq!((desk.shown().0, desk.notice()), (1, "this is the oldest moment that is kept"));
    desk.press("p");
    assert_eq!((desk.shown().2, desk.is_past()), (77, false));
    desk.press("<left>");
    assert_eq!((desk.shown().0, desk.is_past()), (11, false), "in the present the arrows mean what they always do");
}

#[test]
fn minutes_are_skipped_with_shift_or_a_letter() {
    let mut desk = desk();
    for _ in 0..60 {
        desk.step(5);
    }
    desk.press("p");
    let seq = |desk: &mut Desk, keys: &str| {
        desk.press(keys);
        desk.shown().0
    };
    assert_eq!(seq(&mut desk, "<s-left>"), 40);
    assert_eq!(seq(&mut desk, "("), 10);
    assert_eq!(seq(&mut desk, ")"), 40);
    assert_eq!(seq(&mut desk, "<s-right>"), 70);
    assert_eq!(seq(&mut desk, "<s-right>"), 70);
    assert_eq!(desk.notice(), "this is the newest moment; p goes on live");
}

#[test]
fn nothing_is_sent_or_asked_from_the_past() {
    for view in ["0", "1", "4", "6", "9", "!", "A", "S", "7", "8"] {
        let acts = COMMANDS.iter().filter(|action| action.group == Group::Act || action.run == UiCommand::PollNow);
        for action in acts {
            let mut desk = desk();
            desk.press(view);
            desk.press("<down><down>pp");
            assert!(!desk.is_past());
            desk.press("p<left>");
            let typed = format!(":{}<ret>", action.id);
            for keys in action.keys.iter().copied().chain([typed.as_str()]) {
                let effects = desk.press(keys);
                let is_poll = |effect: &Effect| matches!(effect, Effect::PollNow(_));
                assert!(effects.iter().all(is_poll), "{view} {keys}: {effects:?}");
                let asks = |layer: &Layer| !matches!(layer, Layer::ActMenu(..));
                assert!(!desk.model.layers.iter().any(asks), "{view} {keys}: {:?}", desk.model.layers);
                if matches!(action.run, UiCommand::Act(_) | UiCommand::Weigh(_) | UiCommand::Offer) {
                    assert_eq!(desk.notice(), REFUSAL, "{view} {keys}");
                }
                if let Some(Layer::ActMenu(..)) = desk.model.layers.last() {
                    assert_eq!(desk.press("<ret>"), [], "{view} {keys}");
                    assert_eq!(desk.notice(), REFUSAL, "{view} {keys}");
                }
                desk.model.layers.clear();
            }
            assert!(desk.is_past(), "{view} {}", action.id);
        }
    }
}

#[test]
fn lines_typed_by_hand_stay_here_too() {
    let mut desk = desk();
    desk.press("p5");
    for line in ["show<space>stat", "set<space>server<space>be_app/app1<space>state<space>maint"] {
        let effects = desk.press(&format!("{line}<ret>"));
        assert!(matches!(effects.as_slice(), [Effect::Remember(_)]), "{effects:?}");
        assert_eq!(desk.model.layers.len(), 0);
        let said = &desk.model.instance().unwrap().asked.said;
        let why = "this is the past: nothing can be sent or asked; Esc, then p goes back to live";
        assert_eq!(said.last().unwrap().text.as_str(), why);
    }
    desk.press("<esc>p");
    assert!(desk.model.instance().unwrap().watch.past().is_none());
}

#[test]
fn a_question_that_was_open_is_answered_with_no() {
    // A question takes the keys, so the past cannot be entered with one open; whatever opened it, the guard says no.
    let mut desk = desk();
    desk.press("<ret>jM");
    assert!(desk.question().is_some());
    let watch = &mut desk.model.instance_mut().unwrap().watch;
    watch.travel(hapulse::instance::past_moment::Travel::Oldest);
    assert_eq!(sent(&desk.press("y")), NOTHING);
    assert_eq!(desk.notice(), REFUSAL);
}

#[test]
fn undo_waits_for_the_present() {
    let mut desk = desk();
    desk.press("<ret>j");
    let effects = desk.press("My");
    assert_eq!(sent(&effects), ["set server be_app/app2 state maint"]);
    desk.press("pu");
    assert!(desk.question().is_none());
}

#[test]
fn escape_leaves_the_past_when_nothing_else_is_left_to_close() {
    let mut desk = desk();
    desk.press("1/be_app<ret>j<space>p<left>");
    desk.press("<ret>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(..)]));
    desk.press("<esc>");
    assert!(desk.model.layers.is_empty() && desk.is_past());
    desk.press("<esc>");
    assert!(desk.model.instance().unwrap().marks.count() == 0 && desk.is_past());
    desk.press("<esc>");
    assert!(desk.model.settings[1].filter.is_empty() && desk.is_past());
    desk.press("!<esc>");
    assert!(desk.model.view == 1 && desk.is_past(), "that view is closed first");
    desk.press("A<esc>");
    assert!(desk.model.view == 1 && desk.is_past());
    desk.press("<esc>");
    assert!(!desk.is_past() && desk.model.view == 1);
    desk.press("0p<ret><esc>");
    assert!(desk.is_past(), "back to the backends");
    desk.press("<esc>");
    assert!(!desk.is_past());
}

#[test]
fn everything_about_a_row_goes_through_time_with_it() {
    let mut desk = desk();
    desk.press("<ret><ret>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(_, 0)]));
    desk.press("p<left><left><left><left>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(_, 0)]));
    let screen = desk.screen().join("\n");
    assert!(screen.contains("be_app/app1 DOWN"), "{screen}");
    desk.press("<right>");
    assert!(desk.screen().join("\n").contains("be_app/app1 UP"));
    desk.press("?<left>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(..)]), "help is closed as ever");
    assert_eq!(desk.shown().0, 7);
}

#[test]
fn what_happens_meanwhile_is_told_below() {
    let mut desk = desk();
    desk.press("p<left>");
    desk.lose();
    assert!(desk.notice().starts_with("the link is lost: cannot connect"), "{}", desk.notice());
    assert!(desk.screen()[0].ends_with("stale 0s"), "{:?}", desk.screen()[0]);
    desk.millis += 60_000;
    desk.tell(Msg::Wake);
    assert_eq!(desk.notice(), "");
    desk.lose();
    assert_eq!(desk.notice(), "", "once is enough");
    assert!(desk.screen()[2].contains("servers"), "what was up is still told: {:?}", desk.screen()[2]);
    desk.step(3);
    assert!(desk.notice().ends_with("the link is back; what is shown is the past"), "{}", desk.notice());
    desk.samples.set_info("Pid", "4711");
    desk.step(3);
    assert!(desk.notice().contains("another process answers, pid 4711"), "{}", desk.notice());
    assert_eq!(desk.shown().0, 9);
    assert!(!desk.screen()[0].contains("4711"));
}

#[test]
fn the_header_counts_on_and_nothing_else_wakes() {
    let wake = |desk: &Desk| next_wake(&desk.model, Duration::from_millis(desk.millis));
    let mut desk = desk();
    assert_eq!((desk.millis, wake(&desk)), (28_000, None));
    desk.press("p");
    assert_eq!(wake(&desk), Some(Duration::from_secs(29)));
    assert!(desk.screen()[0].contains(" PAUSED t28, 0s ago "), "{}", desk.screen()[0]);
    desk.wait(191_600);
    assert!(desk.screen()[0].contains(" PAUSED t28, 3m12s ago "), "{}", desk.screen()[0]);
    for (width, words) in
        [(80, " PAUSED t28, 3m12s ago "), (40, " PAUSED t28 3m12s ago"), (25, " PAUSED 3m12s ago"), (12, " PAUSED")]
    {
        for height in [40, 10, 2] {
            desk.tell(Msg::Resize(width, height));
            assert!(desk.screen()[0].contains(words), "{width}x{height} {}", desk.screen()[0]);
        }
    }
    desk.press("p");
    let until = desk.model.notice.as_ref().unwrap().until;
    desk.wait(until.as_millis() as u64 - desk.millis);
    assert_eq!(wake(&desk), None);
}

#[test]
fn marks_of_rows_outlive_a_moment_without_them() {
    let mut desk = Desk::new();
    let whole = desk.sheet.clone();
    desk.sheet.remove("be_app", "app2");
    desk.millis += 2000;
    desk.sample();
    desk.sheet = whole;
    desk.millis += 2000;
    desk.sample();
    desk.press("1/app2<ret>j<space>");
    assert_eq!(desk.model.instance().unwrap().marks.count(), 1);
    desk.press("p<left>");
    assert!(desk.model.instance().unwrap().lines.is_empty());
    desk.press("p");
    assert_eq!(desk.model.instance().unwrap().marks.count(), 1);
}

#[test]
fn a_mark_is_set_replaced_and_forgotten() {
    let mut desk = desk();
    desk.press("S");
    assert!(desk.screen()[4].contains("no moment is marked"), "{:?}", desk.screen()[4]);
    assert_eq!(desk.press("m"), []);
    assert_eq!(desk.notice(), "marked: S shows what changes from here; x forgets the mark");
    assert!(desk.model.instance().unwrap().lines.is_empty());
    desk.sheet.serve("be_app", "app1", 50);
    desk.step(40);
    let lines = |desk: &Desk| desk.model.instance().unwrap().lines.len();
    assert_eq!(lines(&desk), 1);
    let screen = desk.screen().join("\n");
    for part in ["2s since the mark at t28", "5 errors", "10>40"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    desk.press("p<left><left><left>m");
    assert!(desk.notice().starts_with("marked anew, 4s before the mark there was;"), "{}", desk.notice());
    desk.press("<left><left>");
    assert!(desk.screen()[4].contains("4s up to the mark at t24"), "{:?}", desk.screen()[4]);
    desk.press("x");
    assert_eq!((desk.notice(), lines(&desk)), ("the mark is forgotten", 0));
    desk.press("x");
    assert_eq!(desk.notice(), "no moment is marked");
    desk.press("S");
    assert_eq!(desk.model.view, 0, "S goes back");
}

#[test]
fn every_instance_shows_the_same_time() {
    let keymap = hapulse::app::keymap::Keymap::standard().unwrap();
    let instance = |name: &str| InstanceView::new(name.to_owned(), format!("/run/{name}"), false, 1 << 20);
    let mut model = Model::new(vec![instance("a"), instance("b")], Guard::default(), keymap, (120, 40));
    let mut makers = [Samples::of("2.6.12"), Samples::of("2.6.12")];
    let sheet = Sheet::of("2.6.12", "show-stat.csv");
    for step in 0..10_u64 {
        for (place, maker) in makers.iter_mut().enumerate() {
            let millis = step * 1000 + place as u64 * 300;
            let _ = update(&mut model, Msg::News(place, News::Sample(maker.take(millis, &sheet)), 0), at(millis));
        }
    }
    let press = |model: &mut Model, keys: &str| {
        for key in hapulse::app::key::Key::parse_all(keys).unwrap() {
            let _ = update(model, Msg::Key(key), at(20_000));
        }
        let watch = &model.instance().unwrap().watch;
        (watch.past().is_some(), watch.newest().unwrap().at.mono.as_millis())
    };
    assert_eq!(press(&mut model, "p<left><left><left>"), (true, 6000));
    assert_eq!(press(&mut model, "o"), (true, 5300), "the newest one up to that time");
    assert_eq!(press(&mut model, "<left>"), (true, 4300));
    assert_eq!(press(&mut model, "o"), (true, 4000));
    assert_eq!(press(&mut model, "p"), (false, 9000));
    assert_eq!(press(&mut model, "o"), (false, 9300), "all go on");
}

#[test]
fn a_moment_that_is_forgotten_slides_and_says_so() {
    let mut desk = desk();
    let watch = &mut desk.model.instance_mut().unwrap().watch;
    *watch = hapulse::instance::instance::Instance::new(100_000);
    desk.sample();
    desk.press("p");
    let first = desk.shown().0;
    let mut said = false;
    for step in 0..900_u32 {
        desk.step(step % 50);
        said |= desk.notice() == "the moment has left the history: this is the oldest one kept";
    }
    assert!(said && desk.shown().0 > first && desk.is_past());
}
