//! How a command for scripts ends: the exit code is its answer.

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The servers are as they were ordered to be, and empty or usable where that was waited for.
    Done,
    /// Refused, failed, or undone by somebody else meanwhile.
    Refused,
    /// It cannot be asked like this.
    Usage,
    /// HAProxy does not answer.
    Unreachable,
    /// The deadline passed.
    Deadline,
    /// This signal ended it.
    Signal(i32),
}

impl Code {
    /// The number for the shell.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Deadline => 4,
            Self::Signal(number) => 128_u8.saturating_add(u8::try_from(number).unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_as_shells_tell_it() {
        let all = [Code::Done, Code::Refused, Code::Usage, Code::Unreachable, Code::Deadline];
        assert_eq!(all.map(Code::number), [0, 1, 2, 3, 4]);
        assert_eq!([1, 2, 15].map(|number| Code::Signal(number).number()), [129, 130, 143]);
    }
}
