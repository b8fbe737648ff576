//! The terminal while a command asks a question on it: keys are read one by one and without echo, and pasted text is
//! marked. The screen and its scrollback stay as they are.
//!
//! There is only one terminal, so one global holds the modes to restore. [`leave`] may be called from any thread and
//! repeatedly.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use rustix::termios::{InputModes, LocalModes, QueueSelector, SpecialCodeIndex, tcflush};

use crate::term::line_modes::LineModes;
use crate::term::terminal_device;
use crate::term::terminal_mode::{DISABLE_BRACKETED_PASTE, ENABLE_BRACKETED_PASTE};
use crate::term::waiting_writer::WaitingWriter;

static LINE_MODES: LineModes = LineModes::new();

/// Sets up the terminal on standard input, and discards the input typed before.
///
/// # Errors
/// Returns an error if standard input is not a terminal or the terminal is closed.
pub(crate) fn enter() -> io::Result<()> {
    LINE_MODES.set(io::stdin().as_fd(), |modes| {
        modes.input_modes -=
            InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR | InputModes::ISTRIP | InputModes::IXON;
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    })?;
    tcflush(io::stdin(), QueueSelector::IFlush)?;
    let mut out = WaitingWriter(io::stdout());
    out.write_all(ENABLE_BRACKETED_PASTE.as_bytes()).and_then(|()| out.flush())
}

/// Restores the terminal, and discards input that was not read: it was meant for the question. Does nothing if the
/// terminal is not set up. Errors do not matter: the terminal is then closed.
pub(crate) fn leave() {
    if !LINE_MODES.restore(io::stdin().as_fd()) {
        return;
    }
    if !terminal_device::is_in_background() {
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }
    let mut out = WaitingWriter(io::stdout());
    let _ = out.write_all(DISABLE_BRACKETED_PASTE.as_bytes()).and_then(|()| out.flush());
}

/// Returns whether the terminal is set up.
pub(crate) fn is_entered() -> bool {
    LINE_MODES.are_set()
}
