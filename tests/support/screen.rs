//! The screen of a [`Term`]: its text, its modes, and waits for text.

use super::DEADLINE;
use super::term::Term;
use std::thread;
use std::time::{Duration, Instant};

/// Terminal modes set by the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalModes {
    pub cursor_visible: bool,
    pub alternate_screen: bool,
    pub bracketed_paste: bool,
    pub mouse: bool,
}

/// Maximum number of lines of a message at the bottom.
const MESSAGE_LINES: usize = 4;

/// Returns the last lines of the screen as one: a message is longer than the bottom line on narrow screens.
pub fn message(screen: &str) -> String {
    let lines: Vec<&str> = screen.lines().map(str::trim).collect();
    lines[lines.len().saturating_sub(MESSAGE_LINES)..].join(" ")
}

impl Term {
    /// Returns the text on the screen, one line per row, without trailing blanks.
    pub fn screen(&self) -> String {
        self.with_screen(|screen| {
            let cols = screen.size().1.get();
            let rows = screen.rows(0, cols).map(|row| row.trim_end().to_owned());
            rows.collect::<Vec<_>>().join("\n")
        })
    }

    /// Calls `read` with the screen of the emulator, for colors, attributes and the cursor.
    pub fn with_screen<T>(&self, read: impl FnOnce(&vt100::Screen) -> T) -> T {
        read(self.output().parser.screen())
    }

    /// Returns the screen once it stays the same for 25 ms, because a frame may arrive in several parts.
    pub fn settled_screen(&self) -> String {
        let mut before = self.screen();
        for _ in 0..40 {
            thread::sleep(Duration::from_millis(25));
            let now = self.screen();
            if now == before {
                break;
            }
            before = now;
        }
        before
    }

    /// Waits until the text is on the screen, also in a message of several lines, and returns the screen.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(&format!("{text:?}"), |screen| screen.contains(text) || message(screen).contains(text))
    }

    /// Waits until the text is on the screen, and returns whether it appeared in time.
    pub fn shows_within(&self, text: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let is_shown = |screen: &str| screen.contains(text) || message(screen).contains(text);
        while !is_shown(&self.screen()) {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Waits until the text is not on the screen and returns the screen.
    pub fn wait_gone(&self, text: &str) -> String {
        self.wait(&format!("screen without {text:?}"), |screen| !screen.contains(text))
    }

    /// Waits for a screen that passes `check` and returns it.
    pub fn wait_until(&self, check: impl Fn(&str) -> bool) -> String {
        self.wait("a screen that passes the check", check)
    }

    fn wait(&self, what: &str, check: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            // In this order, so that the last output of an ended program is checked.
            let ended = self.output_ended();
            let screen = self.screen();
            if check(&screen) {
                return screen;
            }
            let why = if ended { "the program ended during the wait" } else { "waited too long" };
            assert!(!ended && Instant::now() < end, "{why} for {what}; the screen:\n{}", self.framed());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns all bytes that the program wrote so far.
    pub fn raw(&self) -> Vec<u8> {
        self.output().raw.clone()
    }

    pub fn modes(&self) -> TerminalModes {
        self.with_screen(|screen| TerminalModes {
            cursor_visible: !screen.hide_cursor(),
            alternate_screen: screen.alternate_screen(),
            bracketed_paste: screen.bracketed_paste(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        })
    }

    /// Returns the screen between two lines, for failure messages.
    pub(super) fn framed(&self) -> String {
        let line = "-".repeat(80);
        format!("{line}\n{}\n{line}", self.screen().trim_end())
    }
}
