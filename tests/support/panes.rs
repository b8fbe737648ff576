//! The tables on a dashboard's screen, read as a person reads them: find the pane by its title, the column by
//! its heading, the row by its name.
//!
//! It reads text and shares no code with hapulse. Both arrangements are understood: framed panes side by side,
//! and lists one above the other whose heading is also their title.

use super::term::Term;
use super::wait_until;
use std::cell::RefCell;

/// One table on the screen.
#[derive(Debug)]
pub struct Table {
    heading: Vec<char>,
    rows: Vec<Vec<char>>,
}

/// Cells of the columns that line up to the left; the others end where their heading ends.
const LEFT: [(&str, usize); 2] = [("STATE", 8), ("CHECK", 10)];

impl Table {
    /// The table with this title: `Frontends`, `Backends`, `Servers of be1`.
    pub fn find(screen: &str, title: &str) -> Option<Self> {
        let lines: Vec<Vec<char>> = screen.lines().map(|line| line.chars().collect()).collect();
        Self::framed(&lines, title).or_else(|| Self::stacked(&lines, title))
    }

    fn framed(lines: &[Vec<char>], title: &str) -> Option<Self> {
        let wanted: Vec<char> = format!(" {title} ").chars().collect();
        let (top, left) = lines.iter().enumerate().find_map(|(row, line)| {
            let place = line.windows(wanted.len()).position(|window| window == wanted)?;
            // The title begins behind the corner and one piece of the edge.
            let left = (0..place).rev().find(|column| matches!(line[*column], '╭' | '+'))?;
            (place - left <= 2).then_some((row, left))
        })?;
        let line = &lines[top];
        let right = (left + 1..line.len()).find(|column| matches!(line[*column], '╮' | '+'))?;
        let inner = lines[top + 1..].iter().take_while(|line| matches!(line.get(left), Some('│' | '|')));
        let mut inner = inner.map(|line| line.get(left + 1..right.min(line.len())).unwrap_or_default().to_vec());
        Some(Self { heading: inner.next()?, rows: inner.filter(|row| is_row(row)).collect() })
    }

    fn stacked(lines: &[Vec<char>], title: &str) -> Option<Self> {
        let wanted: Vec<char> = title.chars().collect();
        let top = lines.iter().position(|line| line.starts_with(&wanted) && line.get(wanted.len()) == Some(&' '))?;
        let rows = lines[top + 1..].iter().take_while(|line| is_row(line)).cloned().collect();
        Some(Self { heading: lines[top].clone(), rows })
    }

    /// The names, from the top.
    pub fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| self.name(row)).collect()
    }

    /// The name in the row under the cursor.
    pub fn selected(&self) -> Option<String> {
        self.rows.iter().find(|row| matches!(row[0], '▶' | '▷' | '>' | '.')).map(|row| self.name(row))
    }

    /// The text in the row with this name and the column with this heading.
    pub fn cell(&self, name: &str, column: &str) -> Option<String> {
        let row = self.rows.iter().find(|row| self.name(row) == name)?;
        let (start, end) = self.column(column)?;
        let text = match LEFT.iter().find(|(left, _)| *left == column) {
            Some((_, width)) => slice(row, start, start + width),
            // Numbers hold no blank.
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

/// A row begins with the cursor, the state's sign and a blank.
/// Between the state and the name: nothing, a mark, or how far an act has come.
pub(super) const MARKS: [char; 5] = [' ', '◆', '…', '✓', '✗'];

fn is_row(line: &[char]) -> bool {
    line.len() > 3 && line[1] != ' ' && MARKS.contains(&line[2])
}

/// Where a heading begins and ends in the line of headings.
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
    /// The table with this title, as it is now.
    pub fn table(&self, title: &str) -> Option<Table> {
        Table::find(&self.screen(), title)
    }

    /// A cell as it is now.
    pub fn cell(&self, title: &str, name: &str, column: &str) -> Option<String> {
        self.table(title)?.cell(name, column)
    }

    /// Waits until a cell passes the check, and returns it.
    pub fn wait_cell(&self, title: &str, name: &str, column: &str, check: impl Fn(&str) -> bool) -> String {
        let seen = RefCell::new(String::new());
        self.wait_until(|screen| {
            let cell = Table::find(screen, title).and_then(|table| table.cell(name, column));
            cell.is_some_and(|cell| {
                let passed = check(&cell);
                *seen.borrow_mut() = cell;
                passed
            })
        });
        seen.into_inner()
    }

    /// Waits until the cursor of the table stands on this row.
    pub fn wait_selected(&self, title: &str, name: &str) {
        self.wait_until(|screen| {
            Table::find(screen, title).and_then(|table| table.selected()).is_some_and(|selected| selected == name)
        });
    }

    /// Moves the cursor to a server of a dashboard that was just started: into its backend, then down to it.
    pub fn select_server(&mut self, backend: &str, server: &str) {
        self.select("Backends", backend);
        let title = format!("Servers of {backend}");
        self.wait_until(|screen| Table::find(screen, &title).is_some());
        self.press("<ret>");
        self.select(&title, server);
    }

    /// Moves the cursor of the table that has the focus to this row.
    pub fn select(&mut self, title: &str, name: &str) {
        let mut place = None;
        wait_until(&format!("{name} in {title}"), || {
            place = self.table(title).and_then(|table| table.names().iter().position(|known| known == name));
            place.is_some()
        });
        self.press(&format!("g{}", "j".repeat(place.unwrap_or_default())));
        self.wait_selected(title, name);
    }
}
