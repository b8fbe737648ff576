//! Reads the table of views 1 to 4 and 6 from the text on the screen: rows by proxy and server, columns by heading.
//!
//! It shares no code with hapulse.

use super::panes::{ACTION_SIGNS, column, slice};
use super::term::Term;

/// The table of a view.
#[derive(Debug)]
pub struct Grid {
    heading: Vec<char>,
    rows: Vec<GridRow>,
}

#[derive(Debug)]
struct GridRow {
    path: String,
    is_selected: bool,
    text: Vec<char>,
}

/// Left-aligned columns with their widths; cells of the other columns end where their heading ends.
const LEFT_ALIGNED: [(&str, usize); 10] = [
    ("STATE", 8),
    ("CHECK", 10),
    ("AGENT", 8),
    ("ALGO", 11),
    ("MODE", 4),
    ("COOKIE", 10),
    ("ADDRESS", 21),
    ("PROBLEM", 12),
    ("BY", 12),
    ("CHANGE", 28),
];

/// Signs of a proxy with its servers shown and folded.
const FOLD_SIGNS: [char; 2] = ['▾', '▸'];

impl Grid {
    /// Finds the table on a screen.
    pub fn find(screen: &str) -> Option<Self> {
        let mut lines = screen.lines().skip_while(|line| !line.starts_with("   NAME"));
        // The sign of the sort order follows the heading and is not part of it.
        let heading = lines.next()?.replace(['↓', '↑'], " ");
        // Details of the selected row may be next to the table.
        let width = heading.chars().position(|char| char == '╭').unwrap_or(usize::MAX);
        let heading = heading.chars().take(width).collect();
        let mut rows: Vec<GridRow> = Vec::new();
        let mut proxy = String::new();
        for line in lines {
            let text: Vec<char> = line.chars().take(width).collect();
            // The bottom line may follow at once.
            if text.len() < 4 || [' ', '↵'].contains(&text[1]) || !ACTION_SIGNS.contains(&text[2]) {
                break;
            }
            let is_child = text[3] == ' ';
            let line: String = text[3..].iter().filter(|char| !FOLD_SIGNS.contains(char)).collect();
            let name = line.split_whitespace().next().unwrap_or_default().to_owned();
            let path = if is_child { format!("{proxy}/{name}") } else { name };
            if !is_child {
                proxy.clone_from(&path);
            }
            rows.push(GridRow { path, is_selected: text[0] == '▶', text });
        }
        Some(Self { heading, rows })
    }

    /// Returns the rows from top to bottom: proxies by name, servers as `proxy/server`.
    pub fn paths(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.path.as_str()).collect()
    }

    /// Returns the row under the cursor.
    pub fn cursor_row(&self) -> Option<&str> {
        self.rows.iter().find(|row| row.is_selected).map(|row| row.path.as_str())
    }

    /// Returns the words of the heading line.
    pub fn headings(&self) -> Vec<String> {
        let text: String = self.heading.iter().collect();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Returns the text of the `nth` row in the column with this heading.
    pub fn nth_cell(&self, nth: usize, column: &str) -> Option<String> {
        let row = &self.rows.get(nth)?.text;
        let (start, end) = self.column(column)?;
        let text = match LEFT_ALIGNED.iter().find(|(left, _)| *left == column) {
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
    /// Returns the table of the current view.
    pub fn grid(&self) -> Option<Grid> {
        Grid::find(&self.screen())
    }

    /// Types a line after `:` and presses Enter.
    pub fn command(&mut self, line: &str) {
        self.press(&format!(":{line}<ret>"));
    }

    /// Waits for a table that passes `check`.
    pub fn wait_grid(&self, check: impl Fn(&Grid) -> bool) -> Grid {
        let screen = self.wait_until(|screen| Grid::find(screen).is_some_and(|grid| check(&grid)));
        Grid::find(&screen).expect("the screen passed the check")
    }

    /// Moves the cursor to this row; see [`Grid::paths`].
    pub fn move_to_path(&mut self, path: &str) {
        let grid = self.wait_grid(|grid| grid.paths().contains(&path));
        let index = grid.paths().iter().position(|known| *known == path).unwrap_or_default();
        self.press(&format!("g{}", "j".repeat(index)));
        self.wait_grid(|grid| grid.cursor_row() == Some(path));
    }
}
