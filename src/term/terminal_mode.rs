//! Sets up the terminal and restores it, however the program ends.
//!
//! There is only one terminal, so one global flag records whether it is set up. `leave` may be called from any thread
//! and repeatedly: by the panic hook, by the watchdog and by the normal exit.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
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
    enable_raw_mode()?;
    IS_ENTERED.store(true, Ordering::SeqCst);
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
    let write = move || {
        let mut bytes = Vec::new();
        let _ = queue!(bytes, ResetColor, EnableLineWrap, Print(DISABLE_BRACKETED_PASTE), LeaveAlternateScreen, Show);
        let mut out = io::stdout();
        let _ = out.write_all(&bytes).and_then(|()| out.flush());
        let _ = written.send(());
    };
    if thread::Builder::new().name("leave".to_owned()).spawn(write).is_ok() {
        let _ = end.recv_timeout(LEAVE_TIMEOUT);
    }
    let _ = disable_raw_mode();
}

/// Opens the terminal for reading: standard input, or the controlling terminal if standard input is redirected.
pub(crate) fn open_terminal() -> io::Result<OwnedFd> {
    if io::stdin().is_terminal() {
        io::stdin().as_fd().try_clone_to_owned()
    } else {
        Ok(File::open("/dev/tty")?.into())
    }
}

/// Returns whether standard output is the terminal from which keys are read. Otherwise, the person who presses the keys
/// may not see a question.
pub(crate) fn is_output_on_input_terminal() -> bool {
    let input = open_terminal().ok().and_then(|terminal| device_number(terminal.as_fd()));
    input.is_some() && input == device_number(io::stdout().as_fd())
}

/// Returns the device number of a terminal; for `/dev/tty`, that of the controlling terminal.
fn device_number(terminal: BorrowedFd<'_>) -> Option<(u32, u32)> {
    const CONTROLLING_TERMINAL: (u32, u32) = (5, 0);
    let device = rustix::fs::fstat(terminal).ok()?.st_rdev;
    match (rustix::fs::major(device), rustix::fs::minor(device)) {
        CONTROLLING_TERMINAL => ProcessStat::read("self")?.terminal(),
        number => Some(number),
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
    let Some(own) = ProcessStat::read("self") else { return false };
    ProcessStat::read(&own.parent.to_string()).is_some_and(|parent| parent.session == own.session)
}

/// A part of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct ProcessStat {
    /// Process id of the parent.
    parent: u32,
    /// Session; 0 if its leader is outside of this container.
    session: u32,
    /// Encoded device number of the controlling terminal; 0 without one.
    terminal: u32,
}

impl ProcessStat {
    /// Reads the file of a process, or of this one for `self`.
    fn read(process: &str) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?))
    }

    /// Parses the contents of the file. The program name before these fields is in parentheses and may itself contain
    /// parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Self { parent, session, terminal: fields.next()?.parse().ok()? })
    }

    /// Returns the major and minor device number of the controlling terminal, or `None` without one.
    fn terminal(&self) -> Option<(u32, u32)> {
        let number = self.terminal;
        (number != 0).then_some(((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_process_stat() {
        let stat = |parent, session, terminal| Some(ProcessStat { parent, session, terminal });
        assert_eq!(ProcessStat::parse("8 (hapulse) S 7 8 5 34816 8 4194304 1"), stat(7, 5, 34816));
        let with_parentheses = "8 (a) b (c)) S 7 8 5 0 -1";
        assert_eq!(ProcessStat::parse(with_parentheses), stat(7, 5, 0));
        assert_eq!(ProcessStat::parse("8 (hapulse) S 7 8 5"), None);
        assert_eq!(ProcessStat::parse(""), None);
    }

    #[test]
    fn terminal_decodes_device_number() {
        let terminal = |terminal| ProcessStat { parent: 1, session: 1, terminal }.terminal();
        assert_eq!([terminal(0), terminal(0x8800), terminal(0x8806)], [None, Some((136, 0)), Some((136, 6))]);
        assert_eq!(terminal(0x10_8800), Some((136, 256)));
    }

    #[test]
    fn read_matches_own_process() {
        let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get() as u32);
        assert_eq!(ProcessStat::read("self").map(|stat| stat.parent), parent);
    }
}
