//! Restores the terminal after the program was killed, or ended itself because an allocation failed.
//!
//! A killed program runs no more code, and Rust ends a program without memory at once. Therefore, a second process
//! waits until the pipe between them is closed, which the kernel does however the program ends. The program writes the
//! modes to restore to the pipe when it sets up the terminal, and an empty line when it has restored the terminal.

use std::io::{self, BufRead as _, Write as _};
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The argument with which the program runs as the second process.
pub(crate) const ARGUMENT: &str = "--restore-terminal-after-end";

/// The pipe to the second process; `None` if it does not run.
static PIPE: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// Starts the second process. If that fails, the terminal is not restored when the program is killed.
pub(crate) fn start() {
    match Command::new("/proc/self/exe").arg(ARGUMENT).stdin(Stdio::piped()).spawn() {
        Ok(mut child) => *PIPE.lock().unwrap_or_else(PoisonError::into_inner) = child.stdin.take(),
        Err(error) => tracing::debug!(%error, "cannot start the process that restores the terminal"),
    }
}

/// Reports that the terminal is being set up and had these modes before.
pub(super) fn report_set_up(before: &Termios) {
    write_line(&format_modes(before));
}

/// Reports that the terminal is restored.
pub(super) fn report_restored() {
    write_line("");
}

fn write_line(line: &str) {
    let mut pipe = PIPE.lock().unwrap_or_else(PoisonError::into_inner);
    // An error means that the second process has ended; nothing can replace it.
    if pipe.as_mut().is_some_and(|pipe| pipe.write_all(format!("{line}\n").as_bytes()).is_err()) {
        *pipe = None;
    }
}

/// Waits until the program has ended, then restores the terminal if the program has not. Standard input is the pipe, and
/// standard output the terminal; `restoration` are the bytes that restore the screen.
pub(crate) fn run(restoration: &[u8]) -> ExitCode {
    // In a session of its own, the process receives no signals of the terminal, and may always change its modes. This
    // fails only for a process that already leads its group.
    let _ = rustix::process::setsid();
    let last = io::stdin().lock().lines().map_while(Result::ok).last().unwrap_or_default();
    let terminal = io::stdout();
    let Some(modes) = tcgetattr(&terminal).ok().and_then(|current| parse_modes(&last, current)) else {
        return ExitCode::SUCCESS;
    };
    // Errors mean that the terminal is closed.
    let _ = tcsetattr(&terminal, OptionalActions::Now, &modes);
    let _ = terminal.lock().write_all(restoration).and_then(|()| io::stdout().flush());
    eprintln!("hapulse: ended unexpectedly: it was killed, or no memory was left (see ulimit -v, dmesg)");
    ExitCode::FAILURE
}

/// Formats the modes that the dashboard changes.
fn format_modes(modes: &Termios) -> String {
    let flags = [
        modes.input_modes.bits(),
        modes.output_modes.bits(),
        modes.control_modes.bits(),
        modes.local_modes.bits(),
        modes.special_codes[SpecialCodeIndex::VMIN].into(),
        modes.special_codes[SpecialCodeIndex::VTIME].into(),
    ];
    flags.map(|flag| flag.to_string()).join(" ")
}

/// Parses the text of [`format_modes`] into modes that are otherwise `current`. Returns `None` for any other text.
fn parse_modes(text: &str, current: Termios) -> Option<Termios> {
    let numbers: Vec<u32> = text.split(' ').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let &[input, output, control, local, min, time] = numbers.as_slice() else { return None };
    let mut modes = current;
    modes.input_modes = InputModes::from_bits_retain(input);
    modes.output_modes = OutputModes::from_bits_retain(output);
    modes.control_modes = ControlModes::from_bits_retain(control);
    modes.local_modes = LocalModes::from_bits_retain(local);
    modes.special_codes[SpecialCodeIndex::VMIN] = u8::try_from(min).ok()?;
    modes.special_codes[SpecialCodeIndex::VTIME] = u8::try_from(time).ok()?;
    Some(modes)
}
