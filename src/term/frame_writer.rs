//! Double buffer of the screen: draws a frame, and returns the bytes that update the terminal to show it.

use std::io;

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::term::{encoder, line_shift};

/// The content of the terminal, and a buffer for the next frame.
#[derive(Debug)]
pub struct FrameBuffer {
    shown: Buffer,
    next: Buffer,
    is_terminal_blank: bool,
}

impl FrameBuffer {
    /// Creates the buffers for a terminal of this size. The first frame clears the terminal.
    pub fn new(width: u16, height: u16) -> Self {
        let area = Rect::new(0, 0, width, height);
        Self { shown: Buffer::empty(area), next: Buffer::empty(area), is_terminal_blank: true }
    }

    /// Resets the buffers after a resize or a suspension, so that the next frame clears the terminal.
    pub fn reset(&mut self, width: u16, height: u16) {
        *self = Self::new(width, height);
    }

    /// Draws the next frame and returns the bytes to write to the terminal; empty if nothing changed.
    ///
    /// # Errors
    /// Never fails in practice, because the bytes are written to memory.
    pub fn render(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<Vec<u8>> {
        self.next.reset();
        draw(&mut self.next);
        let moved = line_shift::shift_lines(&mut self.shown, &self.next);
        let changes = self.shown.diff(&self.next);
        if changes.is_empty() && moved.is_empty() && !self.is_terminal_blank {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::with_capacity(changes.len() * 4 + 32);
        queue!(bytes, BeginSynchronizedUpdate)?;
        if self.is_terminal_blank {
            queue!(bytes, Clear(ClearType::All))?;
        }
        bytes.extend(moved);
        bytes.extend(encoder::encode_cells(&changes, &self.next));
        queue!(bytes, EndSynchronizedUpdate)?;
        std::mem::swap(&mut self.shown, &mut self.next);
        self.is_terminal_blank = false;
        Ok(bytes)
    }
}

/// Byte that rings the terminal's bell.
pub(crate) const BELL: u8 = 0x07;

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn render_writes_only_changed_cells() {
        let mut frames = FrameBuffer::new(40, 5);
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
        frames.reset(40, 5);
        let again = frames.render(|buffer| {
            buffer.set_string(0, 0, "x", Style::new());
        });
        assert!(String::from_utf8_lossy(&again.unwrap()).contains("\u{1b}[2J"));
    }
}
