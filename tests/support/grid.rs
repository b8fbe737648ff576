//! The one table of views 1 to 4 and 6, read as a person reads it: the row by its proxy and server, the column by
//! its heading.
//!
//! It reads text and shares no code with hapulse.

use super::panes::{MARKS, column, slice};
use super::term::Term;

/// The whole table of a view.
#[derive(Debug)]
pub struct Grid {
    heading: Vec<char>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    path: String,
    is_selected: bool,
    text: Vec<char>,
}

/// Columns that line up to the left, with their widths; the others end where their heading ends.
const LEFT: [(&str, usize); 10] = [
    ("STATE", 8),
    ("CHECK", 10),
    ("AGENT", 8),
    ("ALGO", 11),
    ("MODE", 4),
    ("COOKIE", 10),
    ("ADDRESS", 21),
    ("PROBLEM", 12),
    ("BY", 12),
    ("CHANGED", 20),
];

/// Signs of a proxy whose servers are shown, or folded away.
const FOLDS: [char; 2] = ['▾', '▸'];

impl Grid {
    pub fn find(screen: &str) -> Option<Self> {
        let mut lines = screen.lines().skip_while(|line| !line.starts_with("   NAME"));
        // The sign of the order stands behind its heading, and is no part of it.
        let heading = lines.next()?.replace(['↓', '↑'], " ").chars().collect();
        let mut rows: Vec<Row> = Vec::new();
        let mut proxy = String::new();
        for line in lines {
            let text: Vec<char> = line.chars().collect();
            if text.len() < 4 || text[1] == ' ' || !MARKS.contains(&text[2]) {
                break;
            }
            let is_child = text[3] == ' ';
            let line: String = text[3..].iter().filter(|char| !FOLDS.contains(char)).collect();
            let name = line.split_whitespace().next().unwrap_or_default().to_owned();
            let path = if is_child { format!("{proxy}/{name}") } else { name };
            if !is_child {
                proxy.clone_from(&path);
            }
            rows.push(Row { path, is_selected: text[0] == '▶', text });
        }
        Some(Self { heading, rows })
    }

    /// Each row, from the top: a proxy by its name, a server below it as `proxy/server`.
    pub fn paths(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.path.as_str()).collect()
    }

    /// The row under the cursor.
    pub fn selected(&self) -> Option<&str> {
        self.rows.iter().find(|row| row.is_selected).map(|row| row.path.as_str())
    }

    /// The headings that can be told by one word.
    pub fn headings(&self) -> Vec<String> {
        let text: String = self.heading.iter().collect();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// The text of the `nth` row in the column with this heading.
    pub fn nth_cell(&self, nth: usize, column: &str) -> Option<String> {
        let row = &self.rows.get(nth)?.text;
        let (start, end) = self.column(column)?;
        let text = match LEFT.iter().find(|(left, _)| *left == column) {
            Some((_, width)) => slice(row, start, start + width),
            None => slice(row, 0, end).rsplit(' ').next().unwrap_or_default().to_owned(),
        };
        Some(text.trim().to_owned())
    }

    fn column(&self, heading: &str) -> Option<(usize, usize)> {
        column(&self.heading, heading)
    }
}

impl Term {
    /// The table of the view shown.
    pub fn grid(&self) -> Option<Grid> {
        Grid::find(&self.screen())
    }

    /// Types a line behind `:`.
    pub fn command(&mut self, line: &str) {
        self.press(&format!(":{line}<ret>"));
    }

    /// Waits for a table that passes the check.
    pub fn wait_grid(&self, check: impl Fn(&Grid) -> bool) -> Grid {
        let screen = self.wait_until(|screen| Grid::find(screen).is_some_and(|grid| check(&grid)));
        Grid::find(&screen).expect("it was just there")
    }

    /// Moves the cursor of the view's table to this row.
    pub fn select_row(&mut self, path: &str) {
        let grid = self.wait_grid(|grid| grid.paths().contains(&path));
        let place = grid.paths().iter().position(|known| *known == path).unwrap_or_default();
        self.press(&format!("g{}", "j".repeat(place)));
        self.wait_grid(|grid| grid.selected() == Some(path));
    }
}
