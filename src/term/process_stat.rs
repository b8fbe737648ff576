//! The parent, job and terminal of a process, as the kernel reports them in `/proc/PID/stat`.

use std::fs;

/// A process, its job and its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessStat {
    /// Process id of the parent.
    pub(super) parent: u32,
    /// Process group; 0 if its leader is outside of this container.
    pub(super) group: u32,
    /// Session; 0 if its leader is outside of this container.
    pub(super) session: u32,
    /// Encoded device number of the controlling terminal; 0 without one.
    pub(super) encoded_terminal: u32,
}

impl ProcessStat {
    /// Reads the file of a process. Returns `None` if it has ended or is hidden.
    ///
    /// The file is read instead of calling `getsid`: in a container, the ID of a session leader outside of it is 0, which
    /// the Rust wrapper rejects.
    pub(super) fn read(process: u32) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?))
    }

    /// Parses the contents of the file. The program name before these fields is in parentheses and may itself contain
    /// parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace().skip(1).map(|word| word.parse().ok());
        let mut next = || fields.next()?;
        Some(Self { parent: next()?, group: next()?, session: next()?, encoded_terminal: next()? })
    }

    /// Returns the major and minor device number of the controlling terminal, or `None` without one.
    pub(super) fn terminal(&self) -> Option<(u32, u32)> {
        let number = self.encoded_terminal;
        (number != 0).then_some(((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_fields_after_name() {
        let stat =
            |parent, group, session, encoded_terminal| Some(ProcessStat { parent, group, session, encoded_terminal });
        assert_eq!(ProcessStat::parse("8 (hapulse) S 7 8 5 34816 8 4194304 1"), stat(7, 8, 5, 34816));
        assert_eq!(ProcessStat::parse("8 (a) b (c)) S 7 8 5 0 -1"), stat(7, 8, 5, 0), "parentheses in the name");
        assert_eq!(ProcessStat::parse("8 (hapulse) S 7 0 0 0"), stat(7, 0, 0, 0), "the leaders are outside");
        assert_eq!(ProcessStat::parse("8 (hapulse) S 7 8 5"), None);
        assert_eq!(ProcessStat::parse(""), None);
    }

    #[test]
    fn terminal_decodes_device_number() {
        let terminal = |encoded_terminal| ProcessStat { parent: 1, group: 1, session: 1, encoded_terminal }.terminal();
        assert_eq!([terminal(0), terminal(0x8800), terminal(0x8806)], [None, Some((136, 0)), Some((136, 6))]);
        assert_eq!(terminal(0x10_8800), Some((136, 256)));
    }

    #[test]
    fn read_matches_own_process() {
        let own = ProcessStat::read(std::process::id()).unwrap();
        let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get() as u32);
        assert_eq!((Some(own.parent), own.group), (parent, rustix::process::getpgrp().as_raw_pid() as u32));
    }
}
