//! Job control: whether a shell can resume the program after a stop, and the stop.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};

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
///
/// Reads `/proc` instead of calling `getsid`: in a container, the ID of a session leader outside of it is 0, which the
/// Rust wrapper rejects.
pub(crate) fn can_be_resumed() -> bool {
    let job = |process: u32| Job::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?));
    find_job_control_shell(std::process::id(), job)
}

/// Returns whether the first ancestor outside of the process group is in the same session.
fn find_job_control_shell(process: u32, job: impl Fn(u32) -> Option<Job>) -> bool {
    let Some(own) = job(process) else { return false };
    let mut parent = own.parent;
    // A process that ends meanwhile cannot make a circle, but a process ID may be used again.
    for _ in 0..MAX_ANCESTORS {
        match job(parent) {
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

/// A process in job control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    parent: u32,
    group: u32,
    session: u32,
}

impl Job {
    /// Parses `/proc/PID/stat`. The program name in it is in parentheses and may itself contain parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut numbers = after_name.split_whitespace().skip(1).map(|word| word.parse().ok());
        Some(Self { parent: numbers.next()??, group: numbers.next()??, session: numbers.next()?? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_proc_stat() {
        let job = |parent, group, session| Some(Job { parent, group, session });
        assert_eq!(Job::parse("8 (hapulse) S 7 8 5 34816 8 4194304 1"), job(7, 8, 5));
        assert_eq!(Job::parse("8 (a) b (c)) S 7 8 5 34816"), job(7, 8, 5), "parentheses in the name");
        assert_eq!(Job::parse("8 (hapulse) S 7 0 0 34816"), job(7, 0, 0), "the leaders are outside the container");
        assert_eq!(Job::parse("8 (hapulse) S 7 8"), None);
        assert_eq!(Job::parse(""), None);
    }

    #[test]
    fn parse_matches_own_process() {
        let own = Job::parse(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get() as u32);
        assert_eq!((Some(own.parent), own.group), (parent, rustix::process::getpgrp().as_raw_pid() as u32));
    }

    /// Processes as `(process, parent, group, session)`; hapulse is process 9.
    fn is_resumable(processes: &[(u32, u32, u32, u32)]) -> bool {
        let job = |process| {
            let found = processes.iter().find(|(known, ..)| *known == process);
            found.map(|(_, parent, group, session)| Job { parent: *parent, group: *group, session: *session })
        };
        find_job_control_shell(9, job)
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
