//! Enters and leaves the terminal, whatever ends the program.
//!
//! There is one terminal, so there is one flag that says whether we hold it. Leaving is safe to call from any
//! thread and more than once: the panic hook, the signal that ends the program and the normal end all do.

use std::fs;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

static HELD: AtomicBool = AtomicBool::new(false);
/// How long a terminal that reads nothing is waited for at the end.
const PATIENCE: Duration = Duration::from_millis(300);

/// Takes the terminal: raw keys, the other screen, no cursor.
///
/// # Errors
/// When the terminal cannot be set up; it is then as it was.
pub fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    let entered = execute!(io::stdout(), EnterAlternateScreen, DisableLineWrap, Hide);
    if entered.is_err() {
        leave();
    }
    entered
}

/// Gives the terminal back as it was. Does nothing when it is not held.
pub fn leave() {
    if !HELD.swap(false, Ordering::SeqCst) {
        return;
    }
    // On a thread of its own: a terminal that reads nothing, or the frame that still waits for it, would keep
    // the program from ever ending. The terminal itself may be gone, and then nobody misses this.
    let (written, end) = mpsc::channel();
    let write = move || {
        let mut bytes = Vec::new();
        let _ = queue!(bytes, ResetColor, EnableLineWrap, LeaveAlternateScreen, Show);
        let mut out = io::stdout();
        let _ = out.write_all(&bytes).and_then(|()| out.flush());
        let _ = written.send(());
    };
    if thread::Builder::new().name("leave".to_owned()).spawn(write).is_ok() {
        let _ = end.recv_timeout(PATIENCE);
    }
    let _ = disable_raw_mode();
}

/// Columns and rows of the terminal; 80 by 24 when it does not tell.
pub fn size() -> (u16, u16) {
    crossterm::terminal::size().unwrap_or((80, 24))
}

/// From now on a panic on any thread gives the terminal back, says one line and ends the program.
pub fn end_on_panic() {
    std::panic::set_hook(Box::new(|info| {
        leave();
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let why = info.payload_as_str().unwrap_or("no reason given");
        eprintln!("hapulse: internal error{place}: {why}");
        std::process::exit(1);
    }));
}

/// Stops the program until the shell continues it; the terminal must have been left before. Where no shell
/// could continue it (a terminal window's or tmux pane's own command), it simply goes on.
///
/// # Errors
/// When the system refuses to send the signal.
pub fn stop_until_continued() -> io::Result<()> {
    if has_shell() {
        // To the whole group, as the terminal driver does for Ctrl-Z. Not as SIGTSTP: that one is caught.
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
    }
    Ok(())
}

/// Whether the process that started us shares our session, as a shell with job control does. Read from
/// `/proc`: a session led from outside our container has the number 0, which the system call's wrapper takes
/// for impossible.
fn has_shell() -> bool {
    let lineage = |process: &str| lineage(&String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?));
    let Some((parent, session)) = lineage("self") else { return false };
    lineage(&parent.to_string()).is_some_and(|(_, of_parent)| of_parent == session)
}

/// Parent and session of a process, out of its `/proc/PID/stat`. The name of the program stands in brackets
/// before them and may itself hold any.
fn lineage(stat: &str) -> Option<(u32, u32)> {
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
    fn the_lineage_of_a_process_is_read() {
        assert_eq!(lineage("8 (hapulse) S 7 8 5 34816 8 4194304 1"), Some((7, 5)));
        assert_eq!(lineage("8 (a) b (c)) S 7 8 5 34816"), Some((7, 5)), "brackets in the name");
        assert_eq!(lineage("8 (hapulse) S 7 0 0 34816"), Some((7, 0)), "led from outside the container");
        assert_eq!(lineage("8 (hapulse) S 7"), None);
        assert_eq!(lineage(""), None);
    }

    #[test]
    fn our_own_lineage_is_there() {
        let (parent, _) = lineage(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert_eq!(Some(parent), rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get() as u32));
    }
}
