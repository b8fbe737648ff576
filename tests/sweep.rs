//! Every kind of question against every kind of input that is not a person's answer: pasted texts at several speeds,
//! frozen output, stalls, terminals of all sizes, Esc and Alt, and late replies of terminals. No command may be sent
//! without an answer to a visible question, and a person's answer must work afterwards.
//!
//! By default, each kind of question meets each kind of attack once, with changing details. `HAPULSE_SWEEP=complete`
//! runs every combination (`tests/run sweep`), `HAPULSE_SWEEP_ONLY=TEXT` only the cases whose description contains the
//! text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use support::actions::wait_for_two_polls;
use support::questions::{self, QUESTIONS, QuestionKind};
use support::{Relay, Term, lock};

/// Cases that run at the same time. They mostly wait.
const THREADS: usize = 6;
const PASTE_BYTES: usize = 10_000;
/// Pieces per second of a slow paste.
const PIECES_PER_SECOND: usize = 50;

/// When input arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Instead of the key that opens the question; the text contains that key.
    BeforeQuestion,
    /// While the question waits for the answer.
    InQuestion,
}

#[derive(Debug, Clone, Copy)]
enum Attack {
    /// A pasted text, at this number of bytes per second; 0 means as fast as possible.
    Paste { speed: usize, has_brackets: bool, moment: Moment },
    /// A pasted text that stalls for this time right before a key that could answer, and continues after it.
    Stall { millis: u64, has_brackets: bool, moment: Moment },
    /// The terminal accepts no output.
    Frozen,
    /// The terminal has this size when the question is opened, or gets it afterwards.
    Size { cols: u16, rows: u16, moment: Moment },
    /// Esc, and after this time the answer. Without a time, Alt with the answer.
    Escape { millis: Option<u64> },
    /// A late reply of a terminal, whole and byte by byte.
    Reply { terminal: &'static str, bytes: &'static [u8] },
}

/// Replies to queries of earlier programs: device attributes, colors, modes, versions, sizes, graphics.
const REPLIES: [(&str, &[u8]); 12] = [
    ("xterm", b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c\x1b[>41;388;0c\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"),
    ("xterm reports", b"\x1b[?2026;2$y\x1b[24;80R\x1bP1+r544e=787465726d\x1b\\\x1b[8;24;80t\x1b[0n"),
    ("VTE", b"\x1b[?65;1;9c\x1b[>65;6800;1c\x1bP!|7E565445\x1b\\\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
    ("kitty", b"\x1b[?62;c\x1b[>1;4000;35c\x1b[?0u\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.35.0)\x1b\\"),
    ("WezTerm", b"\x1b[?65;4;6;18;22c\x1b[>1;277;0c\x1bP>|WezTerm 20240203-110809\x1b\\"),
    ("foot", b"\x1b[?62;4;22c\x1b[>1;11602;0c\x1bP>|foot(1.16.2)\x1b\\\x1b]11;rgb:24/24/24\x07"),
    ("Konsole", b"\x1b[?62;1;4c\x1b[>1;220770;0c\x1bP>|Konsole 22.12.3\x1b\\"),
    ("tmux", b"\x1b[?1;2;4c\x1b[>84;0;0c\x1bP>|tmux 3.3a\x1b\\\x1b]11;rgb:0000/0000/0000\x1b\\"),
    ("screen", b"\x1b[?1;2c\x1b[>83;40900;0c"),
    ("Windows Terminal", b"\x1b[?61;6;7;14;21;22;23;24;28;32;42c\x1b[>0;10;1c\x1b]11;rgb:0c0c/0c0c/0c0c\x1b\\"),
    ("mouse and focus", b"\x1b[<0;10;10M\x1b[<0;10;10m\x1b[M !!\x1b[I\x1b[O"),
    ("cut", b"\x1b]11;rgb:1e1e/1e1e/1e1e"),
];
const SIZES: [(u16, u16); 12] =
    [(80, 24), (60, 15), (50, 10), (40, 12), (40, 10), (30, 6), (29, 6), (30, 5), (20, 4), (20, 3), (10, 2), (1, 1)];
const SPEEDS: [usize; 3] = [0, 11_520, 960];
const MOMENTS: [Moment; 2] = [Moment::BeforeQuestion, Moment::InQuestion];

/// Returns the attacks, grouped by kind.
fn attacks() -> Vec<Vec<Attack>> {
    let brackets = [true, false];
    let with_moment = |make: &dyn Fn(bool, Moment) -> Attack| -> Vec<Attack> {
        MOMENTS.iter().flat_map(|moment| brackets.map(|has_brackets| make(has_brackets, *moment))).collect()
    };
    let paste = |speed: usize| with_moment(&|has_brackets, moment| Attack::Paste { speed, has_brackets, moment });
    let stalls = [700, 2500].iter().flat_map(|millis| {
        with_moment(&|has_brackets, moment| Attack::Stall { millis: *millis, has_brackets, moment })
    });
    let sizes =
        SIZES.iter().flat_map(|(cols, rows)| MOMENTS.map(|moment| Attack::Size { cols: *cols, rows: *rows, moment }));
    let mut groups: Vec<Vec<Attack>> = SPEEDS.map(paste).into();
    groups.extend([
        stalls.collect(),
        vec![Attack::Frozen],
        sizes.collect(),
        [Some(0), Some(20), Some(150), None].map(|millis| Attack::Escape { millis }).into(),
        REPLIES.map(|(terminal, bytes)| Attack::Reply { terminal, bytes }).into(),
    ]);
    groups
}

/// Returns pasted text that contains every key that opens or answers the question, but none that quits.
fn pasted_text(kind: &QuestionKind, bytes: usize) -> Vec<u8> {
    let keys = |text: &str| support::keys::parse(text).concat();
    let (open, yes) = (keys(kind.open), keys(kind.yes));
    let parts: [&[u8]; 9] = [b"Dear MDE", &open, b"y", &yes, b"\r", &yes, b"y\ny\r", &open, &yes];
    parts.concat().into_iter().cycle().take(bytes).collect()
}

fn bracketed(text: &[u8], has_brackets: bool) -> Vec<u8> {
    if has_brackets { [b"\x1b[200~", text, b"\x1b[201~"].concat() } else { text.to_vec() }
}

/// Writes bytes at a number of bytes per second.
fn write_at_speed(term: &mut Term, bytes: &[u8], speed: usize) {
    if speed == 0 {
        return term.paste(bytes);
    }
    for chunk in bytes.chunks((speed / PIECES_PER_SECOND).max(1)) {
        term.paste(chunk);
        thread::sleep(Duration::from_millis(1000 / PIECES_PER_SECOND as u64));
    }
}

/// A question and a program that may ask it.
struct Case<'a> {
    kind: &'a QuestionKind,
    relay: &'a Relay,
    term: Term,
    /// Commands that the preparation sent.
    known: Vec<String>,
}

/// State of the program after an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The question is open.
    Asking,
    /// Any state.
    Unknown,
}

/// Prepares a question, runs the attack, and checks that it sent nothing and that a person can answer.
fn run_case(kind: &QuestionKind, attack: Attack) {
    let lab = questions::lab();
    let relay = Relay::to(lab.admin());
    let size = match attack {
        // A command on the plain terminal asks at once.
        Attack::Size { cols, rows, moment: Moment::BeforeQuestion } if kind.is_plain() => (cols, rows),
        _ => (120, 40),
    };
    let term = kind.start(&relay, size);
    let mut case = Case { kind, relay: &relay, known: relay.write_commands(), term };
    let after = case.run_attack(attack);
    case.assert_nothing_sent(attack);
    if after == After::Unknown {
        drop(case.term);
        // An earlier action of the preparation is done again.
        lab.send_command("set server be1/s2 state ready");
        case.term = kind.start(&relay, (120, 40));
        case.open();
    }
    kind.answer(&mut case.term, &relay);
}

impl Case<'_> {
    fn run_attack(&mut self, attack: Attack) -> After {
        let moment = match attack {
            Attack::Paste { moment, .. } | Attack::Stall { moment, .. } | Attack::Size { moment, .. } => moment,
            Attack::Frozen => Moment::BeforeQuestion,
            Attack::Escape { .. } | Attack::Reply { .. } => Moment::InQuestion,
        };
        if moment == Moment::InQuestion {
            self.open();
        }
        match attack {
            Attack::Paste { speed, has_brackets, .. } => {
                let text = bracketed(&pasted_text(self.kind, PASTE_BYTES), has_brackets);
                write_at_speed(&mut self.term, &text, speed);
                After::Unknown
            }
            Attack::Stall { millis, has_brackets, moment } => self.paste_with_stall(millis, has_brackets, moment),
            Attack::Frozen => self.answer_frozen(attack),
            Attack::Size { cols, rows, moment } => self.answer_at_size(attack, (cols, rows), moment),
            Attack::Escape { millis } => {
                let (first, last) = self.answer_keys();
                self.term.paste(&first);
                thread::sleep(Duration::from_millis(600));
                self.term.paste(b"\x1b");
                thread::sleep(Duration::from_millis(millis.unwrap_or(0)));
                self.term.paste(&last);
                After::Unknown
            }
            Attack::Reply { terminal, bytes } => {
                self.term.paste(bytes);
                thread::sleep(Duration::from_millis(600));
                for byte in bytes {
                    self.term.paste(&[*byte]);
                    thread::sleep(Duration::from_millis(2));
                }
                // A reply that was cut ends after a while.
                thread::sleep(Duration::from_millis(2100));
                assert!(self.kind.is_on_screen(&self.term.screen()), "{terminal}\n{}", self.term.screen());
                After::Asking
            }
        }
    }

    /// Opens the question and waits until it can be answered.
    fn open(&mut self) {
        self.kind.open(&mut self.term);
        if self.kind.is_plain() {
            thread::sleep(Duration::from_millis(600));
        } else {
            self.term.wait_until_answerable();
        }
    }

    fn assert_nothing_sent(&self, attack: Attack) {
        if self.kind.is_plain() {
            self.term.wait_input_read();
            thread::sleep(Duration::from_millis(200));
        } else {
            wait_for_two_polls(&self.term, self.relay);
        }
        let sent = self.relay.write_commands();
        assert_eq!(sent, self.known, "{}: {attack:?}\n{}", self.kind.name, self.term.screen());
    }

    /// Returns the bytes of a Yes: all but the key that confirms, and this key.
    fn answer_keys(&self) -> (Vec<u8>, Vec<u8>) {
        let mut keys = support::keys::parse(self.kind.yes);
        let last = keys.pop().expect("an answer has a key");
        (keys.concat(), last)
    }

    /// Pastes a text that stops before the key that confirms, and continues later.
    fn paste_with_stall(&mut self, millis: u64, has_brackets: bool, moment: Moment) -> After {
        let (answer, last) = self.answer_keys();
        let first = match moment {
            Moment::BeforeQuestion => {
                [b"text ".to_vec(), support::keys::parse(self.kind.open).concat(), answer].concat()
            }
            Moment::InQuestion => answer,
        };
        let rest = [last, b"more text".to_vec()].concat();
        // The mark of the start is in the first part, the mark of the end in the other one.
        let text = bracketed(&[first, rest.clone()].concat(), has_brackets);
        let end = text.len() - rest.len() - if has_brackets { 6 } else { 0 };
        self.term.paste(&text[..end]);
        thread::sleep(Duration::from_millis(millis));
        self.term.paste(&text[end..]);
        After::Unknown
    }

    /// Opens and answers the question while the terminal accepts no output.
    fn answer_frozen(&mut self, attack: Attack) -> After {
        if !self.kind.is_plain() {
            self.term.wait_input_read();
        }
        self.term.set_frozen(true);
        // A command on the plain terminal may have asked before.
        let is_shown = self.kind.is_on_screen(&self.term.settled_screen());
        self.kind.open_unseen(&mut self.term);
        if !is_shown {
            self.kind.answer_unseen(&mut self.term);
            thread::sleep(Duration::from_millis(300));
            assert_eq!(self.relay.write_commands(), self.known, "{}: {attack:?}", self.kind.name);
        }
        self.term.set_frozen(false);
        After::Unknown
    }

    /// Answers the question at a size if it is not visible there.
    fn answer_at_size(&mut self, attack: Attack, (cols, rows): (u16, u16), moment: Moment) -> After {
        if !self.kind.is_plain() || moment == Moment::InQuestion {
            self.term.resize(cols, rows);
            self.term.wait_input_read();
        }
        if moment == Moment::BeforeQuestion {
            self.kind.open_unseen(&mut self.term);
        } else {
            thread::sleep(Duration::from_millis(700));
        }
        if self.kind.is_on_screen(&self.term.settled_screen()) {
            return After::Asking;
        }
        self.kind.answer_unseen(&mut self.term);
        self.assert_nothing_sent(attack);
        After::Unknown
    }
}

#[test]
fn t1_t2_t3_t4_no_command_without_an_answer_to_a_visible_question() {
    let is_complete = std::env::var_os("HAPULSE_SWEEP").is_some_and(|value| value == "complete");
    let groups = attacks();
    let mut cases: Vec<(&QuestionKind, Attack)> = Vec::new();
    for (index, kind) in QUESTIONS.iter().enumerate() {
        for group in &groups {
            if is_complete {
                cases.extend(group.iter().map(|attack| (kind, *attack)));
            } else {
                cases.push((kind, group[index % group.len()]));
            }
        }
    }
    // The slow cases first.
    cases.sort_by_key(|(_, attack)| !matches!(attack, Attack::Paste { speed: 960, .. }));
    let only = std::env::var("HAPULSE_SWEEP_ONLY").unwrap_or_default();
    cases.retain(|case| format!("{case:?}").contains(&only));
    let count = cases.len();
    cases.reverse();
    let (queue, failures) = (Mutex::new(cases), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some((kind, attack)) = lock(&queue).pop() else { return };
                    let run = std::panic::AssertUnwindSafe(|| run_case(kind, attack));
                    if std::panic::catch_unwind(run).is_err() {
                        lock(&failures).push(format!("{}: {attack:?}", kind.name));
                    }
                }
            });
        }
    });
    let failures = lock(&failures);
    assert!(failures.is_empty(), "{} of {count} cases failed:\n{}", failures.len(), failures.join("\n"));
}
