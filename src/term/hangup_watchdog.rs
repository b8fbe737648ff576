//! Detects a closed terminal, even if the process does not receive SIGHUP.
//!
//! Reading keys from a closed terminal may loop forever without returning an error. This thread therefore sleeps in
//! `poll` until the kernel reports a hang-up.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::term::ending_signals::SIGHUP;
use crate::term::terminal_device;
use crate::term::terminal_mode;

/// Time between the report of a hang-up and the forced exit, for an orderly exit.
const EXIT_GRACE: Duration = Duration::from_millis(700);

/// Starts the watchdog. When the terminal is closed, `report_hangup` is called; after `EXIT_GRACE`, `before_exit` is
/// called, and the process exits.
///
/// # Errors
/// Returns an error if the process has no terminal or the thread cannot be started.
pub(crate) fn start(
    report_hangup: impl Fn() + Send + 'static,
    before_exit: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let terminal = terminal_device::open_terminal()?;
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        wait_for_hangup(&terminal);
        report_hangup();
        thread::sleep(EXIT_GRACE);
        terminal_mode::leave();
        before_exit();
        std::process::exit(128 + SIGHUP);
    })?;
    Ok(())
}

fn wait_for_hangup(terminal: &OwnedFd) {
    loop {
        // No event is requested, because hang-up and errors are always reported.
        let mut fds = [PollFd::new(terminal, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
