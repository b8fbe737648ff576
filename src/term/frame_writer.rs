//! From one screen to the next in as few bytes as possible.

use std::io;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::term::encoder;

/// What is on the terminal now, and the next screen being drawn.
#[derive(Debug)]
pub struct Frames {
    shown: Buffer,
    next: Buffer,
    is_blank: bool,
}

impl Frames {
    /// Nothing shown yet on a terminal of this size.
    pub fn new(width: u16, height: u16) -> Self {
        let area = Rect::new(0, 0, width, height);
        Self { shown: Buffer::empty(area), next: Buffer::empty(area), is_blank: true }
    }

    /// The next frame begins on an empty screen: after a resize, after the shell had the terminal.
    pub fn forget(&mut self, width: u16, height: u16) {
        *self = Self::new(width, height);
    }

    /// Draws the next screen and returns the bytes that bring the terminal there; none when nothing changed.
    ///
    /// # Errors
    /// Never in practice: bytes are collected in memory.
    pub fn render(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<Vec<u8>> {
        self.next.reset();
        draw(&mut self.next);
        let changes = self.shown.diff(&self.next);
        if changes.is_empty() && !self.is_blank {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::with_capacity(changes.len() * 4 + 32);
        queue!(bytes, BeginSynchronizedUpdate)?;
        if self.is_blank {
            queue!(bytes, Clear(ClearType::All))?;
        }
        bytes.extend(encoder::cells(&changes, &self.next));
        queue!(bytes, EndSynchronizedUpdate)?;
        std::mem::swap(&mut self.shown, &mut self.next);
        self.is_blank = false;
        Ok(bytes)
    }
}

/// The byte that rings.
pub const BELL: u8 = 0x07;

/// The bytes that put a text into the terminal's clipboard (OSC 52), where it has one. The text is safe: it
/// travels as base64.
pub fn clipboard(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Into memory, which does not fail.
    let _ = queue!(bytes, CopyToClipboard::to_clipboard_from(text));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn a_copied_text_travels_as_base64() {
        assert_eq!(clipboard("api/api1"), b"\x1b]52;c;YXBpL2FwaTE=\x1b\\");
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut frames = Frames::new(40, 5);
        let mut render = |text: &str| {
            frames.render(|buffer| {
                buffer.set_string(0, 0, text, Style::new());
            })
        };
        let first = render("sessions-812").unwrap();
        assert!(String::from_utf8_lossy(&first).contains("sessions-812"));
        assert!(render("sessions-812").unwrap().is_empty(), "nothing changed, nothing is written");
        let third = String::from_utf8(render("sessions-813").unwrap()).unwrap();
        assert!(third.contains('3') && !third.contains("sess"), "{third:?}");
        frames.forget(40, 5);
        let again = frames.render(|buffer| {
            buffer.set_string(0, 0, "x", Style::new());
        });
        assert!(String::from_utf8_lossy(&again.unwrap()).contains("\u{1b}[2J"));
    }
}
