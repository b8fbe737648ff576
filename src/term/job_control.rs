//! Job control: whether a shell can resume the program after a stop, and the stop.

use std::io;
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};

use crate::term::process_stat::ProcessStat;
use crate::term::terminal_device;

/// Number of the signal SIGCONT on Linux.
pub(crate) const SIGCONT: i32 = 18;
/// Time between SIGCONT and the return to the terminal. A shell that ends a stopped job sends SIGTERM and SIGCONT; the
/// first must take effect before the program finds itself in the background and stops again.
pub(crate) const RESUME_DELAY: Duration = Duration::from_millis(20);

/// Stops the process group until SIGCONT. `leave` restores the terminal; SIGCONT must set it up again.
///
/// # Errors
/// Returns an error, and does not stop the group, if no shell could resume it.
pub(crate) fn stop(leave: impl FnOnce()) -> io::Result<()> {
    require_shell()?;
    leave();
    send_stop()
}

/// Stops the process group like [`stop`] if it is in the background of the terminal. Returns false if it is in the
/// foreground, or gets there meanwhile: a shell sends no SIGCONT to a running job that it moves there.
///
/// # Errors
/// Returns an error like [`stop`].
pub(crate) fn stop_in_background(leave: impl FnOnce()) -> io::Result<bool> {
    if !terminal_device::is_in_background() {
        return Ok(false);
    }
    require_shell()?;
    leave();
    let is_in_background = terminal_device::is_in_background();
    if is_in_background {
        send_stop()?;
    }
    Ok(is_in_background)
}

fn require_shell() -> io::Result<()> {
    if can_be_resumed() { Ok(()) } else { Err(io::Error::other("no shell with job control would resume hapulse")) }
}

/// Stops the whole group, as the terminal driver does for Ctrl-Z. SIGTSTP may be caught, SIGSTOP cannot.
fn send_stop() -> io::Result<()> {
    Ok(kill_current_process_group(Signal::STOP)?)
}

/// Returns whether a shell with job control would notice that the process group is stopped, and could resume it. In a
/// terminal window, a tmux pane or an SSH session that runs only hapulse, or a shell without job control (`sh -c`), the
/// group is orphaned: stopped, it would never run again. The kernel ignores Ctrl-Z for such groups, too.
pub(crate) fn can_be_resumed() -> bool {
    find_job_control_shell(std::process::id(), ProcessStat::read)
}

/// Returns whether the first ancestor outside of the process group is in the same session.
fn find_job_control_shell(process: u32, stat: impl Fn(u32) -> Option<ProcessStat>) -> bool {
    let Some(own) = stat(process) else { return false };
    let mut parent = own.parent;
    // A process that ends meanwhile cannot make a circle, but a process ID may be used again.
    for _ in 0..MAX_ANCESTORS {
        match stat(parent) {
            Some(ancestor) if ancestor.session != own.session => return false,
            Some(ancestor) if ancestor.group != own.group => return true,
            Some(ancestor) => parent = ancestor.parent,
            None => return false,
        }
    }
    false
}

/// Maximum number of ancestors in the own process group, such as `sudo`, `env` and shell scripts.
const MAX_ANCESTORS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// Processes as `(process, parent, group, session)`; hapulse is process 9.
    fn is_resumable(processes: &[(u32, u32, u32, u32)]) -> bool {
        let stat = |process| {
            let found = processes.iter().find(|(known, ..)| *known == process);
            let [parent, group, session] = found.map(|(_, parent, group, session)| [*parent, *group, *session])?;
            Some(ProcessStat { parent, group, session, encoded_terminal: 0 })
        };
        find_job_control_shell(9, stat)
    }

    #[test]
    fn group_is_resumable_if_its_parent_is_another_job_of_the_session() {
        assert!(is_resumable(&[(9, 5, 9, 5), (5, 1, 5, 5)]), "an interactive shell");
        assert!(is_resumable(&[(9, 8, 8, 5), (8, 5, 8, 5), (5, 1, 5, 5)]), "a script of an interactive shell");
        assert!(is_resumable(&[(9, 8, 9, 5), (8, 5, 8, 5), (5, 1, 5, 5)]), "sudo, timeout");
        assert!(!is_resumable(&[(9, 5, 9, 9), (5, 1, 5, 5)]), "xterm -e hapulse");
        assert!(!is_resumable(&[(9, 5, 5, 5), (5, 4, 5, 5), (4, 1, 4, 4)]), "sh -c in xterm or by sshd");
        assert!(!is_resumable(&[(9, 1, 5, 5), (1, 0, 1, 1)]), "the shell has ended");
        assert!(!is_resumable(&[(9, 0, 9, 9)]), "the first process of a container");
        assert!(!is_resumable(&[(9, 5, 5, 5)]), "the parent is hidden");
        assert!(!is_resumable(&[(9, 9, 9, 9)]), "a circle");
    }
}
