//! The terminal while a command asks a question on it: keys are read one by one and without echo, and pasted text is
//! marked. The screen and its scrollback stay as they are.
//!
//! There is only one terminal, so one global holds the modes to restore. [`leave`] may be called from any thread and
//! repeatedly.

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};

use crate::term::terminal_mode::{DISABLE_BRACKETED_PASTE, ENABLE_BRACKETED_PASTE};

/// The modes before [`enter`]; `None` while they are in effect.
static SAVED_MODES: Mutex<Option<Termios>> = Mutex::new(None);

/// Sets up the terminal on standard input, and discards the input typed before.
///
/// # Errors
/// Returns an error if standard input is not a terminal or the terminal is closed.
pub(crate) fn enter() -> io::Result<()> {
    let modes = tcgetattr(io::stdin())?;
    SAVED_MODES.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| modes.clone());
    let mut raw = modes;
    raw.input_modes -=
        InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR | InputModes::ISTRIP | InputModes::IXON;
    raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
    tcflush(io::stdin(), QueueSelector::IFlush)?;
    let mut out = io::stdout();
    out.write_all(ENABLE_BRACKETED_PASTE.as_bytes()).and_then(|()| out.flush())
}

/// Restores the terminal, and discards input that was not read: it was meant for the question. Does nothing if the
/// terminal is not set up. Errors do not matter: the terminal is then closed.
pub(crate) fn leave() {
    let Some(modes) = SAVED_MODES.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    let mut out = io::stdout();
    let _ = out.write_all(DISABLE_BRACKETED_PASTE.as_bytes()).and_then(|()| out.flush());
}

/// Returns whether the terminal is set up.
pub(crate) fn is_entered() -> bool {
    SAVED_MODES.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}
