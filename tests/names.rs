//! Names that would be more, or less, than one word of a command: no order about them becomes another command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/samples.rs"]
mod samples;

use desk::{Desk, NOTHING, sent};
use hapulse::actions::action_table::{ACTIONS, Gives, Subject};
use hapulse::app::layout::Pane;
use hapulse::haproxy::safe_text::SafeText;
use hapulse::haproxy::write_command::{Admin, Health, WriteCommand, Weight};
use proptest::prelude::*;

/// A line as HAProxy takes it apart: commands at `;`, words at blanks, `\` takes the next character as it is, and `<<`
/// begins a payload. Written from HAProxy's manual, and shares nothing with hapulse.
fn commands(line: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.extend(bytes.next()),
            b';' | b'\n' => {
                words.push(std::mem::take(&mut word));
                all.push(std::mem::take(&mut words));
            }
            b' ' | b'\t' | b'\r' => words.push(std::mem::take(&mut word)),
            byte => word.push(byte),
        }
    }
    words.push(word);
    all.push(words);
    for words in &mut all {
        words.retain(|word| !word.is_empty());
    }
    all
}

/// Every order there is.
fn orders() -> Vec<WriteCommand> {
    let mut all: Vec<WriteCommand> = ACTIONS
        .iter()
        .flat_map(|act| match (act.gives, act.subject) {
            (Gives::Order(order), _) => vec![order],
            (Gives::Weight, _) => vec![WriteCommand::Weight(Weight::Absolute(7)), WriteCommand::Weight(Weight::Percent(50))],
            (Gives::Limit, Subject::Frontend) => vec![WriteCommand::FrontendMaxconn(9)],
            (Gives::Limit, _) => vec![WriteCommand::ServerMaxconn(9)],
        })
        .collect();
    all.extend([WriteCommand::State(Admin::Drain), WriteCommand::Health(Health::Stopping)]);
    all
}

/// What the command is with plain names; the odd names are put into its words.
fn expected(order: WriteCommand, proxy: &str, name: &str) -> Vec<Vec<u8>> {
    let plain = order.command(&"PROXY".into(), &"NAME".into()).unwrap();
    let word = |word: &str| word.replace("PROXY", "\0").replace("NAME", name).replace('\0', proxy).into_bytes();
    plain.split(' ').map(word).collect()
}

/// Names made of what means something to HAProxy, to a terminal or to a table, and of what does not.
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
    fn no_name_makes_another_command(proxy in any_name(), name in any_name()) {
        for order in orders() {
            // Refused is always right.
            if let Ok(command) = order.command(&proxy.as_str().into(), &name.as_str().into()) {
                prop_assert_eq!(commands(command.as_bytes()), vec![expected(order, &proxy, &name)], "{}", command);
                prop_assert!(!command.contains("<<") && command.chars().all(|ch| !ch.is_control()), "{command:?}");
            }
        }
    }

    #[test]
    fn plain_names_are_never_refused(proxy in "[a-zA-Z0-9_.:-]{1,200}", name in "[a-zA-Z0-9_.:-]{1,200}") {
        for order in orders() {
            prop_assert!(order.command(&proxy.as_str().into(), &name.as_str().into()).is_ok());
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused(bytes in prop::collection::vec(any::<u8>(), 1..20)) {
        let name = SafeText::new(&bytes);
        if let Ok(command) = WriteCommand::State(Admin::Maint).command(&"be".into(), &name) {
            let words = commands(command.as_bytes());
            prop_assert_eq!(&words[0][2], &[b"be/".as_slice(), &bytes].concat());
        }
    }
}

/// What is in the way of a name; nothing where it is one word.
const NAMES: [(&str, &str); 12] = [
    ("app2;shutdown", "\";\" or \"\\\""),
    ("app2;", "\";\" or \"\\\""),
    ("app 2", "a blank"),
    ("app2 state ready", "a blank"),
    ("app2\\", "\";\" or \"\\\""),
    ("app2<<", "\"<<\", which begins a payload"),
    ("<<", "\"<<\", which begins a payload"),
    ("#5", "a leading \"#\""),
    ("other/app2", "\"/\""),
    ("app2\u{301}", "characters that cannot be shown as they are"),
    ("app2\u{202e}", "characters that cannot be shown as they are"),
    ("app\u{a0}2", "a blank"),
];

#[test]
fn an_odd_name_is_refused_before_anything_is_asked() {
    for (name, what) in NAMES {
        for key in ["M", "D", "E", "W5<ret>", "<f4>", "["] {
            let mut desk = Desk::new();
            desk.sheet.set("be_app", "app2", "svname", name);
            desk.sample();
            desk.press("<ret>j");
            assert!(desk.selected(Pane::Servers).starts_with("be_app/"));
            let effects = desk.press(key);
            assert!(effects.is_empty() && desk.question().is_none(), "{name:?} {key}");
            assert!(desk.notice().contains("cannot be put into a command"), "{name:?} {key}: {}", desk.notice());
            assert!(desk.notice().contains(what), "{name:?} {key}: {}", desk.notice());
            assert_eq!(sent(&desk.press("y")), NOTHING, "{name:?} {key}");
        }
    }
}

#[test]
fn an_odd_name_keeps_the_whole_batch_from_being_sent() {
    let mut desk = Desk::new();
    desk.sheet.set("be_app", "app3", "svname", "app3;show");
    desk.sample();
    desk.press("<ret>j<space><space>");
    assert_eq!(desk.model.instance().unwrap().marks.count(), 2);
    assert_eq!(sent(&desk.press("M")), NOTHING);
    assert!(desk.question().is_none());
    assert!(desk.notice().contains("\"app3;show\" cannot be put into a command"), "{}", desk.notice());
}

#[test]
fn a_backends_odd_name_is_refused_as_well() {
    for name in ["be app", "be;app", "be<<app"] {
        let mut desk = Desk::new();
        for (proxy, row) in desk.sheet.names() {
            if proxy == "be_app" {
                desk.sheet.set("be_app", &row, "pxname", name);
            }
        }
        desk.sample();
        desk.press("g<ret>j");
        assert_eq!(desk.selected(Pane::Servers), format!("{name}/app2"));
        assert_eq!(sent(&desk.press("M")), NOTHING);
        assert!(desk.notice().contains("cannot be put into a command"), "{}", desk.notice());
        assert!(desk.question().is_none());
    }
}

#[test]
fn long_and_wide_names_are_one_word() {
    for name in ["a".repeat(200), "漢字サーバー".to_owned(), "größe-é.1:2_3".to_owned(), "😀".to_owned()] {
        let mut desk = Desk::new();
        desk.sheet.set("be_app", "app2", "svname", &name);
        desk.sample();
        desk.press("<ret>jM");
        assert_eq!(sent(&desk.press("y")), [format!("set server be_app/{name} state maint")]);
    }
}
