//! What a command says while it works: lines that stay on standard output, what went wrong on standard error, and
//! between them one passing line of progress.
//!
//! On a terminal that line is written over in place, and gone when another stays. Elsewhere it is a line like any
//! other: when something changed, once a second at the most, and every ten seconds in any case. That nobody reads
//! any more changes nothing about what is done: nothing here fails.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

use crate::headless::print::columns;

/// Lines of progress come no faster.
const FASTEST: Duration = Duration::from_secs(1);
/// A line of progress comes at least so often.
const SLOWEST: Duration = Duration::from_secs(10);

/// Standard output and standard error.
pub struct Voice {
    out: Box<dyn Write>,
    aside: Box<dyn Write>,
    /// The columns of the terminal; nothing where output is none.
    columns: Option<fn() -> usize>,
    /// Cells of the passing line that is there now.
    passing: usize,
    /// When which progress was told last.
    last: Option<(Duration, String)>,
}

impl Voice {
    /// The process's own.
    pub fn of_process() -> Self {
        let columns = io::stdout().is_terminal().then_some(columns as fn() -> usize);
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), columns)
    }

    /// Says things to `out` and `aside`; `columns` are those of the terminal that `out` is.
    pub fn new(out: Box<dyn Write>, aside: Box<dyn Write>, columns: Option<fn() -> usize>) -> Self {
        Self { out, aside, columns, passing: 0, last: None }
    }

    /// Whether somebody can be asked: a terminal on both sides.
    pub fn can_ask(&self) -> bool {
        self.columns.is_some() && io::stdin().is_terminal()
    }

    /// A line that stays.
    pub fn say(&mut self, line: &str) {
        self.clear();
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
    }

    /// What went wrong.
    pub fn complain(&mut self, line: &str) {
        self.explain(&format!("hapulse: {line}"));
    }

    /// More about what went wrong.
    pub fn explain(&mut self, line: &str) {
        self.clear();
        let _ = writeln!(self.aside, "{line}");
        let _ = self.aside.flush();
    }

    /// A question; the answer follows on its line.
    pub fn ask(&mut self, question: &str) {
        self.clear();
        let _ = write!(self.out, "{question}");
        let _ = self.out.flush();
    }

    /// How far it is: `line`, in which only what is in `what` is news.
    pub fn progress(&mut self, what: &str, line: &str, now: Duration) {
        let since = self.last.as_ref().map(|(at, _)| now.saturating_sub(*at));
        match self.columns {
            Some(columns) => self.pass(line, columns()),
            None if since.is_none_or(|since| {
                let is_news = self.last.as_ref().is_some_and(|(_, told)| told != what);
                since >= SLOWEST || is_news && since >= FASTEST
            }) =>
            {
                self.say(line);
                self.last = Some((now, what.to_owned()));
            }
            None => {}
        }
    }

    fn pass(&mut self, line: &str, columns: usize) {
        let (mut shown, mut cells) = (String::new(), 0);
        // The last column stays empty, or the terminal would begin a new line.
        for ch in line.chars() {
            let width = ch.width().unwrap_or(0);
            if cells + width >= columns {
                break;
            }
            shown.push(ch);
            cells += width;
        }
        let rest = " ".repeat(self.passing.min(columns.saturating_sub(1)).saturating_sub(cells));
        let _ = write!(self.out, "\r{shown}{rest}");
        let _ = self.out.flush();
        self.passing = cells;
    }

    /// Takes the passing line away.
    fn clear(&mut self) {
        if let (1.., Some(columns)) = (self.passing, self.columns) {
            self.pass("", columns());
            let _ = write!(self.out, "\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(columns: Option<fn() -> usize>, talk: impl Fn(&mut Voice)) -> (String, String) {
        let kept = [Kept::default(), Kept::default()];
        talk(&mut Voice::new(Box::new(kept[0].clone()), Box::new(kept[1].clone()), columns));
        let [out, aside] = kept.map(|kept| String::from_utf8(kept.0.take()).unwrap());
        (out, aside)
    }

    #[test]
    fn progress_is_a_line_when_something_changed_and_now_and_then() {
        let (out, _) = told(None, |voice| {
            for (millis, sessions) in
                [(0, 5), (500, 4), (1000, 4), (1500, 3), (2000, 3), (3000, 3), (11_000, 3), (12_500, 3)]
            {
                let now = Duration::from_millis(millis);
                voice.progress(&sessions.to_string(), &format!("{sessions} at {millis}"), now);
            }
        });
        assert_eq!(out.lines().collect::<Vec<_>>(), ["5 at 0", "4 at 1000", "3 at 2000", "3 at 12500"]);
    }

    #[test]
    fn on_a_terminal_progress_stays_on_its_line_and_within_its_width() {
        let (out, aside) = told(Some(|| 10), |voice| {
            voice.progress("", "0123456789abc", Duration::ZERO);
            voice.progress("", "日本語日本語", Duration::ZERO);
            voice.progress("", "ab", Duration::ZERO);
            voice.say("done");
            voice.complain("no");
        });
        assert_eq!(out, "\r012345678\r日本語日 \rab      \r  \rdone\n");
        assert_eq!(aside, "hapulse: no\n");
    }

    #[test]
    fn nobody_listening_is_no_reason_to_fail() {
        struct Deaf;
        impl Write for Deaf {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut voice = Voice::new(Box::new(Deaf), Box::new(Deaf), None);
        voice.say("a");
        voice.complain("b");
        voice.progress("", "c", Duration::ZERO);
    }
}
