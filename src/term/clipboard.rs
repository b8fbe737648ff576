//! Copying to the clipboard through the terminal (OSC 52), also from inside tmux and GNU screen.
//!
//! The terminal does not report whether it copied the text.

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;

use crate::config::terminal_env::{Multiplexer, TerminalEnv};

/// Maximum number of bytes that one string of GNU screen passes on.
const MAX_SCREEN_STRING: usize = 256;

/// The way to the clipboard in a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clipboard {
    multiplexer: Multiplexer,
}

impl Clipboard {
    /// Returns the way in the terminal of this environment.
    pub(crate) fn new(environment: &TerminalEnv) -> Self {
        Self { multiplexer: environment.multiplexer() }
    }

    /// Returns the escape sequences that make the terminal copy `text`, if it supports that. The text cannot break out
    /// of a sequence, because it is base64-encoded.
    ///
    /// tmux copies with its option `set-clipboard on`, and passes wrapped sequences on with `allow-passthrough on`.
    /// GNU screen only passes wrapped sequences on.
    pub(crate) fn copy_sequence(self, text: &str) -> Vec<u8> {
        let mut plain = Vec::new();
        // Writing to memory cannot fail.
        let _ = queue!(plain, CopyToClipboard::to_clipboard_from(text));
        let end = plain.len() - ST.len();
        // Inside the string of a multiplexer, ST would end that string, so BEL ends the sequence.
        let inner = [&plain[..end], &[BEL]].concat();
        match self.multiplexer {
            Multiplexer::Absent => plain,
            Multiplexer::Tmux => [&plain, &b"\x1bPtmux;\x1b"[..], &inner, ST].concat(),
            Multiplexer::Screen => wrap_for_screen(&inner),
            Multiplexer::TmuxOrScreen => [plain, wrap_for_screen(&inner)].concat(),
        }
    }

    /// Returns the message for the operator after the sequence was sent.
    pub(crate) fn describe_copy(self, text: &str) -> String {
        let condition = match self.multiplexer {
            Multiplexer::Absent => "",
            Multiplexer::Tmux => ", needs: set -g set-clipboard on",
            Multiplexer::Screen | Multiplexer::TmuxOrScreen => ", if the outer terminal supports it",
        };
        let receiver = if self.multiplexer == Multiplexer::Tmux { "tmux" } else { "the terminal" };
        format!("sent to {receiver} to copy: {text}{condition}")
    }
}

const BEL: u8 = 0x07;
/// End of a string.
const ST: &[u8] = b"\x1b\\";

/// Returns the sequence in strings that GNU screen passes on to its terminal.
fn wrap_for_screen(sequence: &[u8]) -> Vec<u8> {
    sequence.chunks(MAX_SCREEN_STRING).flat_map(|chunk| [b"\x1bP", chunk, ST].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(multiplexer: Multiplexer, text: &str) -> String {
        String::from_utf8(Clipboard { multiplexer }.copy_sequence(text)).unwrap()
    }

    #[test]
    fn copy_sequence_encodes_text_as_base64_and_is_wrapped_for_multiplexers() {
        let plain = "\x1b]52;c;YXBpL2FwaTE=\x1b\\";
        let for_screen = "\x1bP\x1b]52;c;YXBpL2FwaTE=\x07\x1b\\";
        assert_eq!(sequence(Multiplexer::Absent, "api/api1"), plain);
        let for_tmux = format!("{plain}\x1bPtmux;\x1b\x1b]52;c;YXBpL2FwaTE=\x07\x1b\\");
        assert_eq!(sequence(Multiplexer::Tmux, "api/api1"), for_tmux);
        assert_eq!(sequence(Multiplexer::Screen, "api/api1"), for_screen);
        assert_eq!(sequence(Multiplexer::TmuxOrScreen, "api/api1"), format!("{plain}{for_screen}"));
    }

    #[test]
    fn copy_sequence_is_split_for_screen() {
        let name = "n".repeat(1000);
        let wrapped = sequence(Multiplexer::Screen, &name);
        let strings: Vec<&str> = wrapped.split_terminator("\x1b\\").map(|part| &part[2..]).collect();
        assert!(strings.iter().all(|part| part.len() <= MAX_SCREEN_STRING));
        let plain = sequence(Multiplexer::Absent, &name);
        assert_eq!(strings.concat(), plain.replace("\x1b\\", "\x07"));
    }
}
