//! Fuzz target for terminal input: arbitrary bytes, in pieces and with pauses, must not keep the keyboard from working
//! after a pause.

use std::time::Duration;

use hapulse::app::key::{Key, KeyCode, KeyPress};
use hapulse::term::input_parser::{InputEvent, InputParser};

use super::dice::DecisionReader;

/// Whole sequences, and beginnings and ends of sequences, from which generated input is composed.
pub const FRAGMENTS: &[&[u8]] = &[
    b"\x1b",
    b"\x1b[",
    b"\x1bO",
    b"\x1b]",
    b"\x1bP",
    b"\x1bX",
    b"\x1b^",
    b"\x1b_",
    b"\x1b\\",
    b"\x07",
    b"\x1b[M",
    b"\x1b[<",
    b"\x1b[?",
    b"\x1b[[",
    b"\x1b[200~",
    b"\x1b[201~",
    b"201~",
    b"1;5",
    b"7$",
    b"A",
    b"y",
    b"~",
    b"u",
    b";",
    b":",
    b"97;5:3",
    b"27;5;97",
    b"11;rgb:1e1e",
    b"?2026;2$y",
    b"99999999999",
    b"\xc3",
    b"\xa9",
    b"\xf0\x9f",
    b"\x98",
    b"\x80",
    b"\xff",
    b"\x9b",
    b"\x03",
    b"\r",
    b"\x7f",
    b"\0",
    b"text",
    b"\n",
];

/// A pause that is long enough to end every sequence.
const LONG_PAUSE: Duration = Duration::from_secs(5);
const CTRL_C: Key = Key { code: KeyCode::Char('c'), ctrl: true, alt: false, shift: false };

/// A parser with a simulated clock. Within a pause, it calls `expire` at each deadline, as the key reader does.
pub struct TimedParser {
    parser: InputParser,
    now: Duration,
    /// Events; the times of keys are left out.
    pub events: Vec<InputEvent>,
    /// Keys with their times.
    pub presses: Vec<KeyPress>,
}

/// Returns the event of a key without times.
pub fn key_event(key: Key) -> InputEvent {
    InputEvent::Key(KeyPress { key, read_at: Duration::ZERO, pause: Duration::ZERO })
}

impl TimedParser {
    pub fn new() -> Self {
        Self { parser: InputParser::default(), now: Duration::from_secs(1), events: Vec::new(), presses: Vec::new() }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        let events = self.parser.feed(bytes, self.now);
        self.record(events);
    }

    fn record(&mut self, events: Vec<InputEvent>) {
        for event in events {
            self.events.push(match event {
                InputEvent::Key(press) => {
                    assert!(press.pause <= press.read_at && press.read_at <= self.now, "{press:?}");
                    self.presses.push(press);
                    key_event(press.key)
                }
                InputEvent::Paste(_) | InputEvent::UnfinishedPaste | InputEvent::Mouse(_) => event,
            });
        }
    }

    pub fn pause(&mut self, pause: Duration) {
        let end = self.now + pause;
        let mut expired = 0;
        while let Some(deadline) = self.parser.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let events = self.parser.expire(self.now);
            self.record(events);
            expired += 1;
            assert!(expired < 5, "a deadline does not end the wait");
        }
        self.now = end;
    }
}

/// Checks fuzz input: a byte with the number of pauses, a byte per pause, then the bytes of the terminal. The low four
/// bits of a pause are the number of bytes before the pause, the high four bits select the length of the pause.
pub fn check(input: &[u8]) {
    let mut decisions = DecisionReader::new(input);
    let count = decisions.below(16);
    let pauses = decisions.take(count);
    let bytes = decisions.rest();
    let mut parser = TimedParser::new();
    let mut rest = bytes;
    for pause in pauses {
        let (piece, after) = rest.split_at(usize::from(pause & 15).min(rest.len()));
        parser.feed(piece);
        parser.pause(Duration::from_millis(
            [0, 1, 20, 29, 30, 40, 50, 60, 100, 200, 249, 250, 400, 1000, 2000, 3000][usize::from(pause >> 4)],
        ));
        rest = after;
    }
    parser.feed(rest);
    for event in &parser.events {
        match event {
            InputEvent::Key(KeyPress { key: Key { code: KeyCode::Char(ch), shift, .. }, .. }) => {
                assert!(!ch.is_control() && !shift, "{event:?}");
            }
            InputEvent::Key(_) | InputEvent::UnfinishedPaste | InputEvent::Mouse(_) => {}
            InputEvent::Paste(text) => assert!(text.len() <= bytes.len()),
        }
    }
    assert!(parser.events.len() <= bytes.len() + 1, "there are more events than bytes");
    if pauses.iter().all(|pause| pause >> 4 == 0) {
        let mut whole = TimedParser::new();
        whole.feed(bytes);
        assert_eq!(whole.events, parser.events, "reads are not sequences");
    }
    parser.pause(LONG_PAUSE);
    parser.events.clear();
    parser.feed(b"\x03");
    assert_eq!(parser.events, [key_event(CTRL_C)], "the keyboard works after a pause");
    parser.feed(b"j");
    assert_eq!(parser.events.len(), 2);
}
