//! The bytes of real terminals as keys: whole, split at every byte, with delays, and mixed with replies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[allow(dead_code)]
#[path = "support/fuzzing/dice.rs"]
mod dice;
#[allow(dead_code)]
#[path = "support/fuzzing/input.rs"]
mod input;

use std::time::Duration;

use hapulse::app::key::{Key, KeyCode, KeyPress};
use hapulse::app::mouse_report::{MouseButton, MouseReport};
use hapulse::term::input_parser::InputEvent;
use input::{TimedParser, key_event};

/// Terminal, bytes, keys in the notation of the configuration.
const KEYS: &[(&str, &[u8], &str)] = &[
    ("any", b"a", "a"),
    ("any", "é".as_bytes(), "é"),
    ("any", "日".as_bytes(), "日"),
    ("any", "😀".as_bytes(), "😀"),
    ("any", b"\r", "<ret>"),
    ("any", b"\t", "<tab>"),
    ("any", b"\x7f", "<bs>"),
    ("any", b"\x08", "<c-h>"),
    ("any", b"\n", "<c-j>"),
    ("any", b"\0", "<c-space>"),
    ("any", b"\x03", "<c-c>"),
    ("any", b"\x1a", "<c-z>"),
    ("any", b"\x1c", "<c-\\>"),
    ("any", b"\x1f", "<c-_>"),
    ("any", b"\x1b1", "<a-1>"),
    ("any", b"\x1bM", "<a-M>"),
    ("any", b"\x1b\r", "<a-ret>"),
    ("any", b"\x1b\x7f", "<a-bs>"),
    ("any", b"\x1b\x03", "<c-a-c>"),
    ("any", "\x1bé".as_bytes(), "<a-é>"),
    ("xterm", b"\x1b[A", "<up>"),
    ("xterm", b"\x1b[B", "<down>"),
    ("xterm", b"\x1b[C", "<right>"),
    ("xterm", b"\x1b[D", "<left>"),
    ("xterm", b"\x1b[H", "<home>"),
    ("xterm", b"\x1b[F", "<end>"),
    ("xterm", b"\x1b[5~", "<pgup>"),
    ("xterm", b"\x1b[6~", "<pgdn>"),
    ("xterm", b"\x1b[Z", "<backtab>"),
    ("Linux console", b"\x1b\t", "<backtab>"),
    ("Linux console, Pause; st, Delete", b"\x1b[P", ""),
    ("xterm, application cursor keys", b"\x1bOA", "<up>"),
    ("xterm, application cursor keys", b"\x1bOD", "<left>"),
    ("xterm, application cursor keys", b"\x1bOH", "<home>"),
    ("xterm, application keypad", b"\x1bOM", "<ret>"),
    ("xterm, application keypad", b"\x1bOr", "2"),
    ("xterm, application keypad", b"\x1bOk", "+"),
    ("xterm", b"\x1bOP", "<f1>"),
    ("xterm", b"\x1bOS", "<f4>"),
    ("xterm", b"\x1b[15~", "<f5>"),
    ("xterm", b"\x1b[17~", "<f6>"),
    ("xterm", b"\x1b[20~", "<f9>"),
    ("xterm", b"\x1b[21~", "<f10>"),
    ("xterm", b"\x1b[24~", "<f12>"),
    ("xterm", b"\x1b[1;2P", "<s-f1>"),
    ("xterm", b"\x1b[15;5~", "<c-f5>"),
    ("xterm", b"\x1b[1;2A", "<s-up>"),
    ("xterm", b"\x1b[1;2D", "<s-left>"),
    ("xterm", b"\x1b[1;3A", "<a-up>"),
    ("xterm", b"\x1b[1;5C", "<c-right>"),
    ("xterm", b"\x1b[1;6C", "<c-s-right>"),
    ("xterm", b"\x1b[5;5~", "<c-pgup>"),
    ("xterm, modifyOtherKeys", b"\x1b[27;5;97~", "<c-a>"),
    ("xterm, modifyOtherKeys", b"\x1b[27;5;105~", "<tab>"),
    ("xterm, modifyOtherKeys", b"\x1b[27;2;65~", "A"),
    ("xterm, modifyOtherKeys", b"\x1b[27;3;121~", "<a-y>"),
    ("xterm, modifyOtherKeys", b"\x1b[27;5;13~", "<c-ret>"),
    ("xterm, formatOtherKeys", b"\x1b[99;5u", "<c-c>"),
    ("old xterm and Konsole", b"\x1bO5P", "<c-f1>"),
    ("old xterm and Konsole", b"\x1bO2A", "<s-up>"),
    ("old VTE", b"\x1bO1;5P", "<c-f1>"),
    ("VTE", b"\x1b[1;2S", "<s-f4>"),
    ("VTE", b"\x1b[24;2~", "<s-f12>"),
    ("kitty", b"\x1b[13~", "<f3>"),
    ("kitty", b"\x1b[R", "<f3>"),
    ("kitty", b"\x1b[27u", "<esc>"),
    ("kitty", b"\x1b[97;5u", "<c-a>"),
    ("kitty", b"\x1b[97;3u", "<a-a>"),
    ("kitty", b"\x1b[97:65;2u", "A"),
    ("kitty", b"\x1b[49:33;2u", "!"),
    ("kitty", b"\x1b[97;;97u", "a"),
    ("kitty", b"\x1b[97;2;65u", "A"),
    ("kitty", b"\x1b[97;65u", "A"),
    ("kitty", b"\x1b[99;6u", "<c-c>"),
    ("kitty", b"\x1b[9;2u", "<backtab>"),
    ("kitty", b"\x1b[127u", "<bs>"),
    ("kitty", b"\x1b[1;5:2A", "<c-up>"),
    ("kitty", b"\x1b[57414u", "<ret>"),
    ("kitty", b"\x1b[57400u", "1"),
    ("kitty", b"\x1b[57423u", "<home>"),
    ("kitty", b"\x1b[57376u", "<f13>"),
    ("kitty: Ctrl-[ is Esc as elsewhere", b"\x1b[91;5u", "<esc>"),
    ("kitty: release of a key", b"\x1b[97;1:3u", ""),
    ("kitty: release of a key", b"\x1b[1;1:3A", ""),
    ("kitty: Shift alone", b"\x1b[57441;2u", ""),
    ("kitty: Super-y", b"\x1b[121;9u", ""),
    ("WezTerm", b"\x1b[1;4B", "<a-s-down>"),
    ("foot", b"\x1b[1;129A", "<up>"),
    ("Konsole", b"\x1b[1~", "<home>"),
    ("Konsole", b"\x1b[4~", "<end>"),
    ("rxvt", b"\x1b[7~", "<home>"),
    ("rxvt", b"\x1b[8~", "<end>"),
    ("rxvt", b"\x1b[11~", "<f1>"),
    ("rxvt", b"\x1b[14~", "<f4>"),
    ("rxvt", b"\x1b[a", "<s-up>"),
    ("rxvt", b"\x1b[d", "<s-left>"),
    ("rxvt", b"\x1bOa", "<c-up>"),
    ("rxvt", b"\x1bOd", "<c-left>"),
    ("rxvt", b"\x1b[5$", "<s-pgup>"),
    ("rxvt", b"\x1b[7$", "<s-home>"),
    ("rxvt", b"\x1b[7^", "<c-home>"),
    ("rxvt", b"\x1b[6@", "<c-s-pgdn>"),
    ("rxvt", b"\x1b[15^", "<c-f5>"),
    ("rxvt", b"\x1b[25~", "<f13>"),
    ("rxvt", b"\x1b\x1b[A", "<a-up>"),
    ("rxvt", b"\x1b\x1b[5~", "<a-pgup>"),
    ("rxvt", b"\x1b\x1bOa", "<c-a-up>"),
    ("Linux console", b"\x1b[[A", "<f1>"),
    ("Linux console", b"\x1b[[E", "<f5>"),
    ("Linux console", b"\x1b[26~", "<f14>"),
    ("Linux console", b"\x1b[34~", "<f20>"),
    ("tmux and screen", b"\x1b[1~", "<home>"),
    ("tmux and screen", b"\x1b[4~", "<end>"),
    ("tmux, extended-keys", b"\x1b[27;6;65~", "<c-a>"),
    ("Windows Terminal", b"\x1b[1;5D", "<c-left>"),
    ("Windows Terminal, win32-input-mode", b"\x1b[65;30;97;1;0;1_", ""),
    ("Insert and Delete", b"\x1b[2~\x1b[3~", ""),
    // Replies to questions of hapulse's predecessor in this terminal, mouse and focus reports.
    ("DA1", b"\x1b[?62;22;52c", ""),
    ("DA2", b"\x1b[>0;276;0c", ""),
    ("DA3", b"\x1bP!|00000000\x1b\\", ""),
    ("DECRPM", b"\x1b[?2026;2$y", ""),
    ("DECRPM of an ANSI mode", b"\x1b[4;1$y", ""),
    ("CPR", b"\x1b[24;80R", ""),
    ("CPR", b"\x1b[1;2R", ""),
    ("DECXCPR", b"\x1b[?24;80;1R", ""),
    ("DSR", b"\x1b[0n", ""),
    ("window size", b"\x1b[8;24;80t", ""),
    ("kitty keyboard flags", b"\x1b[?1u", ""),
    ("modifyOtherKeys state", b"\x1b[>4;2m", ""),
    ("color theme", b"\x1b[?997;1n", ""),
    ("OSC 10 ended by ST", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\", ""),
    ("OSC 11 ended by BEL", b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07", ""),
    ("OSC 52", b"\x1b]52;c;eQ==\x1b\\", ""),
    ("OSC title in UTF-8", "\x1b]l日y\u{1b}\\".as_bytes(), ""),
    ("XTVERSION", b"\x1bP>|XTerm(388)\x1b\\", ""),
    ("XTGETTCAP", b"\x1bP1+r524742=38\x1b\\", ""),
    ("kitty graphics", b"\x1b_Gi=31;OK\x1b\\", ""),
    ("SOS", b"\x1bXyes\x1b\\", ""),
    ("PM", b"\x1b^yes\x1b\\", ""),
    ("X10 mouse", b"\x1b[M !!", ""),
    ("X10 mouse at y, n", b"\x1b[M yn", ""),
    ("X10 mouse, column 200", b"\x1b[M \xe8\xc3", ""),
    ("SGR mouse", b"\x1b[<0;10;5M\x1b[<0;10;5m", ""),
    ("urxvt mouse", b"\x1b[32;10;5M", ""),
    ("focus", b"\x1b[I\x1b[O", ""),
    ("unknown", b"\x1b[?1;2;3y", ""),
    ("unknown", b"\x1b[1;2;3;4;5A", ""),
    ("unknown", b"\x1b[99999999999999999999A", ""),
    ("unknown", b"\x1b[ q\x1b[!p\x1b[=5n", ""),
    ("unknown", b"\x1bOz", ""),
    ("invalid UTF-8", b"\xff\xc0\x80\xed\xa0\x80", ""),
    ("torn UTF-8", b"\xe6\x97q", "q"),
    ("C1 in UTF-8", "\u{9b}".as_bytes(), ""),
    ("Esc, then a reply", b"\x1b\x1b[?62c", "<esc>"),
    ("Esc, then Alt-x", b"\x1b\x1bx", "<esc><a-x>"),
    ("Ctrl-C in a sequence", b"\x1b[1;\x03", "<c-c>"),
    ("Ctrl-C in a string", b"\x1b]11;\x03", "<c-c>"),
    ("a sequence in a sequence", b"\x1b[1;\x1b[A", "<up>"),
    ("a sequence in a string", b"\x1b]11;\x1b[A", "<up>"),
    ("a paste end without start", b"\x1b[201~", ""),
];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn keys(text: &str) -> Vec<InputEvent> {
    Key::parse_sequence(text).unwrap().into_iter().map(key_event).collect()
}

/// Feeds pieces with a pause after each, and another pause at the end.
fn events(pieces: &[&[u8]], pause: Duration) -> Vec<InputEvent> {
    let mut parser = TimedParser::new();
    for piece in pieces {
        parser.feed(piece);
        parser.pause(pause);
    }
    parser.pause(millis(1000));
    parser.events.retain(|event| !matches!(event, InputEvent::Mouse(_)));
    parser.events
}

#[test]
fn sequences_of_terminals_are_keys_or_dropped() {
    for (terminal, bytes, expected) in KEYS {
        assert_eq!(events(&[bytes], Duration::ZERO), keys(expected), "{terminal}: {bytes:?}");
    }
}

#[test]
fn sequences_split_at_every_byte_are_the_same_keys() {
    for (terminal, bytes, expected) in KEYS {
        for pause in [0, 20, 29] {
            for at in 0..=bytes.len() {
                let (first, second) = bytes.split_at(at);
                assert_eq!(events(&[first, second], millis(pause)), keys(expected), "{terminal}: {bytes:?} at {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(events(&single, millis(pause)), keys(expected), "{terminal}: {bytes:?}, {pause} ms");
        }
    }
}

#[test]
fn sequences_in_one_read_are_separate_keys() {
    for pair in KEYS.chunks(2) {
        let bytes: Vec<u8> = pair.iter().flat_map(|(_, bytes, _)| bytes.iter().copied()).collect();
        let expected: String = pair.iter().map(|(_, _, expected)| *expected).collect();
        assert_eq!(events(&[&bytes], Duration::ZERO), keys(&expected), "{pair:?}");
    }
}

#[test]
fn torn_sequences_never_become_letters() {
    let is_typed = |event: &InputEvent| {
        let InputEvent::Key(KeyPress { key, .. }) = event else { return false };
        matches!(key, Key { code: KeyCode::Char(_), ctrl: false, alt: false, .. })
    };
    for (terminal, bytes, _) in KEYS.iter().filter(|(_, bytes, _)| bytes.len() > 2 && bytes[0] == 0x1b) {
        for at in 1..bytes.len() {
            let (first, second) = bytes.split_at(at);
            // Esc and then a letter, or a string that no common reply uses.
            if first.iter().all(|byte| *byte == 0x1b) && !matches!(second, [0x1b | b'[' | b'O' | b']' | b'P', _, ..]) {
                continue;
            }
            let torn = events(&[first, second], millis(200));
            assert!(!torn.iter().any(is_typed), "{terminal}: {first:?} {second:?} {torn:?}");
        }
    }
    let late = |pieces: &[&[u8]]| events(pieces, millis(200));
    assert_eq!(late(&[b"\x1b", b"[A"]), keys("<esc>"), "Up whose rest is late");
    assert_eq!(late(&[b"\x1b", b"OP"]), keys("<esc>"));
    assert_eq!(late(&[b"\x1b", b"]11;rgb:1e1e\x07j"]), keys("<esc>j"));
    assert_eq!(late(&[b"\x1b", b"P>|XTerm(388)\x1b\\j"]), keys("<esc>j"));
    assert_eq!(late(&[b"\x1b", b"P\x1b[24~"]), keys("<esc>P<f12>"), "two keys after Esc");
    assert_eq!(late(&[b"\x1b[1;", b"5A", b"j"]), keys("j"));
    assert_eq!(late(&[b"\x1b]11;rgb:", b"1e1e", b"\x1b\\j"]), keys("j"));
    assert_eq!(events(&[b"\x1b[1;"], millis(400)), []);
    assert_eq!(events(&[b"\x1b[1;", b"j"], millis(1100)), keys("j"));
}

#[test]
fn rest_of_a_torn_key_is_no_command_key() {
    let drop = |pieces: &[&[u8]]| {
        for pause in [60, 300, 900] {
            assert_eq!(events(pieces, millis(pause)), [], "{pieces:?}, {pause} ms");
            assert_eq!(events(&[pieces, &[b"j"]].concat(), millis(pause)), keys("j"), "{pieces:?}, {pause} ms");
        }
    };
    drop(&[b"\x1b[", b"D"]);
    drop(&[b"\x1bO", b"D"]);
    drop(&[b"\x1b[", b"1;5", b"D"]);
    drop(&[b"\x1b[1;", b"5D"]);
    drop(&[b"\x1bO5", b"P"]);
    drop(&[b"\x1b[<0;10", b";5M"]);
    drop(&[b"\x1b[M", b" DM"]);
    drop(&[b"\x1b[M D", b"M"]);
    for pause in [60, 300, 900] {
        assert_eq!(events(&[b"\x1b", b"[D"], millis(pause)), keys("<esc>"), "{pause} ms");
        let pasted = [InputEvent::Paste("DM".to_owned())];
        assert_eq!(events(&[b"\x1b[", b"200~DM\x1b[201~"], millis(pause)), pasted, "{pause} ms");
    }
}

#[test]
fn mouse_reports_are_presses_and_wheel_steps_but_never_keys() {
    let reports = |bytes: &[u8]| {
        let mut parser = TimedParser::new();
        parser.feed(bytes);
        let report = |event: InputEvent| match event {
            InputEvent::Mouse(MouseReport { button, column, row }) => (button, column, row),
            other => panic!("{other:?}"),
        };
        parser.events.drain(..).map(report).collect::<Vec<_>>()
    };
    assert_eq!(reports(b"\x1b[<0;10;5M\x1b[<0;10;5m"), [(MouseButton::Left, 9, 4)], "the release is dropped");
    assert_eq!(
        reports(b"\x1b[<64;1;1M\x1b[<69;300;2M"),
        [(MouseButton::WheelUp, 0, 0), (MouseButton::WheelDown, 299, 1)]
    );
    for dropped in [&b"\x1b[<2;10;5M"[..], b"\x1b[<35;10;5M", b"\x1b[<0;0;5M", b"\x1b[<0;99999;5M", b"\x1b[<0;1M"] {
        assert_eq!(reports(dropped), [], "{dropped:?}");
    }
}

#[test]
fn lone_escape_is_a_key_after_30_ms() {
    let mut parser = TimedParser::new();
    parser.feed(b"\x1b");
    parser.pause(millis(29));
    assert_eq!(parser.events, []);
    parser.pause(millis(1));
    assert_eq!(parser.events, keys("<esc>"));
    // Typed one after the other, these are keys.
    for key in [b"[", b"A"] {
        parser.feed(key);
        parser.pause(millis(100));
    }
    assert_eq!(parser.events, keys("<esc>[A"));
    assert_eq!(events(&[b"\x1b", b"[A"], millis(20)), keys("<up>"));
    assert_eq!(events(&[b"\x1b", b"n"], millis(20)), keys("<a-n>"));
    assert_eq!(events(&[b"\x1b", b"n"], millis(40)), keys("<esc>n"));
    assert_eq!(events(&[b"\x1b\x1b"], millis(40)), keys("<esc><esc>"));
    assert_eq!(events(&[b"\x1b\x1b\x1b"], millis(40)), keys("<esc><esc><esc>"));
    for (bytes, key) in [(b"\x1b[", ""), (b"\x1bO", ""), (b"\x1b]", "<a-]>"), (b"\x1bP", "<a-P>")] {
        assert_eq!(events(&[bytes], millis(60)), keys(key));
    }
}

#[test]
fn unterminated_string_does_not_stop_the_keyboard() {
    for start in [b"\x1b]11;", b"\x1bP1+r", b"\x1b_Gab", b"\x1bXabc", b"\x1b^abc"] {
        assert_eq!(events(&[start, b"j"], millis(260)), keys("j"), "{start:?}: after a pause");
        assert_eq!(events(&[start, b"\x03"], Duration::ZERO), keys("<c-c>"), "{start:?}: Ctrl-C at once");
        let mut held = TimedParser::new();
        held.feed(start);
        for _ in 0..70 {
            held.pause(millis(33));
            held.feed(b"j");
        }
        assert!((1..20).contains(&held.events.len()), "{start:?}: a held key works again after two seconds");
    }
}

/// Input that is incomplete or undecodable.
const TORN: &[&[u8]] = &[
    b"\x1b[",
    b"\x1bO",
    b"\x1b[1;",
    b"\x1b[?62;22",
    b"\x1b[[",
    b"\x1bO5",
    b"\x1b]11;rgb:1e1e",
    b"\x1b]l",
    b"\x1b]11;rgb:1e1e\x1b",
    b"\x1bP1+r5247",
    b"\x1b_Gi=31",
    b"\x1b^abc",
    b"\x1bXabc",
    b"\x1b[M",
    b"\x1b[M !",
    b"\x1b[<0;10",
    b"\x1b[32;10",
    b"\xe6\x97",
    b"\xf0\x9f\x98",
    b"\xff",
    b"\xed\xa0\x80",
];

#[test]
fn key_after_torn_input_counts_as_burst() {
    for torn in TORN {
        for wait in [1010, 1900, 2500] {
            let mut parser = TimedParser::new();
            parser.feed(b"j");
            parser.pause(millis(1000));
            parser.feed(torn);
            for _ in 0..3 {
                parser.pause(millis(wait));
                parser.feed(b"y");
            }
            let pauses: Vec<Duration> = parser.presses.iter().skip(1).map(|press| press.pause).collect();
            assert_eq!(pauses, [Duration::ZERO, millis(wait), millis(wait)], "{torn:?}, {wait} ms");
        }
    }
    // After input that ends, a key is trusted.
    for whole in [&b"\x1b]11;rgb:1e1e\x07"[..], b"\x1b[<0;10;5M", b"\x1bP", "日".as_bytes()] {
        let mut parser = TimedParser::new();
        parser.feed(whole);
        parser.pause(millis(700));
        parser.feed(b"y");
        assert_eq!(parser.presses.last().map(|press| press.pause), Some(millis(700)), "{whole:?}");
    }
}

#[test]
fn paste_is_one_event_with_its_text() {
    let pasted = |text: &str| vec![InputEvent::Paste(text.to_owned())];
    let text = "a\x1b[Ay\r\nMé\x1b\x1b[200~\x03日";
    let bytes = [b"\x1b[200~", text.as_bytes(), b"\x1b[201~"].concat();
    assert_eq!(events(&[&bytes], Duration::ZERO), pasted(text));
    for at in 1..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(events(&[first, second], millis(20)), pasted(text), "{at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(events(&single, millis(29)), pasted(text));
    assert_eq!(events(&[b"\x1b[200~\x1b[201~"], Duration::ZERO), pasted(""));
    assert_eq!(events(&[b"\x1b[200~a\xffb\xc3\x1b[201~j"], Duration::ZERO), [pasted("ab"), keys("j")].concat());
    // A start or end that is late does not turn the text into keys.
    assert_eq!(events(&[b"\x1b[20", b"0~y\x1b[201~"], millis(100)), pasted("y"));
    assert_eq!(events(&[b"\x1b[200~y", b"\x1b[20", b"1~"], millis(1900)), pasted("y"));
    // A paste that stalls stays a paste. Without its end, Esc or Ctrl-C, alone and after a pause, ends it.
    let stalled = |then: &[Vec<InputEvent>]| [vec![InputEvent::UnfinishedPaste], then.concat()].concat();
    assert_eq!(events(&[b"\x1b[200~y", b"y", b"\ny\x1b[201~j"], millis(2100)), stalled(&[pasted("yy\ny"), keys("j")]));
    assert_eq!(events(&[b"\x1b[200~y", b"y", b"\x03", b"y"], millis(2100)), stalled(&[keys("<c-c>y")]));
    assert_eq!(events(&[b"\x1b[200~y", b"y", b"\x1b", b"y"], millis(2100)), stalled(&[keys("<esc>y")]));
    assert_eq!(events(&[b"\x1b[200~y", b"y\x03y\x1b[A", b"y"], millis(2100)), stalled(&[]));
    let huge = [b"\x1b[200~".to_vec(), vec![b'y'; 300_000], b"\x1b[201~".to_vec()].concat();
    let events = events(&[&huge], Duration::ZERO);
    let [InputEvent::Paste(text)] = events.as_slice() else { panic!("{events:?}") };
    assert!((4097..70_000).contains(&text.len()));
}
