//! What is known of one HAProxy as a text to read: a line about the process, what is wrong, rows under headings.
//!
//! Cells are those of the screen. On a terminal as many columns are printed as fit, the most important ones, and
//! names that are too long are shortened in their middle; elsewhere all of them are printed in full.

use unicode_width::UnicodeWidthStr as _;

use crate::haproxy::fields::InfoField;
use crate::haproxy::stat_table::RowKind;
use crate::headless::poller::Lookout;
use crate::headless::print::aligned;
use crate::headless::report::json::beside_names;
use crate::headless::report::report::Picture;
use crate::observe::sample::Sample;
use crate::problems::problem::Problem;
use crate::table::columns::column::{Align, Column, fitting};
use crate::table::columns::column_table::{NAME, SIDE};
use crate::table::columns::row_view::RowView;
use crate::table::number_format;
use crate::table::rows::{Line, Settings};
use crate::table::view_table::Rows;
use crate::ui::truncate;

/// Blanks between two columns.
const SPACING: u16 = 2;

/// What is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// The columns of the terminal; nothing where it is none.
    pub columns: Option<usize>,
    /// Whether only ASCII can be expected to show.
    pub ascii: bool,
}

/// The lines of what was seen last; none where nothing was.
pub fn lines(lookout: &Lookout, picture: &Picture, paper: Paper) -> Vec<String> {
    let Some(sample) = lookout.watch.newest() else { return Vec::new() };
    let mut parts: Vec<Vec<String>> = Vec::new();
    if picture.info {
        let is_all = picture.rows.is_none();
        parts.push(if is_all { info(sample) } else { vec![process(&lookout.name, sample)] });
    }
    if picture.problems {
        parts.push(problems(lookout));
    }
    if let Some(settings) = &picture.rows {
        parts.push(rows(lookout, sample, settings, &picture.lines(&lookout.watch), paper));
    }
    let lines = parts.join(&String::new());
    if paper.ascii { lines.iter().map(|line| ascii(line)).collect() } else { lines }
}

/// Our own glyphs by their ASCII twins; what HAProxy said stays as it is.
fn ascii(line: &str) -> String {
    line.replace(number_format::UNKNOWN, "-").replace('…', "~")
}

fn process(name: &str, sample: &Sample) -> String {
    let number = |field| sample.process(field);
    let shown =
        |number: Option<i64>, show: fn(i64) -> String| number.map_or_else(|| number_format::UNKNOWN.to_owned(), show);
    let version = Some(sample.info.version_text()).filter(|text| !text.is_empty()).unwrap_or(number_format::UNKNOWN);
    format!(
        "{name}  HAProxy {version}  pid {}  up {}  connections {}/{}  idle {}",
        sample.epoch.pid,
        shown(number(InfoField::UptimeSec), number_format::seconds),
        shown(number(InfoField::CurrConns), number_format::count),
        shown(number(InfoField::Maxconn), number_format::count),
        shown(number(InfoField::IdlePct), |number| format!("{number}%")),
    )
}

fn info(sample: &Sample) -> Vec<String> {
    let lines: Vec<[String; 2]> =
        sample.info.lines().iter().map(|(key, value)| [key.to_string(), value.to_string()]).collect();
    aligned(&lines).collect()
}

fn problems(lookout: &Lookout) -> Vec<String> {
    let found: Vec<String> = lookout.watch.problems().list().map(Problem::line).collect();
    match lookout.watch.window().span() {
        _ if !found.is_empty() => found,
        Some(_) => vec!["no problems".to_owned()],
        None => vec!["no problems that a single look would show".to_owned()],
    }
}

/// The columns, the name always among them: a row without it says nothing.
fn columns(settings: &Settings) -> Vec<&'static Column> {
    if settings.columns.iter().any(|column| column.id == NAME.id) {
        return settings.columns.clone();
    }
    [&NAME, &SIDE].into_iter().chain(beside_names(settings)).collect()
}

fn rows(lookout: &Lookout, sample: &Sample, settings: &Settings, lines: &[Line], paper: Paper) -> Vec<String> {
    let columns = columns(settings);
    let row = |line: &Line| RowView::new(&lookout.watch, sample, line.index);
    let cell = |column: &Column, line: &Line| {
        let row = row(line);
        let text = column.cell(&row).text;
        if column.id == NAME.id { format!("{}{text}", before_name(line, &row)) } else { text }
    };
    let grid: Vec<(&'static Column, Vec<String>)> =
        columns.iter().map(|column| (*column, lines.iter().map(|line| cell(column, line)).collect())).collect();
    let widths = grid.iter().map(|(column, cells)| (*column, wide(column, cells, paper))).collect();
    let columns = match paper.columns {
        Some(width) => {
            let longest = grid.first().and_then(|(_, cells)| cells.iter().map(|cell| cell.width()).max());
            let fitting = fitting(widths, u16::try_from(width).unwrap_or(u16::MAX), SPACING);
            with_name(fitting, longest.unwrap_or_default().max(NAME.title.len()), width)
        }
        None => widths,
    };
    let cells = |column: &Column| grid.iter().find(|(known, _)| known.id == column.id).map(|(_, cells)| cells);
    let put = |texts: &mut dyn FnMut(&'static Column) -> String| {
        let mut out = String::new();
        for (column, width) in &columns {
            let width = usize::from(*width);
            let text = texts(column);
            let text = if paper.columns.is_some() { truncate::middle(&text, width) } else { text };
            let blanks = " ".repeat(width.saturating_sub(text.width()));
            match column.align {
                Align::Left => out.extend([text.as_str(), &blanks]),
                Align::Right => out.extend([blanks.as_str(), &text]),
            }
            out.push_str(&" ".repeat(usize::from(SPACING)));
        }
        out.truncate(out.trim_end().len());
        out
    };
    let mut out = vec![put(&mut heading)];
    for place in 0..lines.len() {
        out.push(put(&mut |column| cells(column).and_then(|cells| cells.get(place)).cloned().unwrap_or_default()));
    }
    if lines.is_empty() {
        out = vec![
            match settings.rows {
                _ if !settings.filter.is_empty() => "no row matches the filter",
                Rows::Away => "no server is in maintenance or drain",
                Rows::All | Rows::Changed => "no rows",
            }
            .to_owned(),
        ];
    }
    out
}

/// Every column has one here: whoever takes lines apart counts them.
fn heading(column: &'static Column) -> String {
    if column.title.is_empty() { column.id.to_uppercase() } else { column.title.to_owned() }
}

/// What stands in front of a name: its place in the tree, or, where there is none, the proxy of a server.
fn before_name(line: &Line, row: &RowView<'_>) -> String {
    let names = row.row();
    match names.kind {
        _ if line.is_child => "  ".to_owned(),
        RowKind::Server | RowKind::Listener if line.folded.is_none() => format!("{}/", names.proxy),
        _ => String::new(),
    }
}

/// Cells that a column takes: as its widest text; on a terminal words take no more than on the screen.
fn wide(column: &'static Column, cells: &[String], paper: Paper) -> u16 {
    let widest = cells.iter().map(|cell| cell.width()).chain([heading(column).width()]).max().unwrap_or_default();
    let widest = u16::try_from(widest).unwrap_or(u16::MAX - SPACING);
    match column.align {
        Align::Left if paper.columns.is_some() => widest.min(column.width.max(heading(column).width() as u16)),
        Align::Left | Align::Right => widest,
    }
}

/// The same, the name as wide as it wants and the others leave it.
fn with_name(mut columns: Vec<(&'static Column, u16)>, wanted: usize, width: usize) -> Vec<(&'static Column, u16)> {
    if let [(_, first), others @ ..] = columns.as_mut_slice() {
        let taken: usize = others.iter().map(|(_, wide)| usize::from(*wide + SPACING)).sum();
        *first = u16::try_from(wanted.min(width.saturating_sub(taken))).unwrap_or(u16::MAX);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::Target;
    use crate::haproxy::address::Address;
    use crate::headless::report::report::Choice;
    use crate::observe::test_samples::{SampleMaker, site};
    use crate::problems::thresholds::Thresholds;
    use std::time::Duration;

    fn printed(part: &str, columns: &str, flat: bool, paper: Paper) -> Vec<String> {
        printed_of(&site(), part, columns, flat, paper)
    }

    fn printed_of(stat: &str, part: &str, columns: &str, flat: bool, paper: Paper) -> Vec<String> {
        let target = Target { name: Some("lb01".to_owned()), address: Address::unix("/nowhere") };
        let mut lookout = Lookout::new(&target, Duration::from_secs(1), Thresholds::default());
        lookout.watch.take(SampleMaker::default().at_millis(0, stat), 0);
        let columns = (!columns.is_empty()).then(|| columns.to_owned());
        let choice = Choice { columns, ..Choice::default() };
        let picture = Picture::new(part.parse().unwrap(), &choice).unwrap().laid_out(flat);
        lines(&lookout, &picture, paper)
    }

    fn pipe() -> Paper {
        Paper { columns: None, ascii: false }
    }

    #[test]
    fn a_pipe_gets_every_column_and_a_terminal_those_that_fit() {
        let all = printed("status", "", false, pipe());
        assert_eq!(all[0].split_whitespace().count(), 26, "{}", all[0]);
        for columns in [80, 40, 12, 3] {
            let narrow = printed("status", "", false, Paper { columns: Some(columns), ascii: false });
            assert_eq!(narrow.len(), all.len());
            assert!(narrow.iter().all(|line| line.width() <= columns), "{columns}: {narrow:#?}");
        }
        assert_eq!(printed("status", "", false, Paper { columns: Some(5), ascii: true })[1], "ww~in");
    }

    #[test]
    fn a_long_name_takes_what_the_other_columns_leave() {
        let long = site().replace("www-in,", "www-in-of-all-the-customers-of-the-house,");
        let of =
            |width| printed_of(&long, "status", "name,scur,slim", false, Paper { columns: Some(width), ascii: false });
        assert_eq!(of(30)[1], "www-in-of…he-house   812  2000");
        assert_eq!(of(60)[1], "www-in-of-all-the-customers-of-the-house   812  2000");
        assert_eq!(of(60)[0], format!("NAME{}  SCUR  SLIM", " ".repeat(36)));
    }

    #[test]
    fn rows_say_where_they_belong() {
        let tree = printed("status", "name,scur", false, pipe());
        assert_eq!(tree[..4], ["NAME    SCUR", "www-in   812", "www      812", "  w1     400"]);
        let flat = printed("status", "scur,rate", true, pipe());
        assert_eq!(flat[0], "NAME         SIDE  SCUR  RATE");
        assert!(flat[2].starts_with("www/w1              400"), "{}", flat[2]);
        assert_eq!(printed("away", "name", false, pipe()), ["NAME", "api/api3", "api/api2"]);
    }

    #[test]
    fn the_dashboard_is_process_problems_and_rows() {
        let lines = printed("0", "", false, pipe());
        assert_eq!(lines[0], "lb01  HAProxy 2.6.12-1+deb12u4  pid 100  up 0s  connections 500/2000  idle 80%");
        assert_eq!(lines[1..3], ["", "CRIT backend legacy: no server left: 1 down"]);
        assert!(lines.iter().any(|line| line.starts_with("NAME ")));
        assert!(printed("info", "", false, pipe()).contains(&"Idle_pct    80".to_owned()));
        let ascii = printed("0", "", false, Paper { columns: None, ascii: true });
        assert!(ascii.iter().all(|line| line.is_ascii()), "{ascii:#?}");
    }
}
