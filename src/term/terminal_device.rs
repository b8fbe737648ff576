//! The terminal device: the file to read from, its size, and whether the process group is in its foreground.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

use crate::term::process_stat::ProcessStat;

/// Size of a terminal that does not report one, if `COLUMNS` and `LINES` are not set either.
const DEFAULT_SIZE: (u16, u16) = (80, 24);
/// Maximum size that the dashboard draws, in columns and rows. It is larger than any screen; a terminal that reports
/// more would cost gigabytes.
const MAX_DRAWN_SIZE: (u16, u16) = (1000, 500);

/// Opens the terminal for reading: standard input, or the controlling terminal if standard input is redirected, or
/// standard output if the process has no controlling terminal.
///
/// # Errors
/// Returns an error if none of them is a terminal.
pub(crate) fn open_terminal() -> io::Result<OwnedFd> {
    if io::stdin().is_terminal() {
        return io::stdin().as_fd().try_clone_to_owned();
    }
    match File::open("/dev/tty") {
        Ok(terminal) => Ok(terminal.into()),
        Err(_) if io::stdout().is_terminal() => io::stdout().as_fd().try_clone_to_owned(),
        Err(error) => Err(error),
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
        CONTROLLING_TERMINAL => ProcessStat::read(std::process::id())?.terminal(),
        number => Some(number),
    }
}

/// Returns whether another process group is in the foreground of the terminal, such as the shell while this program is
/// a background job. Without a controlling terminal, a process is never in the background.
pub(crate) fn is_in_background() -> bool {
    open_terminal().is_ok_and(|terminal| is_in_background_of(terminal.as_fd()))
}

/// Returns whether another process group is in the foreground of this terminal; see [`is_in_background`].
pub(crate) fn is_in_background_of(terminal: BorrowedFd<'_>) -> bool {
    tcgetpgrp(terminal).is_ok_and(|foreground| foreground != getpgrp())
}

/// Returns the number of columns and rows that the terminal on standard output reports; 0 if unknown. Returns `None`
/// if standard output is not a terminal.
pub(crate) fn reported_size() -> Option<(u16, u16)> {
    tcgetwinsize(io::stdout()).ok().map(|size| (size.ws_col, size.ws_row))
}

/// Returns the number of columns and rows of the terminal: as reported, else from `COLUMNS` and `LINES`, else 80 and
/// 24.
pub(crate) fn size() -> (u16, u16) {
    let variable = |name: &str| std::env::var(name).ok();
    size_or_default(reported_size().unwrap_or_default(), variable)
}

/// Returns the number of columns and rows to draw: the size of the terminal, limited to [`MAX_DRAWN_SIZE`].
pub(crate) fn drawn_size() -> (u16, u16) {
    let (columns, rows) = size();
    (columns.min(MAX_DRAWN_SIZE.0), rows.min(MAX_DRAWN_SIZE.1))
}

fn size_or_default((columns, rows): (u16, u16), variable: impl Fn(&str) -> Option<String>) -> (u16, u16) {
    let count = |reported: u16, name: &str, default: u16| {
        let from_variable = || variable(name)?.trim().parse().ok().filter(|count| *count > 0);
        if reported > 0 { reported } else { from_variable().unwrap_or(default) }
    };
    (count(columns, "COLUMNS", DEFAULT_SIZE.0), count(rows, "LINES", DEFAULT_SIZE.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_or_default_replaces_each_unknown_dimension() {
        let unset = |_: &str| None;
        assert_eq!(size_or_default((0, 0), unset), (80, 24));
        assert_eq!(size_or_default((132, 0), unset), (132, 24));
        assert_eq!(size_or_default((0, 50), unset), (80, 50));
        let set = |name: &str| Some(if name == "LINES" { "40" } else { "120" }.to_owned());
        assert_eq!(size_or_default((0, 0), set), (120, 40));
        assert_eq!(size_or_default((100, 30), set), (100, 30), "the terminal knows better");
        for invalid in ["0", "", "-3", "70000", "x"] {
            assert_eq!(size_or_default((0, 0), |_| Some(invalid.to_owned())), (80, 24), "{invalid:?}");
        }
    }
}
