//! Checks that there is a terminal for the dashboard.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use crate::cli::common_args::usage_error;
use crate::term::terminal_device;

/// Prints an error and returns the exit code, unless standard output is the terminal from which keys are read.
pub(super) fn require_terminal() -> Option<ExitCode> {
    let why = match io::stdout().is_terminal() {
        true if terminal_device::is_output_on_input_terminal() => return None,
        true => "one terminal for keys and screen, but standard input and output are different ones",
        false => "a terminal, but standard output is not one",
    };
    eprintln!(
        "hapulse: the dashboard needs {why}\n  run hapulse without a pipe or redirection, or hapulse --plain for lines of text"
    );
    Some(usage_error())
}
