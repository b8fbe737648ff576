//! What a [`Term`] shows: its screen as text, its modes, and waiting for them.

use super::DEADLINE;
use super::term::Term;
use std::thread;
use std::time::{Duration, Instant};

/// The modes the program has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalModes {
    pub cursor_visible: bool,
    pub alternate_screen: bool,
    pub bracketed_paste: bool,
    pub mouse: bool,
}

impl Term {
    /// The text on the screen, a line a row, without trailing blanks.
    pub fn screen(&self) -> String {
        self.with_screen(|screen| {
            let cols = screen.size().1.get();
            let rows = screen.rows(0, cols).map(|row| row.trim_end().to_owned());
            rows.collect::<Vec<_>>().join("\n")
        })
    }

    /// The emulator's screen, for colours, attributes and the cursor.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen().parser.screen())
    }

    /// The screen once nothing more comes for a moment: a frame may arrive in several pieces.
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

    /// Waits until the text is on the screen, and returns that screen.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until the text is no longer on the screen.
    pub fn wait_gone(&self, text: &str) -> String {
        self.wait(&format!("{text:?} to go"), |screen| !screen.contains(text))
    }

    /// Waits for a screen that passes the check.
    pub fn wait_until(&self, check: impl Fn(&str) -> bool) -> String {
        self.wait("the screen to pass a check", check)
    }

    fn wait(&self, what: &str, check: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            // In this order, so that what a program wrote just before it ended is looked at.
            let ended = self.output_ended();
            let screen = self.screen();
            if check(&screen) {
                return screen;
            }
            let why = if ended { "the program ended" } else { "waited too long" };
            assert!(!ended && Instant::now() < end, "{why}; no {what} on this screen:\n{}", self.framed());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// All bytes the program wrote so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen().raw.clone()
    }

    pub fn modes(&self) -> TerminalModes {
        self.with_screen(|screen| TerminalModes {
            cursor_visible: !screen.hide_cursor(),
            alternate_screen: screen.alternate_screen(),
            bracketed_paste: screen.bracketed_paste(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        })
    }

    /// The screen with a line above and below, for a failure's message.
    pub(super) fn framed(&self) -> String {
        let line = "-".repeat(80);
        format!("{line}\n{}\n{line}", self.screen().trim_end())
    }
}
