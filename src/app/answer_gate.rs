//! The rules that decide whether a key answers a question with Yes. They are the same for every question whose Yes
//! changes HAProxy: dialogs, typed lines, and the prompts of the commands for scripts.
//!
//! A Yes needs, in this order:
//!
//! 1. the whole question on the screen; of a question that does not fit, every row must have been shown by scrolling;
//! 2. the end of the write that sent its frame to the terminal;
//! 3. no key during the [`PAUSE_BEFORE_YES`] before the answer key;
//! 4. the answer key: `y`, or Enter after the required name;
//! 5. no key during the [`KeyPress::BURST_GAP`] after the answer key, because a key in the middle of a pasted text is not
//!    an answer.
//!
//! No is accepted at any time. Any other key that the question does not use counts as No, except an Enter directly after
//! a `y` that did not count, because other programs need that Enter, or directly after a weight that needs none.

use std::mem;
use std::time::Duration;

use crate::app::key::{Key, KeyCode, KeyPress};
use crate::haproxy::safe_text::is_visible;
use crate::instance::guard::ConfirmationAnswer;

/// Time without a key before the answer key, from the moment at which the whole question was shown.
pub const PAUSE_BEFORE_YES: Duration = Duration::from_millis(500);
/// Longest name that can be typed, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 256;

/// The rows of a question that one frame shows. Rows below and above them are reached by scrolling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShownRows {
    /// Index of the first row shown.
    pub first: usize,
    /// Number of rows shown.
    pub count: usize,
    /// Number of rows of the question.
    pub total: usize,
}

/// Result of a key press in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GateEvent {
    /// No decision yet.
    Pending,
    /// The question is canceled.
    No,
}

/// Why the question was asked again, or why the last answer was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Remark {
    /// The answer key came before it could count.
    TooEarly,
    /// Any other reason.
    Text(String),
}

/// State of the answer to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerGate {
    /// Name that must be typed; `None` if `y` is enough.
    required_name: Option<String>,
    typed_name: String,
    remark: Option<Remark>,
    /// Set if the last key was a `y` that did not count, or a key that opened the question and needs no Enter.
    ignores_enter: bool,
    /// Index of the first row to show.
    top: usize,
    /// Rows in the newest frame.
    newest: ShownRows,
    /// Frames that are not yet written, with their numbers.
    unwritten: Vec<(u64, ShownRows)>,
    /// Set if a frame with the question was written.
    is_written: bool,
    /// Number of rows, from the first one, that written frames have shown without a gap.
    seen_rows: usize,
    /// Time at which all rows had been shown.
    shown_at: Option<Duration>,
    last_key_at: Duration,
    /// Set between the confirming key and the pause after it.
    is_yes_pending: bool,
}

impl AnswerGate {
    /// Creates the state of a question that was not shown yet. `required_name` is the name to type, or `None` if `y` is
    /// enough.
    pub(crate) fn new(required_name: Option<String>) -> Self {
        Self {
            required_name,
            typed_name: String::new(),
            remark: None,
            ignores_enter: false,
            top: 0,
            newest: ShownRows::default(),
            unwritten: Vec::new(),
            is_written: false,
            seen_rows: 0,
            shown_at: None,
            last_key_at: Duration::ZERO,
            is_yes_pending: false,
        }
    }

    /// Returns the name that must be typed, or `None` if `y` is enough.
    pub fn required_name(&self) -> Option<&str> {
        self.required_name.as_deref()
    }

    /// Returns the name typed so far.
    pub fn typed_name(&self) -> &str {
        &self.typed_name
    }

    /// Returns why the question was asked again, or why the last answer was not accepted. After an early answer, asks
    /// for it again as soon as it can count.
    pub fn remark(&self, now: Duration) -> Option<&str> {
        let is_open = || self.opens_at().is_some_and(|at| at <= now);
        Some(match (self.remark.as_ref()?, &self.required_name) {
            (Remark::Text(text), _) => text,
            (Remark::TooEarly, None) if is_open() => "press y again",
            (Remark::TooEarly, Some(_)) if is_open() => "press Enter again",
            (Remark::TooEarly, None) => "too early: wait half a second, then press y",
            (Remark::TooEarly, Some(_)) => "too early: wait half a second, then press Enter",
        })
    }

    /// Sets the remark.
    pub(crate) fn set_remark(&mut self, remark: impl Into<String>) {
        self.remark = Some(Remark::Text(remark.into()));
    }

    /// Ignores an Enter that is the next key: it was meant for the input line before the question.
    pub(crate) fn ignore_next_enter(&mut self) {
        self.ignores_enter = true;
    }

    /// Returns the index of the first row to show.
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// Returns whether all rows have been shown.
    pub(crate) fn is_seen(&self) -> bool {
        self.is_written && self.seen_rows >= self.newest.total
    }

    /// Returns whether a confirming key waits for the pause that makes it final.
    pub(crate) fn is_yes_pending(&self) -> bool {
        self.is_yes_pending
    }

    /// Returns the time from which a key can confirm, if no input arrives before; `None` while rows have not been shown.
    pub fn opens_at(&self) -> Option<Duration> {
        self.shown_at.map(|at| at.max(self.last_key_at) + PAUSE_BEFORE_YES)
    }

    /// Resets the gate, because the screen no longer shows the question as before.
    pub(crate) fn hide(&mut self) {
        self.unwritten.clear();
        (self.is_written, self.seen_rows, self.shown_at, self.is_yes_pending) = (false, 0, None, false);
    }

    /// Asks again after pasted text: discards the typed name and resets the gate.
    pub(crate) fn refuse_paste(&mut self) {
        *self = Self::new(self.required_name.take());
        self.set_remark("pasted text does not count: type the answer");
    }

    /// Records that the frame with this number was drawn. `rows` is `None` if it does not show the question.
    pub(crate) fn record_drawn(&mut self, frame: u64, rows: Option<ShownRows>) {
        let Some(rows) = rows else { return self.hide() };
        self.newest = rows;
        if self.seen_rows < rows.total {
            self.shown_at = None;
        }
        self.top = self.top.min(rows.total - rows.count.min(rows.total));
        self.unwritten.push((frame, rows));
    }

    /// Records that all frames up to the one with this number were written to the terminal at `at`.
    pub(crate) fn record_written(&mut self, frame: u64, at: Duration) {
        let is_written = |(number, _): &mut (u64, ShownRows)| *number <= frame;
        for (_, rows) in self.unwritten.extract_if(.., is_written) {
            self.is_written = true;
            if rows.first <= self.seen_rows {
                self.seen_rows = self.seen_rows.max(rows.first + rows.count);
            }
        }
        if self.is_seen() {
            self.shown_at.get_or_insert(at);
        }
    }

    /// Handles a key press.
    pub(crate) fn handle_key(&mut self, press: KeyPress) -> GateEvent {
        let key = press.key;
        self.last_key_at = press.read_at;
        let was_pending = mem::take(&mut self.is_yes_pending);
        let ignores_enter = mem::take(&mut self.ignores_enter);
        if key.alt || key.ctrl || key.code == KeyCode::Esc {
            return GateEvent::No;
        }
        if self.scroll(key) {
            return GateEvent::Pending;
        }
        match (self.required_name.as_deref(), key.code) {
            (None, KeyCode::Char('y')) => {
                self.confirm(press, "y", was_pending);
                self.ignores_enter = !self.is_yes_pending;
            }
            (_, KeyCode::Enter) if ignores_enter => {}
            (Some(_), KeyCode::Enter) if self.typed_name.is_empty() => return GateEvent::No,
            (Some(name), KeyCode::Enter) if self.typed_name == name => self.confirm(press, "Enter", was_pending),
            (Some(name), KeyCode::Enter) => {
                let remark = format!("does not match \"{name}\"");
                self.set_remark(remark);
            }
            (Some(_), KeyCode::Char(_)) if !self.is_written => {
                self.set_remark("the question was not on the screen yet; please type again");
            }
            (Some(_), KeyCode::Char(ch)) => {
                if self.typed_name.chars().count() < MAX_NAME_CHARS && is_visible(ch) {
                    self.typed_name.push(ch);
                    self.remark = None;
                }
            }
            (Some(_), KeyCode::Backspace) => {
                self.typed_name.pop();
                self.remark = None;
            }
            _ => return GateEvent::No,
        }
        GateEvent::Pending
    }

    /// Returns the answer if a confirming key was pressed and a pause followed it. Must be called when
    /// [`KeyPress::BURST_GAP`] has passed without input. If other input came between the key and the pause
    /// (`is_after_key` is false), the key does not count.
    pub(crate) fn take_answer(&mut self, is_after_key: bool) -> Option<ConfirmationAnswer> {
        let is_yes = mem::take(&mut self.is_yes_pending);
        if is_yes && !is_after_key {
            let key = if self.required_name.is_some() { "Enter" } else { "y" };
            self.set_remark(format!("other keys arrived with {key}: press {key} again"));
        }
        (is_yes && is_after_key).then(|| match &self.required_name {
            None => ConfirmationAnswer::Yes,
            Some(_) => ConfirmationAnswer::Typed(self.typed_name.clone()),
        })
    }

    fn confirm(&mut self, press: KeyPress, label: &str, is_burst: bool) {
        let not_seen = !self.is_seen();
        let earliest = self.shown_at.map(|at| at.max(press.read_at.saturating_sub(press.pause)) + PAUSE_BEFORE_YES);
        self.remark = match earliest {
            _ if !self.is_written => {
                Some(Remark::Text(format!("the question was not on the screen yet; press {label} again")))
            }
            _ if not_seen => Some(Remark::Text(format!("scroll to the end of the question, then press {label}"))),
            Some(earliest) if !is_burst && press.read_at >= earliest => {
                self.is_yes_pending = true;
                None
            }
            _ => Some(Remark::TooEarly),
        };
    }

    /// Scrolls if the key does that. Returns whether it does.
    fn scroll(&mut self, key: Key) -> bool {
        let ShownRows { count, total, .. } = self.newest;
        let last = total.saturating_sub(count);
        let is_text = self.required_name.is_some();
        self.top = match key.code {
            KeyCode::Down => self.top + 1,
            KeyCode::Up => self.top.saturating_sub(1),
            KeyCode::Char('j') if !is_text => self.top + 1,
            KeyCode::Char('k') if !is_text => self.top.saturating_sub(1),
            KeyCode::PageDown => self.top + count,
            KeyCode::PageUp => self.top.saturating_sub(count),
            KeyCode::Home => 0,
            KeyCode::End => last,
            _ => return false,
        }
        .min(last);
        true
    }
}
