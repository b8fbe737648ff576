//! Sets up the terminal and restores it, however the program ends.
//!
//! There is only one terminal, so globals record what is to be restored. [`leave`] may be called from any thread and
//! repeatedly: by the panic hook, by the watchdog and by the normal exit.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::queue;
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen};
use rustix::termios::{LocalModes, SpecialCodeIndex, tcgetattr};

use crate::term::line_modes::LineModes;
use crate::term::terminal_device;
use crate::term::terminal_restorer;
use crate::term::waiting_writer::WaitingWriter;

static LINE_MODES: LineModes = LineModes::new();
/// Set if the bytes of [`screen_setup`] are written, or will be.
static IS_SCREEN_SET_UP: AtomicBool = AtomicBool::new(false);
/// Makes the terminal mark pasted text, so that the text is not read as keys.
pub(super) const ENABLE_BRACKETED_PASTE: &str = "\x1b[?2004h";
pub(super) const DISABLE_BRACKETED_PASTE: &str = "\x1b[?2004l";
/// Makes the terminal report buttons and the wheel, in the form that has no limit for columns.
pub(crate) const ENABLE_MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
const DISABLE_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";
/// Resets the modes that change where text appears, and that an earlier program may have left on: left and right
/// margins (`?69`), origin mode (`?6`), keyboard lock (`2`), display of control characters (`3`), insert mode (`4`),
/// line feed with carriage return (`20`), local echo (`12`), and the scroll region (`r`).
const RESET_INHERITED_MODES: &str = "\x1b[?69l\x1b[?6l\x1b[2;3;4;20l\x1b[12h\x1b[r";
/// Selects ASCII: designates it as G0, and shifts in G0.
const SELECT_ASCII: &str = "\x1b(B\x0f";
/// Moves the cursor to the last row, and below it. Without an alternate screen, the prompt of the shell would otherwise
/// appear in the middle of the last frame.
const MOVE_BELOW_LAST_ROW: &str = "\x1b[9999H\r\n";
/// Maximum wait, when leaving, for a terminal that does not accept output.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(300);

/// Sets the terminal's modes: keys arrive one by one, without echo, and not as signals. Whatever set other modes since
/// the last call, these modes are in effect afterwards.
///
/// # Errors
/// Returns an error if the modes cannot be set.
pub fn enter() -> io::Result<()> {
    let terminal = terminal_device::open_terminal()?;
    let before = LINE_MODES.set(terminal.as_fd(), |modes| {
        modes.make_raw();
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    })?;
    terminal_restorer::report_set_up(&before);
    Ok(())
}

/// Returns the bytes that set up the screen: the alternate screen and [`screen_modes`]. They must be written before the
/// next frame, which clears the screen.
pub fn screen_setup() -> Vec<u8> {
    IS_SCREEN_SET_UP.store(true, Ordering::SeqCst);
    let mut bytes = Vec::new();
    // Writing to memory cannot fail. The alternate screen comes first, because this also saves the cursor.
    let _ = queue!(bytes, EnterAlternateScreen);
    bytes.extend(screen_modes());
    bytes
}

/// Returns the bytes that set the modes of the screen, whatever they are: no inherited modes, bracketed paste, hidden
/// cursor.
pub(crate) fn screen_modes() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = queue!(
        bytes,
        Print(RESET_INHERITED_MODES),
        Print(SELECT_ASCII),
        ResetColor,
        Print(ENABLE_BRACKETED_PASTE),
        DisableLineWrap,
        Hide
    );
    bytes
}

/// Restores the terminal, as far as it is set up.
pub(crate) fn leave() {
    if IS_SCREEN_SET_UP.swap(false, Ordering::SeqCst) && !would_stop_on_output() {
        write_screen_restoration();
    }
    if let Ok(terminal) = terminal_device::open_terminal() {
        LINE_MODES.restore(terminal.as_fd());
    }
    terminal_restorer::report_restored();
}

/// Returns whether output would stop the process: it is in the background, and the terminal is in the mode `tostop`.
fn would_stop_on_output() -> bool {
    let is_set = tcgetattr(io::stdout()).is_ok_and(|modes| modes.local_modes.contains(LocalModes::TOSTOP));
    is_set && terminal_device::is_in_background()
}

fn write_screen_restoration() {
    // Write on a separate thread, because a terminal that does not accept output would otherwise keep the program from
    // ending. Errors do not matter: the terminal is then closed.
    let (written, end) = mpsc::channel();
    let write = || {
        let mut out = WaitingWriter(io::stdout());
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
}

/// Returns the bytes that restore the screen.
pub(crate) fn restoration() -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = queue!(
        bytes,
        ResetColor,
        EnableLineWrap,
        Print(DISABLE_MOUSE),
        Print(DISABLE_BRACKETED_PASTE),
        Print(MOVE_BELOW_LAST_ROW),
        LeaveAlternateScreen,
        Print(SELECT_ASCII),
        Show
    );
    bytes
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
