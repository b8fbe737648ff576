//! Pasted texts: inserted into input lines, ignored elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;

use hapulse::app::layers::Layer;
use hapulse::app::message::Message;
use hapulse::table::view_table::ViewId;
use model_driver::{ModelDriver, NO_COMMANDS, sent_commands};
use std::time::Duration;

fn paste(driver: &mut ModelDriver, text: &str) {
    assert_eq!(driver.update(Message::Paste(text.to_owned())), [], "{text:?}");
}

#[test]
fn paste_without_input_line_does_nothing() {
    // Dashboard, table, selection, help, detail, menu.
    for keys in ["", "1", "<ret>j<space>", "?", "<ret><ret>", "1s"] {
        let mut driver = ModelDriver::new();
        driver.press(keys);
        driver.advance(1000);
        let before = format!("{:?}", driver.model.layers);
        let view = driver.model.view();
        paste(&mut driver, "y\ryMq5\u{1b}be_app\r");
        assert_eq!((format!("{:?}", driver.model.layers), driver.model.view()), (before, view), "{keys}");
    }
}

#[test]
fn paste_asks_the_question_again() {
    for (open, typed, answer, command) in [
        ("<ret>jM", "", "y", "set server be_app/app2 state maint"),
        ("<ret>M", "app", "app1<ret>", "set server be_app/app1 state maint"),
    ] {
        let mut driver = ModelDriver::new();
        driver.press(open);
        driver.press(typed);
        driver.advance(1000);
        paste(&mut driver, "y\ryMq5\u{1b}app1\r");
        let gate = &driver.confirmation().unwrap().gate;
        assert_eq!(gate.remark(Duration::ZERO), Some("pasted text does not count: type the answer"));
        assert_eq!(gate.typed_name(), "");
        assert_eq!(sent_commands(&driver.press_after(499, "y")), NO_COMMANDS);
        driver.press(if typed.is_empty() { "" } else { "<bs>" });
        assert_eq!(sent_commands(&driver.press(answer)), [command]);
    }
}

#[test]
fn paste_into_filter_takes_effect() {
    let mut driver = ModelDriver::new();
    driver.press("1/");
    paste(&mut driver, "web\r\nstatus:up\r\n");
    assert_eq!(driver.model.view_settings[ViewId::Status].filter.to_string(), "web status:up");
    assert!(matches!(driver.model.layers.last(), Some(Layer::Prompt(prompt)) if prompt.text() == "web status:up"));
    paste(&mut driver, &"x".repeat(5000));
    assert_eq!(driver.notice(), "nothing was pasted: the line would exceed 4096 bytes");
    assert_eq!(driver.model.view_settings[ViewId::Status].filter.to_string(), "web status:up");
}

#[test]
fn paste_submits_no_line() {
    let mut driver = ModelDriver::new();
    driver.press("5");
    paste(&mut driver, "show info\rquit\r");
    assert_eq!(driver.model.cli.prompt.text(), "show info quit");
    let mut driver = ModelDriver::new();
    driver.press("<ret>jW");
    paste(&mut driver, "50\r");
    let Some(Layer::NumberPrompt(number)) = driver.model.layers.last() else { panic!("{:?}", driver.model.layers) };
    assert_eq!(number.prompt.text(), "50");
    let mut driver = ModelDriver::new();
    driver.press(":");
    paste(&mut driver, "quit\r");
    assert_eq!(sent_commands(&driver.advance(0)), NO_COMMANDS);
    assert!(matches!(driver.model.layers.last(), Some(Layer::Prompt(prompt)) if prompt.text() == "quit"));
}
