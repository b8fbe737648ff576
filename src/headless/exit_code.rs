//! Exit codes of the commands, for use in scripts.

/// The way in which a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CommandExit {
    /// Success. With `--wait`, the servers have also become drained or usable.
    Done,
    /// The command was refused or failed, or another operator or an agent reverted the change in the meantime.
    Refused,
    /// Invalid command line or configuration.
    Usage,
    /// HAProxy does not answer.
    Unreachable,
    /// The deadline of `--wait` passed.
    Deadline,
    /// A command was sent, but its outcome is unknown.
    Unknown,
    /// The deadline of `--wait` passed: the servers are empty, but a process from before a reload still holds, or may
    /// hold, sessions on them.
    HeldByOldProcess,
    /// The command was stopped by the signal with this number.
    Signal(i32),
}

impl CommandExit {
    /// Returns the exit code for the shell; 128 + N for signal N.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Deadline => 4,
            Self::Unknown => 5,
            Self::HeldByOldProcess => 6,
            Self::Signal(number) => 128_u8.saturating_add(u8::try_from(number).unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_of_signal_is_128_plus_number() {
        let all = [
            CommandExit::Done,
            CommandExit::Refused,
            CommandExit::Usage,
            CommandExit::Unreachable,
            CommandExit::Deadline,
            CommandExit::Unknown,
        ];
        assert_eq!(all.map(CommandExit::code), [0, 1, 2, 3, 4, 5]);
        assert_eq!(CommandExit::HeldByOldProcess.code(), 6);
        assert_eq!([1, 2, 15].map(|number| CommandExit::Signal(number).code()), [129, 130, 143]);
    }
}
