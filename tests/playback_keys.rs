//! Playback keys: pausing, stepping and marking a moment, and the commands that are blocked meanwhile. No I/O; the test
//! sets the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;

use std::time::Duration;

use hapulse::app::command_table::COMMANDS;
use hapulse::app::instance_view::InstanceView;
use hapulse::app::key::{Key, KeyPress};
use hapulse::app::layers::Layer;
use hapulse::app::message::{Effect, Message};
use hapulse::app::model::Model;
use hapulse::app::ui_commands::{CommandGroup, UiCommand};
use hapulse::app::update::{next_wake, update};
use hapulse::instance::source::StatsSocket;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sampler::PollResult;
use hapulse::table::view_table::ViewId;
use hapulse::ui::root::{Appearance, draw};
use hapulse::ui::theme::{Palette, Theme};
use model_driver::{ModelDriver, NO_COMMANDS, sent_commands};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use samples::{SampleFactory, StatCsv, timestamp};

const REFUSAL: &str = "the past is shown: no commands can be sent; p shows the present";

impl ModelDriver {
    /// Returns the number of the sample on screen, and the status and current sessions of `be_app/app1` in it.
    fn shown_sample(&self) -> (u64, String, i64) {
        let instance = self.model.instance().unwrap();
        let sample = instance.data.shown().unwrap();
        let row = |index: &usize| sample.table.rows()[*index].name.as_str() == "app1";
        let index = (0..sample.rows.ids().len()).find(row).unwrap();
        let sessions = sample.table.number(index, hapulse::haproxy::fields::Field::Scur).unwrap();
        (sample.seq, sample.table.rows()[index].status().to_owned(), sessions)
    }

    fn is_past(&self) -> bool {
        self.model.instance().unwrap().data.past_moment().is_some()
    }

    /// Polls two seconds later, with this number of sessions on `be_app/app1`.
    fn poll_with_sessions(&mut self, sessions: u32) {
        self.stat.set("be_app", "app1", "scur", &sessions.to_string());
        self.millis += 2000;
        self.poll();
    }

    /// Draws the screen and returns its lines.
    fn screen(&self) -> Vec<String> {
        let (width, height) = self.model.terminal_size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let format_time = |wall: std::time::SystemTime| {
            format!("t{}", wall.duration_since(timestamp(0).wall).unwrap_or_default().as_secs())
        };
        let appearance = Appearance { theme: Theme::new(Palette::Mono, true), format_time };
        draw(&self.model, appearance, Duration::from_millis(self.millis), &mut buffer);
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }
}

/// Returns a driver after ten samples; in the sixth, `be_app/app1` is down.
fn driver_with_history() -> ModelDriver {
    let mut driver = ModelDriver::new();
    for step in 2..=10 {
        let status = if step == 6 { "DOWN" } else { "UP" };
        driver.stat.set("be_app", "app1", "status", status);
        driver.poll_with_sessions(step);
    }
    driver
}

#[test]
fn shown_moment_stays_while_new_samples_arrive() {
    let mut driver = driver_with_history();
    driver.press("p");
    assert_eq!(driver.shown_sample(), (10, "UP".to_owned(), 10));
    driver.poll_with_sessions(77);
    assert_eq!(driver.shown_sample(), (10, "UP".to_owned(), 10), "a new sample does not change it");
    assert_eq!(driver.press("<left><left><left><left>"), []);
    assert_eq!(driver.shown_sample(), (6, "DOWN".to_owned(), 6));
    driver.press("<right>");
    assert_eq!(driver.shown_sample(), (7, "UP".to_owned(), 7));
    driver.press("<end>");
    assert_eq!(driver.shown_sample().0, 11);
    driver.press("<home>");
    assert_eq!(driver.shown_sample().0, 1);
    assert!(driver.is_past());
    driver.press("<left>");
    assert_eq!((driver.shown_sample().0, driver.notice()), (1, "this is the oldest sample in the history"));
    driver.press("p");
    assert_eq!((driver.shown_sample().2, driver.is_past()), (77, false));
    driver.press("<left>");
    assert_eq!(
        (driver.shown_sample().0, driver.is_past()),
        (11, false),
        "arrows have their ordinary function in live mode"
    );
}

#[test]
fn shift_arrows_and_parentheses_step_by_one_minute() {
    let mut driver = driver_with_history();
    for _ in 0..60 {
        driver.poll_with_sessions(5);
    }
    driver.press("p");
    let seq = |driver: &mut ModelDriver, keys: &str| {
        driver.press(keys);
        driver.shown_sample().0
    };
    assert_eq!(seq(&mut driver, "<s-left>"), 40);
    assert_eq!(seq(&mut driver, "("), 10);
    assert_eq!(seq(&mut driver, ")"), 40);
    assert_eq!(seq(&mut driver, "<s-right>"), 70);
    assert_eq!(seq(&mut driver, "<s-right>"), 70);
    assert_eq!(driver.notice(), "this is the newest sample; p shows the present");
}

#[test]
fn past_moment_blocks_actions_and_confirmations() {
    for view in ["0", "1", "4", "6", "9", "!", "A", "S", "7", "8"] {
        let actions = COMMANDS
            .iter()
            .filter(|command| command.group == CommandGroup::Actions || command.ui_command == UiCommand::PollNow);
        for command in actions {
            let mut driver = driver_with_history();
            driver.press(view);
            driver.press("<down><down>pp");
            assert!(!driver.is_past());
            driver.press("p<left>");
            let typed = format!(":{}<ret>", command.id);
            for keys in command.keys.iter().copied().chain([typed.as_str()]) {
                let effects = driver.press(keys);
                let is_poll = |effect: &Effect| matches!(effect, Effect::PollNow(_));
                assert!(effects.iter().all(is_poll), "{view} {keys}: {effects:?}");
                let is_dialog = |layer: &Layer| !matches!(layer, Layer::ActionMenu(..));
                assert!(!driver.model.layers.iter().any(is_dialog), "{view} {keys}: {:?}", driver.model.layers);
                if matches!(
                    command.ui_command,
                    UiCommand::StartAction(_) | UiCommand::ChangeWeight(_) | UiCommand::AcceptSuggestion
                ) {
                    assert_eq!(driver.notice(), REFUSAL, "{view} {keys}");
                }
                if let Some(Layer::ActionMenu(..)) = driver.model.layers.last() {
                    assert_eq!(driver.press("<ret>"), [], "{view} {keys}");
                    assert_eq!(driver.notice(), REFUSAL, "{view} {keys}");
                }
                driver.model.layers.clear();
            }
            assert!(driver.is_past(), "{view} {}", command.id);
        }
    }
}

#[test]
fn past_moment_blocks_typed_lines() {
    let mut driver = driver_with_history();
    driver.press("p5");
    for line in ["show<space>stat", "set<space>server<space>be_app/app1<space>state<space>maint"] {
        let effects = driver.press(&format!("{line}<ret>"));
        assert!(matches!(effects.as_slice(), [Effect::SaveCommandLine(_)]), "{effects:?}");
        assert_eq!(driver.model.layers.len(), 0);
        let scrollback = &driver.model.instance().unwrap().queries.scrollback;
        let reason = "the past is shown: no commands can be sent; Esc, then p shows the present";
        assert_eq!(scrollback.last().unwrap().text.as_str(), reason);
    }
    driver.press("<esc>p");
    assert!(driver.model.instance().unwrap().data.past_moment().is_none());
}

#[test]
fn past_moment_refuses_open_confirmation() {
    // A confirmation captures the keys, so the past cannot be entered with keys while it is open; the guard refuses
    // anyway.
    let mut driver = driver_with_history();
    driver.press("<ret>jM");
    assert!(driver.confirmation().is_some());
    let data = &mut driver.model.instance_mut().unwrap().data;
    data.show_moment(hapulse::instance::past_moment::PlaybackStep::Oldest);
    assert_eq!(sent_commands(&driver.press("y")), NO_COMMANDS);
    assert_eq!(driver.notice(), REFUSAL);
}

#[test]
fn past_moment_blocks_undo() {
    let mut driver = driver_with_history();
    driver.press("<ret>j");
    let effects = driver.press("My");
    assert_eq!(sent_commands(&effects), ["set server be_app/app2 state maint"]);
    driver.press("pu");
    assert!(driver.confirmation().is_none());
}

#[test]
fn escape_returns_to_live_after_closing_everything_else() {
    let mut driver = driver_with_history();
    driver.press("1/be_app<ret>j<space>p<left>");
    driver.press("<ret>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]));
    driver.press("<esc>");
    assert!(driver.model.layers.is_empty() && driver.is_past());
    driver.press("<esc>");
    assert!(driver.model.instance().unwrap().selection.marked_count() == 0 && driver.is_past());
    driver.press("<esc>");
    assert!(driver.model.view_settings[ViewId::Status].filter.is_empty() && driver.is_past());
    driver.press("!<esc>");
    assert!(driver.model.view() == ViewId::Status && driver.is_past(), "Esc closes the problems view first");
    driver.press("A<esc>");
    assert!(driver.model.view() == ViewId::Status && driver.is_past());
    driver.press("<esc>");
    assert!(!driver.is_past() && driver.model.view() == ViewId::Status);
    driver.press("0p<ret><esc>");
    assert!(driver.is_past(), "Esc returns to the backends first");
    driver.press("<esc>");
    assert!(!driver.is_past());
}

#[test]
fn detail_pane_shows_row_at_past_moment() {
    let mut driver = driver_with_history();
    driver.press("<ret><ret>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(_, 0)]));
    driver.press("p<left><left><left><left>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(_, 0)]));
    let screen = driver.screen().join("\n");
    assert!(screen.contains("be_app/app1 DOWN"), "{screen}");
    driver.press("<right>");
    assert!(driver.screen().join("\n").contains("be_app/app1 UP"));
    driver.press("?<left>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]), "the key closes only the help");
    assert_eq!(driver.shown_sample().0, 7);
}

#[test]
fn live_events_are_shown_as_notices_during_playback() {
    let mut driver = driver_with_history();
    driver.press("p<left>");
    driver.fail_poll();
    assert!(driver.notice().starts_with("connection lost: cannot connect"), "{}", driver.notice());
    assert!(driver.screen()[0].ends_with("stale 0s"), "{:?}", driver.screen()[0]);
    driver.millis += 60_000;
    driver.update(Message::Wake);
    assert_eq!(driver.notice(), "");
    driver.fail_poll();
    assert_eq!(driver.notice(), "", "reported once");
    assert!(driver.screen()[2].contains("servers"), "the past sample is still shown: {:?}", driver.screen()[2]);
    driver.poll_with_sessions(3);
    assert!(driver.notice().ends_with("connection restored; still showing the past"), "{}", driver.notice());
    driver.sample_factory.set_info("Pid", "4711");
    driver.poll_with_sessions(3);
    assert!(driver.notice().contains("new HAProxy process, pid 4711"), "{}", driver.notice());
    assert_eq!(driver.shown_sample().0, 9);
    assert!(!driver.screen()[0].contains("4711"));
}

#[test]
fn paused_header_updates_age_with_keys_and_samples_only() {
    let wake = |driver: &ModelDriver| next_wake(&driver.model, Duration::from_millis(driver.millis));
    let mut driver = driver_with_history();
    assert_eq!((driver.millis, wake(&driver)), (28_000, None));
    driver.press("p");
    let notice = driver.model.notice.as_ref().map(|notice| notice.expires_at);
    assert_eq!(wake(&driver), notice, "an idle screen writes nothing");
    assert!(driver.screen()[0].contains(" PAUSED t28, 0s ago, in memory every 2s "), "{}", driver.screen()[0]);
    driver.advance(191_600);
    assert!(driver.screen()[0].contains(" PAUSED t28, 3m12s ago, in memory every 2s "), "{}", driver.screen()[0]);
    for (width, expected_text) in [
        (80, " PAUSED t28, 3m12s ago, in memory every 2s "),
        (60, " PAUSED t28, 3m12s ago "),
        (40, " PAUSED t28 3m12s ago"),
        (25, " PAUSED 3m12s ago"),
        (12, " PAUSED"),
    ] {
        for height in [40, 10, 2] {
            driver.update(Message::Resize(width, height));
            assert!(driver.screen()[0].contains(expected_text), "{width}x{height} {}", driver.screen()[0]);
        }
    }
    driver.press("p");
    let until = driver.model.notice.as_ref().unwrap().expires_at;
    driver.advance(until.as_millis() as u64 - driver.millis);
    assert_eq!(wake(&driver), None);
}

#[test]
fn selection_survives_moment_without_its_rows() {
    let mut driver = ModelDriver::new();
    let full_stat = driver.stat.clone();
    driver.stat.remove("be_app", "app2");
    driver.millis += 2000;
    driver.poll();
    driver.stat = full_stat;
    driver.millis += 2000;
    driver.poll();
    driver.press("1/app2<ret>j<space>");
    assert_eq!(driver.model.instance().unwrap().selection.marked_count(), 1);
    driver.press("p<left>");
    assert!(driver.model.instance().unwrap().table_lines().is_empty());
    driver.press("p");
    assert_eq!(driver.model.instance().unwrap().selection.marked_count(), 1);
}

#[test]
fn marked_moment_is_set_replaced_and_cleared() {
    let mut driver = driver_with_history();
    driver.update(Message::Resize(160, 40));
    driver.press("S");
    assert!(driver.screen()[4].contains("t10-t18 > t18-now"), "{:?}", driver.screen()[4]);
    assert!(driver.screen()[4].contains("[10 min]"), "{:?}", driver.screen()[4]);
    assert_eq!(driver.press("m"), []);
    assert_eq!(driver.notice(), "moment marked; S compares before and after, x clears the mark");
    assert!(driver.screen()[4].contains("nothing to compare yet"), "{:?}", driver.screen()[4]);
    assert!(driver.model.instance().unwrap().table_lines().is_empty());
    driver.stat.set("be_app", "app1", "status", "DOWN");
    driver.poll_with_sessions(40);
    let screen = driver.screen().join("\n");
    for part in ["[mark]", "UP > DOWN", "9.5>40", "1 changed"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    driver.press("p<left><left><left>m");
    assert!(driver.notice().starts_with("moment marked, 4s before the previous mark;"), "{}", driver.notice());
    driver.press("<left><left>");
    assert!(driver.screen()[4].contains("t16-t20 > t20-t24"), "the mark is later: {:?}", driver.screen()[4]);
    driver.press("x");
    assert_eq!(driver.notice(), "marked moment cleared");
    assert!(driver.screen()[4].contains("[10 min]"), "{:?}", driver.screen()[4]);
    driver.press("x");
    assert_eq!(driver.notice(), "no moment is marked");
    driver.press("S");
    assert_eq!(driver.model.view(), ViewId::Dashboard, "S returns to the previous view");
}

#[test]
fn comparison_changes_its_span_and_shows_unchanged_rows() {
    let mut driver = driver_with_history();
    driver.press("S");
    let heading = |driver: &ModelDriver| driver.screen()[4].clone();
    for (keys, span) in [("+", "[1 h]"), ("+", "[5 min]"), ("-", "[1 h]"), ("m", "[mark]"), ("+", "[5 min]")] {
        driver.press(keys);
        assert!(heading(&driver).contains(span), "{keys}: {:?}", heading(&driver));
    }
    let lines = |driver: &ModelDriver| driver.model.instance().unwrap().table_lines().len();
    let folded = lines(&driver);
    assert!(driver.screen().join("\n").contains("unchanged; f shows them"));
    driver.press("f");
    assert!(lines(&driver) > folded);
    driver.press("f");
    assert_eq!(lines(&driver), folded);
}

#[test]
fn playback_shows_same_time_for_every_instance() {
    let keymap = hapulse::app::keymap::Keymap::standard().unwrap();
    let ids: Vec<InstanceId> = InstanceId::first(2).collect();
    let instance = |(id, name): (&InstanceId, &str)| {
        InstanceView::new(name.to_owned(), format!("/run/{name}"), Instance::new(*id, StatsSocket::default(), 1 << 20))
    };
    let mut model = Model::new(ids.iter().zip(["a", "b"]).map(instance).collect(), keymap, (120, 40));
    let mut factories = [SampleFactory::for_version("2.6.12"), SampleFactory::for_version("2.6.12")];
    let sheet = StatCsv::recorded("2.6.12", "show-stat.csv");
    for step in 0..10_u64 {
        for (index, factory) in factories.iter_mut().enumerate() {
            let millis = step * 1000 + index as u64 * 300;
            let _ = update(
                &mut model,
                Message::Polled(ids[index], PollResult::Sample(factory.next_sample(millis, &sheet)), 0),
                timestamp(millis),
            );
        }
    }
    let press = |model: &mut Model, keys: &str| {
        for key in Key::parse_sequence(keys).unwrap() {
            let press = KeyPress { key, read_at: Duration::from_secs(20), pause: Duration::from_secs(1) };
            let _ = update(model, Message::Key(press), timestamp(20_000));
        }
        let data = &model.instance().unwrap().data;
        (data.past_moment().is_some(), data.shown().unwrap().at.monotonic.as_millis())
    };
    assert_eq!(press(&mut model, "p<left><left><left>"), (true, 6000));
    assert_eq!(press(&mut model, "o"), (true, 5300), "the newest sample up to that time");
    assert_eq!(press(&mut model, "<left>"), (true, 4300));
    assert_eq!(press(&mut model, "o"), (true, 4000));
    assert_eq!(press(&mut model, "p"), (false, 9000));
    assert_eq!(press(&mut model, "o"), (false, 9300), "every instance is live");
}

#[test]
fn shown_moment_moves_on_when_it_leaves_history() {
    let mut driver = driver_with_history();
    let data = &mut driver.model.instance_mut().unwrap().data;
    *data = Instance::new(InstanceId::FIRST, StatsSocket::default(), 100_000);
    driver.poll();
    driver.press("p");
    let first = driver.shown_sample().0;
    let mut was_reported = false;
    for step in 0..900_u32 {
        driver.poll_with_sessions(step % 50);
        was_reported |= driver.notice() == "this sample has left the history; showing the oldest one";
    }
    assert!(was_reported && driver.shown_sample().0 > first && driver.is_past());
}

#[test]
fn jump_says_where_the_history_begins() {
    let mut driver = ModelDriver::new();
    driver.advance(20_000);
    driver.poll();
    let oldest = jiff::Timestamp::try_from(timestamp(10_000).wall).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
    let begins = format!("the history begins at {}: this is its oldest sample", oldest.strftime("%H:%M:%S"));
    let just_before = oldest.checked_sub(std::time::Duration::from_secs(5)).unwrap().strftime("%H:%M:%S").to_string();
    for time in [just_before.as_str(), "1h", "-1h"] {
        driver.press(&format!(":jump<space>{time}<ret>"));
        let instance = driver.model.instance().unwrap();
        let shown = instance.data.shown().unwrap().at.monotonic;
        assert_eq!((driver.notice(), shown), (begins.as_str(), timestamp(10_000).monotonic), "{time}");
        driver.press("p");
    }
    driver.press(":jump<space>-5s<ret>");
    assert!(driver.notice().starts_with("-5s counts from now: 5"), "{}", driver.notice());
    assert!(driver.notice().contains("; nothing was sampled at "), "a gap of ten seconds: {}", driver.notice());
    for time in ["10x", "+5m", "-10"] {
        driver.press(&format!(":jump<space>{time}<ret>"));
        let expected = format!("\"{time}\" is not a time; examples: 02:13");
        assert!(driver.notice().starts_with(&expected), "{}", driver.notice());
    }
}
