//! Sets up the terminal and restores it, however the program ends.
//!
//! There is only one terminal, so one global flag records whether it is set up. `leave` may be called from any thread
//! and repeatedly: by the panic hook, by the watchdog and by the normal exit.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use rustix::termios::tcgetattr;

use crate::term::terminal_restorer;

static IS_ENTERED: AtomicBool = AtomicBool::new(false);
/// Makes the terminal mark pasted text, so that the text is not read as keys.
pub(super) const ENABLE_BRACKETED_PASTE: &str = "\x1b[?2004h";
pub(super) const DISABLE_BRACKETED_PASTE: &str = "\x1b[?2004l";
/// Maximum wait, when leaving, for a terminal that does not accept output.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(300);

/// Sets up the terminal: raw mode, alternate screen, bracketed paste, hidden cursor.
///
/// # Errors
/// Returns an error, after restoring the terminal, if the terminal cannot be set up.
pub fn enter() -> io::Result<()> {
    let before = tcgetattr(open_terminal()?)?;
    IS_ENTERED.store(true, Ordering::SeqCst);
    terminal_restorer::report_set_up(&before);
    if let Err(error) = enable_raw_mode() {
        leave();
        return Err(error);
    }
    let entered = execute!(io::stdout(), EnterAlternateScreen, Print(ENABLE_BRACKETED_PASTE), DisableLineWrap, Hide);
    if entered.is_err() {
        leave();
    }
    entered
}

/// Restores the terminal. Does nothing if it is not set up.
pub(crate) fn leave() {
    if !IS_ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // Write on a separate thread, because a terminal that does not accept output would otherwise keep the program from
    // ending. Errors do not matter: the terminal is then closed.
    let (written, end) = mpsc::channel();
    let write = || {
        let mut out = io::stdout();
        let _ = out.write_all(&restoration()).and_then(|()| out.flush());
    };
    let write_and_report = move || {
        write();
        let _ = written.send(());
    };
    if thread::Builder::new().name("leave".to_owned()).spawn(write_and_report).is_ok() {
        let _ = end.recv_timeout(LEAVE_TIMEOUT);
    } else {
        // No memory is left for a thread.
        write();
    }
    let _ = disable_raw_mode();
    terminal_restorer::report_restored();
}

/// Returns the bytes that restore the screen.
pub(crate) fn restoration() -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = queue!(bytes, ResetColor, EnableLineWrap, Print(DISABLE_BRACKETED_PASTE), LeaveAlternateScreen, Show);
    bytes
}

/// Opens the terminal for reading: standard input, or the controlling terminal if standard input is redirected.
pub(crate) fn open_terminal() -> io::Result<OwnedFd> {
    if io::stdin().is_terminal() {
        io::stdin().as_fd().try_clone_to_owned()
    } else {
        Ok(File::open("/dev/tty")?.into())
    }
}

/// Returns the number of columns and rows of the terminal, or 80 and 24 if they are unknown.
pub(crate) fn size() -> (u16, u16) {
    crossterm::terminal::size().unwrap_or((80, 24))
}

/// Installs a panic hook: a panic on any thread restores the terminal, prints one line, calls `before_exit` and ends the
/// program.
pub fn install_panic_hook(before_exit: impl Fn() + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        leave();
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let why = info.payload_as_str().unwrap_or("no reason given");
        eprintln!("hapulse: internal error{place}: {why}");
        before_exit();
        std::process::exit(1);
    }));
}

/// Stops the process group until the shell resumes it. The caller must have restored the terminal. Does nothing if no
/// shell could resume the group, as in a terminal window or tmux pane that runs only hapulse.
///
/// # Errors
/// Returns an error if the signal cannot be sent.
pub(crate) fn suspend() -> io::Result<()> {
    if has_job_control_shell() {
        // Send the signal to the whole group, as the terminal driver does for Ctrl-Z. hapulse catches SIGTSTP, so send
        // SIGSTOP.
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
    }
    Ok(())
}

/// Returns whether the parent process is in the same session, as a shell with job control is. Reads `/proc` instead of
/// calling `getsid`: in a container, the ID of a session leader outside of it is 0, which the Rust wrapper rejects.
fn has_job_control_shell() -> bool {
    let parent_and_session = |process: &str| {
        parse_parent_and_session(&String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?))
    };
    let Some((parent, session)) = parent_and_session("self") else { return false };
    parent_and_session(&parent.to_string()).is_some_and(|(_, parent_session)| parent_session == session)
}

/// Parses the parent process and the session from `/proc/PID/stat`. The program name before these fields is in
/// parentheses and may itself contain parentheses.
fn parse_parent_and_session(stat: &str) -> Option<(u32, u32)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut numbers = after_name.split_whitespace().skip(1);
    let parent = numbers.next()?.parse().ok()?;
    let session = numbers.nth(1)?.parse().ok()?;
    Some((parent, session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_parent_and_session_reads_proc_stat() {
        assert_eq!(parse_parent_and_session("8 (hapulse) S 7 8 5 34816 8 4194304 1"), Some((7, 5)));
        assert_eq!(parse_parent_and_session("8 (a) b (c)) S 7 8 5 34816"), Some((7, 5)), "parentheses in the name");
        assert_eq!(
            parse_parent_and_session("8 (hapulse) S 7 0 0 34816"),
            Some((7, 0)),
            "the session leader is outside the container"
        );
        assert_eq!(parse_parent_and_session("8 (hapulse) S 7"), None);
        assert_eq!(parse_parent_and_session(""), None);
    }

    #[test]
    fn parse_parent_and_session_matches_own_process() {
        let (parent, _) = parse_parent_and_session(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert_eq!(Some(parent), rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get() as u32));
    }
}
