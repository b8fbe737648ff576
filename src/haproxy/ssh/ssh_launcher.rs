//! Replaces a process of hapulse by ssh, without a terminal and bound to the life of hapulse.
//!
//! ssh and the jump hosts that it starts would open the terminal to ask for a password, whatever their options say. In a
//! session of its own, a process has no terminal. The kernel ends ssh when the thread that started it ends, also if
//! hapulse was killed.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal, setsid};

/// The argument with which the program runs as a launcher. The id of the process that started it follows, and then the
/// arguments of ssh.
pub(crate) const ARGUMENT: &str = "--run-ssh-without-terminal";

/// Returns a command that runs ssh with these arguments.
pub(crate) fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(ARGUMENT).arg(getpid().as_raw_nonzero().to_string()).args(arguments);
    // A program that asks for passwords in a window of its own.
    command.env_remove("DISPLAY").env_remove("SSH_ASKPASS").env("SSH_ASKPASS_REQUIRE", "never");
    command
}

/// Runs ssh in place of this process; returns only if that fails. `arguments` follow [`ARGUMENT`].
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let Some((parent, arguments)) = arguments.split_first() else { return ExitCode::FAILURE };
    // Fails only for a process that already leads a session, which has no terminal of others.
    let _ = setsid();
    let bound = set_parent_process_death_signal(Some(Signal::TERM));
    let is_current = getppid().map(Pid::as_raw_nonzero).is_some_and(|pid| OsStr::new(&pid.to_string()) == parent);
    if bound.is_ok() && !is_current {
        return ExitCode::FAILURE;
    }
    let error = Command::new("ssh").args(arguments).exec();
    eprintln!("cannot start ssh: {error}");
    ExitCode::FAILURE
}
