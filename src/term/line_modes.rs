//! Modes of the terminal's line discipline (such as echo, lines, signals of keys), and how they were before.
//!
//! Nothing is assumed about the modes in effect: while the program is stopped, a shell may change them. They are
//! therefore read each time before they are set.

use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::term::terminal_device;

/// The modes to restore.
#[derive(Debug)]
pub(super) struct LineModes(Mutex<Option<Termios>>);

impl LineModes {
    /// Creates the value with no modes to restore.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Termios>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the modes in effect, and keeps those before the change for [`Self::restore`]. Modes that are the result
    /// of an earlier call are not kept: those of a shell read lines (`ICANON`), the changed ones do not. Returns the modes
    /// to restore.
    ///
    /// # Errors
    /// Returns an error if this is not a terminal, the terminal is closed, or the process must not change its modes.
    pub(super) fn set(
        &self,
        terminal: BorrowedFd<'_>,
        change: impl FnOnce(&mut Termios),
    ) -> rustix::io::Result<Termios> {
        let mut saved = self.lock();
        let before = tcgetattr(terminal)?;
        let mut changed = before.clone();
        change(&mut changed);
        tcsetattr(terminal, OptionalActions::Now, &changed)?;
        let kept = saved.take().filter(|_| !before.local_modes.contains(LocalModes::ICANON)).unwrap_or(before);
        Ok(saved.insert(kept).clone())
    }

    /// Restores the modes. Returns false without modes to restore. In the background, the modes are those of the
    /// program in the foreground, and stay. Ignores errors: the terminal is then closed.
    pub(super) fn restore(&self, terminal: BorrowedFd<'_>) -> bool {
        let Some(modes) = self.lock().take() else { return false };
        if !terminal_device::is_in_background() {
            let _ = tcsetattr(terminal, OptionalActions::Now, &modes);
        }
        true
    }

    /// Returns whether there are modes to restore.
    pub(super) fn are_set(&self) -> bool {
        self.lock().is_some()
    }
}
