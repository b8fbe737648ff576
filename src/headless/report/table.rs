//! A report as text: a line about the process, the problems, and rows with headings.
//!
//! Cells look as in the dashboard. On a terminal, only the most important columns are printed, as many as fit, and long
//! names are shortened in the middle. Otherwise all columns are printed in full.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use crate::haproxy::fields::InfoField;
use crate::haproxy::stat_table::RowKind;
use crate::headless::poller::ReportedInstance;
use crate::headless::print::align_cells;
use crate::headless::report::contents::Report;
use crate::headless::report::json::columns_after_names;
use crate::observe::sample::Sample;
use crate::problems::cause::Cause;
use crate::problems::not_evaluated::not_evaluated_line;
use crate::table::columns::column::{Align, Column, drop_to_fit};
use crate::table::columns::column_table::{KIND_TAG, NAME};
use crate::table::columns::out_of_service;
use crate::table::columns::row_view::RowView;
use crate::table::rows::{TableLine, TableSettings};
use crate::table::view_table::RowScope;
use crate::ui::text_width;
use crate::units;

/// Number of blanks between two columns.
const SPACING: u16 = 2;

/// Maximum number of problems below a cause.
const MAX_PROBLEMS: usize = 20;

/// Width and character set of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextLayout {
    /// Columns of the terminal; `None` if output is not a terminal.
    pub(crate) columns: Option<usize>,
    /// Use ASCII characters only.
    pub(crate) ascii: bool,
}

/// Renders the newest sample as lines. Returns an empty list if there is no sample.
pub(crate) fn render_lines(reported: ReportedInstance<'_>, report: &Report, layout: TextLayout) -> Vec<String> {
    let Some(sample) = reported.instance.shown() else { return Vec::new() };
    let mut parts: Vec<Vec<String>> = Vec::new();
    if report.info {
        let is_all = report.rows.is_none();
        parts.push(if is_all { info_lines(sample) } else { vec![process_line(reported.name, sample)] });
    }
    if report.problems {
        parts.push(cause_lines(reported, sample.at.monotonic, report.rows.is_none()));
    }
    if let Some(settings) = &report.rows {
        parts.push(row_lines(reported, sample, settings, &report.lines(reported.instance), layout));
    }
    let lines = parts.join(&String::new());
    if layout.ascii { lines.iter().map(|line| replace_glyphs(line)).collect() } else { lines }
}

/// Replaces the dash and the ellipsis, which hapulse adds to lines, with ASCII characters.
fn replace_glyphs(line: &str) -> String {
    line.replace(units::UNKNOWN, "-").replace('…', "~")
}

fn process_line(name: &str, sample: &Sample) -> String {
    let number = |field| sample.process_number(field);
    let shown = |number: Option<i64>, show: fn(i64) -> String| number.map_or_else(|| units::UNKNOWN.to_owned(), show);
    let version = Some(sample.info.version_text()).filter(|text| !text.is_empty()).unwrap_or(units::UNKNOWN);
    format!(
        "{name}  HAProxy {version}  pid {}  up {}  connections {}/{}  idle {}",
        sample.epoch.pid,
        shown(number(InfoField::UptimeSec), units::seconds),
        shown(number(InfoField::CurrConns), units::count),
        shown(number(InfoField::Maxconn), units::count),
        shown(number(InfoField::IdlePct), |number| format!("{number}%")),
    )
}

fn info_lines(sample: &Sample) -> Vec<String> {
    let lines: Vec<[String; 2]> =
        sample.info.lines().iter().map(|(key, value)| [key.to_string(), value.to_string()]).collect();
    align_cells(&lines).collect()
}

/// Returns the causes, worst first, with their ages if they are known, and their problems below them if `are_unfolded` is
/// set; then the rules that were not evaluated, and the silenced problems.
fn cause_lines(reported: ReportedInstance<'_>, now: Duration, are_unfolded: bool) -> Vec<String> {
    let problems = reported.instance.problems();
    let line = |cause: &Cause| {
        let age = format!(", for {}", cause.age_words(now));
        cause.line() + if cause.may_be_older { "" } else { &age }
    };
    let mut lines = Vec::new();
    for cause in problems.open_causes() {
        let only = match problems.problems_of(cause).collect::<Vec<_>>().as_slice() {
            [only] if cause.sentence.contains(&only.text) => Some(only.rule.id),
            _ => None,
        };
        if let Some(rule) = only.filter(|_| are_unfolded) {
            // A line for the only problem would repeat the sentence.
            lines.push(format!("{} ({rule})", line(cause)));
            continue;
        }
        lines.push(line(cause));
        let below = problems.problems_of(cause).take(if are_unfolded { MAX_PROBLEMS } else { 0 });
        lines.extend(below.map(|problem| format!("  {} ({})", problem.line(), problem.rule.id)));
        let more = cause.problems.len().saturating_sub(MAX_PROBLEMS);
        if are_unfolded && more > 0 {
            lines.push(format!("  and {more} more"));
        }
    }
    let gaps = not_evaluated_line(problems.not_evaluated());
    match (lines.is_empty(), gaps.is_some()) {
        (is_empty, _) if !reported.instance.are_causes_known() => {
            let what = if is_empty { "what" } else { "what else" };
            lines.push(format!("{what} was wrong is unknown: records of causes are damaged"));
        }
        (true, true) => lines.push("no problems found".to_owned()),
        (true, false) => lines.push("no problems".to_owned()),
        (false, _) => {}
    }
    lines.extend(gaps);
    lines.extend(problems.silenced().map(|problem| format!("silenced: {}", problem.line())));
    lines
}

/// Returns the selected columns, preceded by the columns with the name and the kind if the name is not selected.
fn columns_with_name(settings: &TableSettings) -> Vec<&'static Column> {
    if settings.columns.iter().any(|column| column.id == NAME.id) {
        return settings.columns.clone();
    }
    [&NAME, &KIND_TAG].into_iter().chain(columns_after_names(settings)).collect()
}

fn row_lines(
    reported: ReportedInstance<'_>,
    sample: &Sample,
    settings: &TableSettings,
    lines: &[TableLine],
    layout: TextLayout,
) -> Vec<String> {
    let columns = columns_with_name(settings);
    let row = |line: &TableLine| RowView::new(reported.instance, sample, line.index);
    let cell = |column: &Column, line: &TableLine| {
        let row = row(line);
        let text = column.cell(&row).text;
        if column.id == NAME.id { format!("{}{text}", name_prefix(line, &row)) } else { text }
    };
    let grid: Vec<(&'static Column, Vec<String>)> =
        columns.iter().map(|column| (*column, lines.iter().map(|line| cell(column, line)).collect())).collect();
    let widths = grid.iter().map(|(column, cells)| (*column, column_width(column, cells, layout))).collect();
    let columns = match layout.columns {
        Some(width) => {
            let longest = grid.first().and_then(|(_, cells)| cells.iter().map(|cell| cell.width()).max());
            let fitting = drop_to_fit(widths, u16::try_from(width).unwrap_or(u16::MAX), SPACING);
            fit_name_column(fitting, longest.unwrap_or_default().max(NAME.title.len()), width)
        }
        None => widths,
    };
    let cells = |column: &Column| grid.iter().find(|(known, _)| known.id == column.id).map(|(_, cells)| cells);
    let put = |texts: &mut dyn FnMut(&'static Column) -> String| {
        let mut out = String::new();
        for (column, width) in &columns {
            let width = usize::from(*width);
            let text = texts(column);
            let text = if layout.columns.is_some() { text_width::middle(&text, width) } else { text };
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
            match settings.scope {
                _ if !settings.filter.is_empty() => "no row matches the filter",
                RowScope::OutOfService => "no server is in maintenance or drain",
                RowScope::All | RowScope::Changed | RowScope::HeatMap => "no rows",
            }
            .to_owned(),
        ];
    }
    out.extend(out_of_service::unused_slots_text(sample).filter(|_| settings.scope == RowScope::OutOfService));
    out
}

/// Returns the heading of a column, or the column's id in capitals if the heading is empty, so that scripts can
/// count the columns.
fn heading(column: &'static Column) -> String {
    if column.title.is_empty() { column.id.to_uppercase() } else { column.title.to_owned() }
}

/// Returns the prefix of a name: the indentation in a tree, or the proxy name in a flat list.
fn name_prefix(line: &TableLine, row: &RowView<'_>) -> String {
    let names = row.stat_row();
    match names.kind {
        _ if line.is_child => "  ".to_owned(),
        RowKind::Server | RowKind::Listener if line.folded.is_none() => format!("{}/", names.proxy),
        _ => String::new(),
    }
}

/// Returns the width of the widest cell or the heading of a column. On a terminal, the width of a left-aligned column
/// is limited to the width in the dashboard.
fn column_width(column: &'static Column, cells: &[String], layout: TextLayout) -> u16 {
    let widest = cells.iter().map(|cell| cell.width()).chain([heading(column).width()]).max().unwrap_or_default();
    let widest = u16::try_from(widest).unwrap_or(u16::MAX - SPACING);
    match column.align {
        Align::Left if layout.columns.is_some() => widest.min(column.width.max(heading(column).width() as u16)),
        Align::Left | Align::Right => widest,
    }
}

/// Sets the width of the first column, the name, to `needed` or, if that is less, to what the other columns leave of
/// `width`.
fn fit_name_column(
    mut columns: Vec<(&'static Column, u16)>,
    needed: usize,
    width: usize,
) -> Vec<(&'static Column, u16)> {
    if let [(_, first), others @ ..] = columns.as_mut_slice() {
        let taken: usize = others.iter().map(|(_, wide)| usize::from(*wide + SPACING)).sum();
        *first = u16::try_from(needed.min(width.saturating_sub(taken))).unwrap_or(u16::MAX);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::Target;
    use crate::haproxy::address::Address;
    use crate::headless::poller::Poller;
    use crate::headless::report::contents::RowOptions;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::problems::thresholds::Thresholds;
    use std::time::Duration;

    fn printed(part: &str, columns: &str, flat: bool, layout: TextLayout) -> Vec<String> {
        printed_of(&stat_of_site(), part, columns, flat, layout)
    }

    fn printed_of(stat: &str, part: &str, columns: &str, flat: bool, layout: TextLayout) -> Vec<String> {
        let target = Target { name: Some("lb01".to_owned()), ..Target::new(Address::unix("/nowhere")) };
        let mut poller = Poller::new(&target, Duration::from_secs(1), Thresholds::default());
        poller.instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
        let columns = (!columns.is_empty()).then(|| columns.to_owned());
        let choice = RowOptions { columns, ..RowOptions::default() };
        let report = Report::new(part.parse().unwrap(), &choice).unwrap().with_default_layout(flat);
        render_lines(poller.reported(), &report, layout)
    }

    fn pipe() -> TextLayout {
        TextLayout { columns: None, ascii: false }
    }

    #[test]
    fn render_lines_fits_columns_only_on_terminal() {
        let all = printed("status", "", false, pipe());
        assert_eq!(all[0].split_whitespace().count(), 29, "{}", all[0]);
        for columns in [80, 40, 12, 3] {
            let narrow = printed("status", "", false, TextLayout { columns: Some(columns), ascii: false });
            assert_eq!(narrow.len(), all.len());
            assert!(narrow.iter().all(|line| line.width() <= columns), "{columns}: {narrow:#?}");
        }
        assert_eq!(printed("status", "", false, TextLayout { columns: Some(5), ascii: true })[1], "ww~in");
    }

    #[test]
    fn fit_name_column_uses_remaining_width() {
        let long = stat_of_site().replace("www-in,", "www-in-of-all-the-customers-of-the-house,");
        let of = |width| {
            printed_of(&long, "status", "name,scur,slim", false, TextLayout { columns: Some(width), ascii: false })
        };
        assert_eq!(of(30)[1], "www-in-of…he-house   812  2000");
        assert_eq!(of(60)[1], "www-in-of-all-the-customers-of-the-house   812  2000");
        assert_eq!(of(60)[0], format!("NAME{}  SCUR  SLIM", " ".repeat(36)));
    }

    #[test]
    fn row_lines_show_tree_or_proxy_prefix() {
        let tree = printed("status", "name,scur", false, pipe());
        assert_eq!(tree[..4], ["NAME    SCUR", "www-in   812", "www      812", "  w1     400"]);
        let flat = printed("status", "scur,rate", true, pipe());
        assert_eq!(flat[0], "NAME         SIDE  SCUR  RATE");
        assert!(flat[2].starts_with("www/w1              400"), "{}", flat[2]);
        assert_eq!(printed("out-of-service", "name", false, pipe()), ["NAME", "api/api3", "api/api2"]);
    }

    #[test]
    fn render_lines_of_dashboard_has_process_problems_and_rows() {
        let lines = printed("0", "", false, pipe());
        assert_eq!(lines[0], "lb01  HAProxy 2.6.12-1+deb12u4  pid 100  up 0s  connections 500/2000  idle 80%");
        assert_eq!(lines[1], "");
        let cause = "CRIT backend legacy: no server available: old1: L4CON Connection refused, for ";
        assert!(lines[2].starts_with(cause), "{}", lines[2]);
        assert!(lines.iter().any(|line| line.starts_with("NAME ")));
        assert!(printed("info", "", false, pipe()).contains(&"Idle_pct    80".to_owned()));
        let ascii = printed("0", "", false, TextLayout { columns: None, ascii: true });
        assert!(ascii.iter().all(|line| line.is_ascii()), "{ascii:#?}");
    }
}
