//! Reads the tables of the dashboard from the text on the screen: panes by title, columns by heading, rows by name.
//!
//! It shares no code with hapulse. It reads both layouts: framed panes next to each other, and lists above each other
//! whose heading line starts with the title.

use super::term::Term;
use super::wait_until;
use std::cell::RefCell;

/// One table of the dashboard.
#[derive(Debug)]
pub struct PaneTable {
    heading: Vec<char>,
    rows: Vec<Vec<char>>,
}

/// Left-aligned columns with their widths; cells of the other columns end where their heading ends.
const LEFT_ALIGNED: [(&str, usize); 2] = [("STATE", 8), ("CHECK", 10)];

impl PaneTable {
    /// Finds the table with this title: `Frontends`, `Backends`, `Servers of be1`.
    pub fn find(screen: &str, title: &str) -> Option<Self> {
        let lines: Vec<Vec<char>> = screen.lines().map(|line| line.chars().collect()).collect();
        Self::framed(&lines, title).or_else(|| Self::stacked(&lines, title))
    }

    fn framed(lines: &[Vec<char>], title: &str) -> Option<Self> {
        let title: Vec<char> = format!(" {title} ").chars().collect();
        let (top, left) = lines.iter().enumerate().find_map(|(row, line)| {
            let column = line.windows(title.len()).position(|window| window == title)?;
            // The title follows the corner and one character of the border.
            let left = (0..column).rev().find(|place| matches!(line[*place], '╭' | '+'))?;
            (column - left <= 2).then_some((row, left))
        })?;
        let line = &lines[top];
        let right = (left + 1..line.len()).find(|column| matches!(line[*column], '╮' | '+'))?;
        let inner = lines[top + 1..].iter().take_while(|line| matches!(line.get(left), Some('│' | '|')));
        let mut inner = inner.map(|line| line.get(left + 1..right.min(line.len())).unwrap_or_default().to_vec());
        Some(Self { heading: inner.next()?, rows: inner.filter(|row| is_row(row)).collect() })
    }

    fn stacked(lines: &[Vec<char>], title: &str) -> Option<Self> {
        let title: Vec<char> = title.chars().collect();
        let top = lines.iter().position(|line| line.starts_with(&title) && line.get(title.len()) == Some(&' '))?;
        let rows = lines[top + 1..].iter().take_while(|line| is_row(line)).cloned().collect();
        Some(Self { heading: lines[top].clone(), rows })
    }

    /// Returns the names of the rows from top to bottom.
    pub fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| self.name(row)).collect()
    }

    /// Returns the name of the row under the cursor.
    pub fn cursor_row(&self) -> Option<String> {
        self.rows.iter().find(|row| matches!(row[0], '▶' | '▷' | '>' | '.')).map(|row| self.name(row))
    }

    /// Returns the text in the row with this name and the column with this heading.
    pub fn cell(&self, name: &str, column: &str) -> Option<String> {
        let row = self.rows.iter().find(|row| self.name(row) == name)?;
        let (start, end) = self.column(column)?;
        let text = match LEFT_ALIGNED.iter().find(|(left, _)| *left == column) {
            Some((_, width)) => slice(row, start, start + width),
            // Numbers contain no blanks.
            None => slice(row, 0, end).rsplit(' ').next().unwrap_or_default().to_owned(),
        };
        Some(text.trim().to_owned())
    }

    fn name(&self, row: &[char]) -> String {
        let end = self.column("STATE").map_or(row.len(), |(start, _)| start);
        slice(row, 3, end).trim().to_owned()
    }

    fn column(&self, heading: &str) -> Option<(usize, usize)> {
        column(&self.heading, heading)
    }
}

/// The character between the state and the name: blank, marked, or the progress of an action.
pub(super) const ACTION_SIGNS: [char; 5] = [' ', '◆', '…', '✓', '✗'];

/// Returns whether a line is a table row: cursor, sign of the state, action sign, name.
fn is_row(line: &[char]) -> bool {
    line.len() > 3 && line[1] != ' ' && ACTION_SIGNS.contains(&line[2])
}

/// Returns the columns where a heading starts and ends in the heading line.
pub(super) fn column(line: &[char], heading: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for word in line.split(|char| *char == ' ') {
        if word.iter().copied().eq(heading.chars()) {
            return Some((start, start + word.len()));
        }
        start += word.len() + 1;
    }
    None
}

pub(super) fn slice(row: &[char], start: usize, end: usize) -> String {
    row.get(start.min(row.len())..end.min(row.len())).unwrap_or_default().iter().collect()
}

impl Term {
    /// Returns the table with this title.
    pub fn table(&self, title: &str) -> Option<PaneTable> {
        PaneTable::find(&self.screen(), title)
    }

    /// Returns the text of a cell.
    pub fn cell(&self, title: &str, name: &str, column: &str) -> Option<String> {
        self.table(title)?.cell(name, column)
    }

    /// Waits until a cell passes `check`, and returns its text.
    pub fn wait_cell(&self, title: &str, name: &str, column: &str, check: impl Fn(&str) -> bool) -> String {
        let text = RefCell::new(String::new());
        self.wait_until(|screen| {
            let cell = PaneTable::find(screen, title).and_then(|table| table.cell(name, column));
            cell.is_some_and(|cell| {
                let passed = check(&cell);
                *text.borrow_mut() = cell;
                passed
            })
        });
        text.into_inner()
    }

    /// Waits until the cursor of the table is on this row.
    pub fn wait_for_cursor_at(&self, title: &str, name: &str) {
        self.wait_until(|screen| {
            PaneTable::find(screen, title).and_then(|table| table.cursor_row()).is_some_and(|row| row == name)
        });
    }

    /// Moves the cursor to a server on a new dashboard: first to its backend, then into the pane of its servers.
    pub fn move_to_server(&mut self, backend: &str, server: &str) {
        self.move_to_row("Backends", backend);
        let title = format!("Servers of {backend}");
        self.wait_until(|screen| PaneTable::find(screen, &title).is_some());
        self.press("<ret>");
        self.move_to_row(&title, server);
    }

    /// Moves the cursor of the focused table to this row.
    pub fn move_to_row(&mut self, title: &str, name: &str) {
        let mut index = None;
        wait_until(&format!("{name} in {title}"), || {
            index = self.table(title).and_then(|table| table.names().iter().position(|known| known == name));
            index.is_some()
        });
        self.press(&format!("g{}", "j".repeat(index.unwrap_or_default())));
        self.wait_for_cursor_at(title, name);
    }
}
