//! Printing for people and for pipes.

use std::io::{self, ErrorKind, IsTerminal as _};

use unicode_width::UnicodeWidthStr as _;

/// A reader that has seen enough, as `head` does, is no error.
///
/// # Errors
/// The others.
pub fn until_nobody_reads(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Columns of a terminal that does not say.
const COLUMNS: u16 = 80;

/// The columns of the terminal that standard output is.
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).map_or(COLUMNS, |size| size.ws_col);
    usize::from(if size == 0 { COLUMNS } else { size })
}

/// The same; nothing where standard output is no terminal.
pub fn terminal_columns() -> Option<usize> {
    io::stdout().is_terminal().then(columns)
}

/// Wider cells push the rest of their line aside instead of everybody's.
const WIDEST: usize = 40;

/// Lines in which the cells stand one below the other. The last cell is as long as it is.
pub fn aligned<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> impl Iterator<Item = String> {
    let mut widths = [0; COLUMNS];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().min(WIDEST).max(*width);
        }
    }
    lines.iter().map(move |line| {
        let mut out = String::new();
        for (width, cell) in widths.iter().zip(line) {
            out.push_str(cell);
            out.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        out.truncate(out.trim_end().len());
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_pipe_is_fine() {
        assert!(until_nobody_reads(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(until_nobody_reads(Err(ErrorKind::StorageFull.into())).is_err());
    }

    #[test]
    fn cells_stand_one_below_the_other() {
        let long = "x".repeat(60);
        let lines = [["a", "日本", "1"], ["bcd", "", ""], ["e", &long, "2"]].map(|line| line.map(str::to_owned));
        let shown: Vec<String> = aligned(&lines).collect();
        assert_eq!(shown[0], format!("a    日本{}1", " ".repeat(38)));
        assert_eq!(shown[1], "bcd");
        assert_eq!(shown[2], format!("e    {long}  2"));
    }
}
