//! Divides the bytes that the terminal sends into keys and pasted text.
//!
//! The parser follows the structure of ECMA-48, so that it finds the end of every sequence, even an unknown one. A
//! complete sequence that is not a key is dropped at its end. Sequences may arrive in pieces: the parser waits a short
//! time for the rest of an incomplete sequence, then drops it. A rest that arrives within a second is dropped too,
//! because its letters would otherwise be keys: `D` ends the sequence of the left arrow, and is the key that drains. After
//! an even longer time, a rest cannot be distinguished from a key: the first key after torn or undecodable input therefore
//! counts as part of a burst, which neither opens nor answers a question. `ESC [` and `ESC O` alone are incomplete, not Alt
//! with a key.
//!
//! Time is an argument. The caller waits for input until [`InputParser::deadline`] and calls [`InputParser::expire`] if
//! no input arrived. Bytes that arrived in time but were read late therefore do not count as a pause.

use std::mem;
use std::time::Duration;

use crate::app::key::{Key, KeyCode, KeyPress};
use crate::app::mouse_report::MouseReport;
use crate::term::key_sequences::{control_key, decode_csi, decode_mouse, decode_ss3, is_csi_complete};

/// Input from the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputEvent {
    /// A key press.
    Key(KeyPress),
    /// The mouse was used. Counts as input that is not a key.
    Mouse(MouseReport),
    /// Pasted text, with all its control characters.
    Paste(String),
    /// A paste has begun, and its rest or end mark did not arrive in time. All input counts as pasted until the end mark,
    /// Esc or Ctrl-C.
    UnfinishedPaste,
}

/// After this time without input, an ESC is the Esc key.
const ESCAPE_WAIT: Duration = Duration::from_millis(30);
/// After this time without input, an incomplete sequence no longer becomes a key.
const SEQUENCE_WAIT: Duration = Duration::from_millis(50);
/// After this time without input, an incomplete `CSI` or `SS3` sequence ends. A rest that arrives sooner is dropped.
const LATE_REST_WAIT: Duration = Duration::from_secs(1);
/// The same for an OSC, DCS, APC, SOS or PM string, which a typed key with Alt may begin.
const LATE_STRING_WAIT: Duration = Duration::from_millis(250);
/// Maximum duration of an OSC, DCS, APC, SOS or PM string.
const STRING_LIMIT: Duration = Duration::from_secs(2);
/// After this time without input, a paste without an end mark is reported as unfinished.
const PASTE_WAIT: Duration = Duration::from_secs(2);
/// Maximum number of bytes kept of a `CSI` or `SS3` sequence. The sequence of a key is never longer.
const MAX_SEQUENCE_BYTES: usize = 64;
/// Maximum number of bytes kept of a paste. No input line accepts that many.
const MAX_PASTE_BYTES: usize = 64 * 1024;

const ESC: u8 = 0x1b;
const PASTE_START: &[u8] = b"200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// Parser of terminal input.
#[derive(Debug, Default)]
pub struct InputParser {
    state: State,
    /// Bytes of the current sequence, character or paste.
    buffer: Vec<u8>,
    /// Set if the current sequence began with two ESC. The first one stands for Alt (rxvt) or the Esc key.
    has_extra_escape: bool,
    /// Set if the current sequence was incomplete for too long to become a key, or a paste for too long to end soon.
    is_late: bool,
    /// Time at which an ESC in an unfinished paste arrived alone and after a pause; `None` once more input has arrived.
    lone_escape_at: Option<Duration>,
    started_at: Duration,
    last_byte_at: Duration,
    /// Time without input before the byte being handled.
    byte_pause: Duration,
    /// Time without input before the first byte of the current sequence or character.
    pause: Duration,
    /// Time at which an ESC byte was taken for the Esc key because nothing followed it in time; `None` once more input
    /// has arrived.
    escaped_at: Option<Duration>,
    /// The input before the next key.
    earlier_input: EarlierInput,
    /// Set if the last byte completed an event.
    ends_with_event: bool,
    events: Vec<InputEvent>,
}

/// The input before a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum EarlierInput {
    /// Complete.
    #[default]
    Whole,
    /// Incomplete or undecodable, so that the key may be its rest.
    Torn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After `ESC [`.
    Csi,
    /// After `ESC O`.
    Ss3,
    /// In an OSC, DCS, APC, SOS or PM string, which began with this byte after ESC.
    String(u8),
    /// After ESC in a string.
    StringEscape,
    /// In a UTF-8 character of this many bytes.
    Character { length: usize, alt: bool },
    /// In a paste, after this many bytes of the end mark.
    Paste { matched: usize },
}

impl InputParser {
    /// Creates a parser. Bytes that are read right after `now` count as typed before.
    pub(crate) fn starting_at(now: Duration) -> Self {
        Self { last_byte_at: now, ..Self::default() }
    }

    /// Parses bytes that were read at `now`. All of them have the same time.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) -> Vec<InputEvent> {
        self.byte_pause = now.saturating_sub(self.last_byte_at);
        if matches!(self.state, State::String(_) | State::StringEscape) && now >= self.started_at + STRING_LIMIT {
            self.drop_torn();
        }
        let mut rest = bytes;
        if !bytes.is_empty() {
            self.last_byte_at = now;
        }
        if self.ends_unfinished_paste(bytes) {
            self.reset();
        }
        if self.is_rest_of_escape(bytes, now) {
            self.begin_sequence(bytes[0], now);
            self.is_late = true;
            rest = &bytes[1..];
        }
        for byte in rest {
            let count = self.events.len();
            self.handle_byte(*byte, now);
            let is_mouse = matches!(self.events.last(), Some(InputEvent::Mouse(_)));
            (self.byte_pause, self.ends_with_event) = (Duration::ZERO, self.events.len() > count && !is_mouse);
        }
        if !bytes.is_empty() {
            self.escaped_at = None;
        }
        mem::take(&mut self.events)
    }

    /// Returns whether the last byte completed an event. If not, it was dropped, or belongs to an incomplete sequence.
    pub fn ends_with_event(&self) -> bool {
        self.ends_with_event
    }

    /// Returns the time until which the parser waits for the rest of a sequence, or `None` between sequences.
    pub fn deadline(&self) -> Option<Duration> {
        let wait = match self.state {
            State::Escape => ESCAPE_WAIT,
            State::Paste { .. } if !self.is_late => PASTE_WAIT,
            State::Paste { matched: 1 } if self.lone_escape_at.is_some() => ESCAPE_WAIT,
            State::Ground | State::Paste { .. } => return None,
            State::String(_) | State::StringEscape if self.is_late || !self.buffer.is_empty() => {
                return Some((self.last_byte_at + LATE_STRING_WAIT).min(self.started_at + STRING_LIMIT));
            }
            _ if self.is_late => LATE_REST_WAIT,
            _ => SEQUENCE_WAIT,
        };
        Some(self.last_byte_at + wait)
    }

    /// Ends the wait for the rest of a sequence if [`Self::deadline`] has passed. Returns the keys that result.
    pub fn expire(&mut self, now: Duration) -> Vec<InputEvent> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        match self.state {
            State::Escape => {
                let count = if self.has_extra_escape { 2 } else { 1 };
                self.reset();
                (0..count).for_each(|_| self.push_key(Key::unmodified(KeyCode::Esc)));
                self.escaped_at = Some(now);
            }
            State::Csi | State::Ss3 if !self.is_late => {
                if self.buffer.is_empty() {
                    self.push_extra_escape();
                }
                self.is_late = true;
            }
            State::String(introducer) if !self.is_late && self.buffer.is_empty() => {
                self.push_key(Key { alt: true, ..Key::char(char::from(introducer)) });
                self.is_late = true;
            }
            State::Paste { .. } if !self.is_late => {
                self.is_late = true;
                self.events.push(InputEvent::UnfinishedPaste);
            }
            State::Paste { .. } => {
                self.reset();
                self.push_key(Key::unmodified(KeyCode::Esc));
            }
            // Alt with a character, as which the start of a string alone was reported, is complete.
            State::String(_) if self.buffer.is_empty() => self.reset(),
            _ => self.drop_torn(),
        }
        mem::take(&mut self.events)
    }

    /// Returns whether these bytes, which arrived together and after a pause, are a Ctrl-C that ends an unfinished paste.
    /// Records whether they are an ESC, which ends it if nothing follows.
    fn ends_unfinished_paste(&mut self, bytes: &[u8]) -> bool {
        let is_unfinished = matches!(self.state, State::Paste { .. }) && self.is_late;
        let is_alone = is_unfinished && bytes.len() == 1 && self.byte_pause >= ESCAPE_WAIT;
        if !bytes.is_empty() {
            self.lone_escape_at = (is_alone && bytes == [ESC]).then_some(self.last_byte_at);
        }
        is_alone && bytes == [0x03]
    }

    /// Returns whether these bytes, which arrived together, continue a sequence whose ESC already became the Esc key.
    /// Typed keys hardly ever arrive together. `[[` alone are two keys, because no sequence consists of brackets only.
    fn is_rest_of_escape(&self, bytes: &[u8], now: Duration) -> bool {
        self.escaped_at.is_some_and(|at| now.saturating_sub(at) <= LATE_REST_WAIT)
            && match bytes {
                [b'[', rest @ ..] => rest.iter().any(|byte| (0x20..0x7f).contains(byte) && *byte != b'['),
                [b'O', next, ..] => next.is_ascii_alphanumeric(),
                [b']', next, ..] => matches!(next, b'0'..=b'9' | b'l' | b'L'),
                [b'P', next, ..] => matches!(next, b'0'..=b'9' | b'>' | b'!'),
                _ => false,
            }
    }

    fn handle_byte(&mut self, byte: u8, now: Duration) {
        if self.state == State::Ground {
            self.pause = self.byte_pause;
        }
        match self.state {
            State::Ground => self.begin_character(byte, false, now),
            State::Escape => self.handle_byte_after_escape(byte, now),
            State::Csi | State::Ss3 => self.handle_sequence_byte(byte, now),
            State::String(introducer) => match byte {
                0x07 => self.reset(),
                ESC => self.state = State::StringEscape,
                // Ctrl-C ends a string, as do CAN and SUB (Ctrl-X, Ctrl-Z) in ECMA-48.
                0x03 | 0x18 | 0x1a => self.restart_with(byte, now),
                // The content is not needed; one byte in the buffer records that the string is not empty.
                _ if self.buffer.is_empty() => self.buffer.push(introducer),
                _ => {}
            },
            State::StringEscape if byte == b'\\' => self.reset(),
            State::StringEscape => {
                self.restart_with(ESC, now);
                self.handle_byte(byte, now);
            }
            State::Character { length, alt } => {
                if !matches!(byte, 0x80..=0xbf) {
                    return self.restart_with(byte, now);
                }
                self.buffer.push(byte);
                if self.buffer.len() == length {
                    let ch = str::from_utf8(&self.buffer).ok().and_then(|text| text.chars().next());
                    match ch {
                        Some(ch) => {
                            self.reset();
                            if !ch.is_control() {
                                self.push_key(Key { alt, ..Key::char(ch) });
                            }
                        }
                        None => self.drop_torn(),
                    }
                }
            }
            State::Paste { matched } => self.handle_pasted_byte(byte, matched),
        }
    }

    /// Handles a byte that begins a character or a sequence.
    fn begin_character(&mut self, byte: u8, alt: bool, now: Duration) {
        let length = match byte {
            ESC => return self.begin(State::Escape, now),
            // The Linux console sends ESC and Tab for Shift-Tab.
            b'\t' if alt => return self.push_key(Key::unmodified(KeyCode::BackTab)),
            0..0x20 | 0x7f => return self.push_key(Key { alt, ..control_key(byte) }),
            0x20..0x7f => return self.push_key(Key { alt, ..Key::char(char::from(byte)) }),
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80.. => return self.earlier_input = EarlierInput::Torn,
        };
        self.begin(State::Character { length, alt }, now);
        self.buffer.push(byte);
    }

    fn handle_byte_after_escape(&mut self, byte: u8, now: Duration) {
        match byte {
            ESC => {
                self.push_extra_escape();
                self.has_extra_escape = true;
            }
            b'[' | b'O' | b']' | b'P' | b'X' | b'^' | b'_' => self.begin_sequence(byte, now),
            byte => {
                self.push_extra_escape();
                self.reset();
                self.begin_character(byte, true, now);
            }
        }
    }

    fn begin_sequence(&mut self, introducer: u8, now: Duration) {
        let extra_escape = self.has_extra_escape;
        self.begin(
            match introducer {
                b'[' => State::Csi,
                b'O' => State::Ss3,
                introducer => State::String(introducer),
            },
            now,
        );
        self.has_extra_escape = extra_escape;
        if matches!(self.state, State::String(_)) {
            self.push_extra_escape();
        }
    }

    fn handle_sequence_byte(&mut self, byte: u8, now: Duration) {
        let is_mouse_report = self.state == State::Csi && self.buffer.first() == Some(&b'M');
        if byte < 0x20 || (byte >= 0x7f && !is_mouse_report) {
            // Such a byte is not part of the sequence but a key: Ctrl-C must work at any time.
            self.push_extra_escape();
            return self.restart_with(byte, now);
        }
        if self.buffer.len() < MAX_SEQUENCE_BYTES || matches!(byte, 0x40..=0x7e) {
            self.buffer.push(byte);
        }
        let is_complete =
            if self.state == State::Csi { is_csi_complete(&self.buffer) } else { matches!(byte, 0x40..=0x7e) };
        if !is_complete {
            return;
        }
        if self.state == State::Csi && self.buffer == PASTE_START {
            self.push_extra_escape();
            return self.begin(State::Paste { matched: 0 }, now);
        }
        let report = Some(&self.buffer).filter(|_| self.state == State::Csi).and_then(|body| decode_mouse(body));
        if let Some(report) = report.filter(|_| !self.is_late) {
            self.push_extra_escape();
            self.reset();
            return self.events.push(InputEvent::Mouse(report));
        }
        let key = if self.state == State::Csi { decode_csi(&self.buffer) } else { decode_ss3(&self.buffer) };
        match key.filter(|_| !self.is_late) {
            Some(key) => self.push_key(Key { alt: key.alt || self.has_extra_escape, ..key }),
            None => self.push_extra_escape(),
        }
        self.reset();
    }

    fn handle_pasted_byte(&mut self, byte: u8, matched: usize) {
        if byte == PASTE_END[matched] {
            if matched + 1 < PASTE_END.len() {
                self.state = State::Paste { matched: matched + 1 };
                return;
            }
            let text = self.buffer.utf8_chunks().map(|chunk| chunk.valid()).collect();
            self.reset();
            self.events.push(InputEvent::Paste(text));
            return;
        }
        let is_escape = byte == ESC;
        self.state = State::Paste { matched: usize::from(is_escape) };
        if self.buffer.len() < MAX_PASTE_BYTES {
            self.buffer.extend(&PASTE_END[..matched]);
            self.buffer.extend((!is_escape).then_some(byte));
        }
    }

    fn push_key(&mut self, key: Key) {
        let pause = match mem::take(&mut self.earlier_input) {
            EarlierInput::Whole => self.pause,
            EarlierInput::Torn => Duration::ZERO,
        };
        self.events.push(InputEvent::Key(KeyPress { key, read_at: self.last_byte_at, pause }));
    }

    /// Reports the Esc key if the sequence began with two ESC.
    fn push_extra_escape(&mut self) {
        if mem::take(&mut self.has_extra_escape) {
            self.push_key(Key::unmodified(KeyCode::Esc));
        }
    }

    fn begin(&mut self, state: State, now: Duration) {
        self.reset();
        (self.state, self.started_at) = (state, now);
    }

    /// Drops the current sequence and handles a byte as the first one of the next sequence.
    fn restart_with(&mut self, byte: u8, now: Duration) {
        self.drop_torn();
        self.pause = self.byte_pause;
        self.begin_character(byte, false, now);
    }

    /// Drops an incomplete sequence, whose rest may still arrive.
    fn drop_torn(&mut self) {
        self.reset();
        self.earlier_input = EarlierInput::Torn;
    }

    fn reset(&mut self) {
        (self.state, self.has_extra_escape, self.is_late) = (State::Ground, false, false);
        self.buffer.clear();
    }
}
