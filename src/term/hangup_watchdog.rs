//! Notices when the terminal is gone, whether or not SIGHUP says so.
//!
//! A reader of keys may spin on a dead terminal without ever returning an error, so somebody else has to
//! look. This thread sleeps in `poll` until the kernel reports a hang-up: it costs nothing while all is well.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::term::terminal_mode;

/// Time the program gets to end in its own way.
const GRACE: Duration = Duration::from_millis(700);
/// What a shell shows for a program ended by SIGHUP.
const GONE: i32 = 128 + 1;

/// Starts watching. When the terminal is gone `tell` is called, and a little later the program ends in any case.
///
/// # Errors
/// When there is no terminal to watch or the thread cannot be started.
pub fn start(tell: impl Fn() + Send + 'static) -> io::Result<()> {
    let terminal = terminal()?;
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        wait_for_hang_up(&terminal);
        tell();
        thread::sleep(GRACE);
        terminal_mode::leave();
        std::process::exit(GONE);
    })?;
    Ok(())
}

fn terminal() -> io::Result<OwnedFd> {
    if io::stdin().is_terminal() {
        io::stdin().as_fd().try_clone_to_owned()
    } else {
        Ok(File::open("/dev/tty")?.into())
    }
}

fn wait_for_hang_up(terminal: &OwnedFd) {
    loop {
        // Nothing is asked for: hang-up and errors are always reported.
        let mut fds = [PollFd::new(terminal, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
