//! Names with characters that are special in a Runtime API command: hapulse refuses them or sends exactly one command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;

use hapulse::actions::action_table::{ACTIONS, ActionCommand, TargetKind};
use hapulse::app::layout::Pane;
use hapulse::haproxy::safe_text::SafeText;
use hapulse::haproxy::write_command::{ForcedHealth, TargetState, TargetWeight, WriteCommand};
use model_driver::{ModelDriver, NO_COMMANDS, sent_commands};
use proptest::prelude::*;

/// Splits a line as HAProxy does: `;` ends a command, a blank ends a word, `\` escapes the next character and `<<`
/// begins a payload. Written from HAProxy's manual, independently of hapulse's code.
fn split_commands(line: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.extend(bytes.next()),
            b';' | b'\n' => {
                words.push(std::mem::take(&mut word));
                commands.push(std::mem::take(&mut words));
            }
            b' ' | b'\t' | b'\r' => words.push(std::mem::take(&mut word)),
            byte => word.push(byte),
        }
    }
    words.push(word);
    commands.push(words);
    for words in &mut commands {
        words.retain(|word| !word.is_empty());
    }
    commands
}

/// Returns a write command of every kind.
fn write_commands() -> Vec<WriteCommand> {
    let mut commands: Vec<WriteCommand> = ACTIONS
        .iter()
        .flat_map(|action| match (action.command, action.target_kind) {
            (ActionCommand::Fixed(command), _) => vec![command],
            (ActionCommand::AskWeight, _) => {
                vec![WriteCommand::Weight(TargetWeight::Absolute(7)), WriteCommand::Weight(TargetWeight::Percent(50))]
            }
            (ActionCommand::AskLimit, TargetKind::Frontend) => vec![WriteCommand::FrontendMaxconn(9)],
            (ActionCommand::AskLimit, _) => vec![WriteCommand::ServerMaxconn(9)],
        })
        .collect();
    commands.extend([WriteCommand::State(TargetState::Drain), WriteCommand::Health(ForcedHealth::Stopping)]);
    commands
}

/// Returns the expected words: those of the command for plain names, with the names replaced.
fn expected_words(command: WriteCommand, proxy: &str, name: &str) -> Vec<Vec<u8>> {
    let plain = command.to_command(&"PROXY".into(), &"NAME".into()).unwrap();
    let word = |word: &str| word.replace("PROXY", "\0").replace("NAME", name).replace('\0', proxy).into_bytes();
    plain.split(' ').map(word).collect()
}

/// Generates names with characters that are special to HAProxy, to a terminal or in CSV, and ordinary names.
fn any_name() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ";", " ", "\n", "\r", "\t", "\\", "<<", "<", "/", "#", "%", "@", "|", "\"", "'", ",", "\0", "\x1b[31m", "\x7f",
        "\u{9b}", "\u{202e}", "\u{200b}", "\u{301}", "e\u{301}", "漢字", "é", "😀", "a", "s1", "be", "0x7f", "-", "_",
        ".", ":", "shutdown", "\u{a0}", "\u{2028}", "\u{3000}",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        "\\PC{0,12}",
        "[a-zA-Z0-9_.:-]{1,200}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn name_cannot_change_command(proxy in any_name(), name in any_name()) {
        for write_command in write_commands() {
            // A refused name is always safe.
            if let Ok(command) = write_command.to_command(&proxy.as_str().into(), &name.as_str().into()) {
                let expected = vec![expected_words(write_command, &proxy, &name)];
                prop_assert_eq!(split_commands(command.as_bytes()), expected, "{}", command);
                prop_assert!(!command.contains("<<") && command.chars().all(|ch| !ch.is_control()), "{command:?}");
            }
        }
    }

    #[test]
    fn plain_names_are_accepted(proxy in "[a-zA-Z0-9_.:-]{1,200}", name in "[a-zA-Z0-9_.:-]{1,200}") {
        for command in write_commands() {
            prop_assert!(command.to_command(&proxy.as_str().into(), &name.as_str().into()).is_ok());
        }
    }

    #[test]
    fn non_text_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 1..20)) {
        let name = SafeText::new(&bytes);
        if let Ok(command) = WriteCommand::State(TargetState::Maint).to_command(&"be".into(), &name) {
            let words = split_commands(command.as_bytes());
            prop_assert_eq!(&words[0][2], &[b"be/".as_slice(), &bytes].concat());
        }
    }
}

/// Unsafe names and the part of the notice that gives the reason.
const UNSAFE_NAMES: [(&str, &str); 12] = [
    ("app2;shutdown", "\";\" or \"\\\""),
    ("app2;", "\";\" or \"\\\""),
    ("app 2", "white space"),
    ("app2 state ready", "white space"),
    ("app2\\", "\";\" or \"\\\""),
    ("app2<<", "\"<<\", which starts a payload"),
    ("<<", "\"<<\", which starts a payload"),
    ("#5", "a leading \"#\""),
    ("other/app2", "\"/\""),
    ("app2\u{301}", "characters that cannot be displayed as they are"),
    ("app2\u{202e}", "characters that cannot be displayed as they are"),
    ("app\u{a0}2", "white space"),
];

#[test]
fn unsafe_server_name_is_refused_before_confirmation() {
    for (name, reason) in UNSAFE_NAMES {
        for key in ["M", "D", "E", "W5<ret>", "<f4>", "["] {
            let mut driver = ModelDriver::new();
            driver.stat.set("be_app", "app2", "svname", name);
            driver.poll();
            driver.press("<ret>j");
            assert!(driver.cursor_row(Pane::Servers).starts_with("be_app/"));
            let effects = driver.press(key);
            assert!(effects.is_empty() && driver.confirmation().is_none(), "{name:?} {key}");
            assert!(driver.notice().contains("cannot be used in a command"), "{name:?} {key}: {}", driver.notice());
            assert!(driver.notice().contains(reason), "{name:?} {key}: {}", driver.notice());
            assert_eq!(sent_commands(&driver.press("y")), NO_COMMANDS, "{name:?} {key}");
        }
    }
}

#[test]
fn unsafe_name_blocks_whole_batch() {
    let mut driver = ModelDriver::new();
    driver.stat.set("be_app", "app3", "svname", "app3;show");
    driver.poll();
    driver.press("<ret>j<space><space>");
    assert_eq!(driver.model.instance().unwrap().selection.marked_count(), 2);
    assert_eq!(sent_commands(&driver.press("M")), NO_COMMANDS);
    assert!(driver.confirmation().is_none());
    assert!(driver.notice().contains("\"app3;show\" cannot be used in a command"), "{}", driver.notice());
}

#[test]
fn unsafe_backend_name_is_refused() {
    for name in ["be app", "be;app", "be<<app"] {
        let mut driver = ModelDriver::new();
        for (proxy, row) in driver.stat.names() {
            if proxy == "be_app" {
                driver.stat.set("be_app", &row, "pxname", name);
            }
        }
        driver.poll();
        driver.press("g<ret>j");
        assert_eq!(driver.cursor_row(Pane::Servers), format!("{name}/app2"));
        assert_eq!(sent_commands(&driver.press("M")), NO_COMMANDS);
        assert!(driver.notice().contains("cannot be used in a command"), "{}", driver.notice());
        assert!(driver.confirmation().is_none());
    }
}

#[test]
fn long_and_non_ascii_names_are_sent_unchanged() {
    for name in ["a".repeat(200), "漢字サーバー".to_owned(), "größe-é.1:2_3".to_owned(), "😀".to_owned()] {
        let mut driver = ModelDriver::new();
        driver.stat.set("be_app", "app2", "svname", &name);
        driver.poll();
        driver.press("<ret>jM");
        assert_eq!(sent_commands(&driver.press("y")), [format!("set server be_app/{name} state maint")]);
    }
}
