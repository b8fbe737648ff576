//! Effects of keys on the dashboard: `update` is called with key sequences. No I/O; the test sets the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;

use std::time::Duration;

use hapulse::actions::action_table::Danger;
use hapulse::actions::outcome::{ActionReport, Outcome, StepResult};
use hapulse::app::command_table::COMMANDS;
use hapulse::app::key::{Key, KeyCode};
use hapulse::app::layers::Layer;
use hapulse::app::layout::Pane;
use hapulse::app::message::{Effect, Message};
use hapulse::app::mouse_report::{MouseButton, MouseReport, MouseState};
use hapulse::app::ui_commands::{CommandSpec, UiCommand};
use hapulse::app::update::next_wake;
use hapulse::config::confirm_quit::ConfirmQuit;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::safe_text::SafeText;
use hapulse::instance::source::StatsSocket;
use hapulse::observe::instance_id::InstanceId;
use hapulse::table::view_table::{Content, VIEWS, ViewId};
use hapulse::ui::mouse_target;
use hapulse::ui::root::{Appearance, draw};
use hapulse::ui::theme::{Palette, Theme};
use model_driver::{KEY_INTERVAL_MILLIS, ModelDriver, NO_COMMANDS, any_key, sent_commands};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[test]
fn movement_keys_move_cursor() {
    let mut driver = ModelDriver::new();
    assert_eq!(driver.cursor_row(Pane::Backends), "be_app/BACKEND");
    for (keys, expected) in [
        ("j", "be_api"),
        ("<down><down>", "be_agent"),
        ("k", "be_slow"),
        ("<up>", "be_api"),
        ("G", "st_src"),
        ("j", "st_src"),
        ("g", "be_app"),
        ("<end>", "st_src"),
        ("<home>", "be_app"),
    ] {
        assert_eq!(driver.press(keys), [], "{keys}");
        assert_eq!(driver.cursor_row(Pane::Backends), format!("{expected}/BACKEND"), "{keys}");
    }
    for (down, up) in [("<c-d>", "<c-u>"), ("<pgdn>", "<pgup>")] {
        driver.press(down);
        assert_ne!(driver.cursor_row(Pane::Backends), "be_app/BACKEND", "{down}");
        driver.press(up);
        assert_eq!(driver.cursor_row(Pane::Backends), "be_app/BACKEND", "{up}");
    }
}

#[test]
fn server_cursor_resets_for_another_backend() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jj<esc>");
    assert_eq!(driver.cursor_row(Pane::Servers), "be_app/app3");
    driver.press("j");
    assert_eq!(driver.cursor_row(Pane::Servers), "be_api/api1");
}

#[test]
fn tab_cycles_panes_of_dashboard_and_other_views() {
    let mut driver = ModelDriver::new();
    for (key, view, focus) in [
        ("<tab>", ViewId::Dashboard, Pane::Servers),
        ("<tab><tab><tab>", ViewId::Dashboard, Pane::Causes),
        ("<tab>", ViewId::Dashboard, Pane::Frontends),
        ("<tab>", ViewId::Dashboard, Pane::Backends),
        ("<backtab><backtab><backtab><backtab><backtab>", ViewId::Dashboard, Pane::Servers),
        ("1<tab>", ViewId::Traffic, Pane::Servers),
        ("<backtab><backtab>", ViewId::Dashboard, Pane::Servers),
        ("9<tab>", ViewId::Dashboard, Pane::Servers),
    ] {
        driver.press(key);
        assert_eq!((driver.model.view(), driver.model.focus), (view, focus), "{key}");
    }
    driver.press("<esc>/be_empty<ret><tab><tab><tab>");
    assert_eq!(driver.model.focus, Pane::Causes, "a list without rows is skipped");
}

#[test]
fn tab_reaches_charts_and_events() {
    let mut driver = ModelDriver::new();
    let row = driver.model.focused_row();
    driver.press("<tab><tab>");
    assert!(screen(&driver).contains("▶be_app/"), "{}", screen(&driver));
    assert_eq!(driver.model.focus, Pane::Servers, "the list keeps its cursor");
    driver.press("z");
    assert!(!screen(&driver).contains("Backends"), "the charts fill the view");
    driver.press("z<tab>");
    assert!(screen(&driver).contains("▶Events"), "{}", screen(&driver));
    driver.press("D");
    assert!(driver.model.layers.is_empty(), "no action on the row of another pane");
    driver.press("z");
    assert_eq!(driver.model.view(), ViewId::Events);
    driver.press("<esc><esc>");
    assert!(!screen(&driver).contains("▶Events"), "Esc gives the keys back to the list");
    driver.press("<esc>");
    assert_eq!(driver.model.focused_row(), row);
}

#[test]
fn digits_close_pages_and_menus() {
    for page in ["?", "<ret><ret>", "i", "$", "a", "1s"] {
        let mut driver = ModelDriver::new();
        driver.press(page);
        assert!(!driver.model.layers.is_empty(), "{page}");
        driver.press("2");
        assert_eq!((driver.model.view(), driver.model.layers.len()), (ViewId::Traffic, 0), "{page}");
    }
    let mut driver = ModelDriver::new();
    driver.press("<ret>j<ret>1");
    let instance = driver.model.instance().unwrap();
    let row = instance.view_row(ViewId::Status).and_then(|id| instance.data.shown()?.row(id).cloned());
    assert_eq!(row.map(|row| row.name.to_string()).as_deref(), Some("app2"), "the row of the detail page is selected");
}

#[test]
fn right_enters_pane_and_left_returns() {
    let mut driver = ModelDriver::new();
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
        assert_eq!(driver.press(keys), [], "{keys}");
        assert_eq!(driver.model.focus, focus, "{keys}");
    }
    driver.press("jjjjjjjj");
    assert_eq!(driver.cursor_row(Pane::Backends), "be_empty/BACKEND");
    driver.press("<right>");
    assert_eq!(driver.model.focus, Pane::Backends, "the backend has no servers");
}

#[test]
fn enter_on_server_opens_detail() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>j<ret>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]));
    driver.press("M");
    let confirmation = driver.model.layers.last();
    assert!(
        matches!(confirmation, Some(Layer::Confirmation(confirm)) if confirm.intent.target_summary() == "be_app/app2")
    );
    driver.press("<esc><esc>");
    assert!(driver.model.layers.is_empty());
}

#[test]
fn escape_ends_zoom_before_leaving_pane() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>z");
    assert!(driver.model.is_zoomed);
    assert_eq!(driver.model.layout().panes.len(), 1);
    driver.press("<esc>");
    assert_eq!((driver.model.is_zoomed, driver.model.focus), (false, Pane::Servers));
    driver.press("zz");
    assert!(!driver.model.is_zoomed);
}

#[test]
fn cursor_follows_its_row_after_reload() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jj");
    assert_eq!(driver.cursor_row(Pane::Servers), "be_app/app3");
    driver.stat.reverse("be_app");
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Servers), "be_app/app3", "a reload reversed the row order");
    assert_eq!(driver.cursor_row(Pane::Backends), "be_app/BACKEND");
    driver.stat.remove("be_app", "down1").remove("be_app", "dns1");
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Servers), "be_app/app3", "rows above it were removed");
    driver.stat.remove("be_app", "app3");
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Servers), "be_app/bk1", "the next row; the order is still frozen");
}

#[test]
fn action_targets_row_not_position() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.stat.reverse("be_app");
    driver.poll();
    assert_eq!(sent_commands(&driver.press("y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn focus_leaves_servers_when_backend_is_gone() {
    let mut driver = ModelDriver::new();
    driver.press("jjjjjjj<ret>");
    assert_eq!(driver.cursor_row(Pane::Servers), "be_alldown/d1");
    for name in ["d1", "d2", "BACKEND"] {
        driver.stat.remove("be_alldown", name);
    }
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Backends), "be_empty/BACKEND");
    assert_eq!(driver.model.focus, Pane::Backends);
    assert_eq!(sent_commands(&driver.press("My")), NO_COMMANDS);
}

#[test]
fn confirmed_action_sends_exactly_its_command() {
    for (keys, danger, command) in [
        ("<ret>jM", Danger::High, "set server be_app/app2 state maint"),
        ("<ret>j<f10>", Danger::High, "set server be_app/app2 state maint"),
        ("<ret>jD", Danger::High, "set server be_app/app2 state drain"),
        ("<ret>jjjjjE", Danger::Low, "set server be_app/dis1 state ready"),
        ("<ret>jjjjj<f9>", Danger::Low, "set server be_app/dis1 state ready"),
        ("j<ret>D", Danger::High, "set server be_api/api1 state drain"),
    ] {
        let mut driver = ModelDriver::new();
        assert_eq!(driver.press(keys), [], "{keys}: nothing is sent before the confirmation");
        assert_eq!(driver.confirmation().unwrap().danger, danger, "{keys}");
        assert_eq!(driver.confirmation().unwrap().intent.commands(), [command], "{keys}");
        let effects = driver.press("y");
        assert_eq!(effects.len(), 1, "{keys}");
        assert_eq!(sent_commands(&effects), [command], "{keys}");
        assert!(driver.confirmation().is_none(), "{keys}");
        assert_eq!(driver.model.instance().unwrap().actions_in_flight(), 1, "{keys}");
        assert_eq!(driver.notice(), format!("sent: {command}"), "{keys}");
        assert_eq!(sent_commands(&driver.press("y")), NO_COMMANDS, "{keys}: one confirmation sends one command");
    }
}

#[test]
fn handle_key_ignores_keys_typed_ahead() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    for after in [0, 100, 199, 499] {
        assert_eq!(driver.press_after(after, "y"), []);
        let remark = driver.confirmation().unwrap().gate.remark(Duration::ZERO);
        assert_eq!(remark, Some("too early: wait half a second, then press y"));
    }
    assert_eq!(
        sent_commands(&driver.press_after(500, "y")),
        ["set server be_app/app2 state maint"],
        "500 ms after the last key"
    );
}

#[test]
fn confirmation_defaults_to_no() {
    for key in ["n", "N", "q", "<esc>", "<ret>", "<c-c>"] {
        let mut driver = ModelDriver::new();
        driver.press("<ret>jM");
        assert_eq!(driver.press(key), [], "{key}");
        assert!(driver.confirmation().is_none(), "{key}");
        assert_eq!(driver.notice(), "nothing was sent", "{key}");
        assert_eq!(sent_commands(&driver.press("y")), NO_COMMANDS, "{key}: too late");
    }
}

#[test]
fn other_keys_cancel_confirmation() {
    for key in Key::parse_sequence("GzYMDE<f9><space>r?<tab><c-y><a-y><a-n>1").unwrap() {
        let mut driver = ModelDriver::new();
        driver.press("<ret>jM");
        assert_eq!(driver.press("jk<up><end>"), [], "{key}: keys that scroll");
        assert_eq!(driver.confirmation().unwrap().intent.commands(), ["set server be_app/app2 state maint"]);
        assert_eq!(driver.press_key(key, KEY_INTERVAL_MILLIS), [], "{key}");
        assert!(driver.confirmation().is_none(), "{key}");
        assert_eq!(driver.notice(), "nothing was sent", "{key}");
        assert_eq!((driver.cursor_row(Pane::Servers).as_str(), driver.model.is_zoomed), ("be_app/app2", false));
    }
}

#[test]
fn lowercase_action_keys_do_nothing() {
    let mut driver = ModelDriver::new();
    assert_eq!(sent_commands(&driver.press("<ret>jmdey")), NO_COMMANDS);
    assert!(driver.confirmation().is_none());
}

#[test]
fn handle_key_requires_name_for_highest_danger() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>M");
    assert_eq!(driver.confirmation().unwrap().danger, Danger::Highest, "100 of 160 weight would be lost");
    assert_eq!(driver.press("y"), []);
    assert_eq!(driver.press("<ret>"), []);
    assert_eq!(driver.confirmation().unwrap().gate.remark(Duration::ZERO), Some("does not match \"app1\""));
    assert_eq!(driver.press("<bs>app2<ret>"), []);
    assert_eq!(driver.press("<bs>1"), []);
    assert_eq!(driver.confirmation().unwrap().gate.typed_name(), "app1");
    assert_eq!(sent_commands(&driver.press("<ret>")), ["set server be_app/app1 state maint"]);
}

#[test]
fn empty_name_cancels_confirmation() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>M");
    assert_eq!(driver.press("<ret>"), []);
    assert!(driver.confirmation().is_none());
    driver.press("Mapp1<bs><bs><bs><bs>");
    assert_eq!(driver.press("<ret>"), []);
    assert!(driver.confirmation().is_none());
}

#[test]
fn confirmation_expires_after_one_minute() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    assert_eq!(driver.advance(59_999), []);
    assert!(driver.confirmation().is_some());
    assert_eq!(driver.advance(1), []);
    assert!(driver.confirmation().is_none());
    assert_eq!(driver.notice(), "nothing was sent: the dialog was open for too long");

    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    assert_eq!(sent_commands(&driver.press_after(60_000, "y")), NO_COMMANDS, "the confirming key itself is too late");
    assert!(driver.confirmation().is_none());

    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    assert_eq!(sent_commands(&driver.press_after(59_999, "y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn changed_server_requires_second_confirmation() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.stat.set("be_app", "app2", "status", "DOWN");
    driver.poll();
    assert_eq!(driver.press("y"), [], "the server changed after the confirmation opened");
    let remark = driver.confirmation().unwrap().gate.remark(Duration::ZERO).unwrap().to_owned();
    assert_eq!(remark, "please confirm again: be_app/app2 changed meanwhile: it was UP, now it is DOWN");
    assert_eq!(driver.press_after(499, "y"), [], "typed ahead of the second confirmation");
    assert_eq!(sent_commands(&driver.press_after(500, "y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn single_failed_check_needs_no_second_confirmation() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.stat.set("be_app", "app2", "status", "UP 1/3");
    driver.poll();
    assert_eq!(sent_commands(&driver.press("y")), ["set server be_app/app2 state maint"]);
}

#[test]
fn increased_danger_requires_name() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jD");
    assert_eq!(driver.confirmation().unwrap().danger, Danger::High);
    driver.stat.set("be_app", "app1", "status", "DOWN");
    driver.poll();
    assert_eq!(driver.press("y"), [], "50 of 61 weight would be lost now");
    assert_eq!(driver.confirmation().unwrap().danger, Danger::Highest);
    assert_eq!(driver.press("y"), []);
    assert_eq!(sent_commands(&driver.press("<bs>app2<ret>")), ["set server be_app/app2 state drain"]);
}

#[test]
fn removed_server_is_refused() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.stat.remove("be_app", "app2");
    driver.poll();
    assert_eq!(driver.press("y"), []);
    assert!(driver.confirmation().is_none());
    assert_eq!(driver.notice(), "be_app/app2 is gone: HAProxy does not list it any more");
}

#[test]
fn renamed_server_is_refused() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.stat.set("be_app", "app2", "svname", "app9");
    driver.poll();
    assert_eq!(driver.press("y"), []);
    assert!(driver.notice().starts_with("be_app/app2 is gone"), "{}", driver.notice());
}

#[test]
fn lost_connection_blocks_actions() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.fail_poll();
    assert_eq!(driver.press("y"), []);
    assert_eq!(driver.notice(), "the connection to HAProxy is lost: nothing can be sent now");
    assert_eq!(driver.press("M"), []);
    assert!(driver.confirmation().is_none());
}

#[test]
fn forbidden_action_shows_reason_without_confirmation() {
    let admin = Some(Level::Admin);
    for (access, level, expected_text) in [
        (StatsSocket::READ_ONLY, admin, "read-only"),
        (StatsSocket::READ_ONLY, Some(Level::Operator), "read-only"),
        (StatsSocket::default(), Some(Level::Operator), "this socket has operator"),
        (StatsSocket::default(), Some(Level::User), "this socket has user"),
        (StatsSocket::default(), None, "the level of this socket is not known yet"),
    ] {
        for key in ["M", "D", "E", "<f9>", "<f10>"] {
            let mut driver = ModelDriver::with(access, level);
            assert_eq!(driver.press("<ret>j"), []);
            assert_eq!(driver.press(key), [], "{key}");
            assert!(driver.confirmation().is_none(), "{key} {level:?}");
            assert!(driver.notice().contains(expected_text), "{key}: {}", driver.notice());
            assert_eq!(sent_commands(&driver.press("yapp2<ret>y")), NO_COMMANDS, "{key} {level:?}");
        }
    }
}

#[test]
fn server_actions_require_selected_server() {
    for keys in ["W", "<backtab>M", "<backtab>E", "]", "G]"] {
        let mut driver = ModelDriver::new();
        assert_eq!(driver.press(keys), [], "{keys}");
        assert!(driver.confirmation().is_none(), "{keys}");
        assert_eq!(driver.notice(), "Tab to the servers, and select one", "{keys}");
    }
}

#[test]
fn state_action_on_backend_applies_to_servers_that_it_changes() {
    let drain = |names: &[&str]| names.iter().map(|name| format!("set server {name} state drain")).collect::<Vec<_>>();
    for (keys, commands) in [
        ("D", drain(&["be_app/app1", "be_app/app2", "be_app/app3", "be_app/bk1", "be_app/down1"])),
        ("jD", drain(&["be_api/api1", "be_api/api2"])),
        ("E", vec!["set server be_app/dis1 state ready".to_owned()]),
        // The page of the backend, and a backend in a table.
        ("1<home>jjj<ret>D", drain(&["be_app/app1", "be_app/app2", "be_app/app3", "be_app/bk1", "be_app/down1"])),
    ] {
        let mut driver = ModelDriver::new();
        driver.press(keys);
        let Some(Layer::Confirmation(question)) = driver.model.layers.last() else { panic!("{keys}") };
        assert_eq!(question.intent.commands(), commands, "{keys}");
    }
    let mut driver = ModelDriver::new();
    driver.press("jE");
    assert!(driver.confirmation().is_none());
    assert_eq!(driver.notice(), "no server of be_api is in maintenance or drain");
}

#[test]
fn two_marked_backends_are_evacuated_with_at_most_14_keys() {
    let mut driver = ModelDriver::new();
    let keys = "j<space><space>D";
    driver.press(keys);
    let question = driver.confirmation().unwrap();
    assert_eq!(question.danger, Danger::Highest);
    assert_eq!(question.intent.heading(), "drain: 4 servers of be_api and be_slow");
    let name = question.name_to_type().unwrap().to_owned();
    assert!(3 + name.len() < 14, "{name}");
    let effects = driver.press(&format!("{}<ret>", name.replace(' ', "<space>")));
    let names = ["be_api/api1", "be_api/api2", "be_slow/slow1", "be_slow/slow2"];
    assert_eq!(sent_commands(&effects), names.map(|name| format!("set server {name} state drain")));
}

#[test]
fn marks_of_backend_and_its_server_are_one_target() {
    let mut driver = ModelDriver::new();
    driver.press("j<ret><space><left><space>D");
    let question = driver.confirmation().unwrap();
    let commands = ["set server be_api/api1 state drain", "set server be_api/api2 state drain"];
    assert_eq!(question.intent.commands(), commands);
    driver.press("<esc>W");
    assert_eq!(driver.notice(), "needs a server, but other rows are marked; U removes all marks");
}

#[test]
fn help_captures_keys_until_closed() {
    for close in ["?", "<esc>", "q", "<ret>", "h", "<f1>", "<bs>"] {
        let mut driver = ModelDriver::new();
        driver.press("<ret>j?");
        assert_eq!(driver.press("MyD<f10>zjG"), [], "{close}");
        assert!(matches!(driver.model.layers.as_slice(), [Layer::Help(_, None)]), "{close}");
        assert_eq!(driver.press(close), [], "{close}: closes the help, does not quit");
        assert!(driver.model.layers.is_empty(), "{close}");
        assert_eq!((driver.cursor_row(Pane::Servers).as_str(), driver.model.is_zoomed), ("be_app/app2", false));
    }
}

#[test]
fn help_search_shows_matching_lines() {
    let mut driver = ModelDriver::new();
    driver.press("?/drain");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Help(0, Some(search))] if search.text() == "drain"));
    driver.press("q2D");
    assert!(
        driver.model.layers.len() == 1 && driver.model.view() == ViewId::Dashboard,
        "letters are part of the search"
    );
    driver.press("<esc>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Help(0, None)]));
}

#[test]
fn action_menu_search_narrows_and_enter_chooses() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>a/health<space>down");
    let Some(Layer::ActionMenu(_, 0, Some(search))) = driver.model.layers.last() else { panic!() };
    assert_eq!(search.text(), "health down");
    driver.press("<ret>");
    assert_eq!(driver.confirmation().unwrap().intent.commands(), ["set server be_app/app1 health down"]);
    driver.press("<esc>a/<esc>q");
    assert!(driver.model.layers.is_empty());
}

/// Keys that open each layer and view, and whether Ctrl-C cancels there what is typed or asked, instead of quitting.
const LAYERS: &[(&str, bool)] = &[
    ("", false),
    ("<ret>", false),
    ("1", false),
    ("5", false),
    ("5show<space>info", true),
    ("5<c-f>", true),
    ("5set<space>weight<space>be_app/app2<space>5<ret>", true),
    ("6", false),
    ("7", false),
    ("8", false),
    ("9", false),
    ("A", false),
    ("T", false),
    ("S", false),
    ("!", false),
    ("p", false),
    ("?", false),
    ("?/drain", true),
    ("<ret><ret>", false),
    ("<ret><ret>a", false),
    ("a", false),
    ("a/health", true),
    ("i", false),
    ("$", false),
    ("1s", false),
    ("/app", true),
    ("7/app", true),
    (":", true),
    (":jump<space>1", true),
    ("<ret>W", true),
    ("<ret>W5", true),
    ("<ret>jM", true),
    ("<ret>Mapp", true),
    ("<ret>j<ret>M", true),
    ("<ret>]", true),
];

#[test]
fn redraw_and_suspend_work_in_every_layer() {
    for (open, _) in LAYERS {
        for (key, effect) in [("<c-l>", Effect::Redraw), ("<c-z>", Effect::Suspend)] {
            let mut driver = ModelDriver::new();
            driver.press(open);
            let (view, layers, line) =
                (driver.model.view(), driver.model.layers.len(), driver.model.cli.prompt.text().to_owned());
            assert_eq!(driver.press(key), [effect], "{open} {key}");
            assert_eq!((driver.model.view(), driver.model.layers.len()), (view, layers), "{open} {key}");
            assert_eq!(driver.model.cli.prompt.text(), line, "{open} {key}");
        }
    }
}

#[test]
fn ctrl_c_quits_at_once_or_cancels_what_is_typed_or_asked() {
    for (open, cancels) in LAYERS {
        let mut driver = ModelDriver::new();
        driver.model.confirm_quit = ConfirmQuit::Always;
        driver.press(open);
        if !cancels {
            assert_eq!(driver.press("<c-c>"), [Effect::Quit], "{open}");
            continue;
        }
        let layers = driver.model.layers.len();
        assert_eq!(driver.press("<c-c>"), [], "{open}");
        let is_closed = driver.model.layers.len() < layers;
        let has_search = matches!(
            driver.model.layers.last(),
            Some(Layer::Help(_, Some(_)) | Layer::ActionMenu(_, _, Some(_)) | Layer::Prompt(_))
        );
        assert!(is_closed || !has_search, "{open}: {:?}", driver.model.layers.last());
        assert_eq!(driver.model.cli.prompt.text(), "", "{open}");
        assert_eq!(driver.press("<c-c>"), [Effect::Quit], "{open}");
    }
}

/// Returns the lines of the screen.
fn screen(driver: &ModelDriver) -> String {
    let (width, height) = driver.model.terminal_size;
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| String::new() };
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&driver.model, appearance, Duration::from_millis(driver.millis), &mut buffer);
    let line = |row: u16| (0..width).map(|column| buffer[(column, row)].symbol()).collect::<String>() + "\n";
    (0..height).map(line).collect()
}

/// Presses keys that arrive in one read.
fn press_at_once(driver: &mut ModelDriver, keys: &str) -> Vec<Effect> {
    let keys = Key::parse_sequence(keys).unwrap().into_iter().enumerate();
    let press = |(index, key)| driver.press_key_in_burst(key, if index == 0 { KEY_INTERVAL_MILLIS } else { 0 });
    keys.flat_map(press).collect()
}

/// Returns the key with this name on the screen.
fn labeled_key(label: &str) -> Option<Key> {
    let others = ["<ret>", "<esc>", "<down>", "<end>", "<pgdn>", "<pgup>", "<up>", "<tab>", "<c-c>", "<c-f>", "<a-1>"];
    let mut names = COMMANDS.iter().flat_map(|command| command.keys).copied().chain(others);
    names.find_map(|name| Key::parse(name).filter(|key| key.label(false) == label))
}

#[test]
fn keys_in_the_bottom_line_do_something() {
    // These change nothing at the end of a page or list, in an empty line, or with a short history.
    const AT_AN_END: [&str; 10] =
        ["down", "page down", "end", "next", "recall", "scroll", "send", "complete", "longer charts", "shorter"];
    for (open, _) in LAYERS.iter().filter(|(open, is_typing)| !is_typing || open.contains("?/") || open.contains("a/"))
    {
        let opened = || {
            let mut driver = ModelDriver::new();
            driver.press(open);
            driver.model.notice = None;
            driver
        };
        let shown = screen(&opened());
        let bottom = shown.lines().last().unwrap().to_owned();
        let hints: Vec<(&str, &str)> = bottom
            .split("  ")
            .filter_map(|hint| hint.trim().split_once(' '))
            .filter(|(_, what)| !AT_AN_END.contains(what))
            .collect();
        assert!(!hints.is_empty(), "{open}: {bottom}");
        for (label, what) in hints {
            let key = labeled_key(label).unwrap_or_else(|| panic!("{open}: {label} {what}: {bottom}"));
            let (mut driver, mut unchanged) = (opened(), opened());
            let effects = driver.press_key(key, KEY_INTERVAL_MILLIS);
            unchanged.advance(KEY_INTERVAL_MILLIS);
            assert!(
                !effects.is_empty() || screen(&driver) != screen(&unchanged),
                "{open}: {label} {what}\n{}",
                screen(&driver)
            );
            assert!(!driver.notice().contains("only"), "{open}: {label} {what}: {}", driver.notice());
        }
    }
}

#[test]
fn every_key_does_something_or_says_why_not_in_every_view() {
    let mut silent: Vec<String> = Vec::new();
    for view in VIEWS.iter().filter(|view| !matches!(view.content, Content::Cli)) {
        let opened = || {
            let mut driver = ModelDriver::new();
            driver.press(&format!(":{}<ret>", view.id));
            driver.model.notice = None;
            driver
        };
        let mut unchanged = opened();
        unchanged.advance(KEY_INTERVAL_MILLIS);
        let unchanged = screen(&unchanged);
        // A cursor at the end of a list stays there.
        let moves = |command: &CommandSpec| match command.ui_command {
            UiCommand::Move(_) | UiCommand::Back { .. } => true,
            UiCommand::ShowView(shown) => shown.view().id == view.id,
            _ => false,
        };
        for command in COMMANDS.iter().filter(|command| !moves(command) && !command.is_playback_only()) {
            let Some(key) = command.keys.first().and_then(|name| Key::parse(name)) else { continue };
            let mut driver = opened();
            let effects = driver.press_key(key, KEY_INTERVAL_MILLIS);
            let is_shown = screen(&driver) != unchanged;
            if !is_shown && effects.is_empty() {
                silent.push(format!("{}: {}", view.id, command.id));
            }
        }
    }
    assert_eq!(silent, [""; 0]);
}

#[test]
fn long_message_is_shown_whole_above_the_bottom_line() {
    for width in [40, 60, 80, 120] {
        let mut driver = ModelDriver::new();
        driver.model.terminal_size = (width, 24);
        driver.press("7f");
        let notice = driver.notice().to_owned();
        assert!(notice.len() > 40, "{notice}");
        let words = screen(&driver).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.ends_with(&notice), "{width}: {notice}\n{}", screen(&driver));
    }
}

#[test]
fn line_in_one_read_runs_or_says_why_not() {
    let mut driver = ModelDriver::new();
    press_at_once(&mut driver, ":latency<ret>");
    assert_eq!(driver.model.view(), ViewId::Latency);
    press_at_once(&mut driver, "/app2<ret>");
    assert_eq!(
        (driver.model.layers.len(), driver.model.view_settings[ViewId::Latency].filter.to_string()),
        (0, "app2".into())
    );
    let effects = press_at_once(&mut driver, "5show<space>info<ret>");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SendQuery(..))), "{effects:?}");
    driver.press("<esc>0");
    for (before, line) in [
        ("", ":drain<space>be_app/app2<ret>"),
        ("", ":maint<ret>"),
        ("<tab>W", "5<ret>"),
        ("<tab>W", "5%<ret>"),
        ("<tab>a/", "drain<ret>"),
    ] {
        let mut driver = ModelDriver::new();
        driver.press(before);
        press_at_once(&mut driver, line);
        assert!(!driver.model.layers.iter().any(|layer| layer.gate().is_some()), "{line}");
        let screen = screen(&driver);
        assert!(screen.contains("↵ was ignored: other input"), "{line}\n{screen}");
    }
}

#[test]
fn open_question_names_servers_that_vanish_or_change() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>j<space><space>D");
    let commands = ["set server be_app/app2 state drain", "set server be_app/app3 state drain"];
    assert_eq!(driver.confirmation().unwrap().intent.commands(), commands);
    driver.stat.remove("be_app", "app3");
    driver.poll();
    let shown = screen(&driver);
    assert!(shown.contains("be_app/app3 is gone: HAProxy does not list it any more"), "{shown}");
    assert_eq!(driver.press("y"), [], "the question changed");
    let question = driver.confirmation().unwrap();
    assert_eq!(question.intent.commands(), commands[..1]);
    let remark = question.gate.remark(Duration::ZERO).unwrap();
    assert!(
        remark.ends_with("is gone: HAProxy does not list it any more; the question is about the others now"),
        "{remark}"
    );
    driver.stat.set("be_app", "app2", "status", "DOWN");
    driver.poll();
    let shown = screen(&driver);
    assert!(shown.contains("be_app/app2 changed meanwhile: it was UP, now it is DOWN"), "{shown}");
    assert_eq!(driver.press("y"), []);
    assert_eq!(sent_commands(&driver.press("y")), commands[..1]);
}

#[test]
fn canary_weight_takes_at_most_10_keys() {
    let mut driver = ModelDriver::new();
    let keys = "/pp2<ret>W10%y";
    assert!(Key::parse_sequence(keys).unwrap().len() <= 10);
    assert_eq!(sent_commands(&driver.press(keys)), ["set server be_app/app2 weight 10%"]);
    // Enter after the percent sign is not needed, and does not cancel.
    let mut driver = ModelDriver::new();
    driver.press("<ret>jW10%<ret>");
    assert!(driver.confirmation().is_some());
    assert_eq!(driver.press("<ret>"), []);
    assert!(driver.confirmation().is_none(), "another Enter cancels");
    driver.press("W10<ret>");
    assert_eq!(driver.confirmation().unwrap().intent.commands(), ["set server be_app/app2 weight 10"]);
}

#[test]
fn quit_key_asks_first_after_ten_minutes() {
    let mut driver = ModelDriver::new();
    assert_eq!(driver.press("q"), [Effect::Quit], "a short session ends at once");
    driver.advance(600_000);
    assert_eq!(driver.press("q"), []);
    assert!(driver.notice().starts_with("q again quits; the history of"), "{}", driver.notice());
    assert_eq!(driver.press("jq"), [], "another key withdraws the question");
    assert_eq!(driver.press("q"), [Effect::Quit]);
    driver.press("q");
    driver.advance(60_000);
    assert_eq!(driver.press("q"), [], "the question is no longer shown");
    driver.press("j");
    assert_eq!(driver.press("<c-c>"), [Effect::Quit]);
    assert_eq!(driver.press(":quit<ret>"), [Effect::Quit]);
    driver.model.confirm_quit = ConfirmQuit::Never;
    assert_eq!(driver.press("q"), [Effect::Quit]);
    let mut driver = ModelDriver::new();
    driver.model.confirm_quit = ConfirmQuit::Always;
    assert_eq!(driver.press("q"), []);
    assert_eq!(driver.press("q"), [Effect::Quit]);
}

/// Reports the mouse over the place where the screen shows a text.
fn use_mouse(driver: &mut ModelDriver, button: MouseButton, text: &str) -> Vec<Effect> {
    let (width, height) = driver.model.terminal_size;
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| String::new() };
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&driver.model, appearance, Duration::from_millis(driver.millis), &mut buffer);
    let line = |row: u16| (0..width).map(|column| buffer[(column, row)].symbol()).collect::<Vec<_>>().join("");
    let place = (0..height).find_map(|row| {
        let line = line(row);
        Some((line[..line.find(text)?].chars().count() as u16, row))
    });
    let (column, row) = place
        .unwrap_or_else(|| panic!("{text} is not shown:\n{}", (0..height).map(line).collect::<Vec<_>>().join("\n")));
    let report = MouseReport { button, column, row };
    let target = mouse_target::find(&driver.model, appearance, Duration::from_millis(driver.millis), report);
    driver.update(Message::Mouse(button, target))
}

#[test]
fn mouse_selects_opens_scrolls_and_switches_tabs() {
    let mut driver = ModelDriver::new();
    driver.model.mouse = Some(MouseState::default());
    for size in [(120, 40), (80, 24)] {
        driver.update(Message::Resize(size.0, size.1));
        use_mouse(&mut driver, MouseButton::Left, "be_slow");
        assert_eq!(
            (driver.model.focus, driver.cursor_row(Pane::Backends).as_str()),
            (Pane::Backends, "be_slow/BACKEND")
        );
        use_mouse(&mut driver, MouseButton::Left, "slow2");
        assert_eq!((driver.model.focus, driver.cursor_row(Pane::Servers).as_str()), (Pane::Servers, "be_slow/slow2"));
        use_mouse(&mut driver, MouseButton::Left, "be_app ");
        assert_eq!(driver.cursor_row(Pane::Backends), "be_app/BACKEND");
    }
    use_mouse(&mut driver, MouseButton::Left, "2Traf");
    assert_eq!(driver.model.view(), ViewId::Traffic);
    let row = |driver: &ModelDriver| {
        let instance = driver.model.instance().unwrap();
        instance.view_row(ViewId::Traffic).and_then(|id| instance.data.shown()?.row(id)).map(|row| row.name.to_string())
    };
    use_mouse(&mut driver, MouseButton::Left, "app2");
    assert_eq!(row(&driver).as_deref(), Some("app2"));
    use_mouse(&mut driver, MouseButton::WheelDown, "app2");
    assert_eq!(row(&driver).as_deref(), Some("down1"), "three rows");
    use_mouse(&mut driver, MouseButton::Left, "app2");
    use_mouse(&mut driver, MouseButton::Left, "app2");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(_, 0)]), "a double click opens the row");
    driver.press("<esc>");
    use_mouse(&mut driver, MouseButton::Left, "app2");
    driver.advance(1000);
    use_mouse(&mut driver, MouseButton::Left, "app2");
    assert!(driver.model.layers.is_empty(), "two slow clicks are no double click");
}

#[test]
fn mouse_selects_every_row_of_the_heat_map() {
    let mut driver = ModelDriver::new();
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| String::new() };
    let cursor_line = |driver: &ModelDriver| {
        let (width, height) = driver.model.terminal_size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(&driver.model, appearance, Duration::from_millis(driver.millis), &mut buffer);
        (0..height).find(|row| buffer[(0, *row)].symbol() == "▶")
    };
    driver.press("T");
    for height in 12..40 {
        driver.update(Message::Resize(120, height));
        driver.press("G");
        let last = cursor_line(&driver);
        driver.press("k");
        assert_ne!(cursor_line(&driver), last);
        let report = MouseReport { button: MouseButton::Left, column: 5, row: last.unwrap() };
        let target = mouse_target::find(&driver.model, appearance, Duration::from_millis(driver.millis), report);
        driver.advance(1000);
        driver.update(Message::Mouse(report.button, target));
        assert_eq!(cursor_line(&driver), last, "{height} lines");
    }
}

#[test]
fn mouse_never_answers_a_question() {
    let mut driver = ModelDriver::new();
    driver.model.mouse = Some(MouseState::default());
    driver.press("<ret>M");
    for button in [MouseButton::Left, MouseButton::WheelUp, MouseButton::WheelDown] {
        for text in ["set server", "Esc cancels", "app1"] {
            assert_eq!(use_mouse(&mut driver, button, text), []);
            assert!(driver.confirmation().is_some(), "{text}");
        }
    }
    assert_eq!(driver.cursor_row(Pane::Servers), "be_app/app1");
}

#[test]
fn program_keys_return_effects() {
    let mut driver = ModelDriver::new();
    for (key, effect) in [
        ("q", Effect::Quit),
        ("Q", Effect::Quit),
        ("<c-c>", Effect::Quit),
        ("<c-z>", Effect::Suspend),
        ("<c-l>", Effect::Redraw),
        ("r", Effect::PollNow(InstanceId::FIRST)),
    ] {
        assert_eq!(driver.press(key), [effect], "{key}");
    }
    assert_eq!(driver.update(Message::Resize(80, 24)), [Effect::Redraw]);
    assert_eq!(driver.model.terminal_size, (80, 24));
    assert_eq!(driver.press("o"), []);
    assert_eq!(driver.notice(), "there is only one instance; list several on the command line");
}

/// Returns the report of the action among the effects.
fn action_report(driver: &ModelDriver, effects: &[Effect], outcome: Outcome) -> ActionReport {
    let [Effect::RunAction(authorised)] = effects else { panic!("{effects:?}") };
    let intent = authorised.get().clone();
    assert_eq!(driver.model.instance().unwrap().actions_in_flight(), 1);
    let (step, command) = (intent.steps[0].clone(), intent.commands()[0].clone());
    let result = StepResult::new(step, command, outcome);
    ActionReport { intent, results: vec![result] }
}

#[test]
fn finished_action_shows_outcome_and_polls_at_once() {
    for (outcome, expected_text) in [
        (Outcome::Verified("MAINT, 2 sessions left".into()), "verified, MAINT, 2 sessions left"),
        (Outcome::Refused(SafeText::from("No such server.")), "refused by HAProxy: No such server."),
        (Outcome::NotVerified { now: "UP".into(), samples: 3 }, "accepted, but still UP after 3 samples"),
    ] {
        let mut driver = ModelDriver::new();
        let effects = driver.press("<ret>jMy");
        let report = action_report(&driver, &effects, outcome);
        assert_eq!(driver.update(Message::ActionFinished(report)), [Effect::PollNow(InstanceId::FIRST)]);
        assert_eq!(driver.notice(), format!("be_app/app2: {expected_text}"));
        assert_eq!(driver.model.instance().unwrap().actions_in_flight(), 0);
    }
}

#[test]
fn notice_disappears_after_reading_time() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jMn");
    let until = driver.model.notice.as_ref().unwrap().expires_at.as_millis() as u64;
    assert_eq!(until, driver.millis + 3000 + 50 * 16, "3 s, and 50 ms for each of 16 characters");
    driver.advance(until - driver.millis - 1);
    assert_eq!(driver.notice(), "nothing was sent");
    driver.advance(1);
    assert_eq!(driver.notice(), "");
}

#[test]
fn next_wake_is_none_while_screen_is_static() {
    let wake = |driver: &ModelDriver| next_wake(&driver.model, Duration::from_millis(driver.millis));
    let mut driver = ModelDriver::new();
    assert_eq!(wake(&driver), None, "a static screen");
    driver.press("<ret>j");
    assert_eq!(wake(&driver), None);
    driver.press("?");
    assert_eq!(wake(&driver), None, "the help is static");
    driver.press("<esc>M");
    assert_eq!(driver.millis, 12_000);
    driver.advance(250);
    assert_eq!(wake(&driver), Some(Duration::from_millis(12_500)), "y can confirm after half a second");
    driver.advance(250);
    assert_eq!(wake(&driver), Some(Duration::from_secs(13)), "the confirmation counts down in whole seconds");
    driver.advance(59_000);
    assert_eq!(wake(&driver), Some(Duration::from_secs(72)), "the confirmation expires");
    driver.advance(500);
    assert!(driver.confirmation().is_none());
    let until = driver.model.notice.as_ref().unwrap().expires_at;
    assert_eq!(wake(&driver), Some(until), "the notice expires");
    driver.advance(60_000);
    assert_eq!((driver.notice(), wake(&driver)), ("", None));
    driver.fail_poll();
    assert_eq!(
        wake(&driver),
        Some(Duration::from_millis(driver.millis / 1000 * 1000 + 1000)),
        "the age of stale data increases"
    );
    driver.poll();
    assert_eq!(wake(&driver), None);
}

#[test]
fn next_wake_is_always_in_the_future() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>jM");
    driver.fail_poll();
    for _ in 0..200 {
        let now = Duration::from_millis(driver.millis);
        let wake = next_wake(&driver.model, now).unwrap();
        let remaining = wake.saturating_sub(now);
        assert!(!remaining.is_zero(), "{wake:?} at {now:?}");
        driver.advance(remaining.as_millis() as u64);
    }
}

/// One step of a random test.
#[derive(Debug, Clone)]
enum Step {
    Key(Key, u64),
    Status(&'static str, &'static str),
    FailPoll,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let servers = prop::sample::select(vec!["app1", "app2", "app3", "bk1", "dis1"]);
    let statuses = prop::sample::select(vec!["UP", "DOWN", "MAINT", "DRAIN"]);
    let delay = prop_oneof![Just(0_u64), Just(150), Just(499), Just(500), Just(KEY_INTERVAL_MILLIS)];
    prop_oneof![
        20 => (any_key(), delay).prop_map(|(key, delay)| Step::Key(key, delay)),
        2 => (servers, statuses).prop_map(|(server, status)| Step::Status(server, status)),
        1 => Just(Step::FailPoll),
        1 => prop_oneof![Just(1000_u64), Just(30_000), Just(61_000)].prop_map(Step::Wait),
    ]
}

impl ModelDriver {
    fn perform(&mut self, step: &Step) -> Vec<Effect> {
        match step {
            Step::Key(key, after) => return self.press_key(*key, *after),
            Step::Status(server, status) => {
                self.stat.set("be_app", server, "status", status);
                self.poll();
            }
            Step::FailPoll => self.fail_poll(),
            Step::Wait(millis) => return self.advance(*millis),
        }
        Vec::new()
    }
}

/// Returns true for any step except the key `y` and the digits, without which no server name can be typed.
fn cannot_confirm(step: &Step) -> bool {
    !matches!(step, Step::Key(Key { code: KeyCode::Char(ch), .. }, _) if *ch == 'y' || ch.is_ascii_digit())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_confirmation_no_action_is_sent(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut driver = ModelDriver::new();
        driver.press("<ret>j");
        for step in steps.iter().filter(|step| cannot_confirm(step)) {
            prop_assert_eq!(sent_commands(&driver.perform(step)), NO_COMMANDS);
        }
    }

    #[test]
    fn read_only_mode_never_sends_actions(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut driver = ModelDriver::with(StatsSocket::READ_ONLY, Some(Level::Admin));
        for step in &steps {
            prop_assert_eq!(sent_commands(&driver.perform(step)), NO_COMMANDS);
            prop_assert!(!driver.model.layers.iter().any(|layer| matches!(layer, Layer::Confirmation(_))));
        }
    }

    #[test]
    fn level_below_admin_never_sends_actions(steps in prop::collection::vec(any_step(), 1..60), operator: bool) {
        let level = if operator { Level::Operator } else { Level::User };
        let mut driver = ModelDriver::with(StatsSocket::default(), Some(level));
        for step in &steps {
            prop_assert_eq!(sent_commands(&driver.perform(step)), NO_COMMANDS);
        }
    }

    #[test]
    fn sent_action_was_confirmed(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut driver = ModelDriver::new();
        driver.press("<ret>j");
        for step in &steps {
            let before = match driver.model.layers.last() {
                Some(Layer::Confirmation(confirmation)) => Some(confirmation.clone()),
                _ => None,
            };
            let effects = driver.perform(step);
            let commands = sent_commands(&effects);
            if commands.is_empty() {
                continue;
            }
            prop_assert_eq!(effects.len(), 1);
            let Some(confirmation) = before else { panic!("{commands:?} without a confirmation") };
            let Step::Key(key, _) = step else { panic!("{commands:?} without a key") };
            let open_millis = driver.millis + 60_000 - confirmation.expires_at().as_millis() as u64;
            prop_assert!((500..60_000).contains(&open_millis), "{open_millis} ms after it opened");
            prop_assert_eq!(commands, confirmation.intent.commands());
            match confirmation.name_to_type() {
                None => prop_assert_eq!(*key, Key::char('y')),
                Some(name) => prop_assert!(key.code == KeyCode::Enter && confirmation.gate.typed_name() == name),
            }
        }
    }
}

#[test]
fn mouse_works_in_each_view_at_each_size() {
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| String::new() };
    let mut driver = ModelDriver::new();
    driver.model.mouse = Some(MouseState::default());
    for view in ViewId::ALL {
        driver.press("0");
        driver.press(&format!(":view<space>{}<ret>", view.view().id));
        for size in [(120, 40), (80, 24), (20, 4), (1, 1)] {
            driver.update(Message::Resize(size.0, size.1));
            for (column, row) in [(0, 0), (size.0 / 2, size.1 / 2), (size.0 - 1, size.1 - 1)] {
                let report = MouseReport { button: MouseButton::Left, column, row };
                let now = Duration::from_millis(driver.millis);
                let target = mouse_target::find(&driver.model, appearance, now, report);
                driver.update(Message::Mouse(MouseButton::Left, target));
            }
        }
        driver.update(Message::Resize(120, 40));
        driver.press("<esc>");
    }
}
